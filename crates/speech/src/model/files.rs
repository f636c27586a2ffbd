//! Verifies the files in a model's folder, byte for byte.

use crate::{
    vad::InvalidWeights,
    vocabulary::{VOCABULARY_JSON, VOCABULARY_TXT},
};
use serde::Deserialize;
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Sha256, speech::ModelIdentity};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Lists the other files with their sizes and digests. Written by `tools/speech-models.sh`.
const SEAL: &str = "model.json";
/// Weights of the recogniser.
const WEIGHTS: &str = "model.bin";
/// Settings of the recogniser.
const CONFIG: &str = "config.json";
/// Weights of the voice detector.
pub(super) const VOICE: &str = "vad.onnx";

/// Reason why a model cannot be used. The operator has to act; the recording is not at fault.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The path does not exist or is not a folder.
    #[error("{} is not a model folder", .0.display())]
    NotThere(PathBuf),
    /// The seal is missing or invalid.
    #[error("{} is not a valid model description: {reason}", .path.display())]
    Seal {
        /// Path of the seal.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A required or listed file is missing.
    #[error("the model's {file} is missing")]
    Missing {
        /// Name of the file.
        file: String,
    },
    /// A file has the wrong size: truncated, or a different file.
    #[error("the model's {file} has {found} bytes instead of {wanted}")]
    Size {
        /// Name of the file.
        file: String,
        /// Actual size in bytes.
        found: u64,
        /// Expected size in bytes.
        wanted: u64,
    },
    /// A file has the right size but the wrong content.
    #[error("the model's {file} is damaged: its SHA-256 is not the one in {SEAL}")]
    Digest {
        /// Name of the file.
        file: String,
    },
    /// The weights are not those of a Whisper model.
    #[error("not a Whisper model in CTranslate2's format: {0}")]
    Foreign(String),
    /// The voice detector's weights are unsupported.
    #[error(transparent)]
    Voice(#[from] InvalidWeights),
    /// A file could not be read.
    #[error("{} could not be read", .path.display())]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The error of the file system.
        #[source]
        source: io::Error,
    },
    /// The engine rejected the model.
    #[error("the speech engine cannot load the model: {0}")]
    Engine(String),
    /// The model is intact but does not support the profile.
    #[error("the model {name} cannot {what}")]
    Unable {
        /// Name of the model.
        name: String,
        /// The unsupported task, such as "translate".
        what: String,
    },
}

/// A verified model folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    dir: PathBuf,
    identity: ModelIdentity,
}

/// The content of a seal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Seal {
    name: String,
    version: String,
    files: BTreeMap<String, Sealed>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sealed {
    bytes: u64,
    sha256: Sha256,
}

impl ModelFiles {
    /// Verifies a folder: all files exist, with the sizes and digests in the seal, and the model is Whisper.
    ///
    /// # Errors
    ///
    /// [`ModelError`] with the first problem found.
    pub fn open(dir: &Path) -> Result<Self, ModelError> {
        if !dir.is_dir() {
            return Err(ModelError::NotThere(dir.to_owned()));
        }
        let Seal { name, version, files } = seal(&dir.join(SEAL))?;
        let sealed = |file: &str| files.get(file).ok_or_else(|| ModelError::Missing { file: file.to_owned() });
        let weights = sealed(WEIGHTS)?;
        sealed(CONFIG)?;
        sealed(VOICE)?;
        sealed(VOCABULARY_TXT).or_else(|_| sealed(VOCABULARY_JSON))?;
        // Sizes first, because checking them is cheap.
        for (file, sealed) in &files {
            check_size(dir, file, *sealed)?;
        }
        check_kind(&dir.join(WEIGHTS))?;
        for (file, sealed) in &files {
            check_digest(dir, file, *sealed)?;
        }
        let identity = ModelIdentity { name, version, sha256: weights.sha256 };
        Ok(Self { dir: dir.to_owned(), identity })
    }

    /// Path of the model's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Name, version and digest of the model.
    #[must_use]
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
}

fn seal(path: &Path) -> Result<Seal, ModelError> {
    let wrong = |reason: String| ModelError::Seal { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let seal: Seal = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    // The names come from a file and must not lead out of the folder.
    match seal.files.keys().find(|name| name.contains('/') || name.starts_with('.')) {
        Some(name) => Err(wrong(format!("{name} is not a plain file name"))),
        None => Ok(seal),
    }
}

fn check_size(dir: &Path, file: &str, sealed: Sealed) -> Result<(), ModelError> {
    let path = dir.join(file);
    let facts = match path.metadata() {
        Ok(facts) if facts.is_file() => facts,
        Ok(_) => return Err(ModelError::Missing { file: file.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ModelError::Missing { file: file.to_owned() });
        }
        Err(source) => return Err(ModelError::Unreadable { path, source }),
    };
    if facts.len() == sealed.bytes {
        return Ok(());
    }
    Err(ModelError::Size { file: file.to_owned(), found: facts.len(), wanted: sealed.bytes })
}

fn check_digest(dir: &Path, file: &str, sealed: Sealed) -> Result<(), ModelError> {
    let path = dir.join(file);
    let mut hasher = Hasher::new();
    let copied = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut hasher));
    copied.map_err(|source| ModelError::Unreadable { path, source })?;
    if Sha256::from_bytes(hasher.finalize().into()) == sealed.sha256 {
        Ok(())
    } else {
        Err(ModelError::Digest { file: file.to_owned() })
    }
}

/// Checks the start of the weights: a version, then the length-prefixed name of the model kind.
fn check_kind(path: &Path) -> Result<(), ModelError> {
    const KIND: &[u8] = b"WhisperSpec";
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut start));
    read.map_err(|source| ModelError::Unreadable { path: path.to_owned(), source })?;
    let foreign = || ModelError::Foreign("unknown header in the weights".to_owned());
    let (_version, rest) = start.split_first_chunk::<4>().ok_or_else(foreign)?;
    let (length, rest) = rest.split_first_chunk().ok_or_else(foreign)?;
    let kind = rest.get(..usize::from(u16::from_le_bytes(*length))).ok_or_else(foreign)?;
    match kind.strip_suffix(b"\0").unwrap_or(kind) {
        KIND => Ok(()),
        other => Err(ModelError::Foreign(format!("it is a {}", other.escape_ascii()))),
    }
}
