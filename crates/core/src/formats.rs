//! The registry of formats: the decoder of each, its media types and extensions, and the signs that identify its
//! content.
//!
//! A media type or an extension is a claim. [`detect`](crate::detect()) decides from content.

mod not_media;
mod sign;
mod table;
mod tag;

use crate::kind::MediaKind;
pub(crate) use not_media::not_media;
use not_media::{NEVER_MEDIA, NEVER_MEDIA_EXTENSIONS};
use sign::{Sign, Turn};
use table::FORMATS;
pub use tag::tag_bytes;

/// One format, or a container whose variants users don't distinguish.
#[derive(Debug)]
pub struct FormatEntry {
    /// Name used in messages.
    pub name: &'static str,
    /// Kind of media, unless a media type says otherwise (`audio/mp4`).
    kind: MediaKind,
    /// Decoder of the format, if any.
    pub decoder: Decoder,
    /// Lower-case media types without parameters; the first is the one we use.
    media_types: &'static [&'static str],
    /// Lower-case file extensions without the dot, each with its media type.
    extensions: &'static [(&'static str, &'static str)],
    /// Signs in the content, with the media type that they show.
    signs: &'static [(&'static [Sign], &'static str)],
}

/// Names are unique.
impl PartialEq for FormatEntry {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for FormatEntry {}

/// Decoder of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    /// The image decoders of `crates/media`; listed in [`ImageFormat`](crate::image::ImageFormat).
    Pixels,
    /// ffmpeg, as `crates/media` runs it.
    Ffmpeg,
    /// None: such a file is refused with the format's name.
    Nobody,
}

/// The format that a media type or a file name claims, or that content shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The format; its variant is in `media_type`.
    pub format: &'static FormatEntry,
    /// The media type, lower case, without parameters.
    pub media_type: &'static str,
    /// Kind of media of this type.
    pub kind: MediaKind,
}

/// Result of checking a declared media type and file name before an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// The media type, the extension or both are of media formats. At least one is set.
    Media {
        /// From the media type.
        by_type: Option<Claim>,
        /// From the file name's extension.
        by_extension: Option<Claim>,
    },
    /// Neither is known; the content decides.
    Unknown,
    /// Cannot be media; the text names it, with its article.
    NotMedia(&'static str),
}

/// The media type without parameters, trimmed, in lower case (RFC 9110, section 8.3.1).
#[must_use]
pub fn essence(media_type: &str) -> String {
    media_type.split([';', ',']).next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Combines the claims of a declared media type and a file name.
#[must_use]
pub fn declared(media_type: &str, file_name: &str) -> Declared {
    let media_type = essence(media_type);
    if let Some(what) = never_media(&media_type) {
        return Declared::NotMedia(what);
    }
    let (by_type, extension) = (of_media_type(&media_type), extension(file_name));
    let by_extension = of_extension(&extension);
    if by_type.is_some() || by_extension.is_some() {
        return Declared::Media { by_type, by_extension };
    }
    let claims_media = ["image/", "video/", "audio/"].iter().any(|kind| media_type.starts_with(kind));
    match NEVER_MEDIA_EXTENSIONS.iter().find(|(name, _)| *name == extension) {
        Some((_, what)) if !claims_media => Declared::NotMedia(what),
        _ if media_type.starts_with("text/") => Declared::NotMedia("text"),
        _ => Declared::Unknown,
    }
}

/// The claim of a media type, given without parameters and in lower case.
#[must_use]
pub fn of_media_type(media_type: &str) -> Option<Claim> {
    FORMATS.iter().find_map(|format| {
        let media_type = format.media_types.iter().find(|name| **name == media_type)?;
        Some(Claim { format, media_type, kind: format.kind_of(media_type) })
    })
}

/// The claim of an extension, given without its dot and in lower case.
#[must_use]
pub fn of_extension(extension: &str) -> Option<Claim> {
    FORMATS.iter().find_map(|format| {
        let (_, media_type) = format.extensions.iter().find(|(name, _)| *name == extension)?;
        of_media_type(media_type)
    })
}

/// The format that the first bytes certainly show. Formats with a decoder come first, because the marks of others also
/// occur in the middle of files.
pub(crate) fn of_content(head: &[u8]) -> Option<Claim> {
    let decoded = |wanted| move |format: &&FormatEntry| (format.decoder != Decoder::Nobody) == wanted;
    let usual = |wanted| shown(all().filter(decoded(wanted)), head, Turn::Usual);
    shown(all(), head, Turn::Major).or_else(|| usual(true)).or_else(|| usual(false))
}

/// The probable format of the first bytes, if nothing else matched.
pub(crate) fn guess(head: &[u8]) -> Option<Claim> {
    shown(all(), head, Turn::Guess).or_else(|| after_junk(head))
}

/// Audio that starts after junk.
pub(crate) fn after_junk(head: &[u8]) -> Option<Claim> {
    sign::after_junk(head).and_then(of_media_type)
}

/// The first of these formats that has a sign in the content.
fn shown(formats: impl IntoIterator<Item = &'static FormatEntry>, head: &[u8], turn: Turn) -> Option<Claim> {
    let mut signs = formats.into_iter().flat_map(|format| format.signs);
    let shown = signs.find_map(|(signs, usual)| signs.iter().find_map(|sign| sign.shows(head, turn, usual)));
    shown.and_then(of_media_type)
}

/// The text after the last dot of a name, in lower case; empty if there is none.
fn extension(file_name: &str) -> String {
    file_name.trim().rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

fn never_media(media_type: &str) -> Option<&'static str> {
    let is = |pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => media_type.starts_with(prefix),
        None => media_type == pattern,
    };
    NEVER_MEDIA.iter().find(|(pattern, _)| is(pattern)).map(|(_, what)| *what)
}

