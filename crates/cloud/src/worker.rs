//! The job mode of workers: one process makes one attempt at one job, in an ECS task or in a function.

mod function;
mod moving;

pub use function::run_function;

use crate::{
    attempt::{Attempt, Ending, StopReason, Workbench},
    clock,
    config::Environment,
    invocation::Failure,
    sdk::sdk_config_of_worker,
    telemetry, traces,
};
use aws_config::SdkConfig;
use moving::{LEAVE_BY, Limits, Observer};
use smmu_core::{
    Assignment, Choice, Detected, ErrorCode, Machine, Manifest, Profile, Refusal, Run, Stage, TaskSize, TraceId,
    TraceSegment,
    make::{MakeError, MakeEvent},
    with_causes,
};
use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// Exit code if nothing is left to retry: the attempt committed or was refused, or the job had ended already.
const DECIDED: u8 = 0;
/// Time that a cancelled maker has to end.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Exit code if the worker's configuration or input is unusable and the job could not be updated.
pub const UNUSABLE: u8 = 2;
/// The message that a job's owner gets if the worker is misconfigured. The details go only to the operator's logs.
pub const MISCONFIGURED: &str = "this service is not configured to process the file; its operator has to act";
/// Exit code of a transient failure, and of a worker that was stopped by a signal.
const TRY_AGAIN: u8 = 4;
/// Variable with the light run that the worker works for, in JSON. Only the function mode sets it.
const RUN: &str = "SMMU_RUN";
/// Exit code of a worker in a function that leaves the work to a container.
const MOVED: u8 = 5;

/// Runs the attempt that `SMMU_EXECUTION_INPUT` describes. Returns the exit code of the ECS task.
///
/// A refused file is recorded on its job and ends the task with 0, not 3: Step Functions decides on retries by the
/// error name only, and every exit code except 0 has the same name. With 0, a file that can never succeed costs one
/// container, not four.
///
/// A misconfigured worker ([`misconfigured`]) is handled the same way, because no retry can help. If the job cannot be
/// updated either, the task ends with 2, which `update-status` handles.
///
/// SIGTERM and SIGINT cancel the maker and end the task with 4 within five seconds, with nothing committed: well within
/// the 30 seconds after which ECS kills the task.
///
/// `prepare` builds the maker before any work, so that a wrong configuration is reported first.
pub fn run_job<P, F>(stage: Stage, prepare: P) -> ExitCode
where
    P: AsyncFnOnce(&SdkConfig, &Environment) -> Result<F, Failure>,
    F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
{
    let environment = Environment::read();
    telemetry::start(&environment);
    let (task, run) = match (assignment(&environment), light_run(&environment)) {
        (Ok(task), Ok(run)) => (task, run),
        (Err(failure), _) => {
            tracing::error!(%failure, "invalid SMMU_EXECUTION_INPUT");
            return ExitCode::from(UNUSABLE);
        }
        (_, Err(failure)) => {
            tracing::error!(%failure, "invalid {RUN}");
            return ExitCode::from(UNUSABLE);
        }
    };
    // The attempt is polled on this thread, so its log lines have the span's fields.
    let _logged_as = telemetry::job_span(&task.detected.input.job_id, task.detected.input.trail.as_ref()).entered();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "failed to start the async runtime");
            return ExitCode::from(TRY_AGAIN);
        }
    };
    if environment.get(LEAVE_BY).is_some()
        && let Err(error) = function::end_with_host()
    {
        tracing::warn!(%error, "this process would outlive its host");
    }
    let ending = runtime.block_on(async {
        let stop =
            StopSignals::listen().map_err(|error| Failure::Fault(format!("cannot listen for signals: {error}")))?;
        let sdk = sdk_config_of_worker().await;
        match Attempt::new(&sdk, &environment) {
            Ok(made) => attempt(made.for_run(run), &task, stage, stop, prepare, (&sdk, &environment)).await.map(Some),
            Err(error) => {
                tracing::error!(%error, "the environment is not valid, so the job cannot be updated; exiting with 2");
                Ok(None)
            }
        }
    });
    // A maker that did not stop in time must not hold up the exit.
    runtime.shutdown_background();
    match ending {
        Ok(Some(ending)) => {
            tracing::info!(?ending, "attempt ended");
            ExitCode::from(DECIDED)
        }
        Ok(None) => ExitCode::from(UNUSABLE),
        Err(Failure::Moved(reason)) => {
            tracing::info!(reason, "a container continues");
            ExitCode::from(MOVED)
        }
        Err(failure) => {
            tracing::error!(%failure, "attempt failed");
            ExitCode::from(TRY_AGAIN)
        }
    }
}

