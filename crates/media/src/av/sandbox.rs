//! What a program that reads a stranger's file is fenced in with before it starts.
//!
//! `smmu-fence` (crates/fence) restricts itself and becomes the program, so that the child's process id is the program's
//! own: no socket, no other process, nothing to read but libraries and its source, nothing to write but its room.

use super::machine::child_memory_bytes;
use crate::error::Transient;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
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

/// What a child sees of this machine's files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room<'a> {
    /// The folder that it works in, and may write to.
    pub(crate) dir: &'a Path,
    /// The file that it reads, wherever that lies.
    pub(crate) source: &'a Path,
}

/// A command that runs `program` in a room, fenced in, bounded, without our environment, and dead as soon as we are. Its
/// streams and arguments are the caller's to set.
///
/// It dies with the thread that starts it, so that thread has to wait for it.
pub(crate) fn command(program: &Path, room: Room<'_>, bounds: &Bounds) -> Result<Command, Transient> {
    let fence = fence()?;
    let cores = thread::available_parallelism().map_or(1, usize::from) as u64;
    // Only a second bound, for when our own clock has died: every core for the whole time.
    let cpu_seconds = bounds.wall_time.as_secs().saturating_mul(cores).max(1);
    let mut command = Command::new(&fence.launcher);
    command.arg("run").arg("--room").arg(room.dir).arg("--read").arg(room.source);
    for (limit, value) in
        [("--memory-bytes", bounds.memory_bytes), ("--file-bytes", bounds.file_bytes), ("--cpu-seconds", cpu_seconds)]
    {
        command.arg(limit).arg(value.to_string());
    }
    if !fence.filters_system_calls {
        command.arg("--best-effort");
    }
    command
        .arg("--")
        .arg(program)
        .current_dir(room.dir)
        .env_clear()
        .env("LC_ALL", "C")
        // Each arena reserves 64 MiB of the address space.
        .env("MALLOC_ARENA_MAX", "2")
        // SVT-AV1 tells its settings otherwise.
        .env("SVT_LOG", "1")
        .stdin(Stdio::null());
    Ok(command)
}

/// Where a program is, by our own `PATH`; a fault that names the package where it is not.
pub(crate) fn find(name: &'static str, package: &'static str) -> Result<PathBuf, Transient> {
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_absolute() && file.is_file())
        .ok_or(Transient::MissingProgram { program: name, package })
}

/// The launcher's name.
const FENCE: &str = "smmu-fence";
/// `best-effort` lets children start where their system calls cannot be filtered; whatever else it says, they must be.
const VARIABLE: &str = "SMMU_FENCE";

/// The fence, as it holds on this machine.
struct Fence {
    launcher: PathBuf,
    filters_system_calls: bool,
}

/// The fence, tried the first time that it is asked for. From then on this process cannot be read by others of its user,
/// as its children are.
fn fence() -> Result<&'static Fence, Transient> {
    static TRIED: OnceLock<Fence> = OnceLock::new();
    if let Some(fence) = TRIED.get() {
        return Ok(fence);
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| Transient::Fence(error.to_string()))?;
    let launcher = launcher()?;
    let tried =
        Command::new(&launcher).arg("check").env_clear().stdin(Stdio::null()).output().map_err(Transient::Start)?;
    let (holds, complaint) = (String::from_utf8_lossy(&tried.stdout), String::from_utf8_lossy(&tried.stderr));
    let filters_system_calls = tried.status.success();
    if filters_system_calls {
        tracing::info!(holds = holds.trim(), "ffmpeg runs behind the fence");
    } else if env::var_os(VARIABLE).is_some_and(|value| value == "best-effort") {
        tracing::warn!(holds = holds.trim(), complaint = complaint.trim(), "ffmpeg runs with a part of the fence");
    } else {
        return Err(Transient::Fence(complaint.trim().to_owned()));
    }
    Ok(TRIED.get_or_init(|| Fence { launcher, filters_system_calls }))
}

/// Where the launcher is: beside our own program, or a folder up, since cargo puts tests and examples into one of their
/// own; else by our `PATH`.
fn launcher() -> Result<PathBuf, Transient> {
    let own = env::current_exe().unwrap_or_default();
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join(FENCE)).find(|file| file.is_file());
    let missing = |_| Transient::Fence(format!("{FENCE} is neither beside this program nor on PATH"));
    beside.map_or_else(|| find(FENCE, FENCE).map_err(missing), Ok)
}

/// Whether everything is here that a file is read with: the programs, and the fence around them.
///
/// # Errors
///
/// [`Transient::MissingProgram`] or [`Transient::Fence`].
pub fn check() -> Result<(), Transient> {
    fence()?;
    [Program::Ffmpeg, Program::Ffprobe].into_iter().try_for_each(|program| find(program.name(), "ffmpeg").map(drop))
}
