//! Every way out that we know of is tried twice by the same program: without the fence, where it must lead out, so that the
//! attempt is one, and behind it.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::{
        fd::AsRawFd,
        unix::{
            fs::PermissionsExt,
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
};
use tempfile::TempDir;

/// What has to stop an attempt, told apart by the error that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// ENOSYS.
    Seccomp,
    /// EACCES.
    Landlock,
}

impl By {
    const fn says(self) -> &'static str {
        match self {
            Self::Seccomp => "stopped: Function not implemented (os error 38)",
            Self::Landlock => "stopped: Permission denied (os error 13)",
        }
    }
}

/// Somebody without rights, where the tests run as root: whom root's own rights would let out.
const NOBODY: u32 = 65532;

/// A folder that everybody may enter, with both programs, the room, the room of another job, and a secret.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn set() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fence = PathBuf::from(env!("CARGO_BIN_EXE_smmu-fence"));
        let breakout = fence.with_file_name("examples").join("breakout");
        for program in [&fence, &breakout] {
            let name = program.file_name().expect("a program has a name");
            fs::copy(program, folder.path().join(name)).expect("cargo test has built it, unless told which tests");
        }
        for room in ["room", "other"] {
            fs::create_dir(folder.path().join(room)).expect("made");
            fs::write(folder.path().join(room).join("own"), "its own").expect("written");
        }
        fs::write(folder.path().join("source"), "the source").expect("written");
        fs::write(folder.path().join("secret"), "a secret").expect("written");
        for (path, mode) in [(".", 0o777), ("room", 0o777), ("other", 0o777), ("other/own", 0o666), ("secret", 0o666)] {
            let path = folder.path().join(path);
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A command of somebody without rights.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.path(program));
        command.current_dir(self.path("room")).stdin(Stdio::null());
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn without_fence(&self, attempt: &[&str]) -> Output {
        self.command("breakout").args(attempt).output().expect("it starts")
    }

    /// The fence, up to the program that it becomes.
    fn fence(&self) -> Command {
        let mut command = self.command("smmu-fence");
        command.args(["run", "--room", ".", "--read", &self.path("source")]);
        command.args(["--memory-bytes", "4000000000", "--file-bytes", "1000000", "--cpu-seconds", "10", "--"]);
        command
    }

    fn fenced(&self, attempt: &[&str]) -> Output {
        self.fence().arg(self.path("breakout")).args(attempt).output().expect("it starts")
    }

    /// Whom attempts are made on: a process of the same user with a secret, its id, and where in it the secret is.
    fn victim(&self, mode: &[&str]) -> Victim {
        let mut command = self.command("breakout");
        command.arg("victim").args(mode).env("SECRET", "a secret").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("read");
        let (pid, address) = line.trim().split_once(' ').expect("two words");
        Victim { pid: pid.to_owned(), address: address.to_owned(), _stays: child.stdin.take(), child }
    }
}

