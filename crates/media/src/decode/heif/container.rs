//! Reads the picture described by the boxes of an HEIF file (ISO/IEC 23008-12), including HEIC and AVIF.

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

/// Properties of the primary item, from its boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// The colour planes.
    pub(super) colour: Picture,
    /// The alpha plane, which is a separate picture.
    pub(super) alpha: Option<Picture>,
    /// Set if colours are premultiplied by alpha.
    pub(super) premultiplied: bool,
    /// The part of the picture to show.
    pub(super) crop: Crop,
    /// Orientation, from turns and mirrors.
    pub(super) orientation: Orientation,
    /// ICC profile.
    pub(super) icc: Option<Vec<u8>>,
    /// Code points of the colours, if the container states them.
    pub(super) code_points: Option<CodePoints>,
    /// Exif block, without its offset.
    pub(super) exif: Option<Vec<u8>>,
    /// The sequence, if it is shown instead of the still picture; its first frame is `colour` and `alpha`.
    pub(super) sequence: Option<Sequence>,
}

impl Container {
    /// Code points of the colours, if known before decoding.
    pub(super) fn points(&self) -> Option<CodePoints> {
        self.code_points.or_else(|| self.colour.tiles.first().and_then(|tile| tile.coding.points()))
    }
}

/// One or more coded images that make up a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// Width and height in pixels.
    pub(super) size: Size,
    /// Number of images in a row.
    pub(super) columns: u32,
    /// Size of each image; all have the same size.
    pub(super) tile: Size,
    /// Size of each image in the decoder's memory, before cropping.
    pub(super) coded: Size,
    /// The images, row by row.
    pub(super) tiles: Vec<Tile>,
    /// Bits per sample.
    pub(super) bits: u8,
    /// Chroma subsampling.
    pub(super) subsampling: Subsampling,
}

/// One coded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    /// The parts of the file that make up the image's stream; empty if the file ends before them.
    pub(super) stream: Vec<Range<usize>>,
    pub(super) coding: Coding,
    /// Set if the stream is truncated.
    pub(super) cut: bool,
}

impl Tile {
    /// Returns whether the file ends before the end of the image's stream.
    pub(super) const fn is_missing(&self) -> bool {
        self.stream.is_empty()
    }
}

/// Codec of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Coding {
    Av1,
    Hevc(Arc<Configuration>),
}

impl Coding {
    /// Code points stated by the stream itself, if known before decoding.
    pub(super) fn points(&self) -> Option<CodePoints> {
        match self {
            Self::Av1 => None,
            Self::Hevc(configuration) => Some(configuration.sequence.points),
        }
    }
}

/// Reads the boxes of a whole file. As in players, a file with the major brand `avis` shows its sequence, any other
/// file its still picture; each replaces the other if that is missing or unusable.
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
            // The file ends inside a box; use the boxes before it.
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
    let alpha = alpha_of(meta, primary.id);
    let exif = meta.references_to(*b"cdsc", primary.id).find_map(|reference| {
        let item = meta.find(reference.from).ok()?;
        (&item.kind == b"Exif").then(|| gather(content, &item.extents))
    });
    let premultiplied = meta.references_from(*b"prem", primary.id).is_some();
    let colour = picture(meta, content, primary)?;
    let (crop, orientation) = properties::shown(colour.size, &transformations(meta, primary)?)?;
    let coloured = colour_properties(meta, primary)?;
    Ok(Container {
        colour,
        premultiplied: premultiplied && alpha.is_some(),
        alpha: alpha.map(|item| picture(meta, content, item)).transpose()?,
        crop,
        orientation,
        icc: properties::icc(&coloured),
        code_points: properties::code_points(&coloured),
        // The block begins with the offset of its TIFF header.
        exif: exif.and_then(|block| {
            let offset = u32::from_be_bytes(*block.first_chunk()?);
            Some(block.get(4 + usize::try_from(offset).ok()?..)?.to_vec())
        }),
        sequence: None,
    })
}

