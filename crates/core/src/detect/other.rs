//! What is refused: formats of media that nobody here decodes, and what is no media at all.

use super::Format;
use crate::formats;

/// Marks of media formats that nobody decodes: where the mark is, the mark, and the media type.
const UNDECODED: &[(usize, &[u8], &str)] = &[
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (0, b"\0\0\0\x0CjP  \r\n\x87\n", "image/jp2"),
    (0, b"\xFF\x4F\xFF\x51", "image/j2k"),
    (0, b"\x76\x2F\x31\x01", "image/x-exr"),
    (0, b"SDPX", "image/x-dpx"),
    (0, b"XPDS", "image/x-dpx"),
    (0, b"\x80\x2A\x5F\xD7", "image/x-cineon"),
    (0, b"\xD7\x5F\x2A\x80", "image/x-cineon"),
    (0, b"id=ImageMagick", "image/x-miff"),
    (0, b"#?RADIANCE", "image/vnd.radiance"),
    (0, b"#?RGBE", "image/vnd.radiance"),
    (0, b"DDS ", "image/vnd.ms-dds"),
    (0, b"\xABKTX 20", "image/ktx2"),
    (0, b"\xABKTX ", "image/ktx"),
    (0, b"qoif", "image/qoi"),
    (0, b"FLIF", "image/flif"),
    (0, b"BPG\xFB", "image/bpg"),
    (0, b"AT&TFORM", "image/vnd.djvu"),
    (0, b"\xD7\xCD\xC6\x9A", "image/wmf"),
    (0, b"\x01\0\x09\0\0\x03", "image/wmf"),
    (40, b" EMF", "image/emf"),
    (0, b"II\xBC", "image/jxr"),
    (0, b"gimp xcf ", "image/x-xcf"),
    (0, b"%!PS", "application/postscript"),
    (0, b"\xC5\xD0\xD3\xC6", "image/x-eps"),
    (0, b"icns", "image/x-icns"),
    (0, b"\x8AMNG\r\n", "image/x-mng"),
    (0, b"\x8BJNG\r\n", "image/x-jng"),
    (0, b"\x01\xDA\0\x01", "image/x-sgi"),
    (0, b"\x01\xDA\x01\x01", "image/x-sgi"),
    (0, b"\x01\xDA\0\x02", "image/x-sgi"),
    (0, b"\x01\xDA\x01\x02", "image/x-sgi"),
    (0, b"\x59\xA6\x6A\x95", "image/x-sun-raster"),
    (0, b"/* XPM */", "image/x-xpixmap"),
    (0, b"\x97JB2\r\n\x1A\n", "image/jbig2"),
    (0, b"SIMPLE  = ", "image/fits"),
    (128, b"DICM", "application/dicom"),
    (6, b"HEAPCCDR", "image/x-canon-crw"),
    (0, b"\0MRM", "image/x-minolta-mrw"),
    (0, b"FOVb", "image/x-sigma-x3f"),
    (0, b"PF\n", "image/x-portable-floatmap"),
    (0, b"Pf\n", "image/x-portable-floatmap"),
    (0, b".RMF", "application/vnd.rn-realmedia"),
    (0, b".ra\xFD", "audio/vnd.rn-realaudio"),
    (0, b"YUV4MPEG2 ", "video/x-yuv4mpeg"),
    (0, b"\0\0\0\x01", "video/h264"),
    (0, b"BIKi", "video/vnd.radgamettools.bink"),
    (0, b"nut/multimedia container", "video/x-nut"),
    (4, b"\x11\xAF", "video/x-flic"),
    (4, b"\x12\xAF", "video/x-flic"),
    (0, b"\xB7\xD8\x00\x20\x37\x49\xDA\x11", "video/x-wtv"),
    (0, b"MAC ", "audio/x-ape"),
    (0, b"MThd", "audio/midi"),
    (0, b"MPCK", "audio/x-musepack"),
    (0, b"MP+", "audio/x-musepack"),
    (0, b"DSD ", "audio/x-dsf"),
    (0, b"FRM8", "audio/x-dff"),
    (0, b"#!SILK", "audio/silk"),
    (0, b"\x02#!SILK", "audio/silk"),
    (0, b"Creative Voice File", "audio/x-voc"),
    (0, b"OFR ", "audio/x-optimfrog"),
    (0, b"ajkg", "audio/x-shorten"),
    (0, b"Extended Module: ", "audio/x-xm"),
    (0, b"IMPM", "audio/x-it"),
    (44, b"SCRM", "audio/x-s3m"),
    (1080, b"M.K.", "audio/x-mod"),
];

