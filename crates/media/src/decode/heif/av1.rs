//! AV1 images by rav1d.

use super::{
    container::Picture,
    planes::{CodePoints, Planes, UnknownMatrix},
};
use crate::error::{MediaError, corrupt, unsupported};
use re_rav1d::dav1d::{self, pixel::YUVRange};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Layers that a picture may have (AV1, 6.4.1: four spatial ones), each perhaps with a frame that is only referred to.
pub(super) const MAX_FRAMES: usize = 8;

/// Decodes the picture of an AV1 stream.
pub(super) fn decode(stream: Vec<u8>, picture: &Picture, points: Option<CodePoints>) -> Result<Planes, MediaError> {
    Decoder::new(picture)?.next(stream, picture, points)
}

/// Decodes pictures that refer to those before them.
pub(super) struct Decoder(dav1d::Decoder);

/// What such a decoder holds at most: the frames that may be referred to (AV1, 3: eight), the one in the making, and
/// its twin for film grain.
pub(super) const HELD_FRAMES: u64 = 10;

fn broken(error: dav1d::Error) -> MediaError {
    corrupt("AVIF", format!("AV1 decoding failed: {error}"))
}

impl Decoder {
    pub(super) fn new(picture: &Picture) -> Result<Self, MediaError> {
        let mut settings = dav1d::Settings::new();
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        settings.set_frame_size_limit(u32::try_from(picture.tile.pixels()).unwrap_or(u32::MAX));
        dav1d::Decoder::with_settings(&settings).map(Self).map_err(broken)
    }

    /// Decodes one picture of a stream, from all of its bytes.
    pub(super) fn next(
        &mut self,
        stream: Vec<u8>,
        picture: &Picture,
        points: Option<CodePoints>,
    ) -> Result<Planes, MediaError> {
        match frames_of(&stream) {
            Some(1..=MAX_FRAMES) => {}
            Some(0) | None => return Err(corrupt("AVIF", "an image has no frame")),
            Some(_) => return Err(unsupported("AVIF of so many layers is not supported")),
        }
        match self.0.send_data(stream, None, None, None) {
            Ok(()) | Err(dav1d::Error::Again) => {}
            Err(error) => return Err(broken(error)),
        }
        // Of layers each is a better picture than the one before; the last is what the file promises.
        let mut decoded = self.0.get_picture().map_err(broken)?;
        while let Ok(better) = self.0.get_picture() {
            decoded = better;
        }
        planes_of(&decoded, picture, points)
    }
}

fn planes_of(decoded: &dav1d::Picture, picture: &Picture, points: Option<CodePoints>) -> Result<Planes, MediaError> {
    if (decoded.width(), decoded.height()) != (picture.tile.width, picture.tile.height) {
        return Err(corrupt("AVIF", "an image has another size than the file says"));
    }
    let planes = points
        .or_else(|| stated_points(decoded))
        .ok_or(UnknownMatrix)
        .and_then(|points| Planes::of_av1(decoded, points))
        .map_err(|UnknownMatrix| unsupported("AVIF with these matrix coefficients is not supported"))?;
    if planes.bits() != picture.bits {
        return Err(corrupt("AVIF", "an image has other bits than the file says"));
    }
    Ok(planes)
}

/// What the stream says of its samples. The decoder panics on the one number of a matrix that it has no name for (255).
fn stated_points(decoded: &dav1d::Picture) -> Option<CodePoints> {
    let matrix = catch_unwind(AssertUnwindSafe(|| decoded.matrix_coefficients() as u8)).ok()?;
    Some(CodePoints { primaries: 2, transfer: 2, matrix, full_range: decoded.color_range() == YUVRange::Full })
}

/// Frames that a stream would make the decoder hold (AV1, 5.3): each costs memory, shown or not.
pub(super) fn frames_of(mut stream: &[u8]) -> Option<usize> {
    const FRAME_HEADER: u8 = 3;
    const FRAME: u8 = 6;
    let mut frames = 0;
    while let Some((&head, rest)) = stream.split_first() {
        let (kind, extended, sized) = (head >> 3 & 15, head & 4 != 0, head & 2 != 0);
        let rest = rest.get(usize::from(extended)..)?;
        let (length, rest) = if sized { leb128(rest)? } else { (rest.len(), rest) };
        frames += usize::from(matches!(kind, FRAME_HEADER | FRAME));
        stream = rest.get(length..)?;
    }
    Some(frames)
}

/// A number in groups of seven bits, the lowest first (AV1, 4.10.5).
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}