/// The auxiliary picture that is the alpha of an item. Other auxiliary pictures, such as depth and gain maps, are
/// ignored.
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
        // The same picture as the item that it refers to, with additional transformations.
        b"iden" => picture(meta, content, original(meta, item)?),
        b"iovl" => Err(Unusable::Unsupported("overlaid pictures")),
        b"jpeg" => Err(Unusable::Unsupported("JPEG images inside")),
        b"avc1" => Err(Unusable::Unsupported("H.264 images inside")),
        b"j2k1" => Err(Unusable::Unsupported("JPEG 2000 images inside")),
        b"vvc1" => Err(Unusable::Unsupported("H.266 images inside")),
        b"unci" => Err(Unusable::Unsupported("uncompressed images inside")),
        _ => Err(Unusable::Unsupported("images of an unknown codec")),
    }
}

/// The properties that state an item's colours: its own or, for a derived picture without any of colour, those of the
/// first picture that it is derived from.
fn colour_properties<'a>(meta: &'a Meta, item: &Item) -> Parsed<Vec<&'a Property>> {
    let own = meta.properties_of(item)?;
    let is_colour = |property: &&Property| matches!(property, Property::Icc(_) | Property::CodePoints(_));
    let first = || meta.references_from(*b"dimg", item.id)?.first();
    match first() {
        Some(&part) if !own.iter().any(is_colour) => meta.properties_of(meta.find(part)?),
        _ => Ok(own),
    }
}

/// The item that an identity derivation (`iden`) refers to.
fn original<'a>(meta: &'a Meta, item: &Item) -> Parsed<&'a Item> {
    let parts = meta.references_from(*b"dimg", item.id).unwrap_or_default();
    let [part] = parts else { return Err(Unusable::Damaged("a picture is derived from none")) };
    match meta.find(*part)? {
        part if &part.kind == b"iden" => Err(Unusable::Unsupported("pictures derived from other derived pictures")),
        part => Ok(part),
    }
}

/// Properties of an item, including turns, mirrors and crops, in order. For an identity derivation, those of the
/// original come first.
fn transformations<'a>(meta: &'a Meta, item: &Item) -> Parsed<Vec<&'a Property>> {
    let mut properties = if &item.kind == b"iden" { meta.properties_of(original(meta, item)?)? } else { Vec::new() };
    properties.extend(meta.properties_of(item)?);
    Ok(properties)
}

fn grid(meta: &Meta, content: &[u8], item: &Item) -> Parsed<Picture> {
    let parts = meta.references_from(*b"dimg", item.id).ok_or(Unusable::Damaged("a grid has no parts"))?;
    let (columns, rows, size) = properties::grid(&gather(content, &item.extents))?;
    if parts.len() as u64 != u64::from(columns) * u64::from(rows) {
        return Err(Unusable::Damaged("a grid has a wrong number of parts"));
    }
    let mut whole: Option<Picture> = None;
    for &part in parts {
        let part = meta.find(part)?;
        if !matches!(&part.kind, b"av01" | b"hvc1") {
            return Err(Unusable::Unsupported("a grid of derived images"));
        }
        let Picture { tiles, tile, coded, bits, subsampling, .. } = part_of_grid(meta, part)?;
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

/// A coded image, cropped for use in a grid. Encoders pad an image on the right and below if the tile is too small for
/// them.
fn part_of_grid(meta: &Meta, item: &Item) -> Parsed<Picture> {
    let picture = coded(meta, item)?;
    let (crop, orientation) = properties::shown(picture.size, &meta.properties_of(item)?)?;
    let at_corner = crop.left == 0 && crop.top == 0 && orientation == Orientation::Upright;
    let whole = crop.size == picture.size;
    let is_hevc = picture.tiles.iter().all(|tile| matches!(tile.coding, Coding::Hevc(_)));
    if at_corner && (whole || is_hevc) {
        Ok(Picture { tile: crop.size, ..picture })
    } else {
        Err(Unusable::Unsupported("a grid of images that are turned, or cut on the left or above"))
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

/// The joined bytes of an item's extents.
pub(super) fn gather(content: &[u8], extents: &[Range<usize>]) -> Vec<u8> {
    extents.iter().filter_map(|extent| content.get(extent.clone())).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::{super::bytes::CUT_OFF, *};

    #[test]
    fn a_box_longer_than_the_file_is_damaged() {
        let parse = |content| parse(content, &ImageLimits::default()).err();
        assert_eq!(parse(b"\0\0\0\x10ftypavif"), Some(CUT_OFF));
        assert!(matches!(parse(b""), Some(Unusable::Damaged(_))));
    }
}
