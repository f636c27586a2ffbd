//! The record of what one worker made: written last, the same from a job and from a plain file.

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
    /// What was measured, when the source is video or audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub av: Option<AvFacts>,
    /// What was heard, where speech was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<SpeechFacts>,
    /// What is not as it should be with the source; most sources have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
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

impl Generator {
    /// A program, by `CARGO_PKG_NAME` and `CARGO_PKG_VERSION` of its build.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned() }
    }
}

impl Manifest {
    /// A manifest of nothing yet: whoever made something says what was measured and made.
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

    /// What was measured of the source.
    #[must_use]
    pub fn facts(&self) -> MediaFacts {
        MediaFacts { kind: self.kind, image: self.image.clone(), av: self.av.clone() }
    }

    /// The outputs of a job whose attempt stored this manifest under `prefix` (ending in `/`): its
    /// artifacts in the order of the plan, then the manifest itself, as stored.
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

/// The name under which a job lists the manifest of a pipeline. Every attempt stores it as [`FILE_NAME`]
/// under a prefix of its own; in a job, where all outputs share one folder, no two may have one name.
const fn listed_name(pipeline: Pipeline) -> &'static str {
    match pipeline {
        Pipeline::Transcode => FILE_NAME,
        Pipeline::Transcribe => "transcript-manifest.json",
    }
}

/// A manifest as a job's attempt stores it: with what the attempt cost. A plain file costs nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BilledManifest {
    /// What was made.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// The attempt's share of the cost of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Bill>,
}

/// The bytes of a manifest as they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredManifest {
    /// Size in bytes.
    pub bytes: u64,
    /// Digest.
    pub sha256: Sha256,
}
