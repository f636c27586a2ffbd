//! State kept between runs: the media id of each upload in progress.
//!
//! Each upload has one small file in the system's folder for program state, named by a hash of the API and the file's
//! path. It holds no secret and no list of parts: the API is asked which parts have arrived.

use crate::{show::Line, upload::Wanted};
use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{MediaId, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// Identifies a file by properties that change with its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Canonical path.
    path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Modification time in nanoseconds since 1970; 0 if unknown.
    modified_ns: u64,
}

impl Identity {
    /// The current identity of the file at `path`.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified_ns = modified.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or_default();
        Ok(Self { path: fs::canonicalize(path)?, bytes: metadata.len(), modified_ns })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(flatten)]
    file: Identity,
    /// Digest of the upload's options.
    wanted: Sha256,
    media_id: MediaId,
}

/// The stored state of one file's upload to one API.
pub struct Memory {
    record: Option<PathBuf>,
    file: Identity,
    wanted: Sha256,
}

impl Memory {
    /// The stored state of a file's upload to the API at `api`. Without a state folder, nothing is stored.
    #[must_use]
    pub fn of(api: &str, file: Identity, wanted: &Wanted) -> Self {
        let record = folder().map(|folder| folder.join(name(api, &file.path)));
        Self { record, file, wanted: digest(wanted) }
    }

    /// The upload in progress of the same file with the same options. `None` if the file has changed.
    #[must_use]
    pub fn recall(&self) -> Option<MediaId> {
        let text = fs::read_to_string(self.record.as_ref()?).ok()?;
        let record: Record = serde_json::from_str(&text).ok()?;
        (record.file == self.file && record.wanted == self.wanted).then_some(record.media_id)
    }

    /// Stores an upload. A failure is only noted: the upload can go on.
    pub fn remember(&self, media_id: &MediaId, line: &Line) {
        let Some(path) = &self.record else { return };
        let record = Record { file: self.file.clone(), wanted: self.wanted, media_id: media_id.clone() };
        if let Err(error) = write(path, &record) {
            line.note(&format!("this upload cannot be resumed by another run: {}: {error}", path.display()));
        }
    }

    /// Deletes the state of an upload that has completed or can no longer complete.
    pub fn forget(&self) {
        if let Some(path) = &self.record {
            // A leftover file is harmless: the API reports that the upload has ended.
            fs::remove_file(path).ok();
        }
    }
}

/// Digest of the options of an upload.
fn digest(wanted: &Wanted) -> Sha256 {
    let request = serde_json::json!({ "labels": wanted.labels, "choice": wanted.choice });
    Sha256::from_bytes(Hasher::digest(request.to_string()).into())
}

fn folder() -> Option<PathBuf> {
    let places = choose_base_strategy().ok()?;
    Some(places.state_dir().unwrap_or_else(|| places.cache_dir()).join("smmu").join("uploads"))
}

/// A file name that is valid on any file system.
fn name(api: &str, path: &Path) -> String {
    let hasher = Hasher::new().chain_update(api).chain_update([0]).chain_update(path.as_os_str().as_encoded_bytes());
    format!("{}.json", Sha256::from_bytes(hasher.finalize().into()))
}

/// Writes a temporary file and renames it, so a partial record is never visible.
fn write(path: &Path, record: &Record) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&file, record)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Identity, Memory, digest, name};
    use crate::{show::Show, upload::Wanted};
    use std::{fs, path::Path};

    #[test]
    fn an_upload_is_recalled_only_for_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("film.mp4");
        fs::write(&file, "one").unwrap();
        let record = folder.path().join("state/uploads/record.json");
        let wanting = |wanted: &Wanted| Memory {
            record: Some(record.clone()),
            file: Identity::of(&file).unwrap(),
            wanted: digest(wanted),
        };
        let memory = || wanting(&Wanted::default());
        let media = "med_01j00000000000000000000000".parse().unwrap();
        let line = Show::on_stderr().line("film.mp4");
        assert_eq!(memory().recall(), None);
        memory().remember(&media, &line);
        assert_eq!(memory().recall(), Some(media));
        let labels = smmu_core::Labels::new(Some("order-7".into()), std::collections::BTreeMap::new()).unwrap();
        assert_eq!(wanting(&Wanted { labels, ..Wanted::default() }).recall(), None, "other options");
        fs::write(&file, "other").unwrap();
        assert_eq!(memory().recall(), None, "other content");
        memory().forget();
        memory().forget();
        assert!(!record.exists());
    }

    #[test]
    fn an_unusable_record_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("film.mp4");
        fs::write(&file, "one").unwrap();
        for record in [None, Some(file.join("below-a-file.json"))] {
            let wanted = digest(&Wanted::default());
            let memory = Memory { record, file: Identity::of(&file).unwrap(), wanted };
            memory.remember(&"med_01j00000000000000000000000".parse().unwrap(), &Show::on_stderr().line("a"));
            assert_eq!(memory.recall(), None);
        }
        let wanted = digest(&Wanted::default());
        let memory = Memory { record: Some(file.clone()), file: Identity::of(&file).unwrap(), wanted };
        assert_eq!(memory.recall(), None, "not a record");
    }

    #[test]
    fn each_api_and_path_has_a_record_of_its_own() {
        let names = [
            name("https://a", Path::new("/b")),
            name("https://a/", Path::new("b")),
            name("https://c", Path::new("/b")),
        ];
        assert!(names[0] != names[1] && names[0] != names[2]);
    }
}
