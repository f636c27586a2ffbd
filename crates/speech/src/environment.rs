//! Environment variables that the engine's libraries read before `main` starts, so the program cannot set them for
//! itself.

use std::{env, io, os::unix::process::CommandExt, process::Command};

/// Names and values of the variables.
const WANTED: [(&str, &str); 4] = [
    // Waiting threads sleep instead of spinning: libgomp's default costs 15% more CPU, and far more when other programs
    // need the cores.
    ("OMP_WAIT_POLICY", "passive"),
    // Keep freed memory: the next step needs it again, and faulting it in page by page costs a third of the encoder's
    // time. With one arena, less than 40 MB are kept with whisper-base.
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "1073741824"),
];

/// Executes this program again with the same arguments and the missing variables set. Returns if all are set already,
/// to any value. Call it first in `main`.
///
/// # Errors
///
/// If the program cannot be executed again. It can continue, but is slower.
pub fn settle() -> io::Result<()> {
    let missing = || WANTED.iter().filter(|(name, _)| env::var_os(name).is_none());
    if missing().next().is_none() {
        return Ok(());
    }
    Err(Command::new(env::current_exe()?).args(env::args_os().skip(1)).envs(missing().copied()).exec())
}
