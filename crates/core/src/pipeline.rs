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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
