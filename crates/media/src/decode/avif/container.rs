//! The boxes of an AVIF file (ISO/IEC 14496-12 and 23008-12; AV1 Image File Format 1.1).

use smmu_core::image::{Orientation, Size};
use std::ops::Range;

/// What the boxes say of the primary item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// The colours.
    pub(super) colour: Picture,
    /// The alpha plane, a picture of its own.
    pub(super) alpha: Option<Picture>,
    /// Whether colours were multiplied by alpha.
    pub(super) premultiplied: bool,
    /// How the pixels lie.
    pub(super) orientation: Orientation,
    /// ICC profile.
    pub(super) icc: Option<Vec<u8>>,
    /// Code points of the colours (ITU-T H.273), where given.
    pub(super) code_points: Option<CodePoints>,
    /// Exif block, without its offset.
    pub(super) exif: Option<Vec<u8>>,
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
    /// AV1 streams, row by row: the parts of the file that each is made of.
    pub(super) tiles: Vec<Vec<Range<usize>>>,
    /// Bits per sample.
    pub(super) bits: u8,
    /// Bytes per pixel in memory, as its subsampling has it: numerator over two.
    pub(super) half_samples_per_pixel: u64,
    /// Whether it has no chroma.
    pub(super) monochrome: bool,
}

/// What samples mean (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CodePoints {
    pub(super) primaries: u8,
    pub(super) transfer: u8,
    pub(super) matrix: u8,
    pub(super) full_range: bool,
}

/// Why no picture can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// The boxes are cut off or contradict one another.
    Damaged(&'static str),
    /// The boxes ask for something that is not done here.
    Unsupported(&'static str),
}

const CUT_OFF: Unusable = Unusable::Damaged("a box is cut off");

type Parsed<T> = Result<T, Unusable>;

/// A box's payload, read from front to back.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A big-endian number of up to 8 bytes; of none, 0.
    fn number(&mut self, bytes: usize) -> Parsed<u64> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn u32(&mut self, bytes: usize) -> Parsed<u32> {
        u32::try_from(self.number(bytes)?).map_err(|_| CUT_OFF)
    }

    /// Version and flags of a full box.
    fn full_box(&mut self) -> Parsed<(u64, u64)> {
        Ok((self.number(1)?, self.number(3)?))
    }

    fn name(&mut self) -> Parsed<[u8; 4]> {
        self.take(4)?.try_into().map_err(|_| CUT_OFF)
    }

    /// The next box, or `None` at the end.
    fn next_box(&mut self) -> Parsed<Option<([u8; 4], Bytes<'a>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let short = self.number(4)?;
        let name = self.name()?;
        let payload = match short {
            0 => self.0.len(),
            1 => usize::try_from(self.number(8)?).ok().and_then(|length| length.checked_sub(16)).ok_or(CUT_OFF)?,
            length => usize::try_from(length).ok().and_then(|length| length.checked_sub(8)).ok_or(CUT_OFF)?,
        };
        Ok(Some((name, Bytes(self.take(payload)?))))
    }
}

