//! Kinds of media, which decide the branch for a file of any format.

use serde::{Deserialize, Serialize};

/// The three kinds of media, each with its own branch of the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A still or animated picture.
    Image,
    /// Video, with or without sound.
    Video,
    /// Sound without pictures, except for a cover.
    Audio,
}

impl MediaKind {
    /// The name used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    /// The name with its article, for messages.
    pub(crate) const fn with_article(self) -> &'static str {
        match self {
            Self::Image => "an image",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}
