//! Job mode: one ECS task, one attempt.

use crate::{file::with_causes, make::make};
use smmu_cloud::{Failure, MakeError, MakeEvent, Workbench, worker};
use smmu_core::{ErrorCode, Manifest, Profile, Refusal, Stage};
use smmu_media::{Fault, MediaError, av::Event};
use std::process::ExitCode;

/// Works on the job that the environment names, and answers the exit code of the ECS task.
pub(crate) fn run() -> ExitCode {
    worker::run_job(Stage::Transcode, async |_, environment| {
        let profile = environment.profile().map_err(Failure::unexpected)?;
        Ok(move |bench: Workbench<'_>| work(bench, &profile))
    })
}

fn work(
    Workbench { source, outputs, checkpoint: _, cancelled, tell }: Workbench<'_>,
    profile: &Profile,
) -> Result<Manifest, MakeError> {
    let mut watch = |event| {
        tell(match event {
            Event::Probed(kind, facts) => MakeEvent::Probed(kind, facts),
            Event::Progress(percent) => MakeEvent::Progress(percent),
            Event::Ready(artifact) => MakeEvent::Ready(artifact),
        });
    };
    make(source, profile, outputs, &mut watch, cancelled).map_err(|error| match error {
        MediaError::Refused(refusal) => MakeError::Refused(refusal),
        // Whoever has had all the time that such a file can need has no use for as much again.
        MediaError::Fault(Fault::TimedOut { .. }) => {
            MakeError::Refused(Refusal::new(ErrorCode::TimedOut, "processing took longer than it may"))
        }
        MediaError::Fault(fault) => MakeError::Fault(with_causes(&fault)),
    })
}
