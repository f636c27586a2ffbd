//! The record of one worker's outputs. It is written last, and is the same for a job and for a local file.

use crate::{
    artifact::{Artifact, Output, OutputState, Role},
    av::AvFacts,
    cost::Bill,
    facts::MediaFacts,
    ids::Sha256,
    image::ImageFacts,
    kind::MediaKind,
    pipeline::Pipeline,
    speech::SpeechFacts,
    warning::Warning,
};
use serde::{Deserialize, Serialize};

/// File name of the manifest inside its attempt's prefix or output folder.
pub const FILE_NAME: &str = "manifest.json";

/// Media type of the manifest.
pub const CONTENT_TYPE: &str = "application/json";

/// Version of this layout. Readers only accept their own version.
pub const SCHEMA: u32 = 1;

/// Outputs and measurements of one worker for one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Pipeline of the worker.
    pub pipeline: Pipeline,
    /// Kind of media, from the content.
    pub kind: MediaKind,
    /// The bytes that were read.
    pub source: SourceFacts,
    /// Measurements of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageFacts>,
    /// Measurements of a video or audio file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub av: Option<AvFacts>,
    /// Facts about the speech, if it was transcribed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<SpeechFacts>,
    /// Problems found in the source; most sources have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The stored files, in the order of the plan.
    pub artifacts: Vec<Artifact>,
    /// The program that wrote the manifest.
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

impl Generator {
    /// A program, from `CARGO_PKG_NAME` and `CARGO_PKG_VERSION` of its build.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned() }
    }
}

impl Manifest {
    /// A manifest without measurements and artifacts; the caller adds them.
    #[must_use]
    pub const fn new(pipeline: Pipeline, kind: MediaKind, source: SourceFacts, generator: Generator) -> Self {
        Self {
            schema: SCHEMA,
            pipeline,
            kind,
            source,
            image: None,
            av: None,
            speech: None,
            warnings: Vec::new(),
            artifacts: Vec::new(),
            generator,
        }
    }

    /// Measurements of the source.
    #[must_use]
    pub fn facts(&self) -> MediaFacts {
        MediaFacts { kind: self.kind, image: self.image.clone(), av: self.av.clone() }
    }

    /// The outputs of a job whose attempt stored this manifest under `prefix` (ending in `/`): its artifacts in the
    /// order of the plan, then the manifest itself, as stored.
    #[must_use]
    pub fn outputs(&self, prefix: &str, stored: StoredManifest) -> Vec<Output> {
        let name = listed_name(self.pipeline);
        let manifest = Output {
            key: format!("{prefix}{FILE_NAME}"),
            state: OutputState::Ready,
            artifact: Artifact::new(name, Role::Manifest, CONTENT_TYPE, stored.bytes, stored.sha256),
        };
        let artifacts = self.artifacts.iter().map(|artifact| Output::ready(prefix, artifact.clone()));
        artifacts.chain([manifest]).collect()
    }
}

/// The name of a pipeline's manifest in a job. Every attempt stores it as [`FILE_NAME`] under its own prefix; a job
/// lists all outputs in one folder, where names must be unique.
const fn listed_name(pipeline: Pipeline) -> &'static str {
    match pipeline {
        Pipeline::Transcode => FILE_NAME,
        Pipeline::Transcribe => "transcript-manifest.json",
    }
}

/// A manifest as stored by an attempt: with the attempt's cost. A local file has no cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BilledManifest {
    /// The manifest.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// The attempt's share of the job's cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Bill>,
}

/// Properties of a manifest as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredManifest {
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of its bytes.
    pub sha256: Sha256,
}
