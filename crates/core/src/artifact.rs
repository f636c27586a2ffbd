//! What was made, file by file: as a manifest names it, and as a job lists it.

use crate::ids::Sha256;
use serde::{Deserialize, Serialize};

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
