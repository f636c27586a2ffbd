//! The function mode of workers: a Lambda function that runs each job as a process of its own, with the same program,
//! arguments and environment as an ECS task.
//!
//! Lambda gives the next job, which can be another user's, the same environment. So that nothing of a job is left:
//!
//! - The job's process and all its descendants are killed when it ends. This process is their subreaper, so that none
//!   can leave its tree.
//! - Everything in the room, the only folder that is writable, is deleted before and after each job.
//! - After its answer, this process executes its program anew, whatever happened.
//!
//! If this process dies, its job dies too ([`end_with_host`]).

use super::{RUN, moving::LEAVE_BY};
use crate::{
    config::{Environment, InvalidEnvironment},
    invocation::Failure,
    telemetry,
};
use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, Service, service_fn, tower::Layer};
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, kill_process, set_child_subreaper, set_dumpable_behavior,
    set_parent_process_death_signal, wait,
};
use serde::{Deserialize, Serialize};
use smmu_core::{Assignment, Run};
use std::{
    collections::HashMap,
    convert::Infallible,
    env, fs, io,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    pin::Pin,
    process::{Command, ExitCode, ExitStatus, Stdio},
    task::{self, Poll},
    time::{Duration, SystemTime},
};

/// Variable with the folder that this process empties, and in which jobs work.
const ROOM: &str = "SMMU_FUNCTION_ROOM";
/// Time before Lambda's deadline at which an attempt leaves: it stops its maker, records its cost, and its room is
/// emptied.
const LEAVE: Duration = Duration::from_secs(20);
/// Time before the deadline at which a job's process is killed.
const KILL: Duration = Duration::from_secs(5);
/// Variables of this process that jobs don't get: the address of Lambda's interface, which only this process uses.
const OWN_VARIABLES: [&str; 1] = ["AWS_LAMBDA_RUNTIME_API"];

/// The event of an invocation. Unknown fields are errors, so that a version that cannot limit itself to a part of the
/// work, such as a range of frames of the plan, does not do all of it instead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    /// The work, as in `SMMU_EXECUTION_INPUT` of an ECS task.
    work: Box<serde_json::value::RawValue>,
    /// The run of the light state machine that the work is part of.
    #[serde(default)]
    run: Option<Run>,
}

impl Event {
    /// The deadline of the work: that of the function or of the run, whichever comes first.
    fn within_run(&self, deadline: SystemTime) -> SystemTime {
        let of_run = self.run.as_ref().and_then(|run| u64::try_from(run.deadline().unix_ms()).ok());
        of_run.map_or(deadline, |ms| deadline.min(SystemTime::UNIX_EPOCH + Duration::from_millis(ms)))
    }
}

/// The result of an invocation: the attempt committed or was refused, or the job had ended already.
#[derive(Debug, Serialize)]
struct Decided {}

/// A failed invocation, as the state machine sees it.
type Error = lambda_runtime::Diagnostic;

/// Serves invocations of Lambda. Returns only if it could not start.
pub fn run_function() -> ExitCode {
    let environment = Environment::read();
    telemetry::start(&environment);
    let ended = Host::new(&environment).map_err(|error| error.to_string()).and_then(|host| host.serve());
    let Err(error) = ended;
    tracing::error!(error, "the function cannot run jobs");
    ExitCode::from(super::UNUSABLE)
}

/// Runs jobs in a room.
#[derive(Debug, Clone)]
struct Host {
    program: PathBuf,
    room: PathBuf,
}