/// A property of items.
#[derive(Debug, Clone)]
enum Property {
    Size(Size),
    Icc(Vec<u8>),
    CodePoints(CodePoints),
    Av1 {
        bits: u8,
        half_samples_per_pixel: u64,
        monochrome: bool,
    },
    /// Quarter turns anticlockwise.
    Turn(u8),
    /// 0 exchanges top and bottom, 1 left and right.
    Mirror(u8),
    Auxiliary(Vec<u8>),
    /// Known, and without meaning here.
    Ignored,
    /// Unknown, or asking for what is not done here.
    Unsupported(&'static str),
}

#[derive(Debug, Clone, Default)]
struct Item {
    id: u32,
    kind: [u8; 4],
    extents: Vec<Range<usize>>,
    /// Index from 1, and whether it must be understood.
    properties: Vec<(usize, bool)>,
}

#[derive(Default)]
struct Meta {
    primary: u32,
    items: Vec<Item>,
    properties: Vec<Property>,
    /// Kind, from, to.
    references: Vec<([u8; 4], u32, Vec<u32>)>,
}

/// More items or properties than this make no sense in a file of one picture, and cost time.
const MAX_ENTRIES: usize = 4096;

/// Reads the boxes of a whole file.
pub(super) fn parse(content: &[u8]) -> Parsed<Container> {
    let mut file = Bytes(content);
    while let Some((name, payload)) = file.next_box()? {
        if &name == b"meta" {
            return Meta::read(content, payload)?.container(content);
        }
    }
    Err(Unusable::Unsupported("AVIF that holds only a sequence"))
}

impl Meta {
    fn read(content: &[u8], mut payload: Bytes) -> Parsed<Self> {
        let mut meta = Self::default();
        payload.full_box()?;
        let mut idat = 0..0;
        let mut scan = payload;
        while let Some((name, inner)) = scan.next_box()? {
            if &name == b"idat" {
                let start = inner.0.as_ptr().addr() - content.as_ptr().addr();
                idat = start..start + inner.0.len();
            }
        }
        while let Some((name, mut inner)) = payload.next_box()? {
            match &name {
                b"pitm" => {
                    let (version, _) = inner.full_box()?;
                    meta.primary = inner.u32(if version == 0 { 2 } else { 4 })?;
                }
                b"iinf" => meta.read_infos(inner)?,
                b"iloc" => meta.read_locations(inner, content.len(), &idat)?,
                b"iprp" => meta.read_properties(inner)?,
                b"iref" => meta.read_references(inner)?,
                _ => {}
            }
        }
        Ok(meta)
    }

    fn item(&mut self, id: u32) -> Parsed<&mut Item> {
        if let Some(at) = self.items.iter().position(|item| item.id == id) {
            return Ok(&mut self.items[at]);
        }
        if self.items.len() >= MAX_ENTRIES {
            return Err(Unusable::Unsupported("AVIF of so many items"));
        }
        self.items.push(Item { id, ..Item::default() });
        self.items.last_mut().ok_or(CUT_OFF)
    }

    fn read_infos(&mut self, mut payload: Bytes) -> Parsed<()> {
        let (version, _) = payload.full_box()?;
        payload.number(if version == 0 { 2 } else { 4 })?;
        while let Some((name, mut entry)) = payload.next_box()? {
            let (version, _) = entry.full_box()?;
            if &name == b"infe" && version >= 2 {
                let id = entry.u32(if version == 2 { 2 } else { 4 })?;
                entry.take(2)?;
                self.item(id)?.kind = entry.name()?;
            }
        }
        Ok(())
    }

    fn read_locations(&mut self, mut payload: Bytes, file: usize, idat: &Range<usize>) -> Parsed<()> {
        let (version, _) = payload.full_box()?;
        let sizes = payload.number(2)?;
        let width = |shift: u32| usize::try_from(sizes >> shift & 15).unwrap_or(0).min(8);
        let (offset, length, base) = (width(12), width(8), width(4));
        let index = if version == 0 { 0 } else { width(0) };
        let id_bytes = if version < 2 { 2 } else { 4 };
        for _ in 0..payload.number(id_bytes)? {
            let id = payload.u32(id_bytes)?;
            let method = if version == 0 { 0 } else { payload.number(2)? & 15 };
            payload.take(2)?;
            let base = payload.number(base)?;
            let mut extents = Vec::new();
            for _ in 0..payload.number(2)? {
                payload.take(index)?;
                let start = base.checked_add(payload.number(offset)?).ok_or(CUT_OFF)?;
                let bytes = payload.number(length)?;
                let within = match method {
                    0 => 0..file,
                    1 => idat.clone(),
                    _ => return Err(Unusable::Unsupported("AVIF with items inside items")),
                };
                let start =
                    usize::try_from(start).ok().and_then(|start| start.checked_add(within.start)).ok_or(CUT_OFF)?;
                let end = match bytes {
                    0 => within.end,
                    _ => usize::try_from(bytes).ok().and_then(|bytes| start.checked_add(bytes)).ok_or(CUT_OFF)?,
                };
                if start > end || end > within.end {
                    return Err(Unusable::Damaged("it ends too early"));
                }
                extents.push(start..end);
            }
            self.item(id)?.extents = extents;
        }
        Ok(())
    }

