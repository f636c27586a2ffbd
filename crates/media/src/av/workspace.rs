//! The private folder in which children work, and publishing from it.

use super::{failure::too_large, line::SOURCE, sandbox::Room};
use crate::error::{MediaError, Transient};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Artifact, Role, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{MetadataExt as _, symlink},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A private folder inside the output folder, deleted on drop. Finished files are moved out of it, so that files
/// appear in the output folder only when complete.
pub(crate) struct Workspace<'a> {
    private: TempDir,
    input: PathBuf,
    out_dir: &'a Path,
    max_bytes: u64,
    published_bytes: u64,
    demuxer: Option<&'static str>,
}

impl<'a> Workspace<'a> {
    /// Creates the folder, with only a link to the input in it.
    pub(crate) fn open(input: &Path, out_dir: &'a Path, max_bytes: u64) -> Result<Self, Transient> {
        let unwritable = |source| Transient::Write { path: out_dir.to_owned(), source };
        let private = tempfile::Builder::new().prefix(".transcode-").tempdir_in(out_dir).map_err(unwritable)?;
        let input = fs::canonicalize(input).map_err(Transient::Read)?;
        symlink(&input, private.path().join(SOURCE)).map_err(unwritable)?;
        Ok(Self { private, input, out_dir, max_bytes, published_bytes: 0, demuxer: None })
    }

    /// Has children open the source with this demuxer.
    pub(crate) fn opened_with(self, demuxer: Option<&'static str>) -> Self {
        Self { demuxer, ..self }
    }

    /// Opens the source for reading.
    pub(crate) fn source(&self) -> Result<File, Transient> {
        File::open(self.path(SOURCE)).map_err(Transient::Read)
    }

    /// Replaces the link to the input with a copy of its first bytes, because ffmpeg cannot open it with the rest.
    pub(crate) fn keep_first(&self, bytes: u64) -> Result<(), Transient> {
        let (path, part) = (self.path(SOURCE), self.path("source.part"));
        let unwritable = |source| Transient::Write { path: path.clone(), source };
        let mut copy = File::create(&part).map_err(unwritable)?;
        io::copy(&mut self.source()?.take(bytes), &mut copy).map_err(unwritable)?;
        fs::rename(&part, &path).map_err(unwritable)
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        self.private.path()
    }

    /// Files that children can see: the folder, and the input that its link points to.
    pub(crate) fn room(&self) -> Room<'_> {
        Room { dir: self.dir(), source: &self.input, demuxer: self.demuxer }
    }

    /// Path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.private.path().join(name)
    }

    /// Returns whether the folder contains this file.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).is_file()
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), Transient> {
        let path = self.path(name);
        fs::write(&path, content).map_err(|source| Transient::Write { path, source })
    }

    /// Refuses if the published and the unfinished files together exceed the size limit.
    pub(crate) fn check_size(&self) -> Result<(), MediaError> {
        let mut bytes = self.published_bytes;
        for entry in fs::read_dir(self.dir()).map_err(Transient::Read)? {
            // Skip files that their writer has just moved, the link to the source, and published files (two hard
            // links).
            let Ok(facts) = entry.and_then(|entry| entry.metadata()) else { continue };
            bytes += if facts.is_file() && facts.nlink() == 1 { facts.len() } else { 0 };
        }
        if bytes > self.max_bytes { Err(too_large()) } else { Ok(()) }
    }

    /// Moves a finished file into the output folder.
    pub(crate) fn publish(&mut self, name: &str, role: Role, content_type: &str) -> Result<Artifact, MediaError> {
        self.publish_by(name, role, content_type, |from, into| fs::rename(from, into))
    }

    /// Like [`Self::publish`], but keeps the file because other outputs are made from it: publishes a hard link, or a
    /// copy where the file system has no hard links.
    pub(crate) fn publish_kept(&mut self, name: &str, role: Role, content_type: &str) -> Result<Artifact, MediaError> {
        let publish = |from: &Path, into: &Path| fs::hard_link(from, into).or_else(|_| fs::copy(from, into).map(drop));
        self.publish_by(name, role, content_type, publish)
    }

    fn publish_by(
        &mut self,
        name: &str,
        role: Role,
        content_type: &str,
        publish: fn(&Path, &Path) -> io::Result<()>,
    ) -> Result<Artifact, MediaError> {
        self.check_size()?;
        let path = self.path(name);
        let mut file = File::open(&path).map_err(|_| Transient::Output(format!("{name} was not made")))?;
        let (bytes, sha256) = digest(&mut file, || false).map_err(Transient::Read)?;
        let published = self.out_dir.join(name);
        publish(&path, &published).map_err(|source| Transient::Write { path: published, source })?;
        self.published_bytes += bytes;
        Ok(Artifact::new(name, role, content_type, bytes, sha256))
    }
}

