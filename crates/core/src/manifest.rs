//! The record of what one worker made: written last, the same from a job and from a plain file.

use crate::{detect::MediaKind, ids::Sha256, image::ImageFacts, pipeline::Pipeline};
use serde::{Deserialize, Serialize};

/// File name of the manifest inside its attempt's prefix or output folder.
pub const FILE_NAME: &str = "manifest.json";

/// Media type of the manifest.
pub const CONTENT_TYPE: &str = "application/json";

/// Version of the layout below. Readers accept their own version only.
pub const SCHEMA: u32 = 1;

/// What one worker made of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Which worker's share this is.
    pub pipeline: Pipeline,
    /// What the content turned out to be.
    pub kind: MediaKind,
    /// The bytes that were read.
    pub source: SourceFacts,
    /// What was measured, when the source is an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageFacts>,
    /// Everything that was stored, in the order of the plan.
    pub artifacts: Vec<Artifact>,
    /// Which program made it.
    pub generator: Generator,
}

/// The bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceFacts {
    /// Media type found in the content.
    pub content_type: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the content.
    pub sha256: Sha256,
}

/// The program that wrote a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Generator {
    /// Package name.
    pub name: String,
    /// Package version.
    pub version: String,
}

/// What an artifact is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One encoded rung.
    Rendition,
    /// A still that stands for something that moves.
    Poster,
    /// What was measured and made, as JSON. Of a manifest's artifacts none has it; of a job's outputs
    /// one for each pipeline.
    Manifest,
}

/// One stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// File name relative to the manifest; no user text.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Media type.
    pub content_type: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the file.
    pub sha256: Sha256,
    /// Width in pixels, for pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels, for pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Frames, for animations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u32>,
}

/// An artifact as a job lists it: the artifact and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Key in the processed bucket. Not shown to clients, who get a signed URL instead.
    pub key: String,
    /// Whether the file can be read.
    pub state: OutputState,
    /// The file.
    #[serde(flatten)]
    pub artifact: Artifact,
}

/// Whether an output can be read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputState {
    /// Complete, and never changed again.
    Ready,
}

impl Manifest {
    /// The outputs of a job whose attempt stored this manifest under `prefix` (ending in `/`): its
    /// artifacts in the order of the plan, then the manifest itself, as stored.
    #[must_use]
    pub fn outputs(&self, prefix: &str, stored: StoredManifest) -> Vec<Output> {
        let manifest = Artifact {
            name: FILE_NAME.to_owned(),
            role: Role::Manifest,
            content_type: CONTENT_TYPE.to_owned(),
            bytes: stored.bytes,
            sha256: stored.sha256,
            width: None,
            height: None,
            frames: None,
        };
        let at = |artifact: Artifact| Output {
            key: format!("{prefix}{}", artifact.name),
            state: OutputState::Ready,
            artifact,
        };
        self.artifacts.iter().cloned().chain([manifest]).map(at).collect()
    }
}

/// The bytes of a manifest as they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredManifest {
    /// Size in bytes.
    pub bytes: u64,
    /// Digest.
    pub sha256: Sha256,
}
