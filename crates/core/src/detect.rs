//! What a file is, by its first bytes alone. Names and declared content types are only claims.

use crate::error::{ErrorCode, Refusal};
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
/// A container of the ISO family or Matroska can hold sound alone, or pictures under a name of
/// sound: what it really holds, its headers say ([`Outline`](crate::av::Outline)).
#[must_use]
pub fn detect(head: &[u8]) -> Option<Format> {
    let head = without_padding(head);
    picture(head).or_else(|| container(head)).or_else(|| inferred(head))
}

/// The format, or the refusal that every entrance gives.
pub fn known(head: &[u8]) -> Result<Format, Refusal> {
    detect(head).ok_or_else(|| {
        let message = match (unopened(head), infer::get(head)) {
            (Some(name), _) => format!("unsupported format: {name}"),
            (None, Some(other)) => {
                format!("unsupported format: {} is not an image, video or audio format", other.mime_type())
            }
            (None, None) => "unsupported format: not a recognised image, video or audio file".to_owned(),
        };
        Refusal::new(ErrorCode::UnsupportedMedia, message)
    })
}

/// Formats that are known by name and not opened.
fn unopened(head: &[u8]) -> Option<&'static str> {
    let marks: &[(&[u8], &str)] = &[
        (b".RMF", "RealMedia"),
        (b".ra\xFD", "RealAudio"),
        (b"MAC ", "Monkey's Audio"),
        (b"YUV4MPEG2 ", "Y4M, uncompressed video"),
        (b"\0\0\0\x01", "a raw H.264 or H.265 stream without a container"),
        (b"MThd", "MIDI"),
    ];
    let marked = marks.iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, name)| *name);
    marked.or_else(|| looks_like_svg(head).then_some("SVG is a program that draws, not a picture"))
}

fn looks_like_svg(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<') && text.contains("<svg")
}

/// The content behind what some tools put in front of it: zeros before MPEG audio, line ends before a JPEG.
fn without_padding(head: &[u8]) -> &[u8] {
    let zeros = head.iter().take_while(|byte| **byte == 0).count();
    let lines = head.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    match (&head[zeros..], &head[lines..]) {
        ([0xFF, second, third, ..], _) if zeros > 0 && is_mpeg_audio(*second, *third) => &head[zeros..],
        ([b'I', b'D', b'3', ..], _) if zeros > 0 => &head[zeros..],
        (_, [0xFF, 0xD8, 0xFF, ..]) if lines > 0 => &head[lines..],
        _ => head,
    }
}

/// Pictures, before any container of video or sound whose mark is only a byte here and there.
fn picture(head: &[u8]) -> Option<Format> {
    let marks: &[(&[u8], &str)] = &[
        (b"\xFF\xD8\xFF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        // JPEG XL, bare and in boxes (ISO/IEC 18181-2, 5 and 9.1).
        (b"\xFF\x0A", "image/jxl"),
        (b"\0\0\0\x0CJXL \r\n\x87\n", "image/jxl"),
        // BigTIFF (its offsets are of 8 bytes).
        (b"II\x2B\0\x08\0\0\0", "image/tiff"),
        (b"MM\0\x2B\0\x08\0\0", "image/tiff"),
    ];
    let marked = marks.iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, content_type)| *content_type);
    let content_type = marked.or_else(|| still_of_boxes(head))?;
    Some(Format { kind: MediaKind::Image, content_type })
}

/// A still picture in the boxes of the ISO family. The major brand may be a generic one, so all of them count
/// (ISO/IEC 23008-12, 10; AV1 Image File Format 1.1, 6.1). One that plays as MP4 is no still.
fn still_of_boxes(head: &[u8]) -> Option<&'static str> {
    let (length, b"ftyp") = (head.first_chunk::<4>()?, head.get(4..8)?) else { return None };
    let end = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX).min(head.len());
    let brands = || {
        let brands = head.get(8..end).unwrap_or_default().chunks_exact(4).enumerate();
        // The second word is the minor version.
        brands.filter(|(index, _)| *index != 1).map(|(_, brand)| brand)
    };
    let any = |wanted: &[&[u8]]| brands().any(|brand| wanted.contains(&brand));
    match brands().next()? {
        b"crx " => Some("image/x-canon-cr3"),
        major if MP4_BRANDS.iter().any(|brand| major.starts_with(brand)) => None,
        _ if any(&[b"avif", b"avis"]) => Some("image/avif"),
        _ if any(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"]) => Some("image/heic"),
        _ if any(&[b"mif1", b"mif2", b"msf1", b"miaf", b"MiHB", b"MiHE", b"1pic"]) => Some("image/heif"),
        _ => None,
    }
}

