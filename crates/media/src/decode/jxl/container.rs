//! The boxes of a JPEG XL file (ISO/IEC 18181-2). Only the codestream and Exif are read.

use brotli_decompressor::Decompressor;
use smmu_core::iso_bmff::{BadSize, Header};
use std::io::Read as _;

/// Contents of a file.
pub(super) struct Container {
    /// The picture (ISO/IEC 18181-1), without boxes; incomplete if the file is truncated.
    pub(super) codestream: Vec<u8>,
    /// Exif block, a TIFF structure.
    pub(super) exif: Option<Vec<u8>>,
}

/// Maximum size of a decompressed Exif block; the rest is dropped.
const MAX_EXIF_BYTES: u64 = 1024 * 1024;

/// Reads the boxes of a file; `None` if it holds no codestream.
pub(super) fn parse(content: Vec<u8>) -> Option<Container> {
    if content.starts_with(&[0xff, 0x0a]) {
        return Some(Container { codestream: content, exif: None });
    }
    let (mut codestream, mut exif) = (Vec::new(), None);
    let mut rest = &content[..];
    while let Some((kind, payload, after)) = next_box(rest) {
        rest = after;
        match &kind {
            b"jxlc" => codestream.extend_from_slice(payload),
            // A numbered part of the codestream. Parts are in order (18181-2, 9.9).
            b"jxlp" => codestream.extend_from_slice(payload.get(4..).unwrap_or_default()),
            b"Exif" if exif.is_none() => exif = without_offset(payload),
            b"brob" if exif.is_none() => {
                exif = payload.strip_prefix(b"Exif").and_then(decompressed).as_deref().and_then(without_offset);
            }
            _ => {}
        }
    }
    (!codestream.is_empty()).then_some(Container { codestream, exif })
}

/// Kind and content of the first box, and the bytes after it. A truncated box has the content that is present.
fn next_box(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    // In a truncated file, a box can be longer than the rest of the file. Read the header as if the file were endless.
    let header = Header::read(i64::MAX.unsigned_abs(), |offset| {
        let at = usize::try_from(offset).map_err(|_| BadSize)?;
        bytes.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(BadSize)
    });
    let header = header.ok()?;
    let within = |bytes_wanted: u64| usize::try_from(bytes_wanted).map_or(bytes.len(), |end| end.min(bytes.len()));
    let (this, after) = bytes.split_at(within(header.bytes()));
    Some((header.kind, this.get(within(header.header_bytes)..)?, after))
}

/// The TIFF structure of an Exif box, which begins with the structure's offset (18181-2, 9.6).
fn without_offset(payload: &[u8]) -> Option<Vec<u8>> {
    let offset = usize::try_from(u32::from_be_bytes(*payload.first_chunk()?)).ok()?;
    payload[4..].get(offset..).map(<[u8]>::to_vec)
}

fn decompressed(payload: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    Decompressor::new(payload, 4096).take(MAX_EXIF_BYTES).read_to_end(&mut plain).ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8], payload: &[u8]) -> Vec<u8> {
        let bytes = u32::try_from(payload.len() + 8).expect("small").to_be_bytes();
        [&bytes[..], kind, payload].concat()
    }

    #[test]
    fn parts_are_joined_and_a_truncated_box_is_read_to_its_end() {
        let file = [
            boxed(b"JXL ", b"\r\n\x87\n"),
            boxed(b"Exif", b"\0\0\0\x02..II*\0"),
            boxed(b"jxlp", b"\0\0\0\0\xff\x0aab"),
            boxed(b"jbrd", b"???"),
            boxed(b"jxlp", b"\x80\0\0\x01cdef"),
        ]
        .concat();
        let found = parse(file.clone()).expect("a picture");
        assert_eq!((&found.codestream[..], found.exif.as_deref()), (&b"\xff\x0aabcdef"[..], Some(&b"II*\0"[..])));
        let cut = parse(file[..file.len() - 2].to_vec()).expect("a picture");
        assert_eq!(cut.codestream, b"\xff\x0aabcd");
        for end in 0..file.len() {
            let _ = parse(file[..end].to_vec());
        }
    }

    #[test]
    fn a_box_without_a_size_and_one_with_a_64_bit_size_are_read() {
        let file = [
            &boxed(b"JXL ", b"\r\n\x87\n")[..],
            b"\0\0\0\x01jxlp\0\0\0\0\0\0\0\x16\0\0\0\0\xff\x0a",
            b"\0\0\0\0jxlcab",
        ];
        assert_eq!(parse(file.concat()).expect("a picture").codestream, b"\xff\x0aab");
    }
}
