//! A worker's job mode: one ECS task, one attempt at one job.

use crate::{
    attempt::{Attempt, Ending, MakeError},
    config::Environment,
    invocation::Failure,
    sdk_config, telemetry,
};
use smmu_core::{Detected, Manifest, Stage};
use std::{path::Path, process::ExitCode};
use tokio::signal::unix::{SignalKind, signal};

/// The job is decided: committed, refused, or it had ended before. Nothing is left to retry.
const DECIDED: u8 = 0;
/// A fault worth another attempt, and what a worker that is told to stop ends with.
const TRY_AGAIN: u8 = 4;

/// Runs the attempt that `SMMU_EXECUTION_INPUT` describes and answers the exit code of the ECS task.
///
/// A refused file is recorded on its job and ends the task with 0, not 3: Step Functions retries a
/// task by the name of its error alone, and every exit code but 0 has the same name. With 0 a file
/// that can never succeed costs one container, not three.
pub fn run_job<F>(stage: Stage, make: F) -> ExitCode
where
    F: FnOnce(&Path, &Path, &dyn Fn(u8)) -> Result<Manifest, MakeError> + Send + 'static,
{
    let environment = Environment::read();
    telemetry::start(&environment);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::from(TRY_AGAIN);
        }
    };
    let ending = runtime.block_on(async {
        let mut terminated = match signal(SignalKind::terminate()) {
            Ok(terminated) => terminated,
            Err(error) => return Err(Failure::Fault(format!("SIGTERM cannot be heard: {error}"))),
        };
        tokio::select! {
            ending = attempt(stage, make, &environment) => ending,
            _ = terminated.recv() => Err(Failure::Transient("told to stop".into())),
        }
    });
    // The maker's thread may still be at work after SIGTERM; it must not hold up the exit.
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

/// Makes SIGTERM end this process with the exit code of a fault worth retrying, for a worker that
/// has no job to leave in order. What it has written has no manifest, and so is not complete.
pub fn exit_on_sigterm() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            if let Ok(mut terminated) = signal(SignalKind::terminate()) {
                terminated.recv().await;
                std::process::exit(i32::from(TRY_AGAIN));
            }
        });
    });
}

async fn attempt<F>(stage: Stage, make: F, environment: &Environment) -> Result<Option<Ending>, Failure>
where
    F: FnOnce(&Path, &Path, &dyn Fn(u8)) -> Result<Manifest, MakeError> + Send + 'static,
{
    let input = environment.require("SMMU_EXECUTION_INPUT").map_err(Failure::unexpected)?;
    let work: Detected = serde_json::from_str(input).map_err(Failure::unexpected)?;
    let attempt = Attempt::new(&sdk_config().await, environment).map_err(Failure::unexpected)?;
    match attempt.run(&work, stage, make).await {
        Ok(ending) => Ok(Some(ending)),
        Err(Failure::Refused(error)) => {
            tracing::info!(job_id = %work.input.job_id, code = %error.code, "refused");
            attempt.refuse(&work, error).await?;
            Ok(None)
        }
        Err(failure @ (Failure::Transient(_) | Failure::Fault(_))) => Err(failure),
    }
}
