//! The boxes of an HEIF file (ISO/IEC 23008-12) and its dialects, HEIC and AVIF: the picture that they describe.

use super::{
    Unusable,
    bytes::Bytes,
    hevc::Configuration,
    meta::{Item, Meta},
    planes::{CodePoints, Subsampling},
    properties::{self, Crop, Property},
    sequence::{self, Sequence},
};
use smmu_core::image::{ImageLimits, Orientation, Size};
use std::{ops::Range, sync::Arc};

pub(super) type Parsed<T> = Result<T, Unusable>;

/// What the boxes say of the primary item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// The colours.
    pub(super) colour: Picture,
    /// The alpha plane, a picture of its own.
    pub(super) alpha: Option<Picture>,
    /// Whether colours were multiplied by alpha.
    pub(super) premultiplied: bool,
    /// The part that is shown.
    pub(super) crop: Crop,
    /// How the pixels lie.
    pub(super) orientation: Orientation,
    /// ICC profile.
    pub(super) icc: Option<Vec<u8>>,
    /// Code points of the colours, where the container gives them.
    pub(super) code_points: Option<CodePoints>,
    /// Exif block, without its offset.
    pub(super) exif: Option<Vec<u8>>,
    /// What moves; its first frame is the colours and the alpha.
    pub(super) sequence: Option<Sequence>,
}

impl Container {
    /// What the samples mean, as far as that is known before any is decoded.
    pub(super) fn points(&self) -> Option<CodePoints> {
        self.code_points.or_else(|| self.colour.tiles.first().and_then(|tile| tile.coding.points()))
    }
}

/// One or more coded images that make up a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// Width and height in pixels.
    pub(super) size: Size,
    /// Images in a row.
    pub(super) columns: u32,
    /// Size of each image, which all are equally large.
    pub(super) tile: Size,
    /// Size of each image in the decoder's memory.
    pub(super) coded: Size,
    /// Row by row.
    pub(super) tiles: Vec<Tile>,
    /// Bits per sample.
    pub(super) bits: u8,
    /// How chroma is stored.
    pub(super) subsampling: Subsampling,
}

/// One coded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    /// The parts of the file that its stream is made of.
    pub(super) stream: Vec<Range<usize>>,
    pub(super) coding: Coding,
    /// Whether the file ends in the middle of them.
    pub(super) cut: bool,
}

impl Tile {
    /// Whether the file ends before its bytes do.
    pub(super) const fn is_missing(&self) -> bool {
        self.stream.is_empty()
    }
}

/// Who decodes an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Coding {
    Av1,
    Hevc(Arc<Configuration>),
}

impl Coding {
    /// What the stream itself says of its samples, as far as that is known before it is decoded.
    pub(super) fn points(&self) -> Option<CodePoints> {
        match self {
            Self::Av1 => None,
            Self::Hevc(configuration) => Some(configuration.sequence.points),
        }
    }
}

/// Reads the boxes of a whole file. Players show the sequence where the file says first that it is one, and otherwise
/// the picture; each stands in for the other.
pub(super) fn parse(content: &[u8], limits: &ImageLimits) -> Parsed<Container> {
    let (mut still, mut moving, mut is_sequence) = (None, None, false);
    for found in Bytes(content).boxes() {
        match found {
            Ok((kind, payload)) => match &kind {
                b"ftyp" => is_sequence = payload.0.starts_with(b"avis"),
                b"meta" if still.is_none() => {
                    still = Some(Meta::read(content, payload).and_then(|meta| container(&meta, content)));
                }
                b"moov" if moving.is_none() => moving = Some(payload),
                _ => {}
            },
            // The file ends inside a box; what was read of it is there.
            Err(error) if still.is_none() && moving.is_none() => return Err(error),
            Err(_) => break,
        }
    }
    let moving = moving
        .filter(|_| is_sequence || !matches!(still, Some(Ok(_))))
        .map(|moov| sequence::read(moov, content, limits));
    match (moving, still) {
        (Some(Ok(moving)), still) => {
            let exif = still.and_then(Result::ok).and_then(|still| still.exif);
            Ok(Container { exif, ..moving })
        }
        (_, Some(still)) => still,
        (Some(Err(error)), None) => Err(error),
        (None, None) => Err(Unusable::Damaged("it has no picture")),
    }
}

fn container(meta: &Meta, content: &[u8]) -> Parsed<Container> {
    let primary = meta.primary()?;
    let properties = meta.properties_of(primary)?;
    let alpha = alpha_of(meta, primary.id);
    let exif = meta.references_to(*b"cdsc", primary.id).find_map(|reference| {
        let item = meta.find(reference.from).ok()?;
        (&item.kind == b"Exif").then(|| gather(content, &item.extents))
    });
    let premultiplied = meta.references_from(*b"prem", primary.id).is_some();
    let colour = picture(meta, content, primary)?;
    let (crop, orientation) = properties::shown(colour.size, &properties)?;
    Ok(Container {
        colour,
        premultiplied: premultiplied && alpha.is_some(),
        alpha: alpha.map(|item| picture(meta, content, item)).transpose()?,
        crop,
        orientation,
        icc: properties::icc(&properties),
        code_points: properties::code_points(&properties),
        // The block begins with the offset of its TIFF header.
        exif: exif.and_then(|block| {
            let offset = u32::from_be_bytes(*block.first_chunk()?);
            Some(block.get(4 + usize::try_from(offset).ok()?..)?.to_vec())
        }),
        sequence: None,
    })
}

