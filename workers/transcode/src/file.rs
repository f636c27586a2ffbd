//! File mode: makes the same outputs and manifest as a job, without the cloud.

use crate::make::make;
use smmu_media::file_mode;
use std::{path::Path, process::ExitCode, sync::atomic::AtomicBool};

/// Makes the outputs of `input` in `outdir`, which must be empty or not exist yet. `profile` is a file with a profile;
/// without it, the default profile is used.
pub(crate) fn run(input: &Path, outdir: &Path, profile: Option<&Path>, cancelled: &AtomicBool) -> ExitCode {
    match file_mode::read_profile(profile) {
        Ok(profile) => file_mode::run(input, outdir, || make(input, &profile, outdir, &mut |_| {}, cancelled)),
        Err(message) => file_mode::usage(&message),
    }
}
