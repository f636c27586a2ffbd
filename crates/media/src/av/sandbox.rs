//! Sandbox for programs that read untrusted files.
//!
//! `smmu-fence` (crates/fence) restricts itself and then executes the program, so that the child's process id is the
//! program's. The program has no sockets and sees no other process; it reads only libraries and its source, and writes
//! only to its room.

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

/// Resource limits of a child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Address space in bytes.
    pub(crate) memory_bytes: u64,
    /// Size of the largest file that it can write, in bytes.
    pub(crate) file_bytes: u64,
    /// Time after which it is killed.
    pub(crate) wall_time: Duration,
}

impl Bounds {
    /// Takes the bounds from the limits, with no more memory than this machine has for a child.
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
    /// Prints a description of a file.
    Ffprobe,
}

impl Program {
    /// Name of its executable.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg",
            Self::Ffprobe => "ffprobe",
        }
    }
}

/// Files of this machine that a child can see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room<'a> {
    /// Its working directory, the only one that it can write to.
    pub(crate) dir: &'a Path,
    /// The file that it reads; can be outside `dir`.
    pub(crate) source: &'a Path,
    /// Demuxer to open it with, if ffmpeg would choose another.
    pub(crate) demuxer: Option<&'static str>,
}

/// A command that runs `program` sandboxed in a room, with resource limits and without our environment. It is killed
/// when our process ends. The caller sets its output streams and arguments.
///
/// It dies with the thread that starts it, so that thread must wait for it.
pub(crate) fn command(program: &Path, room: Room<'_>, bounds: &Bounds) -> Result<Command, Transient> {
    let fence = fence()?;
    let cores = thread::available_parallelism().map_or(1, usize::from) as u64;
    // A fallback in case our own deadline fails: CPU time of every core for the whole wall time.
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
        // Otherwise SVT-AV1 logs its settings.
        .env("SVT_LOG", "1")
        .stdin(Stdio::null());
    Ok(command)
}

/// Finds a program on our own `PATH`; the error names its package.
pub(crate) fn find(name: &'static str, package: &'static str) -> Result<PathBuf, Transient> {
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_absolute() && file.is_file())
        .ok_or(Transient::MissingProgram { program: name, package })
}

/// Name of the launcher's executable.
const FENCE: &str = "smmu-fence";
/// Environment variable. `best-effort` lets children start even if their system calls cannot be filtered; with any
/// other value, or none, filtering is required.
const VARIABLE: &str = "SMMU_FENCE";

/// The launcher, and the restrictions that it can apply on this machine.
struct Fence {
    launcher: PathBuf,
    filters_system_calls: bool,
}

/// Finds the fence; checks it on the first call. Also makes this process unreadable to other processes of its user,
/// which include its children.
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
        tracing::warn!(
            holds = holds.trim(),
            complaint = complaint.trim(),
            "ffmpeg runs with part of the fence; this kernel lacks the rest"
        );
    } else {
        return Err(Transient::Fence(complaint.trim().to_owned()));
    }
    Ok(TRIED.get_or_init(|| Fence { launcher, filters_system_calls }))
}

/// Finds the launcher: next to our own program, or one folder up because cargo puts tests and examples into subfolders,
/// or else on our `PATH`.
fn launcher() -> Result<PathBuf, Transient> {
    let own = env::current_exe().unwrap_or_default();
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join(FENCE)).find(|file| file.is_file());
    let missing = |_| Transient::Fence(format!("{FENCE} is neither next to this program nor on PATH"));
    beside.map_or_else(|| find(FENCE, FENCE).map_err(missing), Ok)
}

/// Checks that everything needed to read a file is installed: the programs, and the fence around them.
///
/// # Errors
///
/// [`Transient::MissingProgram`] or [`Transient::Fence`].
pub fn check() -> Result<(), Transient> {
    fence()?;
    [Program::Ffmpeg, Program::Ffprobe].into_iter().try_for_each(|program| find(program.name(), "ffmpeg").map(drop))
}
