//! Pipelines: names of each worker's share of a job.

use crate::kind::MediaKind;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One worker's share of a job. Each commits one manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pipeline {
    /// Renditions of images, video and audio.
    Transcode,
    /// Text and captions of speech.
    Transcribe,
}

impl Pipeline {
    /// Pipelines for a kind of media, in executions that began before `update-status` received the branch.
    #[must_use]
    pub const fn of(kind: MediaKind) -> &'static [Self] {
        match kind {
            MediaKind::Image => &[Self::Transcode],
            MediaKind::Video | MediaKind::Audio => &[Self::Transcode, Self::Transcribe],
        }
    }

    /// Returns whether an attempt may leave a checkpoint for the next one.
    #[must_use]
    pub const fn leaves_checkpoints(self) -> bool {
        match self {
            Self::Transcode => false,
            Self::Transcribe => true,
        }
    }

    /// Returns whether the other outputs are useful without this pipeline: its failure is then a warning and does not
    /// fail the job.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        match self {
            Self::Transcode => false,
            Self::Transcribe => true,
        }
    }

    /// The name used in keys and records.
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
