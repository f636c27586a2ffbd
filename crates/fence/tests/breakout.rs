//! Tries every known way out of the fence twice, with the same program: without the fence, where the attempt must
//! succeed to be valid, and with it.

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

/// The mechanism that must stop an attempt, identified by the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// ENOSYS.
    Seccomp,
    /// EACCES.
    Landlock,
}

impl By {
    const fn output(self) -> &'static str {
        match self {
            Self::Seccomp => "stopped: Function not implemented (os error 38)",
            Self::Landlock => "stopped: Permission denied (os error 13)",
        }
    }
}

/// An unprivileged user, for tests that run as root: root's own rights would let an attempt succeed.
const NOBODY: u32 = 65532;

/// A folder that every user can enter, with both programs, the room, the room of another job, and a secret.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fence = PathBuf::from(env!("CARGO_BIN_EXE_smmu-fence"));
        let breakout = fence.with_file_name("examples").join("breakout");
        for program in [&fence, &breakout] {
            let name = program.file_name().expect("a program has a name");
            fs::copy(program, folder.path().join(name)).expect("cargo test builds it, unless run with --test");
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

    /// A command of an unprivileged user.
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

    /// The fence's command, up to the program that it executes.
    fn fence(&self) -> Command {
        let mut command = self.command("smmu-fence");
        command.args(["run", "--room", ".", "--read", &self.path("source")]);
        command.args(["--memory-bytes", "4000000000", "--file-bytes", "1000000", "--cpu-seconds", "10", "--"]);
        command
    }

    fn fenced(&self, attempt: &[&str]) -> Output {
        self.fence().arg(self.path("breakout")).args(attempt).output().expect("it starts")
    }

    /// Starts the target of attempts: a process of the same user with a secret in its memory and environment.
    fn victim(&self, mode: &[&str]) -> Victim {
        let mut command = self.command("breakout");
        command.arg("victim").args(mode).env("SECRET", "a secret").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("read");
        let (pid, address) = line.trim().split_once(' ').expect("two words");
        Victim { pid: pid.to_owned(), address: address.to_owned(), _input: child.stdin.take(), child }
    }
}

