//! What a file is, by its first bytes alone. Names and declared content types are only claims.

mod other;

use crate::{
    error::{ErrorCode, Refusal},
    formats::{self, Decoder},
    kind::MediaKind,
    raw,
};

/// How many leading bytes [`detect`] wants to see; fewer are enough for shorter files.
pub const HEAD_BYTES: usize = 4096;

/// A container or image format that the bytes name, with its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// Which branch processes it.
    pub kind: MediaKind,
    /// IANA media type (or the customary one).
    pub content_type: &'static str,
}

/// The format that the first bytes of a file show, or `None` where they show none that is media. Nobody may decode it.
///
/// A container of the ISO family or Matroska can hold sound alone, or pictures under a name of
/// sound: what it really holds, its headers say ([`Outline`](crate::av::Outline)).
#[must_use]
pub fn detect(head: &[u8]) -> Option<Format> {
    let head = without_padding(head);
    let tga = || other::looks_like_tga(head).then_some(Format { kind: MediaKind::Image, content_type: "image/x-tga" });
    picture(head)
        .or_else(|| container(head))
        .or_else(|| other::undecoded(head))
        .or_else(|| inferred(head))
        .or_else(|| tga().filter(|_| other::not_media(head).is_none()))
        .or_else(|| gsm(head))
}

/// The format, if somebody decodes it; otherwise the refusal that every entrance gives.
pub fn known(head: &[u8]) -> Result<Format, Refusal> {
    let Some(found) = detect(head) else {
        return Err(refusal(other::not_media(head).unwrap_or("not a recognised image, video or audio file")));
    };
    match formats::of_media_type(found.content_type).map(|claim| claim.format) {
        Some(format) if format.decoder != Decoder::Nobody => Ok(found),
        Some(format) => Err(refusal(format.name)),
        None => Err(refusal(found.content_type)),
    }
}

/// The refusal of what is not decoded, by its name.
#[must_use]
pub fn refusal(what: &str) -> Refusal {
    Refusal::new(ErrorCode::UnsupportedMedia, format!("unsupported format: {what}"))
}

/// The format, if somebody decodes it and it is of one of these kinds; otherwise the refusal that every entrance gives.
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
        (b"FUJIFILMCCD-RAW ", "image/x-fuji-raf"),
        (b"IIRO", "image/x-olympus-orf"),
        (b"IIRS", "image/x-olympus-orf"),
        (b"MMOR", "image/x-olympus-orf"),
        (b"IIU\0", "image/x-panasonic-rw2"),
    ];
    // Makers' own marks behind the header of a TIFF.
    let own = |mark: &[u8]| head.get(8..).is_some_and(|rest| rest.starts_with(mark));
    let raw = || match head {
        [b'I', b'I', b'*', 0, ..] if own(b"CR\x02") => Some("image/x-canon-cr2"),
        [b'I', b'I', b'*', 0, ..] if own(b"IIII") => Some("image/x-phaseone-iiq"),
        [b'M', b'M', 0, b'*', ..] if own(b"MMMM") => Some("image/x-phaseone-iiq"),
        _ => raw::content_type(head),
    };
    // Its offsets are of 8 bytes.
    let big = [&b"II\x2B\0\x08\0\0\0"[..], b"MM\0\x2B\0\x08\0\0"].iter().any(|mark| head.starts_with(mark));
    let tiff = || raw().or_else(|| big.then_some("image/tiff"));
    let marked = marks.iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, content_type)| *content_type);
    let content_type = marked.or_else(tiff).or_else(|| still_of_boxes(head))?;
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
        // Sony's Wave64 has GUIDs for names.
        _ if at(0, b"riff\x2E\x91\xCF\x11") && at(24, b"wave") => (Audio, "audio/x-w64"),
        _ if at(0, b"#!AMR-WB\n") => (Audio, "audio/amr-wb"),
        // AC-3 and E-AC-3 (ETSI TS 102 366): told apart by the stream's own number.
        [0x0B, 0x77, _, _, _, id, ..] if id >> 3 > 10 && id >> 3 <= 16 => (Audio, "audio/eac3"),
        [0x0B, 0x77, _, _, _, id, ..] if id >> 3 <= 10 => (Audio, "audio/ac3"),
        _ if at(0, b"\x7F\xFE\x80\x01") => (Audio, "audio/vnd.dts"),
        _ if at(0, b".snd") => (Audio, "audio/basic"),
        _ if at(0, b"wvpk") => (Audio, "audio/x-wavpack"),
        _ if at(0, b"TTA1") => (Audio, "audio/x-tta"),
        _ if at(0, b"NIST_1A\n") => (Audio, "audio/x-nist"),
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

/// GSM 06.10 has no mark at its beginning: only four bits at that of each frame of 33 bytes (RFC 3551, 4.5.8.1). So many of
/// them as ffmpeg wants to see are told from text, whose letters may have the same bits; and from other telephony, whose
/// silence has them everywhere.
fn gsm(head: &[u8]) -> Option<Format> {
    const FRAME: usize = 33;
    const LEAST: usize = 32;
    let marked = |byte: &u8| byte >> 4 == 0xD;
    let (frames, _) = head.as_chunks::<FRAME>();
    let is_gsm = frames.len() >= LEAST
        && frames.iter().all(|frame| marked(&frame[0]))
        && head.iter().filter(|byte| marked(byte)).count() <= head.len() / 4;
    is_gsm.then_some(Format { kind: MediaKind::Audio, content_type: "audio/x-gsm" })
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
mod tests;