/// Containers that `infer` does not know, or knows too few forms of.
fn container(head: &[u8]) -> Option<Format> {
    use MediaKind::{Audio, Video};
    let at = |offset: usize, bytes: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    let has = |bytes: &[u8]| head[..head.len().min(256)].windows(bytes.len()).any(|window| window == bytes);
    let any_at = |offset: usize, marks: &[&[u8]]| marks.iter().any(|mark| at(offset, mark));
    let (kind, content_type) = match head {
        _ if at(4, b"ftyp") && any_at(8, &[b"M4A", b"M4B", b"M4P"]) => (Audio, "audio/m4a"),
        _ if at(4, b"ftypM4V") => (Video, "video/x-m4v"),
        _ if at(4, b"ftyp3g2") => (Video, "video/3gpp2"),
        _ if at(4, b"ftyp3g") => (Video, "video/3gpp"),
        _ if at(4, b"ftypqt") => (Video, "video/quicktime"),
        _ if at(4, b"ftyp") && any_at(8, MP4_BRANDS) => (Video, "video/mp4"),
        // QuickTime before it had brands.
        _ if any_at(4, &[b"moov", b"mdat", b"wide", b"pnot"]) => (Video, "video/quicktime"),
        _ if at(0, EBML) && has(b"webm") => (Video, "video/webm"),
        _ if at(0, EBML) && has(b"matroska") => (Video, "video/x-matroska"),
        // Packets of 188 bytes (ISO/IEC 13818-1), or of 192 with a time before each (camcorders).
        _ if at(0, b"G") && at(188, b"G") && at(376, b"G") => (Video, "video/mp2t"),
        _ if at(4, b"G") && at(196, b"G") && at(388, b"G") => (Video, "video/mp2t"),
        _ if at(0, b"OggS") && has(b"\x80theora") => (Video, "video/ogg"),
        _ if at(0, b"caff") => (Audio, "audio/x-caf"),
        _ if at(0, b"FORM") && at(8, b"AIFC") => (Audio, "audio/x-aiff"),
        // WAVE over 4 GiB (EBU Tech 3306, ITU-R BS.2088).
        _ if any_at(0, &[b"RF64", b"BW64"]) && at(8, b"WAVE") => (Audio, "audio/x-wav"),
        _ if at(0, b"#!AMR-WB\n") => (Audio, "audio/amr-wb"),
        // AC-3 and E-AC-3 (ETSI TS 102 366): told apart by the stream's own number.
        [0x0B, 0x77, _, _, _, id, ..] if id >> 3 > 10 && id >> 3 <= 16 => (Audio, "audio/eac3"),
        [0x0B, 0x77, _, _, _, id, ..] if id >> 3 <= 10 => (Audio, "audio/ac3"),
        _ if at(0, b"\x7F\xFE\x80\x01") => (Audio, "audio/vnd.dts"),
        _ if at(0, b".snd") => (Audio, "audio/basic"),
        _ if at(0, b"wvpk") => (Audio, "audio/x-wavpack"),
        _ if at(0, b"TTA1") => (Audio, "audio/x-tta"),
        _ if at(0, b"DKIF\0\0") => (Video, "video/x-ivf"),
        // The partition pack of a header (SMPTE ST 377-1).
        _ if at(0, b"\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02\x01\x01\x02") => (Video, "application/mxf"),
        // The header block of DIF sequence 0 (IEC 61834-2), PAL or NTSC.
        [0x1F, 0x07, 0x00, 0x3F | 0xBF, ..] => (Video, "video/x-dv"),
        // A sequence header of MPEG-1 or MPEG-2 video without a container (ISO/IEC 11172-2, 2.4.2.3).
        _ if at(0, b"\0\0\x01\xB3") => (Video, "video/mpeg"),
        // ADTS (ISO/IEC 14496-3): twelve ones, either version, layer 0, which MPEG audio reserves.
        [0xFF, second, ..] if second & 0xF6 == 0xF0 => (Audio, "audio/aac"),
        [0xFF, second, third, ..] if is_mpeg_audio(*second, *third) => (Audio, "audio/mpeg"),
        _ => return None,
    };
    Some(Format { kind, content_type })
}

