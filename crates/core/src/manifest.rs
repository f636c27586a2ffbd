//! The record of what one worker made: written last, the same from a job and from a plain file.

use crate::{
    av::AvFacts, cost::Bill, detect::MediaKind, ids::Sha256, image::ImageFacts, media::MediaFacts, pipeline::Pipeline,
    speech::SpeechFacts, warning::Warning,
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

/// What an artifact is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One encoded rung, whole in one file.
    Rendition,
    /// A still that stands for something that moves.
    Poster,
    /// A few seconds of a video as an animated picture.
    Preview,
    /// Stills of a whole video at even distances, side by side in one picture.
    Sprite,
    /// Which part of a sprite shows which moment: a `WebVTT` file.
    Storyboard,
    /// The HLS playlist that lists the others.
    MasterPlaylist,
    /// The HLS playlist of one rung, of the sound or of the captions.
    MediaPlaylist,
    /// The segments of one rung, in one fragmented MP4 file (CMAF track file).
    Segments,
    /// The course of the loudness of a sound, as numbers or as a picture.
    Waveform,
    /// The picture that an audio file carries.
    Cover,
    /// What was said: with times, as JSON, or as text to read.
    Transcript,
    /// What was said, as cues for a player: `WebVTT` or SRT.
    Captions,
    /// What was measured and made, as JSON. Of a manifest's artifacts none has it; of a job's outputs
    /// one for each pipeline.
    Manifest,
}

/// One stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Duration in milliseconds, for what plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Average bits a second, for what plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate: Option<u64>,
    /// Codecs as RFC 6381 writes them, separated by commas, for what plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codecs: Option<String>,
}

impl Artifact {
    /// An artifact of which nothing but its bytes is known.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role, content_type: &str, bytes: u64, sha256: Sha256) -> Self {
        Self {
            name: name.into(),
            role,
            content_type: content_type.to_owned(),
            bytes,
            sha256,
            width: None,
            height: None,
            frames: None,
            duration_ms: None,
            bit_rate: None,
            codecs: None,
        }
    }
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutputState {
    /// Complete, and never changed again.
    Ready,
    /// As far as the work has come, and replaced by a longer one.
    Partial,
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

impl Output {
    /// An artifact that is stored under `prefix` (ending in `/`).
    #[must_use]
    pub fn ready(prefix: &str, artifact: Artifact) -> Self {
        Self { key: format!("{prefix}{}", artifact.name), state: OutputState::Ready, artifact }
    }

    /// An artifact that is stored under `prefix` (ending in `/`) as far as it has come.
    #[must_use]
    pub fn partial(prefix: &str, artifact: Artifact) -> Self {
        Self { state: OutputState::Partial, ..Self::ready(prefix, artifact) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::names;

    #[test]
    fn an_output_that_will_be_replaced_says_so() {
        let bytes = Sha256::from_bytes([7; 32]);
        let artifact = Artifact::new(names::TRANSCRIPT, Role::Transcript, "application/json", 3, bytes);
        let written = serde_json::to_value(Output::partial("jobs/j/transcribe/a/", artifact)).expect("serializable");
        assert_eq!((&written["state"], &written["role"]), (&"partial".into(), &"transcript".into()));
        assert_eq!(written["key"], "jobs/j/transcribe/a/transcript.json");
    }
}
