//! Job mode: one ECS task makes one attempt at one job.

use crate::make::make;
use smmu_cloud::{Environment, Failure, Workbench, worker};
use smmu_core::{Manifest, Profile, Stage, make::MakeError, with_causes};
use smmu_media::av::{self, Event};
use std::process::ExitCode;

/// Processes the job named by the environment. Returns the exit code of the ECS task.
pub(crate) fn run() -> ExitCode {
    worker::run_job(Stage::Transcode, async |_, environment| {
        let profile =
            ready(environment).map_err(|lacking| Failure::refused(worker::misconfigured(lacking), Stage::Transcode))?;
        Ok(move |bench: Workbench<'_>| work(bench, &profile))
    })
}

/// Reports anything that jobs would lack on this machine.
pub(crate) fn check() -> ExitCode {
    worker::check(ready(&Environment::read()).map(drop))
}

/// Checks that everything a job needs is present. Returns the profile.
fn ready(environment: &Environment) -> Result<Profile, String> {
    av::check().map_err(|error| with_causes(&error))?;
    environment.profile().map_err(|error| error.to_string())
}

fn work(
    Workbench { source, choice, outputs, checkpoint: _, cancelled, tell }: Workbench<'_>,
    stack: &Profile,
) -> Result<Manifest, MakeError> {
    let profile = worker::wanted(choice, stack)?;
    let mut watch = |event: Event| tell(event.into());
    Ok(make(source, &profile, outputs, &mut watch, cancelled)?)
}
