//! Canon's CR3: ISO base media boxes. The full-size JPEG is a track; a smaller preview has its own box.

use super::{Found, Place};
use crate::camera;
use smmu_core::{
    ifd::{ReadAt, Tiff, tag},
    image::Size,
    iso_bmff::{BadSize, Header, Kind, boxes},
};

/// Identifiers of Canon's boxes: the description of the picture (in `moov`), and the preview (next to `moov`).
const DESCRIPTION: [u8; 16] = *b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
const PREVIEW: [u8; 16] = *b"\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16";
/// Offset of the JPEG stream in the preview's box: identifier, 8 bytes, header of the box `PRVW`, 16 bytes of numbers.
const JPEG_IN_PREVIEW: u64 = 16 + 8 + 8 + 16;

/// Maximum number of boxes to examine, and of bytes to read from `moov`.
const MAX_BOXES: usize = 64;
const MAX_MOOV_BYTES: u64 = 16 * 1024 * 1024;

pub(super) fn find<R: ReadAt + ?Sized>(file: &R, file_bytes: u64) -> Option<Found> {
    let mut found = Found::default();
    let mut at = 0;
    for _ in 0..MAX_BOXES {
        let Some(header) = header(file, at, file_bytes.saturating_sub(at)) else { break };
        let start = at + header.header_bytes;
        match &header.kind {
            b"moov" => describe(&content(file, start, header.content_bytes)?, &mut found),
            b"uuid" => found.streams.extend(preview(file, start, header.content_bytes)),
            _ => {}
        }
        at += header.bytes();
    }
    Some(found)
}

fn header<R: ReadAt + ?Sized>(file: &R, at: u64, left: u64) -> Option<Header> {
    Header::read::<BadSize>(left, |offset| {
        let mut eight = [0; 8];
        file.fill(at + offset, &mut eight).ok_or(BadSize)?;
        Ok(eight)
    })
    .ok()
}

fn content<R: ReadAt + ?Sized>(file: &R, start: u64, bytes: u64) -> Option<Vec<u8>> {
    let mut content = vec![0; usize::try_from(bytes.min(MAX_MOOV_BYTES)).ok()?];
    file.fill(start, &mut content)?;
    Some(content)
}

fn preview<R: ReadAt + ?Sized>(file: &R, start: u64, bytes: u64) -> Option<Place> {
    let mut identifier = [0; 16];
    file.fill(start, &mut identifier)?;
    let jpeg_bytes = bytes.checked_sub(JPEG_IN_PREVIEW)?;
    (identifier == PREVIEW).then_some((start + JPEG_IN_PREVIEW, jpeg_bytes))
}

/// Reads `moov`: the description of the picture, and the tracks.
fn describe(moov: &[u8], found: &mut Found) {
    for (kind, content) in intact(moov) {
        match &kind {
            b"uuid" => {
                if let Some(description) = content.strip_prefix(&DESCRIPTION) {
                    describe_picture(description, found);
                }
            }
            b"trak" => found.streams.extend(jpeg_track(content)),
            _ => {}
        }
    }
}

/// Sibling boxes, up to the first that is truncated.
fn intact(bytes: &[u8]) -> impl Iterator<Item = (Kind, &[u8])> {
    boxes(bytes).map_while(Result::ok)
}

fn child(bytes: &[u8], wanted: Kind) -> Option<&[u8]> {
    intact(bytes).find(|(kind, _)| *kind == wanted).map(|(_, content)| content)
}

/// Reads `CMT1` and `CMT2`, which are TIFF structures of the main and Exif directories. Other boxes hold the maker note
/// and GPS.
fn describe_picture(description: &[u8], found: &mut Found) {
    let directory = |kind| Tiff::open(child(description, kind)?, 0)?.main();
    let Some(main) = directory(*b"CMT1") else { return };
    found.orientation = camera::orientation(&main);
    let sides = main.long(tag::IMAGE_WIDTH).zip(main.long(tag::IMAGE_LENGTH));
    found.sensor = sides.map(|(width, height)| Size { width, height });
    found.camera = camera::facts(&main, directory(*b"CMT2").as_ref());
}

/// Place of the only sample of a track, if its description says JPEG.
fn jpeg_track(track: &[u8]) -> Option<Place> {
    let table = [*b"mdia", *b"minf", *b"stbl"].into_iter().try_fold(track, child)?;
    if !child(table, *b"stsd")?.windows(4).any(|word| word == b"JPEG") {
        return None;
    }
    // After version and flags: a size for all samples; or 0, the number of samples, and each size.
    let sizes = child(table, *b"stsz")?;
    let bytes = match long(sizes, 4)? {
        0 => long(sizes, 12)?,
        all => all,
    };
    let offset = match (child(table, *b"co64"), child(table, *b"stco")) {
        (Some(offsets), _) => u64::from_be_bytes(*offsets.get(8..)?.first_chunk()?),
        (None, Some(offsets)) => long(offsets, 8)?.into(),
        (None, None) => return None,
    };
    Some((offset, bytes.into()))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