/// Logs what is wrong with the worker's configuration, and returns the refusal for its job: only the operator can help,
/// not a retry or another upload.
pub fn misconfigured(lacking: impl Display) -> Refusal {
    tracing::error!(%lacking, "the worker is misconfigured");
    Refusal::new(ErrorCode::Misconfigured, MISCONFIGURED)
}

/// The profile of one job: the one chosen for it, or else the stack's, with the chosen spoken language.
///
/// # Errors
///
/// If the choice is invalid for this worker's version, because another version accepted it.
pub fn wanted(choice: &Choice, stack: &Profile) -> Result<Profile, Refusal> {
    choice.over(stack).map_err(|unusable| misconfigured(with_causes(&unusable)))
}

/// Writes a worker's configuration error to standard error, if there is one. Returns exit code 0 or 2. Lets operators
/// test an image before a job fails on it.
#[must_use]
pub fn check(lacking: Result<(), String>) -> ExitCode {
    match lacking {
        Ok(()) => ExitCode::SUCCESS,
        Err(lacking) => {
            // If standard error fails, no other channel is left.
            let _ = writeln!(io::stderr(), "{lacking}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Returns a flag that SIGTERM and SIGINT set, for a worker without a job to clean up. If the process still runs five
/// seconds later, it is ended with the exit code of a transient failure.
pub fn cancelled_by_signal() -> io::Result<Arc<AtomicBool>> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // Listens from here on, not only once the thread is scheduled.
    let stop = runtime.block_on(async { StopSignals::listen() })?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            stop.received().await;
            flag.store(true, Ordering::Relaxed);
            tokio::time::sleep(STOP_GRACE).await;
        });
        std::process::exit(i32::from(TRY_AGAIN));
    })?;
    Ok(cancelled)
}

/// The signals that stop a process.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Reads the assignment of the ECS task.
fn assignment(environment: &Environment) -> Result<Assignment, Failure> {
    let input = environment.require("SMMU_EXECUTION_INPUT").map_err(Failure::unexpected)?;
    serde_json::from_str(input).map_err(Failure::unexpected)
}

/// Reads the light run that the worker works for.
fn light_run(environment: &Environment) -> Result<Option<Run>, Failure> {
    environment.get(RUN).map(|run| serde_json::from_str(run).map_err(Failure::unexpected)).transpose()
}

/// The trace of the job's request, if X-Ray samples it.
fn trace(work: &Detected) -> Option<&TraceId> {
    let origin = &work.input.trail.as_ref()?.origin;
    origin.trace_id.as_ref().filter(|_| origin.sampled)
}

/// The machine of this task. Only the transcode worker has several sizes, all with the disk of the task definition.
fn machine(requested: Option<&TaskSize>, stage: Stage, configured: Machine) -> Machine {
    let (Stage::Transcode, Some(size), Machine::Fargate { disk_gib, .. }) = (stage, requested, configured) else {
        return configured;
    };
    let (Ok(cpu_units), Ok(memory_mib)) = (size.cpu.parse(), size.memory.parse()) else { return configured };
    Machine::Fargate { cpu_units, memory_mib, disk_gib }
}

async fn attempt<P, F>(
    attempt: Attempt,
    task: &Assignment,
    stage: Stage,
    stop: StopSignals,
    prepare: P,
    (sdk, environment): (&SdkConfig, &Environment),
) -> Result<Option<Ending>, Failure>
where
    P: AsyncFnOnce(&SdkConfig, &Environment) -> Result<F, Failure>,
    F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
{
    let (attempt, unmeasured) = match environment.machine() {
        Ok(Some(configured)) => (attempt.on(machine(task.worker.as_ref(), stage, configured)), None),
        Ok(None) => (attempt, None),
        Err(error) => (attempt, Some(error)),
    };
    let prepare = async |sdk: &SdkConfig, environment: &Environment| match unmeasured {
        None => prepare(sdk, environment).await,
        Some(error) => Err(Failure::refused(misconfigured(error), stage)),
    };
    let started_at = clock::now();
    let outcome = work(&attempt, task, stage, stop, prepare, (sdk, environment)).await;
    if let (Some(trace), Some(deployment)) = (trace(&task.detected), environment.get("SMMU_STAGE")) {
        let (id, ended_at) = (clock::new_segment_id(), clock::now());
        let (job, fault) = (&task.detected.input.job_id, outcome.is_err());
        traces::put(sdk, &TraceSegment { deployment, stage, id, trace, job, started_at, ended_at, fault }).await;
    }
    outcome
}

