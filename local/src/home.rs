//! The files of a running cloud, and the cleanup after a killed one.
//!
//! `<state dir>/cloud-<port>/` contains `lock` (locked while the cloud runs; the kernel releases it when the process
//! ends, for any reason), `cloud.json`, `logs/` and `tmp/`. The socket is elsewhere, because the path of a socket is
//! limited to about 100 bytes.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::LocalError;

/// Prefix of the names of folders with sockets.
const SOCKETS: &str = "smmu-";

/// The folder of one running cloud. Dropping this removes the temporary files; the logs stay.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    sockets: TempDir,
    _lock: File,
}

impl Home {
    /// Claims the folder for `port` in `state_dir`, after removing what killed clouds left in `state_dir`.
    pub(crate) fn take(state_dir: &Path, port: u16) -> Result<Self, LocalError> {
        fs::create_dir_all(state_dir).map_err(LocalError::io("make", state_dir))?;
        // Held until our own lock is taken, so that no other cloud removes the folder before that.
        let gate_path = state_dir.join("lock");
        let gate = File::create(&gate_path).map_err(LocalError::io("make", &gate_path))?;
        gate.lock().map_err(LocalError::io("lock", &gate_path))?;

        remove_dead(state_dir)?;
        let dir = dir_of(state_dir, port);
        if dir.exists() {
            let pid = fs::read_to_string(dir.join("lock")).unwrap_or_default();
            return Err(LocalError::AlreadyRunning { port, pid });
        }
        for part in ["logs", "tmp"] {
            fs::create_dir_all(dir.join(part)).map_err(LocalError::io("make", dir.join(part)))?;
        }
        let lock_path = dir.join("lock");
        fs::write(&lock_path, std::process::id().to_string()).map_err(LocalError::io("write", &lock_path))?;
        let lock = File::open(&lock_path).map_err(LocalError::io("open", &lock_path))?;
        lock.lock().map_err(LocalError::io("lock", &lock_path))?;

        let short = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let sockets = tempfile::Builder::new()
            .prefix(SOCKETS)
            .tempdir_in(&short)
            .map_err(LocalError::io("make a folder in", &short))?;
        symlink(sockets.path(), dir.join("sockets")).map_err(LocalError::io("link", dir.join("sockets")))?;
        Ok(Self { dir, sockets, _lock: lock })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Path of the lock file, which is locked as long as this value lives.
    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.sockets.path().join("engine.sock")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Anything that remains is removed at the next start.
        let _ = fs::remove_dir_all(self.tmp());
        let _ = fs::remove_file(self.dir.join("cloud.json"));
    }
}

/// The folder of the cloud on `port`.
pub(crate) fn dir_of(state_dir: &Path, port: u16) -> PathBuf {
    state_dir.join(format!("cloud-{port}"))
}

/// Removes the folders of clouds that no longer run: those whose lock is free.
fn remove_dead(state_dir: &Path) -> Result<(), LocalError> {
    let entries = fs::read_dir(state_dir).map_err(LocalError::io("read", state_dir))?;
    for dir in entries.flatten().map(|entry| entry.path()) {
        let ours = dir.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"cloud-"));
        if !ours || is_locked(&dir.join("lock"))? {
            continue;
        }
        if let Ok(sockets) = fs::read_link(dir.join("sockets"))
            && sockets.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(SOCKETS.as_bytes()))
            && sockets.exists()
        {
            fs::remove_dir_all(&sockets).map_err(LocalError::io("remove", &sockets))?;
        }
        fs::remove_dir_all(&dir).map_err(LocalError::io("remove", &dir))?;
    }
    Ok(())
}

/// Returns whether the cloud with this lock file is running.
pub(crate) fn is_locked(path: &Path) -> Result<bool, LocalError> {
    let Ok(file) = File::open(path) else { return Ok(false) };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(LocalError::io("lock", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remains_of_killed_clouds_are_removed_and_running_clouds_are_kept() {
        let state = tempfile::tempdir().expect("a folder");
        let orphaned = tempfile::Builder::new().prefix(SOCKETS).tempdir().expect("a folder").keep();
        let running = Home::take(state.path(), 4001).expect("takes");
        let dead = dir_of(state.path(), 4002);
        fs::create_dir_all(dead.join("tmp")).expect("makes");
        fs::write(dead.join("lock"), "1").expect("writes");
        symlink(&orphaned, dead.join("sockets")).expect("links");

        let other = Home::take(state.path(), 4003).expect("takes");

        assert!(!dead.exists() && !orphaned.exists());
        assert!(running.dir().exists() && other.dir().exists());
        assert!(matches!(Home::take(state.path(), 4001), Err(LocalError::AlreadyRunning { port: 4001, .. })));
    }

    #[test]
    fn a_stopped_cloud_keeps_its_logs_and_frees_its_folder() {
        let state = tempfile::tempdir().expect("a folder");
        let first = Home::take(state.path(), 4001).expect("takes");
        let (logs, socket) = (first.logs(), first.socket());
        drop(first);
        assert!(logs.exists());
        assert!(!socket.parent().expect("has a folder").exists());
        Home::take(state.path(), 4001).expect("takes again");
    }
}
