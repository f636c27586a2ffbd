//! HEVC images, decoded with heic-rs, which is pure Rust; only its HEVC decoder is used.

mod sequence;

use super::{
    Unusable,
    bytes::Bytes,
    container::{Parsed, Picture},
    planes::{CodePoints, Planes, Subsampling, UnknownMatrix},
};
use crate::error::{MediaError, corrupt, unsupported};
use heic_rs::hevc::{ChromaFormat, Frame, decode_cut, decode_still};
pub(super) use sequence::Sequence;
use smmu_core::{ErrorCode, Refusal, image::Size};

/// The `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Configuration {
    /// Size in bytes of the length field before each NAL unit of the stream.
    length_bytes: usize,
    /// Video, sequence and picture parameter sets, in this order.
    sets: Vec<Vec<u8>>,
    /// Facts from the sequence parameter set.
    pub(super) sequence: Sequence,
}

/// Types of NAL units (ITU-T H.265, table 7-1).
const SETS: [u8; 3] = [32, 33, 34];
const SEQUENCE_SET: u8 = 33;
const FIRST_OTHER_THAN_PICTURE: u8 = 32;

fn unit_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|first| first >> 1 & 0x3f)
}

/// Returns whether a NAL unit belongs to the base layer; spatial photos store the second eye in another layer.
fn is_base_layer(unit: &[u8]) -> bool {
    matches!(unit, [first, second, ..] if first & 1 == 0 && second >> 3 == 0)
}

impl Configuration {
    pub(super) fn read(mut payload: Bytes) -> Parsed<Self> {
        payload.take(21)?;
        let length_bytes = usize::from(payload.u8()? & 3) + 1;
        let mut units = Vec::new();
        for _ in 0..payload.u8()? {
            payload.take(1)?;
            for _ in 0..payload.number(2)? {
                let bytes = payload.u32(2)? as usize;
                units.push(payload.take(bytes)?);
            }
        }
        let of_type =
            |wanted| units.iter().copied().filter(move |unit| unit_type(unit) == Some(wanted) && is_base_layer(unit));
        let mut sequences = of_type(SEQUENCE_SET)
            .map(|unit| Sequence::read(unit).ok_or(Unusable::Damaged("a sequence parameter set is cut off")));
        let sequence = sequences.next().ok_or(Unusable::Damaged("an image has no sequence parameter set"))??;
        for other in sequences {
            // Only the stream states which of them applies, and limits are checked before the stream is read.
            if other? != sequence {
                return Err(Unusable::Unsupported("several parameter sets that differ"));
            }
        }
        let sets = SETS.iter().flat_map(|&wanted| of_type(wanted)).map(<[u8]>::to_vec).collect();
        Ok(Self { length_bytes, sets, sequence })
    }

    /// Decodes the only picture of a stream. Missing rows of a truncated stream repeat the last row that is present.
    pub(super) fn decode(
        &self,
        stream: &[u8],
        cut: bool,
        picture: &Picture,
        points: Option<CodePoints>,
    ) -> Result<Planes, MediaError> {
        let (mut frame, rows) = self.frame(stream, cut)?;
        if frame.width < picture.tile.width || frame.height < picture.tile.height {
            return Err(corrupt("HEIC", "an image is smaller than the size in the container"));
        }
        if cut {
            repeat_last(&mut frame, rows);
        }
        planes(frame, picture.tile, points.unwrap_or(self.sequence.points))
            .map_err(|UnknownMatrix| unsupported("HEIC with these matrix coefficients is not supported"))
    }

