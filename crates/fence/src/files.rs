//! Which files a program reaches: libraries and its source to read, its room to write. By Landlock, which Linux has since
//! 5.13 and not every kernel has turned on.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// The newest rights that are asked for; a kernel that knows fewer applies those it knows.
const RIGHTS: ABI = ABI::V6;

/// Where libraries are, and what the loader needs to find them.
const LIBRARIES: &[&str] =
    &["/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"];
/// What the kernel starts in order to start a program.
const LOADERS: &[&str] = &["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
/// How many processors there are: encoders start as many threads. Nothing of any process.
const MACHINE: &[&str] = &["/sys/devices/system/cpu", "/proc/cpuinfo", "/dev/urandom"];
const NOWHERE: &str = "/dev/null";

/// What is let through beside libraries.
#[derive(Default)]
pub(crate) struct Access<'a> {
    pub(crate) room: Option<&'a Path>,
    pub(crate) read: &'a [PathBuf],
    pub(crate) program: Option<&'a Path>,
}

/// How much of it holds.
#[derive(Clone, Copy)]
pub(crate) enum Held {
    Full,
    /// Of an older kernel: files do, sockets and signals may not.
    Partly,
    Missing,
}

impl Held {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partly => "partial",
            Self::Missing => "missing",
        }
    }
}

pub(crate) fn restrict(access: &Access<'_>) -> Result<Held, String> {
    let status = rules(access).map_err(|error| format!("failed to restrict files: {error}"))?;
    Ok(match status {
        RulesetStatus::FullyEnforced => Held::Full,
        RulesetStatus::PartiallyEnforced => Held::Partly,
        RulesetStatus::NotEnforced => Held::Missing,
    })
}

fn rules(access: &Access<'_>) -> Result<RulesetStatus, RulesetError> {
    let look = AccessFs::ReadFile | AccessFs::ReadDir;
    let start = AccessFs::ReadFile | AccessFs::Execute;
    let work = look | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile;
    let mut allowed: Vec<(&Path, BitFlags<AccessFs>)> = Vec::new();
    allowed.extend(LIBRARIES.iter().chain(MACHINE).map(|path| (Path::new(path), look)));
    allowed.extend(LOADERS.iter().map(|path| (Path::new(path), start)));
    allowed.push((Path::new(NOWHERE), AccessFs::ReadFile | AccessFs::WriteFile));
    allowed.extend(access.program.map(|path| (path, start)));
    // Of a program that brought its own.
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
        // What is not there needs no rule.
        let Ok(file) = PathFd::new(path) else { continue };
        let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(RIGHTS) };
        ruleset = ruleset.add_rule(PathBeneath::new(file, rights))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}
