//! Finds the files to upload, and determines their type, size and digest.

use crate::{
    error::Error,
    show::{Line, Meter},
};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Sha256, detect, detect::HEAD_BYTES, formats, policy::UNKNOWN_TYPE};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Number of bytes read and hashed at once.
const CHUNK_BYTES: usize = 1 << 20;

/// The facts about a file that a request for an upload needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    /// Media type.
    pub content_type: &'static str,
    /// Number of bytes hashed.
    pub bytes: u64,
    /// Digest of the content.
    pub sha256: Sha256,
}

/// The files of the arguments. A folder stands for each visible file directly in it, sorted by name.
pub fn find(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in arguments {
        let unreadable = |cause| Error::Unreadable { path: path.clone(), cause };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            let inside = files_in(path).map_err(unreadable)?;
            if inside.is_empty() {
                return Err(Error::usage(format!("no files in {}", path.display())));
            }
            files.extend(inside);
        } else if metadata.is_file() {
            files.push(path.clone());
        } else {
            return Err(Error::usage(format!("{} is neither a file nor a folder", path.display())));
        }
    }
    Ok(files)
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // Follows links; skips dangling ones.
        let is_file = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file());
        if is_file && !hidden {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a whole file once, one chunk at a time.
pub async fn examine(path: &Path, line: &Line) -> Result<Facts, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    line.transfer("hashing", bytes);
    let (owned, meter) = (path.to_owned(), line.meter());
    let read = tokio::task::spawn_blocking(move || read(&owned, &meter)).await;
    read.map_err(|error| unreadable(io::Error::other(error)))?.map_err(unreadable)
}

fn read(path: &Path, meter: &Meter) -> io::Result<Facts> {
    let mut file = File::open(path)?;
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let mut hasher = Hasher::new_with_prefix(&head);
    let mut bytes = head.len() as u64;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&chunk[..count]);
        bytes += count as u64;
        meter.add(count as u64);
    }
    let sha256 = Sha256::from_bytes(hasher.finalize().into());
    Ok(Facts { content_type: content_type(&head, path), bytes, sha256 })
}

/// The media type of a file, from its first bytes and its name.
pub fn content_type_of(path: &Path) -> io::Result<&'static str> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(content_type(&head, path))
}

/// The type from the content, else from the name: some formats, such as bare MPEG audio, have no signature.
fn content_type(head: &[u8], path: &Path) -> &'static str {
    detect(head).map(|format| format.content_type).or_else(|| claimed_type(path)).unwrap_or(UNKNOWN_TYPE)
}

fn claimed_type(path: &Path) -> Option<&'static str> {
    formats::of_extension(&path.extension()?.to_str()?.to_ascii_lowercase()).map(|claim| claim.media_type)
}

/// The file's name without folders, as sent to the API.
#[must_use]
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{content_type, examine, find};
    use crate::{error::Exit, show::Show};
    use std::{fs, path::Path};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn a_folder_stands_for_its_visible_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.jpg", "a.png", ".hidden"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("inner/c.jpg"), "c").unwrap();
        let found = find(&[folder.path().to_owned(), folder.path().join(".hidden")]).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.png", "b.jpg", ".hidden"]);
    }

    #[test]
    fn a_missing_file_or_an_empty_folder_is_a_usage_error() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("missing.jpg")] {
            assert_eq!(find(&[path]).unwrap_err().exit(), Exit::Usage);
        }
    }

    #[test]
    fn the_type_comes_from_the_content_then_from_the_name() {
        assert_eq!(content_type(PNG, Path::new("a.jpg")), "image/png");
        assert_eq!(content_type(b"no mark", Path::new("a.MP3")), "audio/mpeg");
        assert_eq!(content_type(b"no mark", Path::new("a.txt")), "application/octet-stream");
        assert_eq!(content_type(b"", Path::new("a")), "application/octet-stream");
    }

    #[tokio::test]
    async fn a_file_longer_than_one_chunk_is_hashed_completely() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let content = [PNG, &vec![7; 3_000_000]].concat();
        std::io::Write::write_all(&mut file, &content).unwrap();
        let facts = examine(file.path(), &Show::on_stderr().line("a")).await.unwrap();
        assert_eq!((facts.bytes, facts.content_type), (content.len() as u64, "image/png"));
        let whole: [u8; 32] =
            sha2::Digest::finalize(sha2::Digest::chain_update(super::Hasher::default(), &content)).into();
        assert_eq!(facts.sha256.as_bytes(), &whole);
    }
}
