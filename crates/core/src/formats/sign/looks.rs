//! Formats that need more than bytes at an offset to be detected.

use super::at;

/// First bytes of every EBML file (RFC 8794, 8.1).
const EBML: &[u8] = b"\x1A\x45\xDF\xA3";

/// Bytes searched for the document type of EBML and the first packet of Ogg.
const BEGINNING: usize = 256;

/// Bytes searched for marks in text and for frames without a mark.
const NEAR: usize = 4096;

fn near(head: &[u8]) -> &[u8] {
    &head[..head.len().min(NEAR)]
}

fn begins_with(head: &[u8], mark: &[u8], then: &[u8]) -> bool {
    let beginning = &head[..head.len().min(BEGINNING)];
    head.starts_with(mark) && beginning.windows(then.len()).any(|window| window == then)
}

/// EBML of this document type.
pub(in crate::formats) fn ebml(head: &[u8], document: &[u8]) -> bool {
    begins_with(head, EBML, document)
}

/// Ogg whose first stream is Theora video.
pub(in crate::formats) fn theora(head: &[u8]) -> bool {
    begins_with(head, b"OggS", b"\x80theora")
}

/// Start codes of a system stream, or of video without one (ISO/IEC 11172-1, 2.4.4.2; 11172-2, 2.4.2.3). 0xB0 starts
/// MPEG-4 video.
pub(in crate::formats) fn mpeg(head: &[u8]) -> bool {
    matches!(head, [0, 0, 1, 0xB1..=0xBF, ..])
}

/// AV1 that starts with a temporal delimiter and a sequence header with a size (AV1, 5.3 and 5.9). A TGA has a zero in
/// place of the size.
pub(in crate::formats) fn av1(head: &[u8]) -> bool {
    matches!(head, [0x12, 0, 0x0A, size, ..] if *size > 0)
}

/// `QuickTime` without brands that starts with a free-space box, followed by a known box.
pub(in crate::formats) fn free_space_before_quicktime(head: &[u8]) -> bool {
    const NEXT: [&[u8]; 5] = [b"moov", b"mdat", b"wide", b"free", b"skip"];
    let Some(length) = head.first_chunk().map(|length| u32::from_be_bytes(*length)) else { return false };
    let begins = at(head, 4, b"free") || at(head, 4, b"skip");
    let next = usize::try_from(length).ok().filter(|length| *length >= 8).and_then(|length| length.checked_add(4));
    begins && next.is_some_and(|next| NEXT.iter().any(|kind| at(head, next, kind)))
}

/// A transport stream that starts anywhere in a packet of 188 bytes (ISO/IEC 13818-1), of 192 with a timestamp before
/// each, or of 204 with a checksum after each.
pub(in crate::formats) fn transport_packets(head: &[u8]) -> bool {
    const LEAST: usize = 8;
    [188, 192, 204].iter().any(|&length| {
        (0..length).any(|from| {
            let starts = || head.iter().skip(from).step_by(length).take(LEAST * 4);
            starts().count() >= LEAST && starts().all(|byte| *byte == b'G')
        })
    })
}

/// A frame header of MPEG audio, layer II or III (ISO/IEC 11172-3, 2.4.1.3). Layer I is excluded: it is not used for
/// recordings, and UTF-16 text looks like it.
pub(in crate::formats) fn mpeg_audio(head: &[u8]) -> bool {
    let [0xFF, second, third, ..] = *head else { return false };
    let sync = second & 0xE0 == 0xE0 && second & 0x18 != 0x08;
    let layer = second & 0x06 == 0x02 || second & 0x06 == 0x04;
    let rates = third & 0xF0 != 0xF0 && third & 0x0C != 0x0C;
    sync && layer && rates
}

/// An ADTS header (ISO/IEC 14496-3): twelve ones, either version, and layer 0, which MPEG audio reserves.
pub(in crate::formats) fn adts(head: &[u8]) -> bool {
    matches!(head, [0xFF, second, ..] if second & 0xF6 == 0xF0)
}