    /// Number of rows present in a truncated stream.
    pub(super) fn rows(&self, stream: &[u8]) -> Result<u32, MediaError> {
        match self.frame(stream, true) {
            Ok((_, rows)) => Ok(u32::try_from(rows).unwrap_or(u32::MAX)),
            // The stream ends before its first slice.
            Err(MediaError::Refused(Refusal { code: ErrorCode::CorruptMedia, .. })) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The decoded picture, and the number of rows present; `usize::MAX` unless `cut`.
    fn frame(&self, stream: &[u8], cut: bool) -> Result<(Frame, usize), MediaError> {
        let units = self.units(stream, cut)?;
        let (slices, others): (Vec<&[u8]>, Vec<&[u8]>) =
            units.into_iter().partition(|unit| unit_type(unit).is_some_and(|kind| kind < FIRST_OTHER_THAN_PICTURE));
        // Some cameras repeat the parameter sets in the pictures. Different ones are refused: they would override those
        // that limits were checked against.
        let is_set = |unit: &&[u8]| unit_type(unit).is_some_and(|kind| SETS.contains(&kind));
        if others.iter().filter(|unit| is_set(unit)).any(|unit| !self.sets.iter().any(|known| known == unit)) {
            return Err(unsupported("HEIC whose pictures have parameter sets of their own is not supported"));
        }
        let sets: Vec<&[u8]> = self.sets.iter().map(Vec::as_slice).collect();
        let (frame, rows) = if cut {
            decode_cut(&sets, &slices)
        } else {
            decode_still(&sets, &slices).map(|frame| (frame, usize::MAX))
        }
        .map_err(failed)?;
        frame.validate().map_err(failed)?;
        Ok((frame, rows))
    }

    /// The base layer's NAL units of a stream, in which each follows its length. In a truncated stream, the last one is
    /// shortened.
    fn units<'a>(&self, stream: &'a [u8], cut: bool) -> Result<Vec<&'a [u8]>, MediaError> {
        let mut left = Bytes(stream);
        let mut units = Vec::new();
        let mut next = || -> Parsed<&'a [u8]> {
            let bytes = left.u32(self.length_bytes)? as usize;
            left.take(if cut { bytes.min(left.0.len()) } else { bytes })
        };
        let mut read = 0;
        while read < stream.len() {
            let unit = match next() {
                Ok(unit) => unit,
                Err(_) if cut => break,
                Err(_) => return Err(corrupt("HEIC", "an image is cut off")),
            };
            read += self.length_bytes + unit.len();
            if is_base_layer(unit) {
                units.push(unit);
            }
        }
        Ok(units)
    }
}

/// Fills everything below the first `rows` rows with copies of the last of them.
fn repeat_last(frame: &mut Frame, rows: usize) {
    let down = match frame.chroma {
        ChromaFormat::Yuv420 => 2,
        ChromaFormat::Monochrome | ChromaFormat::Yuv422 | ChromaFormat::Yuv444 => 1,
    };
    let (luma_stride, chroma_stride) = (frame.y_stride as usize, frame.c_stride as usize);
    for (plane, stride, rows) in [
        (&mut frame.y, luma_stride, rows),
        (&mut frame.cb, chroma_stride, rows / down),
        (&mut frame.cr, chroma_stride, rows / down),
    ] {
        let Some((there, missing)) = plane.split_at_mut_checked(stride * rows) else { continue };
        let Some(last) = there.len().checked_sub(stride).and_then(|start| there.get(start..)) else { continue };
        missing.chunks_exact_mut(stride.max(1)).for_each(|row| row.copy_from_slice(last));
    }
}

fn failed(error: heic_rs::Error) -> MediaError {
    match error {
        heic_rs::Error::Unsupported(tool) => {
            unsupported(format!("HEIC is not supported where its pictures use this: {tool}"))
        }
        error => corrupt("HEIC", format!("HEVC decoding failed: {error}")),
    }
}

fn planes(frame: Frame, size: Size, points: CodePoints) -> Result<Planes, UnknownMatrix> {
    let subsampling = match frame.chroma {
        ChromaFormat::Monochrome => Subsampling::Monochrome,
        ChromaFormat::Yuv420 => Subsampling::Half,
        ChromaFormat::Yuv422 => Subsampling::HalfWidth,
        ChromaFormat::Yuv444 => Subsampling::None,
    };
    let chroma_stride = frame.c_stride as usize;
    let chroma =
        (subsampling != Subsampling::Monochrome).then_some([(frame.cb, chroma_stride), (frame.cr, chroma_stride)]);
    Planes::of_numbers(size, subsampling, frame.bit_depth, (frame.y, frame.y_stride as usize), chroma, points)
}