struct Victim {
    pid: String,
    /// Hexadecimal address of the secret.
    address: String,
    /// Keeps the process running.
    _input: Option<ChildStdin>,
    child: Child,
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Checks that an attempt succeeds without the fence, and that the expected mechanism stops it with the fence.
fn assert_stopped(scene: &Scene, by: By, attempt: &[&str]) {
    // Files created by the first run must not be what stops the second.
    let made = attempt.iter().skip(1).filter(|word| word.contains("/new-"));
    let without = scene.without_fence(attempt);
    assert!(stdout(&without).starts_with("got out: "), "{attempt:?} fails without the fence: {}", stdout(&without));
    for path in made {
        fs::remove_file(path).expect("the attempt made it");
    }
    let fenced = scene.fenced(attempt);
    assert_eq!(stdout(&fenced), by.output(), "{attempt:?} {}", String::from_utf8_lossy(&fenced.stderr));
}

#[test]
fn a_program_cannot_create_a_socket_of_any_kind() {
    let scene = Scene::new();
    let loopback = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let loopback = loopback.local_addr().expect("it has one").to_string();
    for attempt in [
        // Metadata of instances (IPv4 and IPv6), credentials of ECS tasks, and a local server, such as the runtime API
        // of Lambda or the emulator.
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
fn a_program_can_only_access_its_source_and_its_room() {
    let scene = Scene::new();
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
        // A successful exec prints no result.
        if attempt[0] == "exec" {
            assert!(scene.without_fence(attempt).status.success(), "{attempt:?} fails without the fence");
            assert_eq!(stdout(&scene.fenced(attempt)), By::Landlock.output(), "{attempt:?}");
        } else {
            assert_stopped(&scene, By::Landlock, attempt);
        }
    }
    // The source is read-only, and files cannot be moved between rooms and other folders.
    assert_eq!(stdout(&scene.fenced(&["read", &scene.path("source")])), "got out: the source");
    assert_eq!(stdout(&scene.fenced(&["write", &scene.path("source")])), By::Landlock.output());
    assert_eq!(stdout(&scene.fenced(&["remove", &scene.path("other/own")])), By::Landlock.output());
    let crossing = stdout(&scene.fenced(&["rename", "own", &scene.path("own")]));
    assert!(crossing == By::Landlock.output() || crossing.contains("cross-device"), "{crossing}");
    assert!(Path::new(&scene.path("room/own")).exists());
    assert_eq!(stdout(&scene.fenced(&["write", "new"])), "got out: a file", "the room is writable");
    assert_eq!(stdout(&scene.fenced(&["rename", "new", "renamed"])), "got out: a file elsewhere");
}

#[test]
fn a_program_cannot_create_a_link_out_of_its_room() {
    let scene = Scene::new();
    assert_stopped(&scene, By::Seccomp, &["link", "/etc/passwd", &scene.path("room/new-link")]);
}

#[test]
fn a_program_cannot_access_other_processes() {
    let scene = Scene::new();
    let victim = scene.victim(&[]);
    let environment = format!("/proc/{}/environ", victim.pid);
    let got = scene.without_fence(&["read", &environment]);
    assert!(stdout(&got).contains("SECRET=a secret"), "readable without the fence: {}", stdout(&got));
    assert_stopped(&scene, By::Landlock, &["read", &environment]);
    assert_stopped(&scene, By::Landlock, &["read", &format!("/proc/{}/cmdline", victim.pid)]);
    assert_stopped(&scene, By::Seccomp, &["attach", &victim.pid]);
    assert_stopped(&scene, By::Seccomp, &["peek", &victim.pid, &victim.address]);
    assert_stopped(&scene, By::Seccomp, &["signal", &victim.pid]);
    assert_stopped(&scene, By::Seccomp, &["own", &victim.pid]);
    assert_eq!(stdout(&scene.fenced(&["signal-parent"])), By::Seccomp.output(), "not even as root");
}

/// The worker makes itself non-dumpable, since not every production kernel has Landlock.
#[test]
fn a_non_dumpable_process_cannot_be_read_by_its_own_user() {
    let scene = Scene::new();
    let victim = scene.victim(&["closed"]);
    let environment = format!("/proc/{}/environ", victim.pid);
    for attempt in [
        &["read", &environment][..],
        &["list", &format!("/proc/{}/fd", victim.pid)],
        &["attach", &victim.pid],
        &["peek", &victim.pid, &victim.address],
    ] {
        let without = stdout(&scene.without_fence(attempt));
        assert!(without.starts_with("stopped: "), "{attempt:?} {without}");
    }
}

#[test]
fn a_program_inherits_only_the_standard_streams() {
    let scene = Scene::new();
    let file = fs::File::open(scene.path("secret")).expect("it is there");
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).expect("it is open");
    let attempt = ["inherited", &file.as_raw_fd().to_string()];
    assert_eq!(stdout(&scene.without_fence(&attempt)), "got out: a descriptor of the parent process");
    assert_eq!(stdout(&scene.fenced(&attempt)), "stopped: Bad file descriptor (os error 9)");
}

/// This can be the case in production: the kernels of Fargate and Lambda are older than Landlock.
#[test]
fn without_landlock_the_other_restrictions_still_work() {
    let scene = Scene::new();
    let mut check = scene.command("breakout");
    let checked = check.arg("without-landlock").arg(scene.path("smmu-fence")).arg("check").output().expect("it starts");
    assert_eq!(stdout(&checked), r#"{"landlock":"missing","seccomp":true}"#);
    assert!(checked.status.success());
    let fenced = |attempt: &[&str]| {
        let fence = scene.fence();
        let mut command = scene.command("breakout");
        command.arg("without-landlock").arg(fence.get_program()).args(fence.get_args());
        stdout(&command.arg(scene.path("breakout")).args(attempt).output().expect("it starts"))
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
        assert_eq!(fenced(attempt), By::Seccomp.output(), "{attempt:?}");
    }
    let closed = scene.victim(&["closed"]);
    assert_eq!(fenced(&["read", &format!("/proc/{}/environ", closed.pid)]), By::Landlock.output(), "not dumpable");
    // Not protected without Landlock: files that the user can open.
    assert_eq!(fenced(&["read", &scene.path("secret")]), "got out: a secret");
}

#[test]
fn a_program_cannot_create_a_process_or_outlive_its_parent() {
    let scene = Scene::new();
    for attempt in [&["fork"][..], &["memory-file"], &["outlive"]] {
        assert_stopped(&scene, By::Seccomp, attempt);
    }
    // Not tried without the fence: many machines forbid namespaces anyway.
    assert_eq!(stdout(&scene.fenced(&["namespace"])), By::Seccomp.output());
}

#[test]
fn memory_threads_and_core_dumps_of_a_program_are_limited() {
    let scene = Scene::new();
    let much = ["allocate", "5000"];
    assert_eq!(stdout(&scene.without_fence(&much)), "got out: 5000 MiB");
    assert_eq!(stdout(&scene.fenced(&much)), "stopped: Cannot allocate memory (os error 12)");
    let many = ["threads", "4200"];
    assert_eq!(stdout(&scene.without_fence(&many)), "got out: 4200 threads");
    assert_eq!(stdout(&scene.fenced(&many)), "stopped: Resource temporarily unavailable (os error 11)");
    let fenced = scene.fenced(&["dump"]);
    assert_eq!((fenced.status.signal(), fenced.status.core_dumped()), (Some(6), false));
}

/// Inside a fence, the calls that set up a second one fail, as on a machine without support for them.
#[test]
fn a_fence_that_cannot_be_set_up_starts_nothing_and_reports_an_error() {
    let scene = Scene::new();
    let inside = |arguments: &[&str]| {
        let mut command = scene.fence();
        command.arg(scene.path("smmu-fence")).args(arguments).output().expect("it starts")
    };
    let limits = ["--memory-bytes", "1000000000", "--file-bytes", "1000000", "--cpu-seconds", "10"];
    let ended = inside(&[&["run", "--room", "."][..], &limits, &["--", &scene.path("smmu-fence")]].concat());
    assert_eq!((ended.status.code(), stdout(&ended).as_str()), (Some(125), ""));
    assert!(String::from_utf8_lossy(&ended.stderr).starts_with("smmu-fence: failed to "));
    let checked = inside(&["check"]);
    assert_eq!((checked.status.code(), stdout(&checked).as_str()), (Some(125), ""));
}

#[test]
fn check_reports_which_restrictions_work() {
    let checked = Scene::new().command("smmu-fence").arg("check").output().expect("it starts");
    assert!(checked.status.success());
    // Kernels before 6.12 support only part of Landlock, including files.
    let possible = ["full", "partial"].map(|landlock| format!(r#"{{"landlock":"{landlock}","seccomp":true}}"#));
    assert!(possible.contains(&stdout(&checked)), "{}", stdout(&checked));
}