/// AC-3 (ETSI TS 102 366), distinguished from E-AC-3 by the bitstream ID.
pub(in crate::formats) fn ac3(head: &[u8]) -> bool {
    matches!(head, [0x0B, 0x77, _, _, _, id, ..] if id >> 3 <= 10)
}

/// E-AC-3.
pub(in crate::formats) fn eac3(head: &[u8]) -> bool {
    matches!(head, [0x0B, 0x77, _, _, _, id, ..] if id >> 3 > 10 && id >> 3 <= 16)
}

/// LOAS (ISO/IEC 14496-3, 1.7.2): an eleven-bit sync word and a thirteen-bit length, twice.
pub(in crate::formats) fn latm(head: &[u8]) -> bool {
    let [0x56, second, third, rest @ ..] = head else { return false };
    let length = usize::from(second & 0x1F) << 8 | usize::from(*third);
    second & 0xE0 == 0xE0 && matches!(rest.get(length..), Some([0x56, next, ..]) if next & 0xE0 == 0xE0)
}

/// GSM 06.10 has no mark at the start, only four bits in each 33-byte frame (RFC 3551, 4.5.8.1). Requiring as many
/// frames as ffmpeg does excludes text, whose letters may have the same bits; the share of such bytes excludes other
/// telephony, whose silence has them everywhere.
pub(in crate::formats) fn gsm(head: &[u8]) -> bool {
    const FRAME: usize = 33;
    const LEAST: usize = 32;
    let head = near(head);
    let marked = |byte: &u8| byte >> 4 == 0xD;
    let (frames, _) = head.as_chunks::<FRAME>();
    frames.len() >= LEAST
        && frames.iter().all(|frame| marked(&frame[0]))
        && head.iter().filter(|byte| marked(byte)).count() <= head.len() / 4
}

/// Cursors, which are icons with another type number: at least one picture, with a reserved zero in the first entry.
pub(in crate::formats) fn cursor(head: &[u8]) -> bool {
    matches!(head, [0, 0, 2, 0, count, 0, _, _, _, 0, ..] if *count > 0)
}

/// A Netpbm file with one of these numbers.
pub(in crate::formats) fn pnm(head: &[u8], numbers: &[u8]) -> bool {
    matches!(head, [b'P', number, b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] if numbers.contains(number))
}

/// TGA has no mark at the start; every field of its header must be plausible (Truevision TGA 2.0, section C).
pub(in crate::formats) fn tga(head: &[u8]) -> bool {
    let [_, mapped, kind, first0, first1, length0, length1, map_depth, _, _, _, _, w0, w1, h0, h1, depth, flags, ..] =
        head
    else {
        return false;
    };
    let map = match (mapped, kind) {
        (0, 2 | 3 | 10 | 11) => [first0, first1, length0, length1, map_depth].iter().all(|byte| **byte == 0),
        (1, 1 | 9) => (length0, length1) != (&0, &0) && matches!(map_depth, 15 | 16 | 24 | 32),
        _ => false,
    };
    let grey = matches!(kind, 3 | 11);
    let pixels = if grey { matches!(depth, 1 | 8 | 16) } else { matches!(depth, 8 | 15 | 16 | 24 | 32) };
    map && pixels && flags & 0xC0 == 0 && (w0 | w1) != 0 && (h0 | h1) != 0
}

/// PCX: a known version, encoding 1 and a valid number of bits per plane.
pub(in crate::formats) fn pcx(head: &[u8]) -> bool {
    matches!(head, [0x0A, 0 | 2..=5, 1, 1 | 2 | 4 | 8, ..])
}

/// A bitmap in C source.
pub(in crate::formats) fn xbm(head: &[u8]) -> bool {
    head.starts_with(b"#define ") && near(head).windows(7).any(|word| word == b"_width ")
}

/// XML with an `svg` element near the start. In an HTML page that would be an icon.
pub(in crate::formats) fn svg(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(near(head));
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<') && text.contains("<svg") && !html(head)
}

/// An HTML page.
pub(in crate::formats) fn html(head: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&head[..head.len().min(BEGINNING)]).to_ascii_lowercase();
    let start = start.trim_start().trim_start_matches('\u{feff}');
    start.starts_with("<!doctype html") || start.starts_with("<html")
}
