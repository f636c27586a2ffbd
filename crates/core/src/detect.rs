//! What a file is, by its first bytes alone. Names and declared content types are only claims.

use serde::{Deserialize, Serialize};

/// How many leading bytes [`detect`] wants to see; fewer are enough for shorter files.
pub const HEAD_BYTES: usize = 4096;

/// The three kinds of media, each with its own branch of the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A still or animated picture.
    Image,
    /// Moving pictures, with or without sound.
    Video,
    /// Sound alone.
    Audio,
}

/// A container or image format that the bytes name, with its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// Which branch processes it.
    pub kind: MediaKind,
    /// IANA media type (or the customary one).
    pub content_type: &'static str,
}

/// The format that the first bytes of a file show, or `None` where they show none that is media.
///
/// A container of the ISO family or Matroska can hold sound alone; which kind it really is, only a
/// probe of its streams can tell, so `Video` here means "video unless the probe finds no picture".
#[must_use]
pub fn detect(head: &[u8]) -> Option<Format> {
    let found = infer::get(head)?;
    let content_type = found.mime_type();
    let kind = match found.matcher_type() {
        infer::MatcherType::Image => MediaKind::Image,
        infer::MatcherType::Video => MediaKind::Video,
        infer::MatcherType::Audio => MediaKind::Audio,
        infer::MatcherType::App
        | infer::MatcherType::Archive
        | infer::MatcherType::Book
        | infer::MatcherType::Doc
        | infer::MatcherType::Font
        | infer::MatcherType::Text
        | infer::MatcherType::Custom => return None,
    };
    Some(Format { kind, content_type })
}