struct Victim {
    pid: String,
    address: String,
    _stays: Option<ChildStdin>,
    child: Child,
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Both fail only for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The attempt leads out without the fence, and is stopped behind it by what should.
fn assert_stopped(scene: &Scene, by: By, attempt: &[&str]) {
    // What an attempt leaves behind must not be what stops the next.
    let made = attempt.iter().skip(1).filter(|word| word.contains("/new-"));
    let without = scene.without_fence(attempt);
    assert!(said(&without).starts_with("got out: "), "{attempt:?} is no attempt: {}", said(&without));
    for path in made {
        fs::remove_file(path).expect("the attempt made it");
    }
    let fenced = scene.fenced(attempt);
    assert_eq!(said(&fenced), by.says(), "{attempt:?} {}", String::from_utf8_lossy(&fenced.stderr));
}

#[test]
fn a_program_has_no_socket_of_any_kind() {
    let scene = Scene::set();
    let loopback = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let loopback = loopback.local_addr().expect("it has one").to_string();
    for attempt in [
        // Of instances, of ECS tasks, of functions that listen for theirs, and of the emulator.
        &["connect", "169.254.169.254:80"][..],
        &["connect", "169.254.170.2:80"],
        &["connect", "[fd00:ec2::254]:80"],
        &["connect", &loopback],
        &["listen"],
        &["datagram"],
        &["unix"],
        &["unix", &scene.path("room/new-socket")],
    ] {
        assert_stopped(&scene, By::Seccomp, attempt);
    }
}

#[test]
fn a_program_reads_and_writes_nothing_but_its_room() {
    let scene = Scene::set();
    for attempt in [
        &["read", "/etc/passwd"][..],
        &["read", "/proc/version"],
        &["read", &scene.path("secret")],
        &["read", &scene.path("other/own")],
        &["list", &scene.path("other")],
        &["list", "/proc"],
        &["list", "/tmp"],
        &["write", &scene.path("new-file")],
        &["write", &scene.path("other/new-file")],
        &["write", &scene.path("other/own")],
        &["exec", "/bin/true"],
    ] {
        // A program that became another says nothing of it.
        if attempt[0] == "exec" {
            assert!(scene.without_fence(attempt).status.success(), "{attempt:?} is no attempt");
            assert_eq!(said(&scene.fenced(attempt)), By::Landlock.says(), "{attempt:?}");
        } else {
            assert_stopped(&scene, By::Landlock, attempt);
        }
    }
    // Its source is to be read only, and what is in its room stays there.
    assert_eq!(said(&scene.fenced(&["read", &scene.path("source")])), "got out: the source");
    assert_eq!(said(&scene.fenced(&["write", &scene.path("source")])), By::Landlock.says());
    assert_eq!(said(&scene.fenced(&["remove", &scene.path("other/own")])), By::Landlock.says());
    let crossing = said(&scene.fenced(&["rename", "own", &scene.path("own")]));
    assert!(crossing == By::Landlock.says() || crossing.contains("cross-device"), "{crossing}");
    assert!(Path::new(&scene.path("room/own")).exists());
    assert_eq!(said(&scene.fenced(&["write", "new"])), "got out: a file", "the room is for work");
    assert_eq!(said(&scene.fenced(&["rename", "new", "renamed"])), "got out: a file elsewhere");
}

#[test]
fn a_program_makes_no_link_that_leads_out_of_its_room() {
    let scene = Scene::set();
    assert_stopped(&scene, By::Seccomp, &["link", "/etc/passwd", &scene.path("room/new-link")]);
}

#[test]
fn a_program_sees_and_touches_no_other_process() {
    let scene = Scene::set();
    let victim = scene.victim(&[]);
    let environment = format!("/proc/{}/environ", victim.pid);
    let got = scene.without_fence(&["read", &environment]);
    assert!(said(&got).contains("SECRET=a secret"), "it is there to be read: {}", said(&got));
    assert_stopped(&scene, By::Landlock, &["read", &environment]);
    assert_stopped(&scene, By::Landlock, &["read", &format!("/proc/{}/cmdline", victim.pid)]);
    assert_stopped(&scene, By::Seccomp, &["attach", &victim.pid]);
    assert_stopped(&scene, By::Seccomp, &["peek", &victim.pid, &victim.address]);
    assert_stopped(&scene, By::Seccomp, &["signal", &victim.pid]);
    assert_stopped(&scene, By::Seccomp, &["own", &victim.pid]);
    assert_eq!(said(&scene.fenced(&["signal-parent"])), By::Seccomp.says(), "as root too it may not");
}

/// What the worker does to itself, since not every kernel of production has Landlock.
#[test]
fn a_process_that_closed_itself_is_not_read_by_its_own_user_either() {
    let scene = Scene::set();
    let victim = scene.victim(&["closed"]);
    let environment = format!("/proc/{}/environ", victim.pid);
    for attempt in [
        &["read", &environment][..],
        &["list", &format!("/proc/{}/fd", victim.pid)],
        &["attach", &victim.pid],
        &["peek", &victim.pid, &victim.address],
    ] {
        let without = said(&scene.without_fence(attempt));
        assert!(without.starts_with("stopped: "), "{attempt:?} {without}");
    }
}

#[test]
fn a_program_has_three_streams_and_nothing_else_of_whoever_starts_it() {
    let scene = Scene::set();
    let file = fs::File::open(scene.path("secret")).expect("it is there");
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).expect("it is open");
    let attempt = ["inherited", &file.as_raw_fd().to_string()];
    assert_eq!(said(&scene.without_fence(&attempt)), "got out: a descriptor of whoever started it");
    assert_eq!(said(&scene.fenced(&attempt)), "stopped: Bad file descriptor (os error 9)");
}