const EBML: &[u8] = b"\x1A\x45\xDF\xA3";

/// Beginnings of the major brands of MP4 and what is made of it (mp4ra.org); still pictures have others.
const MP4_BRANDS: &[&[u8]] = &[
    b"iso", b"ism", b"mp2", b"mp4", b"mp7", b"mmp4", b"cmf", b"avc1", b"hvc1", b"av01", b"dash", b"msdh", b"piff",
    b"MSNV", b"XAVC", b"F4",
];

/// Whether what follows eight ones is the rest of a header of MPEG audio, layer II or III (ISO/IEC 11172-3, 2.4.1.3).
/// Layer I is left out: nobody records it, and text in UTF-16 looks like it.
const fn is_mpeg_audio(second: u8, third: u8) -> bool {
    let sync = second & 0xE0 == 0xE0 && second & 0x18 != 0x08;
    let layer = second & 0x06 == 0x02 || second & 0x06 == 0x04;
    let rates = third & 0xF0 != 0xF0 && third & 0x0C != 0x0C;
    sync && layer && rates
}

fn inferred(head: &[u8]) -> Option<Format> {
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

#[cfg(test)]
mod tests {
    use super::{HEAD_BYTES, MediaKind, detect};
    use crate::policy::UploadPolicy;

    macro_rules! fixtures {
        ($($name:literal: $content_type:literal,)*) => {
            &[$(($name, include_bytes!(concat!("../fixtures/av/", $name)).as_slice(), $content_type),)*]
        };
    }

    // What phones, browsers, cameras and sound recorders write, as ffmpeg writes it.
    const FILES: &[(&str, &[u8], &str)] = fixtures! {
        "both.3gp": "video/3gpp",
        "both.avi": "video/x-msvideo",
        "both.m2ts": "video/mp2t",
        "both.mkv": "video/x-matroska",
        "both.mov": "video/quicktime",
        "both.ogv": "video/ogg",
        "both.ts": "video/mp2t",
        "both.webm": "video/webm",
        "both.wmv": "video/x-ms-wmv",
        "fragmented.mp4": "video/mp4",
        "live.webm": "video/webm",
        "moov-first.mp4": "video/mp4",
        "silent.flv": "video/x-flv",
        "silent.mpg": "video/mpeg",
        "rf64.wav": "audio/x-wav",
        "sound.aac": "audio/aac",
        "sound.aiff": "audio/x-aiff",
        "sound.caf": "audio/x-caf",
        "sound.flac": "audio/x-flac",
        "sound.m4a": "audio/m4a",
        "sound.mp2": "audio/mpeg",
        "sound.mp3": "audio/mpeg",
        "sound.ogg": "audio/ogg",
        "sound.opus": "audio/opus",
        "sound.wav": "audio/x-wav",
        "sound.webm": "video/webm",
    };

    #[test]
    fn content_names_the_format_and_the_format_may_be_declared() {
        for (name, file, content_type) in FILES {
            let format = detect(&file[..file.len().min(HEAD_BYTES)]);
            let format = format.unwrap_or_else(|| panic!("{name} is not known"));
            assert_eq!(&format.content_type, content_type, "{name}");
            let granted = UploadPolicy::default().admit(content_type, "sample", 1000);
            assert_eq!(granted.ok(), Some(*content_type), "{name}: a client declares what it detects");
        }
    }

    #[test]
    fn brands_and_marks_that_ffmpeg_does_not_write_are_known() {
        let kind = |head: &[u8]| detect(head).map(|format| (format.content_type, format.kind));
        for brand in ["isom", "iso6", "mp42", "cmfc", "dash", "MSNV", "XAVC"] {
            let head = format!("\0\0\0\u{14}ftyp{brand}\0\0\0\0mp42");
            assert_eq!(kind(head.as_bytes()), Some(("video/mp4", MediaKind::Video)), "{brand}");
        }
        assert_eq!(kind(b"\0\0\0\x14ftyp3g2a\0\0\0\0"), Some(("video/3gpp2", MediaKind::Video)));
        assert_eq!(kind(b"\0\0\0\x14ftypM4B \0\0\0\0"), Some(("audio/m4a", MediaKind::Audio)));
        assert_eq!(kind(b"\0\0\0\x08wide\0\0\0\0mdat"), Some(("video/quicktime", MediaKind::Video)));
        assert_eq!(kind(b"#!AMR\n\x3c\x91\x17\x16\xbe\x66"), Some(("audio/amr", MediaKind::Audio)));
        assert_eq!(kind(b"#!AMR-WB\n\x3c\x91\x17"), Some(("audio/amr-wb", MediaKind::Audio)));
        assert_eq!(kind(b"ID3\x03\0\0\0\0\0\0"), Some(("audio/mpeg", MediaKind::Audio)));
    }

    #[test]
    fn a_picture_is_told_by_its_own_mark_whatever_else_its_bytes_look_like() {
        let mut gif = b"GIF89a".to_vec();
        gif.resize(400, 0);
        (gif[188], gif[376]) = (b'G', b'G');
        assert_eq!(detect(&gif).map(|format| format.content_type), Some("image/gif"));
        assert_eq!(detect(b"\n\xFF\xD8\xFF\xE0").map(|format| format.content_type), Some("image/jpeg"));
        let padded = [vec![0; 500], b"\xFF\xFB\x90\x64".to_vec()].concat();
        assert_eq!(detect(&padded).map(|format| format.content_type), Some("audio/mpeg"));
    }

    #[test]
    fn a_still_of_boxes_is_told_by_any_of_its_brands_and_not_by_its_minor_version() {
        let of = |brands: &[u8; 16]| {
            let head = [&b"\0\0\0\x18ftyp"[..], brands, b"\0\0\0\x08free"].concat();
            detect(&head).map(|format| format.content_type)
        };
        for (brands, content_type) in [
            (b"avif\0\0\0\0mif1miaf", "image/avif"),
            (b"mif1\0\0\0\0avifmiaf", "image/avif"),
            (b"mif1\0\0\0\0heicmiaf", "image/heic"),
            (b"heix\0\0\0\0mif1heix", "image/heic"),
            (b"MSNV\0\0\0\0heicmiaf", "video/mp4"),
            (b"mif1avifmif1miaf", "image/heif"),
            (b"crx \0\0\0\x01isomcrx ", "image/x-canon-cr3"),
            (b"mp42\0\0\0\0isommif1", "video/mp4"),
        ] {
            assert_eq!(of(brands), Some(content_type), "{}", String::from_utf8_lossy(brands));
        }
    }

    #[test]
    fn a_refusal_names_what_the_file_is() {
        for (head, name) in [
            (&b".RMF\0\0"[..], "RealMedia"),
            (b"%PDF-1.7", "application/pdf"),
            (b"PK\x03\x04", "application/zip"),
            (b"hello", "not a recognised"),
        ] {
            let message = super::known(head).unwrap_err().message;
            assert!(message.starts_with("unsupported format: ") && message.contains(name), "{message}");
        }
    }

    #[test]
    fn pictures_and_text_are_not_taken_for_video_or_sound() {
        for brand in ["avif", "heic"] {
            let head = format!("\0\0\0\u{18}ftyp{brand}\0\0\0\0mif1{brand}");
            assert_eq!(detect(head.as_bytes()).map(|format| format.kind), Some(MediaKind::Image), "{brand}");
        }
        for text in
            ["Good morning", "#!/bin/sh", "#EXTM3U\n#EXT-X-VERSION:7", "ffconcat version 1.0", "<!DOCTYPE html>"]
        {
            assert_eq!(detect(text.as_bytes()), None, "{text}");
            let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            assert_eq!(detect(&utf16), None, "{text} in UTF-16");
        }
    }
}
