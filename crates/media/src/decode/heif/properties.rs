//! Properties of items (ISO/IEC 23008-12, 6.5; AV1 Image File Format 1.1, 2.2; ISO/IEC 14496-15, 8.3.3).

use super::{
    Unusable,
    bytes::{Bytes, CUT_OFF},
    container::Parsed,
    hevc::Configuration,
    planes::{CodePoints, Subsampling},
};
use smmu_core::{
    image::{Orientation, Size},
    iso_bmff::Kind,
};
use std::sync::Arc;

/// A property of an item.
#[derive(Debug, Clone)]
pub(super) enum Property {
    Size(Size),
    Icc(Vec<u8>),
    CodePoints(CodePoints),
    Av1 {
        bits: u8,
        subsampling: Subsampling,
    },
    Hevc(Arc<Configuration>),
    Aperture(Aperture),
    /// Quarter turns anticlockwise.
    Turn(u8),
    Mirror(Mirror),
    Auxiliary(Vec<u8>),
    /// Known, but not needed.
    Ignored,
    /// Unknown. If it is essential, the item cannot be shown.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mirror {
    TopAndBottom,
    LeftAndRight,
}

pub(super) fn read(kind: Kind, mut payload: Bytes) -> Parsed<Property> {
    Ok(match &kind {
        b"ispe" => {
            payload.full_box()?;
            Property::Size(Size { width: payload.u32(4)?, height: payload.u32(4)? })
        }
        b"colr" => match &payload.kind()? {
            b"prof" | b"rICC" => Property::Icc(payload.0.to_vec()),
            b"nclx" => {
                // Two bytes each; values above 255 are reserved.
                let mut point = || payload.number(2).map(|point| u8::try_from(point).unwrap_or(2));
                let (primaries, transfer, matrix) = (point()?, point()?, point()?);
                let full_range = payload.u8()? & 0x80 != 0;
                Property::CodePoints(CodePoints { primaries, transfer, matrix, full_range })
            }
            _ => Property::Ignored,
        },
        b"av1C" => av1(payload)?,
        b"hvcC" => Property::Hevc(Arc::new(Configuration::read(payload)?)),
        b"clap" => Property::Aperture(Aperture::read(payload)?),
        b"irot" => Property::Turn(payload.u8()? & 3),
        b"imir" => Property::Mirror(if payload.u8()? & 1 == 0 { Mirror::TopAndBottom } else { Mirror::LeftAndRight }),
        b"auxC" => {
            payload.full_box()?;
            Property::Auxiliary(payload.0.to_vec())
        }
        // No need to select layers and operating points: the decoder shows the best one by default.
        b"pixi" | b"pasp" | b"clli" | b"mdcv" | b"cclv" | b"amve" | b"a1op" | b"lsel" | b"a1lx" | b"cclp" | b"reve"
        | b"rloc" | b"udes" | b"altt" | b"cmin" | b"cmex" => Property::Ignored,
        _ => Property::Unknown,
    })
}

/// The `AV1CodecConfigurationBox` (AV1 Codec ISO Media File Format Binding, 2.3).
fn av1(mut payload: Bytes) -> Parsed<Property> {
    payload.take(2)?;
    let flags = payload.u8()?;
    let bit = |at: u32| flags >> at & 1 == 1;
    let (high, twelve, monochrome, half_width, half_height) = (bit(6), bit(5), bit(4), bit(3), bit(2));
    Ok(Property::Av1 {
        bits: match (high, twelve) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        },
        subsampling: match (monochrome, half_width, half_height) {
            (true, _, _) => Subsampling::Monochrome,
            (false, true, true) => Subsampling::Half,
            (false, true, false) => Subsampling::HalfWidth,
            (false, false, _) => Subsampling::None,
        },
    })
}

/// The part of a picture to show (ISO/IEC 14496-12, 12.1.4), in pixels: width, height, and the offset of its centre
/// from the centre of the picture, to the right and down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Aperture([f64; 4]);

impl Aperture {
    fn read(mut payload: Bytes) -> Parsed<Self> {
        let mut parts = [0.0; 4];
        for part in &mut parts {
            let (numerator, denominator) = (payload.u32(4)?, payload.u32(4)?);
            // Offsets are signed. Sizes are not negative, so reading them as signed is correct, too.
            let [numerator, denominator] = [numerator, denominator].map(|number| f64::from(number.cast_signed()));
            if denominator <= 0.0 {
                return Err(Unusable::Damaged("its clean aperture is not a valid fraction"));
            }
            *part = numerator / denominator;
        }
        Ok(Self(parts))
    }

    /// Rounds to whole pixels inside the picture.
    fn crop(self, size: Size) -> Parsed<Crop> {
        let [width, height, right, down] = self.0;
        let side = |whole: u32, part: f64, offset: f64| {
            let whole = f64::from(whole);
            let start = ((whole - part) / 2.0 + offset).round().clamp(0.0, whole);
            let end = (start + part.round()).min(whole);
            (start as u32, (end - start) as u32)
        };
        let (left, width) = side(size.width, width, right);
        let (top, height) = side(size.height, height, down);
        if width == 0 || height == 0 {
            return Err(Unusable::Damaged("its clean aperture is empty"));
        }
        Ok(Crop { left, top, size: Size { width, height } })
    }
}

/// A part of a picture, in pixels as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crop {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) size: Size,
}

