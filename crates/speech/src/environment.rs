//! What the engine's libraries read from the environment before `main` begins, so that it cannot be set from within.

use std::{env, io, os::unix::process::CommandExt, process::Command};

/// Names and values.
const WANTED: [(&str, &str); 4] = [
    // Threads that wait for each other sleep instead of spinning: libgomp's default costs 15% more CPU, and far more
    // where other programs want the cores.
    ("OMP_WAIT_POLICY", "passive"),
    // Memory that is given back after every step is asked for again in the next one; page by page that costs a third of the
    // encoder's time. One arena keeps what is held on to below 40 MB with whisper-base.
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "1073741824"),
];

/// Becomes this program again, with the same arguments and the environment that the engine is fast with, unless whoever
/// started it has set all of that, to whatever values. Call it first in `main`.
///
/// # Errors
///
/// That the program cannot be started again. It can go on then, and is slower.
pub fn settle() -> io::Result<()> {
    let missing = || WANTED.iter().filter(|(name, _)| env::var_os(name).is_none());
    if missing().next().is_none() {
        return Ok(());
    }
    Err(Command::new(env::current_exe()?).args(env::args_os().skip(1)).envs(missing().copied()).exec())
}
