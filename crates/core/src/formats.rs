//! The registry of formats: who decodes each, and what it is called by browsers, operating systems and file names.
//!
//! A media type or an extension is a claim. [`detect`](crate::detect()) decides from content.

mod not_media;
mod table;

use crate::kind::MediaKind;
use not_media::{NEVER_MEDIA, NEVER_MEDIA_EXTENSIONS};
use table::FORMATS;

/// One format, or a container whose variants people don't tell apart.
#[derive(Debug, PartialEq, Eq)]
pub struct FormatEntry {
    /// The name that messages use.
    pub name: &'static str,
    /// What the format holds unless a media type says otherwise (`audio/mp4`).
    kind: MediaKind,
    /// Who makes pixels or samples of it.
    pub decoder: Decoder,
    /// Lower-case media types without parameters; the first is the one that we use ourselves.
    media_types: &'static [&'static str],
    /// Lower-case file extensions without the dot, each with its media type.
    extensions: &'static [(&'static str, &'static str)],
}

/// Who decodes a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    /// `crates/media`, by its decoders of pictures; [`ImageFormat`](crate::image::ImageFormat) has them.
    Pixels,
    /// ffmpeg, as `crates/media` runs it.
    Ffmpeg,
    /// Nobody: a file of it is refused by the format's name.
    Nobody,
}

/// What a media type or a file name claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The format; its variant is in `media_type`.
    pub format: &'static FormatEntry,
    /// The media type, lower case, without parameters.
    pub media_type: &'static str,
    /// The kind of media that this type names.
    pub kind: MediaKind,
}

/// What is known before an upload about its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// The media type, the extension or both name formats of media. At least one is present.
    Media {
        /// By the media type.
        by_type: Option<Claim>,
        /// By the file name's extension.
        by_extension: Option<Claim>,
    },
    /// Neither says anything; content will.
    Unknown,
    /// It cannot be media; the text says what it is, with its article.
    NotMedia(&'static str),
}

/// The media type without parameters, trimmed, in lower case (RFC 9110, section 8.3.1).
#[must_use]
pub fn essence(media_type: &str) -> String {
    media_type.split([';', ',']).next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What a declared media type and a file name together claim.
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

/// The claim of a media type without parameters, in lower case.
#[must_use]
pub fn of_media_type(media_type: &str) -> Option<Claim> {
    FORMATS.iter().find_map(|format| {
        let media_type = format.media_types.iter().find(|name| **name == media_type)?;
        Some(Claim { format, media_type, kind: format.kind_of(media_type) })
    })
}

/// The claim of an extension without its dot, in lower case.
#[must_use]
pub fn of_extension(extension: &str) -> Option<Claim> {
    FORMATS.iter().find_map(|format| {
        let (_, media_type) = format.extensions.iter().find(|(name, _)| *name == extension)?;
        of_media_type(media_type)
    })
}

/// What follows the last dot of a name, in lower case; empty where nothing does.
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

/// Every format of a kind that is decoded, or every one that nobody decodes, in the registry's order.
pub fn of_kind(kind: MediaKind, decoded: bool) -> impl Iterator<Item = &'static FormatEntry> {
    FORMATS.iter().filter(move |format| format.kind == kind && (format.decoder != Decoder::Nobody) == decoded)
}

impl FormatEntry {
    /// Every media type, lower case, without parameters; the first is the one that we use ourselves.
    #[must_use]
    pub const fn media_types(&self) -> &'static [&'static str] {
        self.media_types
    }

    /// The kind that one of this format's media types names.
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
    fn an_unhelpful_type_leaves_the_word_to_the_name() {
        for media_type in ["", "application/octet-stream", "text/vnd.trolltech.linguist", "x", "text/plain"] {
            let Declared::Media { by_type: None, by_extension: Some(claim) } = declared(media_type, "a.TS") else {
                panic!("{media_type:?} is believed more than the name");
            };
            assert_eq!(claim.media_type, "video/mp2t");
        }
    }

    #[test]
    fn what_cannot_be_media_is_named() {
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
    fn the_page_of_outputs_lists_every_format() {
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
