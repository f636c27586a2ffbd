//! A plain file on a command line, without a cloud: what the workers' file modes share.
//!
//! They end with 0 when it is done, 2 for what the caller got wrong, 3 with one line of JSON on standard error where
//! the file was refused, and 4 for a fault that is worth another try. Nothing else.

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

/// Makes what `make` makes of `input` in `outdir`, which must be empty or not there yet, and says how it ended.
pub fn run(input: &Path, outdir: &Path, make: impl FnOnce() -> Result<Manifest, MediaError>) -> ExitCode {
    if let Err(message) = prepare(input, outdir) {
        return usage(&message);
    }
    // A decoder that panics is caught and becomes a refusal; its last words would spoil the one line of JSON.
    panic::set_hook(Box::new(|_| {}));
    let Err(error) = make() else { return ExitCode::from(DONE) };
    // What was finished before is of no use without the rest, and would be in the way of another try.
    if let Err(error) = clear(outdir) {
        tell(&format!("{} could not be emptied: {error}", outdir.display()));
    }
    match error {
        MediaError::Refused(refusal) => {
            tell(&line(&refusal));
            ExitCode::from(REFUSED)
        }
        MediaError::Transient(fault) => try_again(&with_causes(&fault)),
    }
}

/// Removes what was made in a folder that was empty before.
fn clear(outdir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(outdir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}

/// Reads the profile in a file, or answers the default one where none is named.
///
/// # Errors
///
/// What the caller got wrong, in words.
pub fn read_profile(file: Option<&Path>) -> Result<Profile, String> {
    let Some(file) = file else { return Ok(Profile::default()) };
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    text.parse().map_err(|error: UnusableProfile| format!("{}: {}", file.display(), with_causes(&error)))
}

/// Finds out what the caller got wrong, before any work.
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

/// Says what the caller got wrong.
#[must_use]
pub fn usage(message: &str) -> ExitCode {
    tell(message);
    ExitCode::from(USAGE)
}

/// Says what went wrong on our side.
#[must_use]
pub fn try_again(message: &str) -> ExitCode {
    tell(message);
    ExitCode::from(TRY_AGAIN)
}

/// The exit code of a fault, for whoever has to end the process himself.
pub const FAULT_CODE: i32 = TRY_AGAIN as i32;

/// Without stderr there is nobody to tell; the exit code still says it.
pub fn tell(message: &str) {
    let _unheard = writeln!(std::io::stderr(), "{message}");
}