/// Every format, in the registry's order.
pub fn all() -> impl Iterator<Item = &'static FormatEntry> {
    FORMATS.iter()
}

/// Every format of a kind that has a decoder, or every one that has none, in the registry's order.
pub fn of_kind(kind: MediaKind, decoded: bool) -> impl Iterator<Item = &'static FormatEntry> {
    FORMATS.iter().filter(move |format| format.kind == kind && (format.decoder != Decoder::Nobody) == decoded)
}

impl FormatEntry {
    /// Every media type, lower case, without parameters; the first is the one we use.
    #[must_use]
    pub const fn media_types(&self) -> &'static [&'static str] {
        self.media_types
    }

    /// Kind of media of one of this format's media types.
    fn kind_of(&self, media_type: &str) -> MediaKind {
        match media_type.split('/').next() {
            Some("audio") => MediaKind::Audio,
            Some("video") => MediaKind::Video,
            _ => self.kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Declared, FORMATS, NEVER_MEDIA_EXTENSIONS, declared, essence, of_extension, of_kind, of_media_type};
    use crate::kind::MediaKind;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_belongs_to_one_format() {
        let (mut types, mut extensions) = (BTreeSet::new(), BTreeSet::new());
        for format in FORMATS {
            for media_type in format.media_types {
                assert!(types.insert(media_type), "{media_type} is listed twice");
                assert_eq!(essence(media_type), *media_type, "{media_type} is not in its plain form");
            }
            for (extension, media_type) in format.extensions {
                assert!(extensions.insert(extension), ".{extension} is listed twice");
                assert!(of_media_type(media_type).is_some(), ".{extension} has an unlisted type, {media_type}");
                assert!(NEVER_MEDIA_EXTENSIONS.iter().all(|(name, _)| name != extension), ".{extension} is media");
            }
            assert!(!format.signs.is_empty(), "{} has no signs", format.name);
            for (_, media_type) in format.signs {
                let of = of_media_type(media_type).map(|claim| claim.format.name);
                assert_eq!(of, Some(format.name), "a sign shows {media_type}");
            }
        }
    }

    #[test]
    fn parameters_and_case_do_not_matter() {
        for media_type in ["video/webm;codecs=vp8,opus", " Video/WebM ; codecs=\"vp9\"", "video/webm"] {
            let Declared::Media { by_type: Some(claim), .. } = declared(media_type, "blob") else {
                panic!("{media_type} is not known");
            };
            assert_eq!(claim.media_type, "video/webm");
        }
    }

    #[test]
    fn the_extension_counts_if_the_media_type_is_useless() {
        for media_type in ["", "application/octet-stream", "text/vnd.trolltech.linguist", "x", "text/plain"] {
            let Declared::Media { by_type: None, by_extension: Some(claim) } = declared(media_type, "a.TS") else {
                panic!("{media_type:?} is believed more than the name");
            };
            assert_eq!(claim.media_type, "video/mp2t");
        }
    }

    #[test]
    fn known_non_media_is_named() {
        for (media_type, name, what) in [
            ("text/html", "a.jpg", "an HTML page"),
            ("application/pdf", "a", "a PDF document"),
            ("application/zip; x=1", "a.mp4", "an archive"),
            ("", "setup.exe", "a program"),
            ("application/octet-stream", "a.pdf", "a PDF document"),
            ("text/plain", "notes.txt", "text"),
        ] {
            assert_eq!(declared(media_type, name), Declared::NotMedia(what), "{media_type} {name}");
        }
        assert_eq!(declared("", "a"), Declared::Unknown);
        assert_eq!(declared("image/never-heard-of", "a.pdf"), Declared::Unknown);
        assert_eq!(of_extension(""), None);
    }

    #[test]
    fn the_outputs_page_lists_every_format() {
        let names = |kinds: &[MediaKind], decoded| {
            let formats = kinds.iter().flat_map(|kind| of_kind(*kind, decoded));
            formats.map(|format| format.name).collect::<Vec<_>>().join(", ")
        };
        let (pictures, plays) = (&[MediaKind::Image][..], &[MediaKind::Video, MediaKind::Audio][..]);
        let table = format!(
            "<!-- formats -->\n| | |\n|---|---|\n| images | {} |\n| video and sound | {} |\n| refused by name | {}, {} |\n<!-- end of formats -->",
            names(pictures, true),
            names(plays, true),
            names(pictures, false),
            names(plays, false),
        );
        let page = include_str!("../../../docs/OUTPUTS.md");
        assert!(page.contains(&table), "docs/OUTPUTS.md should have this table:\n{table}");
    }
}