/// Why a host cannot start.
#[derive(Debug, thiserror::Error)]
enum CannotHost {
    #[error(transparent)]
    Environment(#[from] InvalidEnvironment),
    #[error("this program is not started by Lambda: AWS_LAMBDA_RUNTIME_API is not set")]
    NotInLambda,
    #[error("failed to prepare this process")]
    Prepare(#[from] io::Error),
}

impl Host {
    fn new(environment: &Environment) -> Result<Self, CannotHost> {
        if environment.get("AWS_LAMBDA_RUNTIME_API").is_none() {
            return Err(CannotHost::NotInLambda);
        }
        let room = environment.require(ROOM)?.into();
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from)?;
        set_child_subreaper(Pid::from_raw(1)).map_err(io::Error::from)?;
        Ok(Self { program: env::current_exe()?, room })
    }

    fn serve(self) -> Result<Infallible, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let served = runtime.block_on(async {
            let handle = |event: LambdaEvent<Event>| {
                let host = self.clone();
                async move {
                    let LambdaEvent { payload, context } = event;
                    let trace = context.xray_trace_id.as_deref();
                    host.handle(&payload, context.deadline(), trace).await.map_err(Error::from)
                }
            };
            Runtime::new(service_fn(handle)).layer(StartAnew).run().await
        });
        Err(served.err().map_or_else(|| "Lambda ended the function".to_owned(), |error| error.to_string()))
    }

    /// Runs one job from an empty room to an empty room.
    async fn handle(&self, event: &Event, deadline: SystemTime, trace: Option<&str>) -> Result<Decided, Failure> {
        // Verified by the worker too; a wrong event shows here without a process.
        serde_json::from_str::<Assignment>(event.work.get()).map_err(Failure::unexpected)?;
        self.clean();
        let ended = self.run(event, event.within_run(deadline), trace).await;
        self.clean();
        verdict(ended)
    }

    /// Empties the room and kills what is left of a job. If that fails, the environment must not be used again.
    fn clean(&self) {
        if let Err(error) = kill_descendants().and_then(|()| empty(&self.room)) {
            tracing::error!(%error, "a job left something behind that cannot be removed; this environment ends");
            // Lambda replaces the environment and reports Runtime.ExitError, after which a container continues.
            std::process::exit(i32::from(super::UNUSABLE))
        }
    }

    async fn run(&self, event: &Event, deadline: SystemTime, trace: Option<&str>) -> Result<ExitStatus, Failure> {
        let failed = |error: io::Error| Failure::Transient(format!("the worker could not be run: {error}"));
        let leave_by = deadline.checked_sub(LEAVE).and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let mut command = Command::new(&self.program);
        command.arg("job").env("SMMU_EXECUTION_INPUT", event.work.get()).env("TMPDIR", &self.room).stdin(Stdio::null());
        command.env(LEAVE_BY, leave_by.unwrap_or_default().as_millis().to_string());
        for name in OWN_VARIABLES {
            command.env_remove(name);
        }
        if let Some(run) = &event.run {
            command.env(RUN, serde_json::to_string(run).map_err(Failure::unexpected)?);
        }
        if let Some(trace) = trace {
            command.env("_X_AMZN_TRACE_ID", trace);
        }
        command.process_group(0);
        let mut child = tokio::process::Command::from(command).spawn().map_err(failed)?;
        let last = deadline.checked_sub(KILL).and_then(|at| at.duration_since(SystemTime::now()).ok());
        match tokio::time::timeout(last.unwrap_or_default(), child.wait()).await {
            Ok(status) => status.map_err(failed),
            Err(_elapsed) => {
                child.kill().await.map_err(failed)?;
                Err(Failure::Moved("the worker did not leave in time".to_owned()))
            }
        }
    }
}

/// Makes this process, that of a job, end with its host, as Lambda ends both. It would otherwise work on beside the next
/// attempt where a function's environment is not a virtual machine, as on the local cloud. The kernel waits for the end
/// of the thread that started this process, which is the host's main thread (a runtime of one thread).
pub(super) fn end_with_host() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// What the end of a job's process means for the state machine.
fn verdict(ended: Result<ExitStatus, Failure>) -> Result<Decided, Failure> {
    let status = ended?;
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(super::DECIDED) => Ok(Decided {}),
        Some(super::MOVED) => Err(Failure::Moved("a container continues".to_owned())),
        Some(super::TRY_AGAIN) => Err(Failure::Transient("the attempt failed".to_owned())),
        Some(super::UNUSABLE) => Err(Failure::Fault("the worker is misconfigured".to_owned())),
        Some(_) | None => Err(Failure::Transient(format!("the worker ended with {status}"))),
    }
}

