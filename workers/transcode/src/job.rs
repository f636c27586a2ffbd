//! Job mode: one ECS task, one attempt.

use crate::{file::with_causes, make::make};
use smmu_cloud::{MakeError, MakeEvent, Workbench, worker};
use smmu_core::Stage;
use smmu_media::{MediaError, av::Event};
use std::process::ExitCode;

/// Works on the job that the environment names, and answers the exit code of the ECS task.
pub(crate) fn run() -> ExitCode {
    worker::run_job(Stage::Transcode, |Workbench { source, outputs, cancelled, tell }| {
        let mut watch = |event| {
            tell(match event {
                Event::Probed(kind, facts) => MakeEvent::Probed(kind, facts),
                Event::Progress(percent) => MakeEvent::Progress(percent),
                Event::Ready(artifact) => MakeEvent::Ready(artifact),
            });
        };
        make(source, outputs, &mut watch, cancelled).map_err(|error| match error {
            MediaError::Refused(refusal) => MakeError::Refused(refusal),
            MediaError::Fault(fault) => MakeError::Fault(with_causes(&fault)),
        })
    })
}
