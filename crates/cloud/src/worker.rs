//! A worker's job mode: one ECS task, one attempt at one job.

use crate::{
    attempt::{Attempt, Ending, MakeError, Workbench},
    clock,
    config::Environment,
    invocation::Failure,
    sdk::sdk_config,
    telemetry, traces,
};
use aws_config::SdkConfig;
use smmu_core::{
    Assignment, Choice, Detected, ErrorCode, Machine, Manifest, Profile, Refusal, Stage, TaskSize, TraceId,
    TraceSegment, with_causes,
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
};

/// The job is decided: committed, refused, or it had ended before. Nothing is left to retry.
const DECIDED: u8 = 0;
/// How long whoever is cancelled may take to end.
const STOPPING: Duration = Duration::from_secs(5);
/// What this worker was started with cannot be used, and the job could not be told.
pub const UNUSABLE: u8 = 2;
/// What the owner of a job is told where the worker lacks something; what it lacks is for the operator's logs.
pub const MISCONFIGURED: &str = "this service is not set up to process the file; its operator has to act";
/// A fault worth another attempt, and what a worker that is told to stop ends with.
const TRY_AGAIN: u8 = 4;

/// Runs the attempt that `SMMU_EXECUTION_INPUT` describes and answers the exit code of the ECS task.
///
/// A refused file is recorded on its job and ends the task with 0, not 3: Step Functions retries a
/// task by the name of its error alone, and every exit code but 0 has the same name. With 0 a file
/// that can never succeed costs one container, not four.
///
/// So is what the worker lacks, which no retry gives it ([`misconfigured`]). Where not even the job can be reached, the
/// task ends with 2, which `update-status` knows.
///
/// SIGTERM and SIGINT cancel the maker and end the task with 4, at the latest five seconds later, with nothing
/// committed: well within the 30 seconds after which ECS kills.
///
/// `prepare` makes the maker, before any work: what is configured wrongly is told then.
pub fn run_job<P, F>(stage: Stage, prepare: P) -> ExitCode
where
    P: AsyncFnOnce(&SdkConfig, &Environment) -> Result<F, Failure>,
    F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
{
    let environment = Environment::read();
    telemetry::start(&environment);
    let task = match assignment(&environment) {
        Ok(task) => task,
        Err(failure) => {
            tracing::error!(%failure, "invalid SMMU_EXECUTION_INPUT");
            return ExitCode::from(UNUSABLE);
        }
    };
    // The attempt is polled on this thread, so that its log lines carry what the span has.
    let _logged_as = telemetry::job_span(&task.detected.input.job_id, task.detected.input.trail.as_ref()).entered();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "failed to start the async runtime");
            return ExitCode::from(TRY_AGAIN);
        }
    };
    let ending = runtime.block_on(async {
        let stop = StopSignals::listen().map_err(|error| Failure::Fault(format!("no signal can be heard: {error}")))?;
        let sdk = sdk_config().await;
        match Attempt::new(&sdk, &environment) {
            Ok(made) => attempt(made, &task, stage, stop, prepare, (&sdk, &environment)).await.map(Some),
            Err(error) => {
                tracing::error!(%error, "the job cannot be reached");
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
        Err(failure) => {
            tracing::error!(%failure, "attempt failed");
            ExitCode::from(TRY_AGAIN)
        }
    }
}

/// What a worker lacks, as the end of its job: no retry and no other upload can help before the operator has acted.
pub fn misconfigured(lacking: impl Display) -> Refusal {
    tracing::error!(%lacking, "the worker is misconfigured");
    Refusal::new(ErrorCode::Misconfigured, MISCONFIGURED)
}

/// What is wanted of one job: the profile that was chosen for it, or else the stack's.
///
/// # Errors
///
/// Where the chosen one was accepted by another version than this worker's.
pub fn wanted(choice: &Choice, stack: &Profile) -> Result<Profile, Refusal> {
    choice.over(stack).map_err(|unusable| misconfigured(with_causes(&unusable)))
}

/// Says on standard error what a worker lacks, if anything, and answers 0 or 2: for whoever starts workers, before a job
/// is lost on one.
#[must_use]
pub fn check(lacking: Result<(), String>) -> ExitCode {
    match lacking {
        Ok(()) => ExitCode::SUCCESS,
        Err(lacking) => {
            // Nowhere else to say it.
            let _ = writeln!(io::stderr(), "{lacking}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// A flag that SIGTERM and SIGINT set, for a worker that has no job to leave in order. Should the process
/// still be there five seconds after, it ends then, with the exit code of a fault worth retrying.
pub fn cancelled_by_signal() -> io::Result<Arc<AtomicBool>> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // Heard from here on, not from whenever the thread gets its turn.
    let stop = runtime.block_on(async { StopSignals::listen() })?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            stop.heard().await;
            flag.store(true, Ordering::Relaxed);
            tokio::time::sleep(STOPPING).await;
        });
        std::process::exit(i32::from(TRY_AGAIN));
    })?;
    Ok(cancelled)
}

/// What tells a process to stop.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn heard(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What the ECS task is to do.
fn assignment(environment: &Environment) -> Result<Assignment, Failure> {
    let input = environment.require("SMMU_EXECUTION_INPUT").map_err(Failure::unexpected)?;
    serde_json::from_str(input).map_err(Failure::unexpected)
}

/// The trace that its request began, if X-Ray keeps it.
fn trace(work: &Detected) -> Option<&TraceId> {
    let origin = &work.input.trail.as_ref()?.origin;
    origin.trace_id.as_ref().filter(|_| origin.sampled)
}

/// What this is run on. Only the transcode worker comes in sizes; a large one has the disk of its task definition too.
fn machine(asked: Option<&TaskSize>, stage: Stage, told: Machine) -> Machine {
    let (Stage::Transcode, Some(size), Machine::Fargate { disk_gib, .. }) = (stage, asked, told) else {
        return told;
    };
    let (Ok(cpu_units), Ok(memory_mib)) = (size.cpu.parse(), size.memory.parse()) else { return told };
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
        Ok(Some(told)) => (attempt.on(machine(task.worker.as_ref(), stage, told)), None),
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
        Ok(make) => attempt.run(&task.detected, stage, stop.heard(), make).await,
        Err(failure) => Err(failure),
    };
    match ended {
        Ok(ending) => Ok(Some(ending)),
        Err(Failure::Refused(error)) => {
            tracing::info!(code = %error.code, "input refused");
            attempt.refuse(&task.detected, error).await?;
            Ok(None)
        }
        Err(failure @ (Failure::Transient(_) | Failure::Fault(_))) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::{assignment, machine, misconfigured};
    use crate::config::Environment;
    use serde_json::json;
    use smmu_core::{Assignment, Machine, Stage};

    const TOLD: Machine = Machine::Fargate { cpu_units: 2048, memory_mib: 4096, disk_gib: 60 };

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
    fn the_transcode_worker_is_of_the_size_that_was_asked_for() {
        let task = task(|input| input["worker"] = json!({"cpu": "8192", "memory": "16384"}));
        let large = Machine::Fargate { cpu_units: 8192, memory_mib: 16_384, disk_gib: 60 };
        assert_eq!(machine(task.worker.as_ref(), Stage::Transcode, TOLD), large);
        assert_eq!(machine(task.worker.as_ref(), Stage::Transcribe, TOLD), TOLD);
    }

    #[test]
    fn any_other_worker_is_of_the_size_of_its_task_definition() {
        assert_eq!(machine(task(|_| {}).worker.as_ref(), Stage::Transcode, TOLD), TOLD);
        let odd = task(|input| input["worker"] = json!({"cpu": "8 vCPU", "memory": "16384"}));
        assert_eq!(machine(odd.worker.as_ref(), Stage::Transcode, TOLD), TOLD);
    }

    #[test]
    fn what_a_worker_lacks_ends_its_job_without_the_offer_of_another_try() {
        let error = misconfigured("no model in /opt/secret").at(Stage::Transcribe);
        assert_eq!((error.code.as_str(), error.retryable, error.code.ours()), ("misconfigured", false, true));
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
}