    fn read_properties(&mut self, mut payload: Bytes) -> Parsed<()> {
        while let Some((name, mut inner)) = payload.next_box()? {
            match &name {
                b"ipco" => {
                    while let Some((name, property)) = inner.next_box()? {
                        if self.properties.len() >= MAX_ENTRIES {
                            return Err(Unusable::Unsupported("AVIF of so many properties"));
                        }
                        self.properties.push(property_of(name, property)?);
                    }
                }
                b"ipma" => {
                    let (version, flags) = inner.full_box()?;
                    for _ in 0..inner.number(4)? {
                        let id = inner.u32(if version < 1 { 2 } else { 4 })?;
                        for _ in 0..inner.number(1)? {
                            let (bytes, top) = if flags & 1 == 1 { (2, 0x8000) } else { (1, 0x80) };
                            let entry = inner.number(bytes)?;
                            let index = usize::try_from(entry & (top - 1)).map_err(|_| CUT_OFF)?;
                            self.item(id)?.properties.push((index, entry & top != 0));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_references(&mut self, mut payload: Bytes) -> Parsed<()> {
        let (version, _) = payload.full_box()?;
        let id_bytes = if version == 0 { 2 } else { 4 };
        while let Some((kind, mut inner)) = payload.next_box()? {
            if self.references.len() >= MAX_ENTRIES {
                return Err(Unusable::Unsupported("AVIF of so many references"));
            }
            let from = inner.u32(id_bytes)?;
            let count = inner.number(2)?;
            let to = (0..count).map(|_| inner.u32(id_bytes)).collect::<Parsed<Vec<u32>>>()?;
            self.references.push((kind, from, to));
        }
        Ok(())
    }

    fn find(&self, id: u32) -> Parsed<&Item> {
        self.items.iter().find(|item| item.id == id).ok_or(Unusable::Damaged("an item is missing"))
    }

    fn properties_of(&self, item: &Item) -> Parsed<Vec<&Property>> {
        let mut found = Vec::new();
        for &(index, essential) in &item.properties {
            let Some(property) = index.checked_sub(1).and_then(|index| self.properties.get(index)) else { continue };
            match property {
                Property::Unsupported(what) if essential => return Err(Unusable::Unsupported(what)),
                _ => found.push(property),
            }
        }
        Ok(found)
    }

    fn container(&self, content: &[u8]) -> Parsed<Container> {
        let primary = self.find(self.primary)?;
        let properties = self.properties_of(primary)?;
        let alpha = self.alpha_of(primary.id)?;
        let exif = self.references.iter().find_map(|(kind, from, to)| {
            let item = self.find(*from).ok()?;
            let tells = kind == b"cdsc" && to.contains(&primary.id) && &item.kind == b"Exif";
            tells.then(|| gather(content, &item.extents))
        });
        let premultiplied = self.references.iter().any(|(kind, from, _)| kind == b"prem" && *from == primary.id);
        Ok(Container {
            colour: self.picture(content, primary)?,
            premultiplied: premultiplied && alpha.is_some(),
            alpha: alpha.map(|item| self.picture(content, item)).transpose()?,
            orientation: orientation(&properties),
            icc: properties.iter().find_map(|property| match property {
                Property::Icc(icc) => Some(icc.clone()),
                _ => None,
            }),
            code_points: properties.iter().find_map(|property| match property {
                Property::CodePoints(points) => Some(*points),
                _ => None,
            }),
            // The block begins with the offset of its TIFF header.
            exif: exif.and_then(|block| {
                let offset = u32::from_be_bytes(*block.first_chunk()?);
                Some(block.get(4 + usize::try_from(offset).ok()?..)?.to_vec())
            }),
        })
    }

    fn alpha_of(&self, id: u32) -> Parsed<Option<&Item>> {
        for (kind, from, to) in &self.references {
            if kind != b"auxl" || !to.contains(&id) {
                continue;
            }
            let item = self.find(*from)?;
            let is_alpha = |property: &&Property| match property {
                Property::Auxiliary(urn) => {
                    urn.starts_with(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
                        || urn.starts_with(b"urn:mpeg:hevc:2015:auxid:1\0")
                }
                _ => false,
            };
            if self.properties_of(item)?.iter().any(is_alpha) {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    fn picture(&self, content: &[u8], item: &Item) -> Parsed<Picture> {
        let size = self.size_of(item)?;
        match &item.kind {
            b"av01" => {
                let mut picture = self.coded(item)?;
                picture.tiles = vec![item.extents.clone()];
                Ok(picture)
            }
            b"grid" => {
                let parts = self.references.iter().find(|(kind, from, _)| kind == b"dimg" && *from == item.id);
                let (_, _, parts) = parts.ok_or(Unusable::Damaged("a grid has no parts"))?;
                let (columns, rows, grid_size) = grid(&gather(content, &item.extents))?;
                if parts.len() as u64 != u64::from(columns) * u64::from(rows) || grid_size != size {
                    return Err(Unusable::Damaged("a grid has other parts than it says"));
                }
                let mut whole: Option<Picture> = None;
                for &part in parts {
                    let part = self.find(part)?;
                    if &part.kind != b"av01" {
                        return Err(Unusable::Unsupported("AVIF with a grid of other than AV1 images"));
                    }
                    let mut coded = self.coded(part)?;
                    coded.size = size;
                    coded.columns = columns;
                    let whole = whole.get_or_insert_with(|| coded.clone());
                    let alike =
                        (whole.tile, whole.bits, whole.monochrome) == (coded.tile, coded.bits, coded.monochrome);
                    if !alike {
                        return Err(Unusable::Damaged("the parts of a grid differ"));
                    }
                    whole.tiles.push(part.extents.clone());
                }
                let whole = whole.ok_or(Unusable::Damaged("a grid has no parts"))?;
                let covers = |tile: u32, count: u32, size: u32| u64::from(tile) * u64::from(count) >= u64::from(size);
                if covers(whole.tile.width, columns, size.width) && covers(whole.tile.height, rows, size.height) {
                    Ok(whole)
                } else {
                    Err(Unusable::Damaged("a grid does not cover its picture"))
                }
            }
            _ => Err(Unusable::Unsupported("AVIF whose picture is neither one AV1 image nor a grid of them")),
        }
    }

    fn size_of(&self, item: &Item) -> Parsed<Size> {
        let size = self.properties_of(item)?.into_iter().find_map(|property| match property {
            Property::Size(size) => Some(*size),
            _ => None,
        });
        size.ok_or(Unusable::Damaged("an image has no size"))
    }

    /// A coded image, its streams not yet named.
    fn coded(&self, item: &Item) -> Parsed<Picture> {
        let tile = self.size_of(item)?;
        let configuration = self.properties_of(item)?.into_iter().find_map(|property| match property {
            &Property::Av1 { bits, half_samples_per_pixel, monochrome } => {
                Some((bits, half_samples_per_pixel, monochrome))
            }
            _ => None,
        });
        let (bits, half_samples_per_pixel, monochrome) =
            configuration.ok_or(Unusable::Damaged("an image has no configuration"))?;
        Ok(Picture { size: tile, columns: 1, tile, tiles: Vec::new(), bits, half_samples_per_pixel, monochrome })
    }
}

fn property_of(name: [u8; 4], mut payload: Bytes) -> Parsed<Property> {
    Ok(match &name {
        b"ispe" => {
            payload.full_box()?;
            Property::Size(Size { width: payload.u32(4)?, height: payload.u32(4)? })
        }
        b"colr" => match &payload.name()? {
            b"prof" | b"rICC" => Property::Icc(payload.0.to_vec()),
            b"nclx" => {
                // Two bytes each; values above 255 are reserved.
                let mut point = || payload.number(2).map(|point| u8::try_from(point).unwrap_or(2));
                let (primaries, transfer, matrix) = (point()?, point()?, point()?);
                Property::CodePoints(CodePoints {
                    primaries,
                    transfer,
                    matrix,
                    full_range: payload.number(1)? & 0x80 != 0,
                })
            }
            _ => Property::Ignored,
        },
        b"av1C" => {
            payload.take(2)?;
            let flags = payload.number(1)?;
            let bit = |at: u32| flags >> at & 1 == 1;
            let (high, twelve, monochrome, half_width, half_height) = (bit(6), bit(5), bit(4), bit(3), bit(2));
            Property::Av1 {
                bits: match (high, twelve) {
                    (false, _) => 8,
                    (true, false) => 10,
                    (true, true) => 12,
                },
                half_samples_per_pixel: match (monochrome, half_width, half_height) {
                    (true, _, _) => 2,
                    (false, true, true) => 3,
                    (false, true, false) => 4,
                    (false, false, _) => 6,
                },
                monochrome,
            }
        }
        b"irot" => Property::Turn((payload.number(1)? & 3) as u8),
        b"imir" => Property::Mirror((payload.number(1)? & 1) as u8),
        b"auxC" => {
            payload.full_box()?;
            Property::Auxiliary(payload.0.to_vec())
        }
        b"pixi" | b"pasp" | b"clli" | b"mdcv" | b"cclv" | b"amve" => Property::Ignored,
        b"clap" => Property::Unsupported("AVIF with a clean aperture"),
        b"a1op" | b"lsel" | b"a1lx" => Property::Unsupported("AVIF in layers"),
        _ => Property::Unsupported("AVIF with a property that is not known here"),
    })
}

/// Turning and mirroring, in this order, as one of the eight orientations.
fn orientation(properties: &[&Property]) -> Orientation {
    let (mut turn, mut mirror) = (0, None);
    for property in properties {
        match property {
            Property::Turn(quarters) => turn = *quarters,
            Property::Mirror(axis) => mirror = Some(*axis),
            _ => {}
        }
    }
    match (turn, mirror) {
        (0, None) => Orientation::Upright,
        (1, None) => Orientation::Rotate270,
        (2, None) => Orientation::Rotate180,
        (_, None) => Orientation::Rotate90,
        (0, Some(0)) | (2, Some(1)) => Orientation::FlipVertical,
        (0 | 2, Some(_)) => Orientation::FlipHorizontal,
        (1, Some(0)) => Orientation::Transpose,
        (1, Some(_)) | (_, Some(0)) => Orientation::Transverse,
        (_, Some(_)) => Orientation::Transpose,
    }
}

/// Columns, rows and size of a grid (ISO/IEC 23008-12, 6.6.2.3.2).
fn grid(item: &[u8]) -> Parsed<(u32, u32, Size)> {
    let mut item = Bytes(item);
    item.take(1)?;
    let bytes = if item.number(1)? & 1 == 1 { 4 } else { 2 };
    let (rows, columns) = (item.u32(1)? + 1, item.u32(1)? + 1);
    Ok((columns, rows, Size { width: item.u32(bytes)?, height: item.u32(bytes)? }))
}

/// The bytes of an item, put together.
pub(super) fn gather(content: &[u8], extents: &[Range<usize>]) -> Vec<u8> {
    extents.iter().filter_map(|extent| content.get(extent.clone())).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_and_mirror_make_the_eight_orientations() {
        let of = |turn, mirror: Option<u8>| {
            let mirror = mirror.map(Property::Mirror);
            let turn = Property::Turn(turn);
            orientation(&[Some(&turn), mirror.as_ref()].into_iter().flatten().collect::<Vec<_>>()).number()
        };
        // The pairs that libavif writes for Exif orientations 1 to 8.
        let written =
            [(0, None), (0, Some(1)), (2, None), (0, Some(0)), (1, Some(0)), (3, None), (3, Some(0)), (1, None)];
        assert_eq!(written.map(|(turn, mirror)| of(turn, mirror)), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_box_that_claims_more_than_there_is_is_cut_off() {
        assert_eq!(parse(b"\0\0\0\x10ftypavif").err(), Some(CUT_OFF));
        assert_eq!(parse(b"\0\0\0\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xff").err(), Some(CUT_OFF));
        assert_eq!(parse(b"\0\0\0\x07ftyp").err(), Some(CUT_OFF));
        assert!(matches!(parse(b""), Err(Unusable::Unsupported(_))));
    }
}
