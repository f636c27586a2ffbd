//! A worker's job mode: one ECS task, one attempt at one job.

use crate::{
    attempt::{Attempt, Ending, MakeError, Workbench},
    config::Environment,
    invocation::Failure,
    sdk_config, telemetry,
};
use aws_config::SdkConfig;
use smmu_core::{Detected, Manifest, Stage};
use std::{
    io,
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
/// A fault worth another attempt, and what a worker that is told to stop ends with.
const TRY_AGAIN: u8 = 4;

/// Runs the attempt that `SMMU_EXECUTION_INPUT` describes and answers the exit code of the ECS task.
///
/// A refused file is recorded on its job and ends the task with 0, not 3: Step Functions retries a
/// task by the name of its error alone, and every exit code but 0 has the same name. With 0 a file
/// that can never succeed costs one container, not three.
///
/// SIGTERM and SIGINT cancel the maker and end the task with 4, at the latest five seconds later, with nothing
/// committed: well within the 30 seconds after which ECS kills.
///
/// `prepare` makes the maker, before the job is touched: what is configured wrongly is told then.
pub fn run_job<P, F>(stage: Stage, prepare: P) -> ExitCode
where
    P: AsyncFnOnce(&SdkConfig, &Environment) -> Result<F, Failure>,
    F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
{
    let environment = Environment::read();
    telemetry::start(&environment);
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::from(TRY_AGAIN);
        }
    };
    let ending = runtime.block_on(async {
        let stop = StopSignals::listen().map_err(|error| Failure::Fault(format!("no signal can be heard: {error}")))?;
        attempt(stage, stop, prepare, &environment).await
    });
    // A maker that did not stop in time must not hold up the exit.
    runtime.shutdown_background();
    match ending {
        Ok(ending) => {
            tracing::info!(?ending, "attempt ended");
            ExitCode::from(DECIDED)
        }
        Err(failure) => {
            tracing::error!(%failure, "attempt failed");
            ExitCode::from(TRY_AGAIN)
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

async fn attempt<P, F>(
    stage: Stage,
    stop: StopSignals,
    prepare: P,
    environment: &Environment,
) -> Result<Option<Ending>, Failure>
where
    P: AsyncFnOnce(&SdkConfig, &Environment) -> Result<F, Failure>,
    F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
{
    let input = environment.require("SMMU_EXECUTION_INPUT").map_err(Failure::unexpected)?;
    let work: Detected = serde_json::from_str(input).map_err(Failure::unexpected)?;
    let sdk = sdk_config().await;
    let attempt = Attempt::new(&sdk, environment).map_err(Failure::unexpected)?;
    let make = prepare(&sdk, environment).await?;
    match attempt.run(&work, stage, stop.heard(), make).await {
        Ok(ending) => Ok(Some(ending)),
        Err(Failure::Refused(error)) => {
            tracing::info!(job_id = %work.input.job_id, code = %error.code, "refused");
            attempt.refuse(&work, error).await?;
            Ok(None)
        }
        Err(failure @ (Failure::Transient(_) | Failure::Fault(_))) => Err(failure),
    }
}
