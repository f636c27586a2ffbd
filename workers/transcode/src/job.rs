//! Job mode: one ECS task, one attempt.

use crate::make::make;
use smmu_cloud::{Environment, Failure, MakeError, MakeEvent, Workbench, worker};
use smmu_core::{Manifest, Profile, Stage, with_causes};
use smmu_media::av::{self, Event};
use std::process::ExitCode;

/// Works on the job that the environment names, and answers the exit code of the ECS task.
pub(crate) fn run() -> ExitCode {
    worker::run_job(Stage::Transcode, async |_, environment| {
        let profile =
            ready(environment).map_err(|lacking| Failure::refused(worker::misconfigured(lacking), Stage::Transcode))?;
        Ok(move |bench: Workbench<'_>| work(bench, &profile))
    })
}

/// Says what a job would lack here, if anything.
pub(crate) fn check() -> ExitCode {
    worker::check(ready(&Environment::read()).map(drop))
}

/// The profile, where everything else that a job needs is here too.
fn ready(environment: &Environment) -> Result<Profile, String> {
    av::check().map_err(|fault| with_causes(&fault))?;
    environment.profile().map_err(|error| error.to_string())
}

fn work(
    Workbench { source, choice, outputs, checkpoint: _, cancelled, tell }: Workbench<'_>,
    stack: &Profile,
) -> Result<Manifest, MakeError> {
    let profile = worker::wanted(choice, stack)?;
    let mut watch = |event| {
        tell(match event {
            Event::Probed(kind, facts) => MakeEvent::Probed(kind, facts),
            Event::Progress(percent) => MakeEvent::Progress(percent),
            Event::Ready(artifact) => MakeEvent::Ready(artifact),
        });
    };
    make(source, &profile, outputs, &mut watch, cancelled).map_err(|error| match error.verdict() {
        Ok(refusal) => MakeError::Refused(refusal),
        Err(fault) => MakeError::Transient(with_causes(&fault)),
    })
}