/// The part of a picture to show, and its orientation. Properties apply in order (ISO/IEC 23008-12, 6.5.1); writers put
/// the aperture first (ISO/IEC 23000-22, 7.3.6.7).
pub(super) fn shown(size: Size, properties: &[&Property]) -> Parsed<(Crop, Orientation)> {
    let mut crop = Crop { left: 0, top: 0, size };
    // The picture is first mirrored left to right, if `mirrored`, and then turned anticlockwise by `turns` quarters.
    let (mut mirrored, mut turns) = (false, 0);
    for property in properties {
        match property {
            Property::Aperture(_) if mirrored || turns != 0 => {
                return Err(Unusable::Unsupported("a clean aperture after a turn"));
            }
            Property::Aperture(aperture) => {
                let inner = aperture.crop(crop.size)?;
                crop = Crop { left: crop.left + inner.left, top: crop.top + inner.top, ..inner };
            }
            Property::Turn(quarters) => turns = (turns + quarters) % 4,
            // Turning and then mirroring equals mirroring and then turning the other way.
            Property::Mirror(mirror) => {
                mirrored = !mirrored;
                turns = match mirror {
                    Mirror::LeftAndRight => (4 - turns) % 4,
                    Mirror::TopAndBottom => (6 - turns) % 4,
                };
            }
            _ => {}
        }
    }
    let orientation = match (mirrored, turns) {
        (false, 0) => Orientation::Upright,
        (false, 1) => Orientation::Rotate270,
        (false, 2) => Orientation::Rotate180,
        (false, _) => Orientation::Rotate90,
        (true, 0) => Orientation::FlipHorizontal,
        (true, 1) => Orientation::Transpose,
        (true, 2) => Orientation::FlipVertical,
        (true, _) => Orientation::Transverse,
    };
    Ok((crop, orientation))
}

/// The first ICC profile among the properties.
pub(super) fn icc(properties: &[&Property]) -> Option<Vec<u8>> {
    properties.iter().find_map(|property| match property {
        Property::Icc(icc) => Some(icc.clone()),
        _ => None,
    })
}

/// The first code points among the properties.
pub(super) fn code_points(properties: &[&Property]) -> Option<CodePoints> {
    properties.iter().find_map(|property| match property {
        Property::CodePoints(points) => Some(*points),
        _ => None,
    })
}

/// Columns, rows and size of a grid (ISO/IEC 23008-12, 6.6.2.3.2).
pub(super) fn grid(item: &[u8]) -> Parsed<(u32, u32, Size)> {
    let mut item = Bytes(item);
    item.take(1)?;
    let bytes = if item.u8()? & 1 == 1 { 4 } else { 2 };
    let (rows, columns) = (u32::from(item.u8()?) + 1, u32::from(item.u8()?) + 1);
    let size = Size { width: item.u32(bytes)?, height: item.u32(bytes)? };
    if size.width == 0 || size.height == 0 { Err(CUT_OFF) } else { Ok((columns, rows, size)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 40, height: 30 };

    fn orientation(properties: &[Property]) -> u8 {
        shown(SIZE, &properties.iter().collect::<Vec<_>>()).expect("shown").1.number()
    }

    #[test]
    fn turn_and_mirror_make_the_eight_orientations() {
        use Mirror::{LeftAndRight, TopAndBottom};
        let of = |turn, mirror: Option<Mirror>| {
            orientation(
                &[Some(Property::Turn(turn)), mirror.map(Property::Mirror)].into_iter().flatten().collect::<Vec<_>>(),
            )
        };
        // The pairs that libavif writes for Exif orientations 1 to 8.
        let written = [
            (0, None),
            (0, Some(LeftAndRight)),
            (2, None),
            (0, Some(TopAndBottom)),
            (1, Some(TopAndBottom)),
            (3, None),
            (3, Some(TopAndBottom)),
            (1, None),
        ];
        assert_eq!(written.map(|(turn, mirror)| of(turn, mirror)), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn properties_apply_in_order() {
        use Mirror::{LeftAndRight, TopAndBottom};
        let (turn, flip) = (Property::Turn(1), Property::Mirror(LeftAndRight));
        assert_ne!(orientation(&[turn.clone(), flip.clone()]), orientation(&[flip.clone(), turn.clone()]));
        assert_eq!(orientation(&[flip.clone(), flip.clone()]), 1);
        assert_eq!(orientation(&[flip, Property::Mirror(TopAndBottom)]), 3);
        assert_eq!(orientation(&[turn.clone(), turn]), 3);
    }

    #[test]
    fn an_aperture_is_centred_unless_offset_and_clipped_to_the_picture() {
        let crop = |parts| shown(SIZE, &[&Property::Aperture(Aperture(parts))]).map(|(crop, _)| crop);
        let of = |left, top, width, height| Ok(Crop { left, top, size: Size { width, height } });
        assert_eq!(crop([20.0, 10.0, 0.0, 0.0]), of(10, 10, 20, 10));
        assert_eq!(crop([20.0, 10.0, -10.0, 10.0]), of(0, 20, 20, 10));
        assert_eq!(crop([400.0, 300.0, 0.0, 0.0]), of(0, 0, 40, 30));
        assert!(crop([0.0, 10.0, 0.0, 0.0]).is_err());
        assert!(crop([20.0, 10.0, 99.0, 0.0]).is_err());
    }
}
