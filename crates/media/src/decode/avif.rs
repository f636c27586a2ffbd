//! AVIF: AV1 by rav1d (dav1d in Rust), the container by ourselves.
//!
//! Alpha, grids, 8, 10 and 12 bits, every subsampling and the common matrices are handled. Layers,
//! sequences without a still, clean apertures and HDR transfer curves are refused by name.

mod container;
mod planes;

use super::{Decode, Header};
use crate::{
    colour::Profile,
    error::{MediaError, corrupt, unsupported},
    exif::Metadata,
    raster::{Channels, Decoded, Sample, row_samples},
    resize::RowResizer,
    source::Source,
};
use container::{CodePoints, Container, Picture, Unusable, gather};
use planes::{Planes, Rows, UnknownMatrix};
use re_rav1d::dav1d;
use smmu_core::image::{ColourModel, ImageLimits, Size};

/// An opened AVIF file.
pub(crate) struct Avif {
    content: Vec<u8>,
    header: Header,
    container: Container,
    channels: Channels,
}

/// PQ and HLG (H.273, table 3).
const HDR_TRANSFERS: [u8; 2] = [16, 18];

impl Avif {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let content = source.content()?;
        let container = container::parse(&content).map_err(|unusable| match unusable {
            Unusable::Damaged(reason) => corrupt("AVIF", reason),
            Unusable::Unsupported(what) => unsupported(format!("{what} is not supported")),
        })?;
        let colour = &container.colour;
        limits.check_canvas(colour.size)?;
        limits.check_canvas(colour.tile)?;
        if let Some(alpha) = &container.alpha {
            limits.check_canvas(alpha.tile)?;
            if alpha.size != colour.size {
                return Err(unsupported("AVIF whose alpha has another size than its colours is not supported"));
            }
        }
        if container.code_points.is_some_and(|points| HDR_TRANSFERS.contains(&points.transfer))
            && container.icc.is_none()
        {
            return Err(unsupported("AVIF in high dynamic range (PQ or HLG) is not supported"));
        }
        let channels = match (container.colour.monochrome, &container.alpha) {
            (true, None) => Channels::Grey,
            (true, Some(_)) => Channels::GreyAlpha,
            (false, None) => Channels::Rgb,
            (false, Some(_)) => Channels::Rgba,
        };
        let profile = match (&container.icc, container.code_points) {
            (Some(icc), _) => Profile::parse(icc),
            (None, Some(points)) => Profile::of_code_points(points.primaries, points.transfer),
            (None, None) => None,
        };
        let metadata = container.exif.as_deref().and_then(Metadata::parse);
        let header = Header {
            stored: colour.size,
            // The container's own; Exif's is for information only (AVIF 1.1, 4.2).
            orientation: container.orientation,
            has_alpha: channels.has_alpha(),
            bit_depth: colour.bits,
            colour_model: if colour.monochrome { ColourModel::Grey } else { ColourModel::Ycbcr },
            profile,
            camera: metadata.as_ref().and_then(Metadata::camera),
            animation: None,
        };
        Ok(Self { content, header, container, channels })
    }

    const fn sixteen(&self) -> bool {
        self.container.colour.bits > 8
    }

    fn decode<S: Level>(&self, target: Size) -> Result<Decoded, MediaError>
    where
        Decoded: From<crate::raster::Raster<S>>,
    {
        let Size { width, height } = self.header.stored;
        let points = self.container.code_points;
        let mut resizer = RowResizer::<S>::new(self.header.stored, target, self.channels);
        let mut pending: Vec<S> = Vec::with_capacity(row_samples(width, self.channels));
        let mut colour = Bands::new(&self.content, &self.container.colour, points);
        let mut alpha = self.container.alpha.as_ref().map(|alpha| {
            // Alpha has no colours to mean anything by; its range is its stream's.
            Bands::new(&self.content, alpha, None)
        });
        let mut rows = Rows::default();
        let mut alpha_row: Vec<f32> = Vec::new();
        for row in 0..height as usize {
            alpha_row.clear();
            if let Some(alpha) = &mut alpha {
                for (planes, row, columns) in alpha.row(row)? {
                    planes.luma_row(row, &mut rows);
                    alpha_row.extend(&rows.luma[..columns]);
                }
            }
            let mut left = 0;
            for (planes, row, columns) in colour.row(row)? {
                planes.rgb_row(row, &mut rows);
                for (at, &rgb) in rows.rgb[..columns].iter().enumerate() {
                    let alpha = alpha_row.get(left + at).copied();
                    let rgb = match alpha {
                        Some(alpha) if self.container.premultiplied => {
                            rgb.map(|value| if alpha > 0.0 { (value / alpha).min(1.0) } else { 0.0 })
                        }
                        _ => rgb,
                    };
                    let colours = if self.container.colour.monochrome { &rgb[..1] } else { &rgb[..] };
                    pending.extend(colours.iter().copied().chain(alpha).map(S::of_level));
                }
                left += columns;
            }
            resizer.push_copy(&pending)?;
            pending.clear();
        }
        resizer.finish().map(Decoded::from)
    }
}

