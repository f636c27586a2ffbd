//! Shared by the workers' file modes, which process a local file from the command line, without a cloud.
//!
//! Exit codes: 0 on success, 2 for a usage error, 3 if the file was refused, with one line of JSON on standard error,
//! and 4 for a transient failure that should be retried. No others.

use crate::MediaError;
use smmu_core::{Manifest, Profile, Refusal, profile::UnusableProfile, with_causes};
use std::{
    fs::{self, File},
    io::{self, Write},
    panic,
    path::Path,
    process::ExitCode,
};

const DONE: u8 = 0;
const USAGE: u8 = 2;
const REFUSED: u8 = 3;
const TRY_AGAIN: u8 = 4;

/// Runs `make`, which processes `input` into `outdir`, and returns the exit code. `outdir` must be empty or not exist.
pub fn run(input: &Path, outdir: &Path, make: impl FnOnce() -> Result<Manifest, MediaError>) -> ExitCode {
    if let Err(message) = prepare(input, outdir) {
        return usage(&message);
    }
    // A panic in a decoder is caught and becomes a refusal; its message would corrupt the one line of JSON.
    panic::set_hook(Box::new(|_| {}));
    let Err(error) = make() else { return ExitCode::from(DONE) };
    // Partial results are useless, and a retry needs an empty folder.
    if let Err(error) = clear(outdir) {
        tell(&format!("{} could not be emptied: {error}", outdir.display()));
    }
    match error {
        MediaError::Refused(refusal) => {
            tell(&line(&refusal));
            ExitCode::from(REFUSED)
        }
        MediaError::Transient(error) => try_again(&with_causes(&error)),
    }
}

/// Empties the output folder, which was empty before.
fn clear(outdir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(outdir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}

/// Reads the profile from a file; returns the default profile if `file` is `None`.
///
/// # Errors
///
/// A message for the user if the file cannot be read or its profile is unusable.
pub fn read_profile(file: Option<&Path>) -> Result<Profile, String> {
    let Some(file) = file else { return Ok(Profile::default()) };
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    text.parse().map_err(|error: UnusableProfile| format!("{}: {}", file.display(), with_causes(&error)))
}

/// Checks the arguments before any work.
fn prepare(input: &Path, outdir: &Path) -> Result<(), String> {
    if !input.is_file() {
        return Err(format!("{} is not a regular file", input.display()));
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

/// Prints a usage error and returns its exit code.
#[must_use]
pub fn usage(message: &str) -> ExitCode {
    tell(message);
    ExitCode::from(USAGE)
}

/// Prints a transient failure and returns its exit code.
#[must_use]
pub fn try_again(message: &str) -> ExitCode {
    tell(message);
    ExitCode::from(TRY_AGAIN)
}

/// The exit code of a transient failure, for callers that exit the process themselves.
pub const TRY_AGAIN_CODE: i32 = TRY_AGAIN as i32;

/// Prints a line on standard error. Ignores write failures, because the exit code still reports the outcome.
pub fn tell(message: &str) {
    let _ignored = writeln!(std::io::stderr(), "{message}");
}
