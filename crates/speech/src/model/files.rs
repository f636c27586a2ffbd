//! What has to be in a model's folder, byte for byte.

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

/// Says what the other files are: their sizes and digests. `tools/speech-models.sh` writes it.
const SEAL: &str = "model.json";
/// The weights of the recogniser.
const WEIGHTS: &str = "model.bin";
/// Its settings.
const CONFIG: &str = "config.json";
/// The weights of the voice detector.
pub(super) const VOICE: &str = "vad.onnx";

/// Why a model cannot be used. The operator has to act; no recording is to blame.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The folder is not there, or is none.
    #[error("{} is no folder with a model", .0.display())]
    NotThere(PathBuf),
    /// There is a folder without a seal, or with one that says something else.
    #[error("{} does not say what the model is: {reason}", .path.display())]
    Seal {
        /// The seal.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that every model has is missing.
    #[error("the model's {file} is missing")]
    Missing {
        /// Its name.
        file: String,
    },
    /// A file was cut off, or is another one.
    #[error("the model's {file} has {found} bytes instead of {wanted}")]
    Size {
        /// Its name.
        file: String,
        /// Bytes that it has.
        found: u64,
        /// Bytes that it should have.
        wanted: u64,
    },
    /// A file has the right size and other bytes.
    #[error("the model's {file} is damaged: its SHA-256 is not the one in {SEAL}")]
    Digest {
        /// Its name.
        file: String,
    },
    /// It is a model of something else.
    #[error("the model is no Whisper model in CTranslate2's format: {0}")]
    Foreign(String),
    /// The voice detector is another one.
    #[error(transparent)]
    Voice(#[from] InvalidWeights),
    /// A file could not be read.
    #[error("{} could not be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The engine did not take it.
    #[error("the speech engine cannot load the model: {0}")]
    Engine(String),
    /// It is sound but cannot do what the profile asks for.
    #[error("the model {name} cannot {what}")]
    Unable {
        /// Its name.
        name: String,
        /// What it is asked for.
        what: String,
    },
}

/// A model's folder of which every byte was checked.
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
    /// Checks a folder: that everything is there, with the sizes and digests of its seal, and is Whisper.
    ///
    /// # Errors
    ///
    /// [`ModelError`] names the first thing that is wrong.
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
        // Sizes first: they cost nothing.
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

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Which model it is.
    #[must_use]
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
}

fn seal(path: &Path) -> Result<Seal, ModelError> {
    let wrong = |reason: String| ModelError::Seal { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let seal: Seal = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    // The names come from a file; none leads out of the folder.
    match seal.files.keys().find(|name| name.contains('/') || name.starts_with('.')) {
        Some(name) => Err(wrong(format!("{name} is no plain file name"))),
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

/// Looks at the start of the weights: a version, then the name of the kind of model, with its length in front.
fn check_kind(path: &Path) -> Result<(), ModelError> {
    const KIND: &[u8] = b"WhisperSpec";
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut start));
    read.map_err(|source| ModelError::Unreadable { path: path.to_owned(), source })?;
    let foreign = || ModelError::Foreign("its weights begin with something else".to_owned());
    let (_version, rest) = start.split_first_chunk::<4>().ok_or_else(foreign)?;
    let (length, rest) = rest.split_first_chunk().ok_or_else(foreign)?;
    let kind = rest.get(..usize::from(u16::from_le_bytes(*length))).ok_or_else(foreign)?;
    match kind.strip_suffix(b"\0").unwrap_or(kind) {
        KIND => Ok(()),
        other => Err(ModelError::Foreign(format!("it is a {}", other.escape_ascii()))),
    }
}
