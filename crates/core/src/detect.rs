//! Detects a file's format from its first bytes. Names and declared content types are only claims.

use crate::{
    error::{ErrorCode, Refusal},
    formats::{self, Claim, Decoder},
    kind::MediaKind,
};

/// Number of leading bytes that [`detect`] needs; shorter files need fewer. Every format except audio after junk shows
/// in the first 4096.
pub const HEAD_BYTES: usize = 64 * 1024;

/// A container or image format, with its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// Kind of media, which decides the branch that processes it.
    pub kind: MediaKind,
    /// IANA media type (or the customary one).
    pub content_type: &'static str,
}

/// The format that the first bytes show, or `None` if they are not media. The format may have no decoder.
///
/// ISO media containers and Matroska can hold only sound, or pictures under an audio type; their headers state the
/// actual content ([`Outline`](crate::av::Outline)).
#[must_use]
pub fn detect(head: &[u8]) -> Option<Format> {
    let known = formats::of_content(head);
    // A file with a mark of its own is never guessed to be media.
    let unmarked = || if formats::not_media(head).is_none() { formats::guess(head) } else { None };
    let Claim { kind, media_type, .. } = known.or_else(unmarked)?;
    Some(Format { kind, content_type: media_type })
}

/// The format, if it has a decoder; otherwise the refusal.
pub fn known(head: &[u8]) -> Result<Format, Refusal> {
    let Some(found) = detect(head) else {
        return Err(refusal(formats::not_media(head).unwrap_or("not a recognised image, video or audio file")));
    };
    match formats::of_media_type(found.content_type).map(|claim| claim.format) {
        Some(format) if format.decoder != Decoder::Nobody => Ok(found),
        Some(format) => Err(refusal(format.name)),
        None => Err(refusal(found.content_type)),
    }
}

/// The refusal of a file that cannot be decoded, with the name of its format or type.
#[must_use]
pub fn refusal(what: &str) -> Refusal {
    Refusal::new(ErrorCode::UnsupportedMedia, format!("unsupported format: {what}"))
}

/// The format, if it has a decoder and is of one of these kinds; otherwise the refusal.
pub fn known_as(head: &[u8], kinds: &[MediaKind]) -> Result<Format, Refusal> {
    let found = known(head)?;
    if kinds.contains(&found.kind) {
        return Ok(found);
    }
    let name = formats::of_media_type(found.content_type).map_or(found.content_type, |claim| claim.format.name);
    let wanted: Vec<_> = kinds.iter().map(|kind| kind.with_article()).collect();
    let message = format!("the content is {} ({name}), not {}", found.kind.with_article(), wanted.join(" or "));
    Err(Refusal::new(ErrorCode::UnsupportedMedia, message))
}

#[cfg(test)]
mod tests;
