//! File mode: the same outputs and the same manifest as a job, without a cloud.

use crate::make::make;
use smmu_media::file_mode;
use std::{path::Path, process::ExitCode, sync::atomic::AtomicBool};

/// Makes the outputs of `input` in `outdir`, which must be empty or not there yet, as the profile in a file
/// wants them, or the default one.
pub(crate) fn run(input: &Path, outdir: &Path, profile: Option<&Path>, cancelled: &AtomicBool) -> ExitCode {
    match file_mode::read_profile(profile) {
        Ok(profile) => file_mode::run(input, outdir, || make(input, &profile, outdir, &mut |_| {}, cancelled)),
        Err(message) => file_mode::usage(&message),
    }
}
