//! What travels through the state machine, and which workers a kind of media needs.

use crate::{
    detect::MediaKind,
    ids::{JobId, MediaId, Sha256, UserId},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One worker's share of a job. Each commits one manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pipeline {
    /// Renditions of images, video and audio.
    Transcode,
    /// Text and captions of speech.
    Transcribe,
}

impl Pipeline {
    /// The pipelines whose manifests a media of this kind needs before its job is complete.
    #[must_use]
    pub const fn of(kind: MediaKind) -> &'static [Self] {
        match kind {
            MediaKind::Image => &[Self::Transcode],
            MediaKind::Video | MediaKind::Audio => &[Self::Transcode, Self::Transcribe],
        }
    }

    /// The name as it stands in keys and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transcode => "transcode",
            Self::Transcribe => "transcribe",
        }
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The queue message, which is also the execution's input: everything that `ValidateInput` must prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionInput {
    /// Names the execution.
    pub job_id: JobId,
    /// The upload.
    pub media_id: MediaId,
    /// Whose it is.
    pub user_id: UserId,
    /// The bytes to process.
    pub source: Source,
}

/// The uploaded bytes, named so exactly that every reader reads the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Key in the raw bucket.
    pub key: String,
    /// S3 version of the object.
    pub version_id: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the content, as granted and as S3 verified it.
    pub sha256: Sha256,
}

/// The branch of the state machine that a media takes; `statemachine.asl.json` lists the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Branch {
    /// An image small enough for a Lambda.
    RenderImage,
    /// An image for the transcode worker.
    TranscodeImage,
    /// Both workers.
    Video,
    /// Both workers.
    Audio,
}

impl Branch {
    /// The branch of a media of a kind and size. A `render_image_max_bytes` of 0 sends every image
    /// to the worker.
    #[must_use]
    pub const fn of(kind: MediaKind, bytes: u64, render_image_max_bytes: u64) -> Self {
        match kind {
            MediaKind::Image if bytes <= render_image_max_bytes => Self::RenderImage,
            MediaKind::Image => Self::TranscodeImage,
            MediaKind::Video => Self::Video,
            MediaKind::Audio => Self::Audio,
        }
    }
}

/// What `detect-type` hands on: the proven input, and what it is. Workers get the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detected {
    /// What was validated.
    #[serde(flatten)]
    pub input: ExecutionInput,
    /// The kind that the content shows.
    pub kind: MediaKind,
    /// The media type that the content shows.
    pub content_type: String,
    /// Where it goes.
    pub branch: Branch,
}