/// As in production, perhaps: the kernels of Fargate and Lambda are older than Landlock.
#[test]
fn where_the_kernel_has_no_landlock_all_else_holds() {
    let scene = Scene::set();
    let mut check = scene.command("breakout");
    let checked = check.arg("without-landlock").arg(scene.path("smmu-fence")).arg("check").output().expect("it starts");
    assert_eq!(said(&checked), r#"{"landlock":"missing","seccomp":true}"#);
    assert!(checked.status.success());
    let fenced = |attempt: &[&str]| {
        let fence = scene.fence();
        let mut command = scene.command("breakout");
        command.arg("without-landlock").arg(fence.get_program()).args(fence.get_args());
        said(&command.arg(scene.path("breakout")).args(attempt).output().expect("it starts"))
    };
    let open = scene.victim(&[]);
    for attempt in [
        &["connect", "169.254.170.2:80"][..],
        &["unix"],
        &["fork"],
        &["own", &open.pid],
        &["signal", &open.pid],
        &["attach", &open.pid],
        &["link", "/etc/passwd", "own-link"],
    ] {
        assert_eq!(fenced(attempt), By::Seccomp.says(), "{attempt:?}");
    }
    let closed = scene.victim(&["closed"]);
    assert_eq!(fenced(&["read", &format!("/proc/{}/environ", closed.pid)]), By::Landlock.says(), "closed by itself");
    // What is given up there: files that its user may open.
    assert_eq!(fenced(&["read", &scene.path("secret")]), "got out: a secret");
}

#[test]
fn a_program_makes_no_process_and_cannot_refuse_to_end_with_its_parent() {
    let scene = Scene::set();
    for attempt in [&["fork"][..], &["memory-file"], &["outlive"]] {
        assert_stopped(&scene, By::Seccomp, attempt);
    }
    // Whether it would be let without the fence is the machine's affair: many forbid it by themselves.
    assert_eq!(said(&scene.fenced(&["namespace"])), By::Seccomp.says());
}

#[test]
fn a_program_gets_the_memory_and_the_threads_that_it_was_given() {
    let scene = Scene::set();
    let much = ["allocate", "5000"];
    assert_eq!(said(&scene.without_fence(&much)), "got out: 5000 MiB");
    assert_eq!(said(&scene.fenced(&much)), "stopped: Cannot allocate memory (os error 12)");
    let many = ["threads", "4200"];
    assert_eq!(said(&scene.without_fence(&many)), "got out: 4200 threads");
    assert_eq!(said(&scene.fenced(&many)), "stopped: Resource temporarily unavailable (os error 11)");
    let fenced = scene.fenced(&["dump"]);
    assert_eq!((fenced.status.signal(), fenced.status.core_dumped()), (Some(6), false));
}

/// Behind one fence there is none of what a second would be made of, as on a machine that has it not.
#[test]
fn a_fence_that_cannot_stand_starts_nothing_and_says_so() {
    let scene = Scene::set();
    let inside = |arguments: &[&str]| {
        let mut command = scene.fence();
        command.arg(scene.path("smmu-fence")).args(arguments).output().expect("it starts")
    };
    let limits = ["--memory-bytes", "1000000000", "--file-bytes", "1000000", "--cpu-seconds", "10"];
    let ended = inside(&[&["run", "--room", "."][..], &limits, &["--", &scene.path("smmu-fence")]].concat());
    assert_eq!((ended.status.code(), said(&ended).as_str()), (Some(125), ""));
    assert!(String::from_utf8_lossy(&ended.stderr).starts_with("smmu-fence: failed to "));
    let checked = inside(&["check"]);
    assert_eq!((checked.status.code(), said(&checked).as_str()), (Some(125), ""));
}

#[test]
fn it_says_what_holds_here() {
    let checked = Scene::set().command("smmu-fence").arg("check").output().expect("it starts");
    assert!(checked.status.success());
    // Kernels before 6.12 know less of Landlock than all; files they know.
    let possible = ["full", "partial"].map(|landlock| format!(r#"{{"landlock":"{landlock}","seccomp":true}}"#));
    assert!(possible.contains(&said(&checked)), "{}", said(&checked));
}
