//! Job mode: one ECS task, one attempt.

use smmu_cloud::{MakeError, worker};
use smmu_core::Stage;
use smmu_media::{ImageLimits, ImageProfile, MediaError};
use std::{path::Path, process::ExitCode};

/// Works on the job that the environment names, and answers the exit code of the ECS task.
pub(crate) fn run() -> ExitCode {
    worker::run_job(Stage::Transcode, |source: &Path, outputs: &Path, progress: &dyn Fn(u8)| {
        let (profile, limits) = (ImageProfile::default(), ImageLimits::default());
        smmu_media::render(source, &profile, &limits, outputs, &mut |percent| progress(percent)).map_err(|error| {
            match error {
                MediaError::Refused(refusal) => MakeError::Refused(refusal),
                MediaError::Fault(fault) => MakeError::Fault(fault.to_string()),
            }
        })
    })
}
