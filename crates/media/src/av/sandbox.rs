//! What a program that reads a stranger's file is wrapped in before it starts.
//!
//! The wrappers are util-linux's (`prlimit`, `unshare`, `setpriv`): each sets one thing about itself
//! and becomes the next, so that the child's process id is the program's own and nothing of ours is
//! `unsafe`.

use super::machine::child_memory_bytes;
use crate::error::Fault;
use smmu_core::av::AvLimits;
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

/// What a child may use up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Address space in bytes.
    pub(crate) memory_bytes: u64,
    /// Largest file that it may write, in bytes.
    pub(crate) file_bytes: u64,
    /// Longest that it may run.
    pub(crate) wall_time: Duration,
}

impl Bounds {
    /// What the limits allow, as far as this machine has it.
    pub(crate) fn of(limits: &AvLimits, wall_time: Duration) -> Self {
        let memory_bytes = limits.max_child_memory_bytes.min(child_memory_bytes());
        Self { memory_bytes, file_bytes: limits.max_output_bytes, wall_time }
    }
}

/// The programs that read media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Decodes and encodes.
    Ffmpeg,
    /// Describes.
    Ffprobe,
}

impl Program {
    /// Its name, which is its file's.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg",
            Self::Ffprobe => "ffprobe",
        }
    }
}

/// A command that runs `program` in `dir`, bounded, without our environment, without the network
/// where that can be taken away, and dead as soon as we are. Its streams and arguments are the caller's to set.
///
/// It dies with the thread that starts it, so that thread has to wait for it.
pub(crate) fn command(program: &Path, dir: &Path, bounds: &Bounds) -> Result<Command, Fault> {
    let cores = thread::available_parallelism().map_or(1, usize::from) as u64;
    // Only a second fence, for when our own clock has died: every core for the whole time.
    let cpu_seconds = bounds.wall_time.as_secs().saturating_mul(cores).max(1);
    let mut command = Command::new(find("prlimit", UTIL_LINUX)?);
    command
        .arg(format!("--as={}", bounds.memory_bytes))
        .arg(format!("--fsize={}", bounds.file_bytes))
        .arg(format!("--cpu={cpu_seconds}"))
        .args(["--core=0", "--nofile=256"])
        .args(without_network())
        .arg(find("setpriv", UTIL_LINUX)?)
        .args(["--pdeathsig", "KILL", "--no-new-privs"])
        .arg(program)
        .current_dir(dir)
        .env_clear()
        .env("LC_ALL", "C")
        // Each arena reserves 64 MiB of the address space.
        .env("MALLOC_ARENA_MAX", "2")
        // SVT-AV1 tells its settings otherwise.
        .env("SVT_LOG", "1")
        .stdin(Stdio::null());
    Ok(command)
}

/// Debian's name of the package with the wrappers.
const UTIL_LINUX: &str = "util-linux";

/// Where a program is, by our own `PATH`; a fault that names the package where it is not.
pub(crate) fn find(name: &'static str, package: &'static str) -> Result<PathBuf, Fault> {
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_absolute() && file.is_file())
        .ok_or(Fault::MissingProgram { program: name, package })
}

/// The words in front of a program that take the network away from it; none where the platform does not
/// let us (containers without the right to make namespaces). Then ffmpeg's own whitelists stand alone.
fn without_network() -> &'static [OsString] {
    static WORDS: OnceLock<Vec<OsString>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let Ok(unshare) = find("unshare", UTIL_LINUX) else { return Vec::new() };
        // With the right to do so; else in a user namespace, where everyone has it.
        for options in [&["--net"][..], &["--user", "--map-current-user", "--net"]] {
            let mut words = vec![unshare.clone().into_os_string()];
            words.extend(options.iter().map(OsString::from));
            let tried = Command::new(&words[0])
                .args(&words[1..])
                .arg("true")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if tried.is_ok_and(|status| status.success()) {
                tracing::info!(?options, "ffmpeg runs without a network");
                return words;
            }
        }
        tracing::warn!("ffmpeg cannot be cut off from the network here; its protocol whitelist alone keeps it off");
        Vec::new()
    })
}

/// Whether children have no network.
#[cfg(test)]
pub(super) fn network_is_cut() -> bool {
    !without_network().is_empty()
}