/// Marks of what is no media, and what people call it.
const NOT_MEDIA: &[(usize, &[u8], &str)] = &[
    (0, b"%PDF-", "a PDF document"),
    (0, b"Rar!\x1A\x07", "a RAR archive"),
    (0, b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
    (0, b"\x1F\x8B", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xFD7zXZ\0", "an xz archive"),
    (0, b"\x28\xB5\x2F\xFD", "a Zstandard archive"),
    (0, b"\x04\x22\x4D\x18", "an LZ4 archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"MSCF", "a Windows cabinet archive"),
    (0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an Office document of before 2007, or an installer"),
    (0, b"{\\rtf", "a rich text document (RTF)"),
    (0, b"FWS", "a Flash program"),
    (0, b"CWS", "a Flash program"),
    (0, b"ZWS", "a Flash program"),
    (0, b"\0\x01\0\0", "a TrueType font"),
    (0, b"true\0", "a TrueType font"),
    (0, b"ttcf", "a font collection"),
    (0, b"OTTO", "an OpenType font"),
    (0, b"wOFF", "a web font"),
    (0, b"wOF2", "a web font"),
    (0, b"MZ", "a Windows program"),
    (0, b"\x7FELF", "a Linux program"),
    (0, b"\xCF\xFA\xED\xFE", "a macOS program"),
    (0, b"\xCE\xFA\xED\xFE", "a macOS program"),
    (0, b"\xCA\xFE\xBA\xBE", "a macOS or Java program"),
    (0, b"\0asm", "a WebAssembly program"),
    (0, b"dex\n", "an Android program"),
    (0, b"#!", "a script"),
    (0, b"!<arch>\ndebian", "a Debian package"),
    (0, b"\xED\xAB\xEE\xDB", "an RPM package"),
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"bplist", "a property list"),
    (0, b"#EXTM3U", "a playlist"),
    (0, b"[playlist]", "a playlist"),
    (0, b"WEBVTT", "subtitles (WebVTT)"),
    (0, b"BEGIN:VCARD", "a contact card"),
    (0, b"BEGIN:VCALENDAR", "a calendar entry"),
    (0, b"-----BEGIN ", "a key or certificate"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "a ZIP archive"),
];

/// What a ZIP archive holds, by the media type that its first entries show.
const ZIPPED: &[(&str, &str)] = &[
    ("application/vnd.openxmlformats", "an Office document"),
    ("application/vnd.oasis.opendocument", "an OpenDocument file"),
    ("application/epub+zip", "an EPUB book"),
    ("application/java", "a Java program"),
    ("application/vnd.android", "an Android program"),
];

fn marked(head: &[u8], marks: &[(usize, &[u8], &'static str)]) -> Option<&'static str> {
    let at = |offset: usize, mark: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(mark));
    marks.iter().find(|(offset, mark, _)| at(*offset, mark)).map(|(.., found)| *found)
}

/// A media format that nobody decodes, by its mark.
pub(super) fn undecoded(head: &[u8]) -> Option<Format> {
    let content_type = marked(head, UNDECODED).or_else(|| by_structure(head))?;
    let kind = formats::of_media_type(content_type)?.kind;
    Some(Format { kind, content_type })
}

/// Formats that are told by how their headers are made up.
fn by_structure(head: &[u8]) -> Option<&'static str> {
    match head {
        // Icons and cursors: a number of pictures, each with a reserved zero.
        [0, 0, 1 | 2, 0, count, 0, _, _, _, 0, ..] if *count > 0 => Some("image/vnd.microsoft.icon"),
        [b'P', number @ b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => Some(match number {
            b'1' | b'4' => "image/x-portable-bitmap",
            b'2' | b'5' => "image/x-portable-graymap",
            b'3' | b'6' => "image/x-portable-pixmap",
            _ => "image/x-portable-anymap",
        }),
        // IFF, a family of the Amiga.
        [b'F', b'O', b'R', b'M', _, _, _, _, kind @ ..] if kind.starts_with(b"8SVX") => Some("audio/x-8svx"),
        [b'F', b'O', b'R', b'M', _, _, _, _, kind @ ..] if kind.starts_with(b"ILBM") || kind.starts_with(b"PBM ") => {
            Some("image/x-ilbm")
        }
        // ZSoft's version, encoding 1 and bits per plane.
        [0x0A, 0 | 2..=5, 1, 1 | 2 | 4 | 8, ..] => Some("image/vnd.zbrush.pcx"),
        // LOAS (ISO/IEC 14496-3, 1.7.2): eleven bits of mark and thirteen of length, twice.
        [0x56, second, third, rest @ ..] if second & 0xE0 == 0xE0 => {
            let length = usize::from(second & 0x1F) << 8 | usize::from(*third);
            matches!(rest.get(length..), Some([0x56, next, ..]) if next & 0xE0 == 0xE0).then_some("audio/x-latm")
        }
        _ if head.starts_with(b"#define ") && head.windows(7).any(|word| word == b"_width ") => Some("image/x-xbitmap"),
        _ => looks_like_svg(head).then_some("image/svg+xml"),
    }
}

fn looks_like_svg(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<') && text.contains("<svg")
}

/// TGA has no mark at its beginning: only a header whose every field makes sense (Truevision TGA 2.0, section C).
pub(super) fn looks_like_tga(head: &[u8]) -> bool {
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

/// What the file is, with its article, if it is something known that is no media.
pub(super) fn not_media(head: &[u8]) -> Option<&'static str> {
    let inferred = infer::get(head).map(|found| found.mime_type());
    let zipped = inferred.and_then(|found| ZIPPED.iter().find(|(prefix, _)| found.starts_with(prefix)));
    let text = || {
        let start = String::from_utf8_lossy(&head[..head.len().min(256)]).trim_start().to_ascii_lowercase();
        match start.trim_start_matches('\u{feff}') {
            html if html.starts_with("<!doctype html") || html.starts_with("<html") => Some("an HTML page"),
            xml if xml.starts_with("<?xml") => Some("an XML document"),
            _ => None,
        }
    };
    zipped.map(|(_, what)| *what).or_else(|| marked(head, NOT_MEDIA)).or_else(text).or(inferred)
}
