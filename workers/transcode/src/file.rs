//! File mode: the same outputs and the same manifest as a job, without a cloud.

use crate::make::make;
use smmu_core::{Profile, Refusal, profile::UnusableProfile};
use smmu_media::MediaError;
use std::{
    error::Error,
    fs::{self, File},
    io::Write,
    panic,
    path::Path,
    process::ExitCode,
    sync::atomic::AtomicBool,
};

const DONE: u8 = 0;
const USAGE: u8 = 2;
const REFUSED: u8 = 3;
pub(crate) const TRY_AGAIN: u8 = 4;

/// Makes the outputs of `input` in `outdir`, which must be empty or not there yet, as the profile in a file
/// wants them, or the default one.
pub(crate) fn run(input: &Path, outdir: &Path, profile: Option<&Path>, cancelled: &AtomicBool) -> ExitCode {
    let prepared = read_profile(profile).and_then(|profile| prepare(input, outdir).map(|()| profile));
    let profile = match prepared {
        Ok(profile) => profile,
        Err(message) => {
            tell(&message);
            return ExitCode::from(USAGE);
        }
    };
    // A decoder that panics is caught and becomes a refusal; its last words would spoil the one line of JSON.
    panic::set_hook(Box::new(|_| {}));
    match make(input, &profile, outdir, &mut |_| {}, cancelled) {
        Ok(_) => ExitCode::from(DONE),
        Err(MediaError::Refused(refusal)) => {
            tell(&line(&refusal));
            ExitCode::from(REFUSED)
        }
        Err(MediaError::Fault(fault)) => {
            tell(&with_causes(&fault));
            ExitCode::from(TRY_AGAIN)
        }
    }
}

fn read_profile(file: Option<&Path>) -> Result<Profile, String> {
    let Some(file) = file else { return Ok(Profile::default()) };
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    text.parse().map_err(|error: UnusableProfile| format!("{}: {error}", file.display()))
}

/// Finds out what the caller got wrong, before any work.
fn prepare(input: &Path, outdir: &Path) -> Result<(), String> {
    if !input.is_file() {
        return Err(format!("{} is no file", input.display()));
    }
    File::open(input).map_err(|error| format!("{}: {error}", input.display()))?;
    let unusable = |error| format!("{}: {error}", outdir.display());
    fs::create_dir_all(outdir).map_err(unusable)?;
    match fs::read_dir(outdir).map_err(unusable)?.next() {
        None => Ok(()),
        Some(_) => Err(format!("{} is not empty", outdir.display())),
    }
}

fn line(refusal: &Refusal) -> String {
    serde_json::to_string(refusal).expect("a refusal is plain strings")
}

/// An error and, after colons, what caused it.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Without stderr there is nobody to tell; the exit code still says it.
pub(crate) fn tell(message: &str) {
    let _unheard = writeln!(std::io::stderr(), "{message}");
}