/// Deletes everything in a folder.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Makes a folder and all folders in it writable, without which their content cannot be deleted.
fn unlock(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}

/// Kills all processes that descend from this one, until there are none.
fn kill_descendants() -> io::Result<()> {
    /// More rounds than any process can create children between two of them.
    const ROUNDS: usize = 1000;
    for _ in 0..ROUNDS {
        let descendants = descendants()?;
        for &pid in &descendants {
            // Fails if it has ended meanwhile.
            let _ended = kill_process(pid, Signal::KILL);
        }
        // Those whose parents ended are ours, and no others wait for them.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if descendants.is_empty() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(io::Error::other("processes remain"))
}

/// The processes that descend from this one.
fn descendants() -> io::Result<Vec<Pid>> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // A process that has ended meanwhile has no file.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let own = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let (mut found, mut waiting) = (Vec::new(), vec![own]);
    while let Some(parent) = waiting.pop() {
        let of_parent = children.remove(&parent).unwrap_or_default();
        found.extend(of_parent.iter().copied().filter_map(Pid::from_raw));
        waiting.extend(of_parent);
    }
    Ok(found)
}

/// The parent in a line of `/proc/PID/stat` (proc(5)): the second field after the name, which is in brackets and can
/// contain brackets.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// After the answer to an invocation, executes the program of this process anew.
struct StartAnew;

impl<S> Layer<S> for StartAnew {
    type Service = StartedAnew<S>;

    fn layer(&self, inner: S) -> StartedAnew<S> {
        StartedAnew(inner)
    }
}

struct StartedAnew<S>(S);

