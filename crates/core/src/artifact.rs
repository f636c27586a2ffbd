//! Output files, as listed in a manifest and in a job.

use crate::ids::Sha256;
use serde::{Deserialize, Serialize};

/// Purpose of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One encoded rung, complete in one file.
    Rendition,
    /// A still image of a video or an animation.
    Poster,
    /// A few seconds of a video as an animated picture.
    Preview,
    /// Stills of a whole video at even intervals, side by side in one picture.
    Sprite,
    /// A `WebVTT` file that maps moments to parts of a sprite.
    Storyboard,
    /// The HLS playlist that lists the other playlists.
    MasterPlaylist,
    /// The HLS playlist of one rung, of the audio or of the captions.
    MediaPlaylist,
    /// The segments of one rung, in one fragmented MP4 file (CMAF track file).
    Segments,
    /// The waveform of an audio file, as numbers or as a picture.
    Waveform,
    /// The cover picture embedded in an audio file.
    Cover,
    /// The transcript: with times, as JSON, or as plain text.
    Transcript,
    /// The transcript as captions for a player: `WebVTT` or SRT.
    Captions,
    /// Measurements and outputs, as JSON. A manifest never lists itself; a job lists one for each pipeline.
    Manifest,
}

/// One stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// File name relative to the manifest; contains no text from the user.
    pub name: String,
    /// Purpose of the file.
    pub role: Role,
    /// Media type.
    pub content_type: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
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
    /// Duration in milliseconds, for video, audio and animations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Average bit rate in bits per second, for video and audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate: Option<u64>,
    /// Codecs as in RFC 6381, separated by commas, for video and audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codecs: Option<String>,
}

impl Artifact {
    /// An artifact without optional properties.
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

/// An artifact with its location, as listed in a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Key in the processed bucket. Not shown to clients, which get a signed URL instead.
    pub key: String,
    /// State of the file: complete or partial.
    pub state: OutputState,
    /// Properties of the file.
    #[serde(flatten)]
    pub artifact: Artifact,
}

/// State of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutputState {
    /// Complete, and never changed again.
    Ready,
    /// Incomplete, and later replaced by a longer version.
    Partial,
}

impl Output {
    /// A complete artifact, stored under `prefix` (ending in `/`).
    #[must_use]
    pub fn ready(prefix: &str, artifact: Artifact) -> Self {
        Self { key: format!("{prefix}{}", artifact.name), state: OutputState::Ready, artifact }
    }

    /// An incomplete artifact, stored under `prefix` (ending in `/`).
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
    fn a_partial_output_says_so() {
        let bytes = Sha256::from_bytes([7; 32]);
        let artifact = Artifact::new(names::TRANSCRIPT, Role::Transcript, "application/json", 3, bytes);
        let written = serde_json::to_value(Output::partial("jobs/j/transcribe/a/", artifact)).expect("serializable");
        assert_eq!((&written["state"], &written["role"]), (&"partial".into(), &"transcript".into()));
        assert_eq!(written["key"], "jobs/j/transcribe/a/transcript.json");
    }
}
