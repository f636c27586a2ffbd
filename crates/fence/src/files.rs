//! File access of a program: it can read libraries and its source, and read and write its room. Enforced by Landlock,
//! which exists since Linux 5.13 but is not enabled in every kernel.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// Landlock version whose rights are requested. An older kernel applies those that it knows.
const RIGHTS: ABI = ABI::V6;

/// Directories with libraries, and the loader's cache of their paths.
const LIBRARIES: &[&str] =
    &["/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"];
/// Program loaders, which the kernel executes to start a program.
const LOADERS: &[&str] = &["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
/// The number of processors, which determines how many threads encoders start, and random bytes. Nothing about any
/// process.
const MACHINE: &[&str] = &["/sys/devices/system/cpu", "/proc/cpuinfo", "/dev/urandom"];
const NULL_DEVICE: &str = "/dev/null";

/// Paths to allow in addition to the constants above.
#[derive(Default)]
pub(crate) struct Access<'a> {
    pub(crate) room: Option<&'a Path>,
    pub(crate) read: &'a [PathBuf],
    pub(crate) program: Option<&'a Path>,
}

/// How much of the restriction the kernel enforces.
#[derive(Clone, Copy)]
pub(crate) enum Enforcement {
    Full,
    /// By an older kernel: files are restricted; sockets and signals possibly not.
    Partial,
    Missing,
}

impl Enforcement {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Missing => "missing",
        }
    }
}

pub(crate) fn restrict(access: &Access<'_>) -> Result<Enforcement, String> {
    let status = rules(access).map_err(|error| format!("failed to restrict files: {error}"))?;
    Ok(match status {
        RulesetStatus::FullyEnforced => Enforcement::Full,
        RulesetStatus::PartiallyEnforced => Enforcement::Partial,
        RulesetStatus::NotEnforced => Enforcement::Missing,
    })
}

fn rules(access: &Access<'_>) -> Result<RulesetStatus, RulesetError> {
    let look = AccessFs::ReadFile | AccessFs::ReadDir;
    let start = AccessFs::ReadFile | AccessFs::Execute;
    let work = look | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile;
    let mut allowed: Vec<(&Path, BitFlags<AccessFs>)> = Vec::new();
    allowed.extend(LIBRARIES.iter().chain(MACHINE).map(|path| (Path::new(path), look)));
    allowed.extend(LOADERS.iter().map(|path| (Path::new(path), start)));
    allowed.push((Path::new(NULL_DEVICE), AccessFs::ReadFile | AccessFs::WriteFile));
    allowed.extend(access.program.map(|path| (path, start)));
    // Libraries that are installed with the program, such as /opt/x/lib for /opt/x/bin/program.
    let own_libraries = access.program.and_then(|path| Some(path.canonicalize().ok()?.ancestors().nth(2)?.join("lib")));
    allowed.extend(own_libraries.iter().map(|path| (path.as_path(), look)));
    allowed.extend(access.read.iter().map(|path| (path.as_path(), AccessFs::ReadFile.into())));
    allowed.extend(access.room.map(|path| (path, work)));

    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(RIGHTS))?
        .handle_access(AccessNet::from_all(RIGHTS))?
        .scope(Scope::from_all(RIGHTS))?
        .create()?;
    for (path, rights) in allowed {
        // A missing path needs no rule.
        let Ok(file) = PathFd::new(path) else { continue };
        let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(RIGHTS) };
        ruleset = ruleset.add_rule(PathBeneath::new(file, rights))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}
