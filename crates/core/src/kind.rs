//! The kinds of media: which branch a file takes, whatever its format.

use serde::{Deserialize, Serialize};

/// The three kinds of media, each with its own branch of the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A still or animated picture.
    Image,
    /// Moving pictures, with or without sound.
    Video,
    /// Sound alone.
    Audio,
}

impl MediaKind {
    /// The name as it stands in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    /// The word in a sentence.
    pub(crate) const fn with_article(self) -> &'static str {
        match self {
            Self::Image => "an image",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}