/// A sample made of a number from 0 to 1.
trait Level: Sample {
    fn of_level(level: f32) -> Self;
}

impl Level for u8 {
    fn of_level(level: f32) -> Self {
        (level * 255.0 + 0.5) as Self
    }
}

impl Level for u16 {
    fn of_level(level: f32) -> Self {
        (level * 65_535.0 + 0.5) as Self
    }
}

impl Decode for Avif {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        // A decoded picture, its twin for film grain, and the decoder's notes on every block.
        let planes = |picture: &Picture| {
            let at_once = u64::from(picture.columns).min(picture.tiles.len() as u64) * picture.tile.pixels();
            let bytes = picture.half_samples_per_pixel * if picture.bits > 8 { 2 } else { 1 };
            at_once * bytes / 2 + picture.tile.pixels() * (bytes + 2) / 2
        };
        let resizer = if self.sixteen() {
            RowResizer::<u16>::memory_bytes(self.header.stored, target, self.channels)
        } else {
            RowResizer::<u8>::memory_bytes(self.header.stored, target, self.channels)
        };
        let alpha = self.container.alpha.as_ref().map_or(0, planes);
        // Streams are copied out of the content; rows are made as floats, up to ten at a time.
        2 * self.content.len() as u64
            + planes(&self.container.colour)
            + alpha
            + resizer
            + 40 * u64::from(self.header.stored.width)
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        if self.sixteen() { self.decode::<u16>(target) } else { self.decode::<u8>(target) }
    }
}

/// The images of a picture, decoded one row of them at a time.
struct Bands<'a> {
    content: &'a [u8],
    picture: &'a Picture,
    points: Option<CodePoints>,
    /// Number of the row of images that is decoded, and the images.
    band: Option<(usize, Vec<Planes>)>,
}

impl<'a> Bands<'a> {
    const fn new(content: &'a [u8], picture: &'a Picture, points: Option<CodePoints>) -> Self {
        Self { content, picture, points, band: None }
    }

    /// Each image that a row of the picture crosses, with the row in it and how many of its columns belong.
    fn row(&mut self, row: usize) -> Result<impl Iterator<Item = (&Planes, usize, usize)>, MediaError> {
        let tile = self.picture.tile;
        let (number, inside) = (row / tile.height as usize, row % tile.height as usize);
        if self.band.as_ref().is_none_or(|(decoded, _)| *decoded != number) {
            // The band before goes first, so that never two are in memory.
            self.band = None;
            self.band = Some((number, self.decode(number)?));
        }
        let planes = self.band.as_ref().map_or(&[][..], |(_, planes)| planes);
        let width = self.picture.size.width;
        Ok(planes.iter().enumerate().map(move |(column, planes)| {
            let left = u32::try_from(column).unwrap_or(u32::MAX).saturating_mul(tile.width);
            (planes, inside, width.saturating_sub(left).min(tile.width) as usize)
        }))
    }

    fn decode(&self, band: usize) -> Result<Vec<Planes>, MediaError> {
        let columns = self.picture.columns as usize;
        let streams = self.picture.tiles.iter().skip(band * columns).take(columns);
        streams.map(|stream| decode(gather(self.content, stream), self.picture, self.points)).collect()
    }
}

/// Decodes the one frame of an AV1 stream.
fn decode(stream: Vec<u8>, picture: &Picture, points: Option<CodePoints>) -> Result<Planes, MediaError> {
    match frames_of(&stream) {
        Some(1) => {}
        Some(0) | None => return Err(corrupt("AVIF", "an image has no frame")),
        Some(_) => return Err(unsupported("AVIF with several frames in one image is not supported")),
    }
    let broken = |error: dav1d::Error| corrupt("AVIF", format!("AV1 decoding failed: {error}"));
    let mut settings = dav1d::Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(u32::try_from(picture.tile.pixels()).unwrap_or(u32::MAX));
    let mut decoder = dav1d::Decoder::with_settings(&settings).map_err(broken)?;
    match decoder.send_data(stream, None, None, None) {
        Ok(()) | Err(dav1d::Error::Again) => {}
        Err(error) => return Err(broken(error)),
    }
    let decoded = decoder.get_picture().map_err(broken)?;
    if (decoded.width(), decoded.height()) != (picture.tile.width, picture.tile.height) {
        return Err(corrupt("AVIF", "an image has another size than the file says"));
    }
    let planes = Planes::of(&decoded, points)
        .map_err(|UnknownMatrix| unsupported("AVIF with these matrix coefficients is not supported"))?;
    if planes.bits() != u32::from(picture.bits) {
        return Err(corrupt("AVIF", "an image has other bits than the file says"));
    }
    Ok(planes)
}

/// Frames that a stream would make the decoder hold (AV1, 5.3): each costs memory, shown or not.
fn frames_of(mut stream: &[u8]) -> Option<usize> {
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