/// Size and digest of a file. Ends early, with those of the part read so far, once `stop` returns true.
pub(crate) fn digest(file: &mut File, stop: impl Fn() -> bool) -> io::Result<(u64, Sha256)> {
    let mut buffer = vec![0; 256 * 1024];
    let mut hasher = Hasher::new();
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 || stop() {
            return Ok((bytes, Sha256::from_bytes(hasher.finalize().into())));
        }
        bytes += read as u64;
        hasher.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_files_are_moved_out_and_all_others_are_deleted() {
        let out = tempfile::tempdir().expect("a folder");
        let input = out.path().join("input");
        fs::write(&input, b"source").expect("written");
        let mut space = Workspace::open(&input, out.path(), 100).expect("a folder");
        assert_eq!(fs::read(space.path(SOURCE)).expect("linked"), b"source");
        space.write("poster.jpg", b"abc").expect("written");
        space.write("half-made", b"").expect("written");
        let artifact = space.publish("poster.jpg", Role::Poster, "image/jpeg").expect("published");
        assert_eq!((artifact.bytes, artifact.sha256), (3, Sha256::from_bytes(Hasher::digest(b"abc").into())));
        drop(space);
        let mut left: Vec<_> =
            fs::read_dir(out.path()).expect("listed").map(|entry| entry.expect("read").file_name()).collect();
        left.sort();
        assert_eq!(left, ["input", "poster.jpg"]);
    }

    #[test]
    fn keeping_the_first_bytes_of_the_source_leaves_the_input_unchanged() {
        let out = tempfile::tempdir().expect("a folder");
        let input = out.path().join("input");
        fs::write(&input, b"whole and torn").expect("written");
        let space = Workspace::open(&input, out.path(), 100).expect("a folder");
        space.keep_first(5).expect("copied");
        assert_eq!(fs::read(space.path(SOURCE)).expect("read"), b"whole");
        assert_eq!(fs::read(&input).expect("read"), b"whole and torn");
    }

    #[test]
    fn the_total_size_is_limited_and_excludes_the_source() {
        let out = tempfile::tempdir().expect("a folder");
        let input = out.path().join("input");
        fs::write(&input, vec![0; 1000]).expect("written");
        let mut space = Workspace::open(&input, out.path(), 100).expect("a folder");
        space.write("a", &[0; 60]).expect("written");
        space.publish("a", Role::Rendition, "video/mp4").expect("fits");
        space.write("b", &[0; 40]).expect("written");
        space.check_size().expect("fits");
        space.publish_kept("b", Role::Rendition, "video/mp4").expect("fits");
        assert!(space.has("b") && out.path().join("b").is_file());
        space.check_size().expect("fits");
        space.write("c", &[0; 1]).expect("written");
        let Err(MediaError::Refused(refusal)) = space.check_size() else { panic!("101 bytes are too many") };
        assert_eq!(refusal.code, smmu_core::ErrorCode::OutputTooLarge);
    }
}