/// The auxiliary picture that is the alpha of an item. Others, depth and gain maps above all, are not looked at.
fn alpha_of(meta: &Meta, id: u32) -> Option<&Item> {
    let is_alpha = |property: &&Property| match property {
        Property::Auxiliary(urn) => {
            urn.starts_with(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
                || urn.starts_with(b"urn:mpeg:hevc:2015:auxid:1\0")
        }
        _ => false,
    };
    meta.references_to(*b"auxl", id).find_map(|reference| {
        let item = meta.find(reference.from).ok()?;
        meta.properties_of(item).ok()?.iter().any(is_alpha).then_some(item)
    })
}

fn picture(meta: &Meta, content: &[u8], item: &Item) -> Parsed<Picture> {
    match &item.kind {
        b"hvc1" if item.missing && !item.there.is_empty() => {
            let mut picture = coded(meta, item)?;
            picture.tiles.iter_mut().for_each(|tile| (tile.stream, tile.cut) = (item.there.clone(), true));
            Ok(picture)
        }
        b"av01" | b"hvc1" | b"grid" if item.missing => Err(item.cut_off()),
        b"av01" | b"hvc1" => coded(meta, item),
        b"grid" => grid(meta, content, item),
        // The very picture that it refers to, with transformations of its own.
        b"iden" => {
            let parts = meta.references_from(*b"dimg", item.id).unwrap_or_default();
            let [part] = parts else { return Err(Unusable::Damaged("a picture is derived from none")) };
            match meta.find(*part)? {
                part if &part.kind == b"iden" => Err(Unusable::Unsupported("pictures derived from derived ones")),
                part => picture(meta, content, part),
            }
        }
        b"iovl" => Err(Unusable::Unsupported("pictures laid over one another")),
        b"jpeg" => Err(Unusable::Unsupported("JPEG images inside")),
        b"avc1" => Err(Unusable::Unsupported("H.264 images inside")),
        b"j2k1" => Err(Unusable::Unsupported("JPEG 2000 images inside")),
        b"vvc1" => Err(Unusable::Unsupported("H.266 images inside")),
        b"unci" => Err(Unusable::Unsupported("uncompressed images inside")),
        _ => Err(Unusable::Unsupported("images of a codec that is not known here")),
    }
}

fn grid(meta: &Meta, content: &[u8], item: &Item) -> Parsed<Picture> {
    let parts = meta.references_from(*b"dimg", item.id).ok_or(Unusable::Damaged("a grid has no parts"))?;
    let (columns, rows, size) = properties::grid(&gather(content, &item.extents))?;
    if parts.len() as u64 != u64::from(columns) * u64::from(rows) {
        return Err(Unusable::Damaged("a grid has other parts than it says"));
    }
    let mut whole: Option<Picture> = None;
    for &part in parts {
        let part = meta.find(part)?;
        if !matches!(&part.kind, b"av01" | b"hvc1") {
            return Err(Unusable::Unsupported("a grid of other than coded images"));
        }
        let Picture { tiles, tile, coded, bits, subsampling, .. } = coded(meta, part)?;
        let whole =
            whole.get_or_insert_with(|| Picture { size, columns, tile, coded, tiles: Vec::new(), bits, subsampling });
        if (whole.tile, whole.coded, whole.bits, whole.subsampling) != (tile, coded, bits, subsampling) {
            return Err(Unusable::Damaged("the parts of a grid differ"));
        }
        whole.tiles.extend(tiles);
    }
    let whole = whole.ok_or(Unusable::Damaged("a grid has no parts"))?;
    let covers = |tile: u32, count: u32, size: u32| u64::from(tile) * u64::from(count) >= u64::from(size);
    if covers(whole.tile.width, columns, size.width) && covers(whole.tile.height, rows, size.height) {
        Ok(whole)
    } else {
        Err(Unusable::Damaged("a grid does not cover its picture"))
    }
}

/// A picture of one coded image.
fn coded(meta: &Meta, item: &Item) -> Parsed<Picture> {
    let properties = meta.properties_of(item)?;
    let size = properties.iter().find_map(|property| match property {
        Property::Size(size) => Some(*size),
        _ => None,
    });
    let configuration = properties.iter().find_map(|property| match property {
        Property::Av1 { bits, subsampling } => Some((Coding::Av1, size, *bits, *subsampling)),
        Property::Hevc(configuration) => Some((
            Coding::Hevc(Arc::clone(configuration)),
            Some(configuration.sequence.coded),
            configuration.sequence.bits,
            configuration.sequence.subsampling,
        )),
        _ => None,
    });
    let (coding, coded, bits, subsampling) = configuration.ok_or(Unusable::Damaged("an image has no configuration"))?;
    let size = size.ok_or(Unusable::Damaged("an image has no size"))?;
    let tile = Tile { stream: item.extents.clone(), coding, cut: false };
    let coded = coded.unwrap_or(size);
    Ok(Picture { size, columns: 1, tile: size, coded, tiles: vec![tile], bits, subsampling })
}

/// The bytes of an item, put together.
pub(super) fn gather(content: &[u8], extents: &[Range<usize>]) -> Vec<u8> {
    extents.iter().filter_map(|extent| content.get(extent.clone())).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::{super::bytes::CUT_OFF, *};

    #[test]
    fn a_box_that_claims_more_than_there_is_is_cut_off() {
        let parse = |content| parse(content, &ImageLimits::default()).err();
        assert_eq!(parse(b"\0\0\0\x10ftypavif"), Some(CUT_OFF));
        assert!(matches!(parse(b""), Some(Unusable::Damaged(_))));
    }
}