impl<S> Service<LambdaInvocation> for StartedAnew<S>
where
    S: Service<LambdaInvocation, Response = (), Error = lambda_runtime::Error, Future: 'static>,
{
    type Response = ();
    type Error = lambda_runtime::Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), lambda_runtime::Error>>>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        // Completes once Lambda has the answer.
        let answered = self.0.call(invocation);
        Box::pin(async move {
            answered.await?;
            let (program, mut arguments) = (env::current_exe()?, env::args_os());
            let name = arguments.next().unwrap_or_default();
            // Returns only if it fails; the function then ends, and Lambda starts another.
            Err(Command::new(program).arg0(name).args(arguments).exec().into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    /// The work of a user, in the way of `detect-type`.
    fn work(user: &str) -> Event {
        let work = serde_json::json!({
            "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001", "userId": user,
            "source": {"key": "k", "versionId": "v", "bytes": 3, "sha256": "0".repeat(64)},
            "kind": "video", "contentType": "video/mp4", "branch": "transcode",
        });
        Event { work: serde_json::value::to_raw_value(&work).unwrap(), run: None }
    }

    /// A worker that an exploit of the file of `mallory` took over: it stays as a process of its own session, fills the
    /// room, and dies of a signal. For others it tells what it sees.
    const WORKER: &str = r#"#!/bin/sh
case $SMMU_EXECUTION_INPUT in
*mallory*)
    (setsid sh -c 'trap "" TERM HUP; while :; do sleep 1; done; : mark-of-mallory' &)
    mkdir -p "$TMPDIR/.hidden/deep"
    echo stolen >"$TMPDIR/.hidden/deep/file"
    mkfifo "$TMPDIR/pipe"
    chmod 500 "$TMPDIR/.hidden"
    kill -SEGV $$ ;;
*)
    {
        find "$TMPDIR" -mindepth 1
        grep -l mark-of-mallory /proc/[0-9]*/cmdline
        env | grep -e AWS_LAMBDA_RUNTIME_API -e mallory
    } >"$TELL" 2>/dev/null
    exit 0 ;;
esac
"#;

    /// Tests that kill all descendants of this process run one at a time.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    #[tokio::test]
    async fn nothing_is_left_for_the_next_user() {
        let (folder, room, told) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let program = folder.path().join("worker");
        // The script tells by a file outside of the room.
        fs::write(&program, WORKER.replace("$TELL", &told.path().display().to_string())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let _alone = ALONE.lock().await;
        set_child_subreaper(Pid::from_raw(1)).unwrap();
        let host = Host { program, room: room.path().to_owned() };
        let deadline = SystemTime::now() + Duration::from_mins(5);
        let first = host.handle(&work("mallory"), deadline, None).await;
        assert!(matches!(first, Err(Failure::Transient(_))), "{first:?}");
        let second = host.handle(&work("ada"), deadline, None).await;
        assert!(second.is_ok(), "{second:?}");
        assert_eq!(fs::read_to_string(told.path()).unwrap(), "", "of the first job");
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_job_that_outstays_its_time_is_killed_and_moved() {
        let (folder, room) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = folder.path().join("worker");
        let _alone = ALONE.lock().await;
        fs::write(&program, "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let host = Host { program, room: room.path().to_owned() };
        let ended = host.handle(&work("ada"), SystemTime::now() + KILL, None).await;
        assert!(matches!(ended, Err(Failure::Moved(_))), "{ended:?}");
    }

    fn error_type(raw: i32) -> Option<String> {
        verdict(Ok(ExitStatus::from_raw(raw))).err().map(|failure| Error::from(failure).error_type)
    }

    #[test]
    fn each_end_of_a_job_has_a_meaning_for_the_state_machine() {
        let exit = |code: u8| error_type(i32::from(code) << 8);
        assert_eq!(exit(0), None);
        assert_eq!(exit(super::super::MOVED).as_deref(), Some("Moved"));
        assert_eq!(exit(4).as_deref(), Some("Transient"));
        assert_eq!(exit(2).as_deref(), Some("Fault"));
        assert_eq!(exit(101).as_deref(), Some("Transient"), "a panic");
        assert_eq!(error_type(9).as_deref(), Some("Transient"), "killed");
    }

    #[test]
    fn work_of_a_light_run_leaves_before_the_run_ends() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let event = r#"{"work": {}, "run": {"id": "8f6b", "startedAt": "1970-01-01T00:00:10.000Z"}}"#;
        let light: Event = serde_json::from_str(event).unwrap();
        assert_eq!(light.within_run(at(910)), at(300));
        assert_eq!(light.within_run(at(120)), at(120));
        assert_eq!(work("ada").within_run(at(910)), at(910));
    }

    #[test]
    fn an_event_names_the_work_and_nothing_unknown() {
        assert!(serde_json::from_str::<Event>(r#"{"work": {"jobId": "x"}}"#).is_ok());
        let part = serde_json::from_str::<Event>(r#"{"work": {}, "frames": [0, 10]}"#).unwrap_err();
        assert!(part.to_string().contains("frames"), "{part}");
    }

    #[test]
    fn the_parent_is_found_after_a_name_with_brackets() {
        assert_eq!(parent("7 (a) b) S 3 7 7 0"), Some(3));
        assert_eq!(parent("7 (a"), None);
    }

    #[test]
    fn a_room_is_emptied_of_files_folders_and_links_but_not_of_what_they_point_to() {
        let (room, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(other.path().join("kept"), "").unwrap();
        fs::create_dir_all(room.path().join("a/b")).unwrap();
        fs::write(room.path().join("a/b/c"), "").unwrap();
        std::os::unix::fs::symlink(other.path(), room.path().join("link")).unwrap();
        empty(room.path()).unwrap();
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 0);
        assert!(other.path().join("kept").exists());
    }
}