async fn work<P, F>(
    attempt: &Attempt,
    task: &Assignment,
    stage: Stage,
    stop: StopSignals,
    prepare: P,
    (sdk, environment): (&SdkConfig, &Environment),
) -> Result<Option<Ending>, Failure>
where
    P: AsyncFnOnce(&SdkConfig, &Environment) -> Result<F, Failure>,
    F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
{
    let ended = match prepare(sdk, environment).await {
        Ok(make) => in_its_place(attempt, task, stage, stop, make, environment).await,
        Err(failure) => Err(failure),
    };
    match ended {
        Ok(ending) => Ok(Some(ending)),
        Err(Failure::Refused(error)) => {
            tracing::info!(code = %error.code, "input refused");
            attempt.refuse(&task.detected, error).await?;
            Ok(None)
        }
        Err(failure @ (Failure::Transient(_) | Failure::Moved(_) | Failure::Superseded(_) | Failure::Fault(_))) => {
            Err(failure)
        }
    }
}

/// Runs the attempt. In a function it leaves once it turns out that the function cannot end the work.
async fn in_its_place<F>(
    attempt: &Attempt,
    task: &Assignment,
    stage: Stage,
    stop: StopSignals,
    make: F,
    environment: &Environment,
) -> Result<Ending, Failure>
where
    F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
{
    let signal = async {
        stop.received().await;
        StopReason::Signal
    };
    let work = &task.detected;
    let Some(limits) = Limits::of(environment) else { return attempt.run(work, stage, signal, make).await };
    let stack = environment.profile().map_err(|error| Failure::refused(misconfigured(error), stage))?;
    let (move_on, found) = watch::channel(None);
    let choice = &work.input.choice;
    let observer = Observer::new(limits.clone(), stage, (choice, &stack), work.input.source.bytes, move_on);
    let make = move |bench: Workbench<'_>| {
        let Workbench { source, choice, outputs, checkpoint, cancelled, tell } = bench;
        let mut tell = |event: MakeEvent| {
            observer.see(&event);
            tell(event);
        };
        make(Workbench { source, choice, outputs, checkpoint, cancelled, tell: &mut tell })
    };
    let stop = async {
        tokio::select! {
            signal = signal => signal,
            reason = limits.reached() => StopReason::Move(reason),
            reason = moving::requested(found) => StopReason::Move(reason),
        }
    };
    attempt.clone().that_moves().run(work, stage, stop, make).await
}

#[cfg(test)]
mod tests {
    use super::{assignment, machine, misconfigured};
    use crate::config::Environment;
    use serde_json::json;
    use smmu_core::{Assignment, Machine, Stage};

    const CONFIGURED: Machine = Machine::Fargate { cpu_units: 2048, memory_mib: 4096, disk_gib: 60 };

    fn task(changed: impl FnOnce(&mut serde_json::Value)) -> Assignment {
        let mut input = json!({
            "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001", "userId": "user-1",
            "source": {"key": "k", "versionId": "v", "bytes": 3, "sha256": "0".repeat(64)},
            "kind": "video", "contentType": "video/mp4", "branch": "transcode",
        });
        changed(&mut input);
        assignment(&Environment::of([("SMMU_EXECUTION_INPUT".to_owned(), input.to_string())])).unwrap()
    }

    #[test]
    fn the_transcode_worker_has_the_requested_size() {
        let task = task(|input| input["worker"] = json!({"cpu": "8192", "memory": "16384"}));
        let large = Machine::Fargate { cpu_units: 8192, memory_mib: 16_384, disk_gib: 60 };
        assert_eq!(machine(task.worker.as_ref(), Stage::Transcode, CONFIGURED), large);
        assert_eq!(machine(task.worker.as_ref(), Stage::Transcribe, CONFIGURED), CONFIGURED);
    }

    #[test]
    fn other_workers_have_the_size_of_their_task_definition() {
        assert_eq!(machine(task(|_| {}).worker.as_ref(), Stage::Transcode, CONFIGURED), CONFIGURED);
        let odd = task(|input| input["worker"] = json!({"cpu": "8 vCPU", "memory": "16384"}));
        assert_eq!(machine(odd.worker.as_ref(), Stage::Transcode, CONFIGURED), CONFIGURED);
    }

    #[test]
    fn a_misconfigured_worker_fails_its_job_without_retry_or_details() {
        let error = misconfigured("no model in /opt/secret").at(Stage::Transcribe);
        assert_eq!((error.code.as_str(), error.retryable, error.code.ours()), ("misconfigured", false, true));
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
}
