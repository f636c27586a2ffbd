//! Stages of a job, for progress and errors.

use crate::pipeline::Pipeline;
use serde::{Deserialize, Serialize};

/// Stages of a job, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Waiting in the queue.
    Queue,
    /// Passing the message to the workflow.
    Dispatch,
    /// Checking that the upload is the granted one.
    Validate,
    /// Detecting the kind of media.
    Detect,
    /// Waiting for a worker: a container that starts, or capacity for one.
    Waiting,
    /// Making renditions of an image.
    Render,
    /// Making renditions of video or audio.
    Transcode,
    /// Transcribing speech.
    Transcribe,
    /// Collecting manifests.
    Finish,
}

impl Stage {
    /// The name used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Dispatch => "dispatch",
            Self::Validate => "validate",
            Self::Detect => "detect",
            Self::Waiting => "waiting",
            Self::Render => "render",
            Self::Transcode => "transcode",
            Self::Transcribe => "transcribe",
            Self::Finish => "finish",
        }
    }

    /// The pipeline that works in this stage, if any.
    #[must_use]
    pub const fn pipeline(self) -> Option<Pipeline> {
        match self {
            Self::Render | Self::Transcode => Some(Pipeline::Transcode),
            Self::Transcribe => Some(Pipeline::Transcribe),
            Self::Queue | Self::Dispatch | Self::Validate | Self::Detect | Self::Waiting | Self::Finish => None,
        }
    }

    /// The stage in which a pipeline's container works.
    #[must_use]
    pub const fn of_container(pipeline: Pipeline) -> Self {
        match pipeline {
            Pipeline::Transcode => Self::Transcode,
            Pipeline::Transcribe => Self::Transcribe,
        }
    }

    /// The range of total progress that this stage covers, in percent.
    pub(crate) const fn span(self) -> (u8, u8) {
        match self {
            Self::Queue | Self::Dispatch => (0, 0),
            Self::Validate => (0, 5),
            Self::Detect => (5, 10),
            Self::Waiting => (10, 10),
            Self::Render | Self::Transcode | Self::Transcribe => (10, 95),
            Self::Finish => (95, 100),
        }
    }
}
