//! AV1 images, decoded with rav1d.

use super::{
    container::Picture,
    planes::{CodePoints, Planes, UnknownMatrix},
};
use crate::error::{MediaError, corrupt, unsupported};
use re_rav1d::dav1d::{self, pixel::YUVRange};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Maximum number of frames of a picture: four spatial layers (AV1, 6.4.1), each possibly with a reference frame.
pub(super) const MAX_FRAMES: usize = 8;

/// Decodes the picture of an AV1 stream.
pub(super) fn decode(stream: Vec<u8>, picture: &Picture, points: Option<CodePoints>) -> Result<Planes, MediaError> {
    Decoder::new(picture)?.next(stream, picture, points)
}

/// Decodes pictures that can refer to previous ones.
pub(super) struct Decoder(dav1d::Decoder);

/// Maximum number of frames that a [`Decoder`] holds: eight reference frames (AV1, 3), the current one, and its copy
/// with film grain.
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
            Some(_) => return Err(unsupported("AVIF with this many layers is not supported")),
        }
        match self.0.send_data(stream, None, None, None) {
            Ok(()) | Err(dav1d::Error::Again) => {}
            Err(error) => return Err(broken(error)),
        }
        // Each layer improves on the one before; the last is the full picture.
        let mut decoded = self.0.get_picture().map_err(broken)?;
        while let Ok(better) = self.0.get_picture() {
            decoded = better;
        }
        planes_of(&decoded, picture, points)
    }
}

fn planes_of(decoded: &dav1d::Picture, picture: &Picture, points: Option<CodePoints>) -> Result<Planes, MediaError> {
    if (decoded.width(), decoded.height()) != (picture.tile.width, picture.tile.height) {
        return Err(corrupt("AVIF", "an image's size differs from the size in the container"));
    }
    let planes = points
        .or_else(|| stated_points(decoded))
        .ok_or(UnknownMatrix)
        .and_then(|points| Planes::of_av1(decoded, points))
        .map_err(|UnknownMatrix| unsupported("AVIF with these matrix coefficients is not supported"))?;
    if planes.bits() != picture.bits {
        return Err(corrupt("AVIF", "an image's bit depth differs from the one in the container"));
    }
    if planes.subsampling() != picture.subsampling {
        return Err(corrupt("AVIF", "an image's chroma differs from the one in the container"));
    }
    Ok(planes)
}

/// Code points stated by the stream. The decoder panics on matrix number 255, which it does not know.
fn stated_points(decoded: &dav1d::Picture) -> Option<CodePoints> {
    let matrix = catch_unwind(AssertUnwindSafe(|| decoded.matrix_coefficients() as u8)).ok()?;
    Some(CodePoints { primaries: 2, transfer: 2, matrix, full_range: decoded.color_range() == YUVRange::Full })
}

/// Number of frames that a stream would make the decoder hold (AV1, 5.3), shown or not. `None` if the stream is
/// damaged.
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

/// Reads a number in groups of seven bits, the lowest first (AV1, 4.10.5). Returns the number and the rest.
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
