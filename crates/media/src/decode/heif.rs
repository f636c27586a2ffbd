//! HEIF: decodes AVIF with rav1d (dav1d in Rust) and HEIC with heic-rs. The container and the colours are our own code.
//!
//! Supports alpha, grids, every subsampling, 8 bits and more, clean apertures, the common matrices, and animated AVIF.
//! Ignores everything else next to the primary picture: thumbnails, depth, gain maps, bursts.

mod av1;
mod bands;
mod bytes;
mod container;
mod hevc;
mod kept;
mod meta;
mod planes;
mod properties;
mod sequence;

use super::{Decode, Header, TakeFrame, cut_off, frames_missing, parts_missing, shortened};
use crate::{
    camera::Metadata,
    colour::ColourProfile,
    error::{MediaError, corrupt, unsupported},
    planes::Planes,
    raster::{Channels, Decoded, Sample, row_samples},
    resize::RowResizer,
    source::Source,
};
use bands::{Alpha, Bands};
use container::{Coding, Container, Picture, Tile, gather};
use planes::{Rows, Subsampling};
use sequence::{Ended, Sequence};
use smmu_core::{
    Warning,
    image::{Animation, ColourModel, ImageLimits, Size},
};

/// Reason why a file has no usable picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unusable {
    /// The boxes are truncated or contradict one another.
    Damaged(&'static str),
    /// Percentage of the picture's bytes that are present; too few to show anything.
    CutOff(u64),
    /// The picture uses this unsupported feature.
    Unsupported(&'static str),
}

/// An opened HEIF file.
pub(crate) struct Heif {
    content: Vec<u8>,
    header: Header,
    container: Container,
    channels: Channels,
}

impl Heif {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let content = source.content()?;
        let name = source.format.name();
        let container = container::parse(&content, limits).map_err(|unusable| match unusable {
            Unusable::Damaged(reason) => corrupt(name, reason),
            Unusable::CutOff(percent) => corrupt(name, format!("it is cut off: {percent}% of its bytes are present")),
            Unusable::Unsupported(what) => unsupported(format!("{name} with {what} is not supported")),
        })?;
        let colour = &container.colour;
        for picture in [Some(colour), container.alpha.as_ref()].into_iter().flatten() {
            limits.check_canvas(picture.size)?;
            limits.check_canvas(picture.tile)?;
            limits.check_canvas(picture.coded)?;
        }
        let monochrome = colour.subsampling == Subsampling::Monochrome;
        let channels = match (monochrome, &container.alpha) {
            (true, None) => Channels::Grey,
            (true, Some(_)) => Channels::GreyAlpha,
            (false, None) => Channels::Rgb,
            (false, Some(_)) => Channels::Rgba,
        };
        let points = container.points();
        let profile = match (&container.icc, points) {
            (Some(icc), _) => ColourProfile::parse(icc),
            (None, Some(points)) => ColourProfile::of_code_points(points.primaries, points.transfer),
            (None, None) => None,
        };
        let (animation, mut warnings) =
            container.sequence.as_ref().map_or((None, Vec::new()), |sequence| moving(name, sequence, colour));
        warnings.extend(tiles_missing(name, &container)?);
        let metadata = container.exif.as_deref().and_then(Metadata::parse);
        let header = Header {
            stored: container.crop.size,
            // From the container; the orientation in Exif is only informative (AVIF 1.1, 4.2; ISO/IEC 23008-12, A.2.1).
            orientation: container.orientation,
            has_alpha: channels.has_alpha(),
            bit_depth: colour.bits,
            colour_model: if monochrome { ColourModel::Grey } else { ColourModel::Ycbcr },
            profile,
            camera: metadata.as_ref().and_then(Metadata::camera),
            animation,
            warnings,
        };
        let mut heif = Self { content, header, container, channels };
        if heif.cut_images().next().is_some() {
            // The number of rows present is only known after decoding.
            limits.check_memory(heif.memory_bytes(heif.header.stored))?;
            let warning = heif.rows_missing(name)?;
            heif.header.warnings.extend(warning);
        }
        Ok(heif)
    }

    /// The HEVC images that are truncated.
    fn cut_images(&self) -> impl Iterator<Item = (&Picture, &Tile, &hevc::Configuration)> {
        let pictures = [Some(&self.container.colour), self.container.alpha.as_ref()].into_iter().flatten();
        pictures.flat_map(|picture| picture.tiles.iter().map(move |tile| (picture, tile))).filter_map(
            |(picture, tile)| match &tile.coding {
                Coding::Hevc(configuration) if tile.cut => Some((picture, tile, &**configuration)),
                Coding::Hevc(_) | Coding::Av1 => None,
            },
        )
    }

    /// Warning about truncated images.
    ///
    /// # Errors
    /// Refuses a file with too few rows of any of them.
    fn rows_missing(&self, name: &str) -> Result<Option<Warning>, MediaError> {
        let mut warning = None;
        for (picture, tile, configuration) in self.cut_images() {
            let there = configuration.rows(&gather(&self.content, &tile.stream))?;
            warning.get_or_insert(cut_off(name, there, picture.tile.height)?);
        }
        Ok(warning)
    }

    /// Number of frames that the decoder holds for an AV1 image.
    fn frames_held(&self, tile: &Tile) -> u64 {
        av1::frames_of(&gather(&self.content, &tile.stream)).map_or(1, |frames| frames.clamp(1, av1::MAX_FRAMES) as u64)
    }

    const fn sixteen(&self) -> bool {
        self.container.colour.bits > 8
    }

    fn decode<S: Level>(&self, target: Size) -> Result<Decoded, MediaError>
    where
        Decoded: From<crate::raster::Raster<S>>,
    {
        let colour = Bands::new(&self.content, &self.container.colour, self.container.code_points);
        // Code points do not apply to alpha; its range is stated by its own stream.
        let alpha = self.container.alpha.as_ref().map(|alpha| Bands::new(&self.content, alpha, None));
        self.shrink::<S>(colour, alpha, target)
    }

    /// Converts planes to pixels, and shrinks them to `target`.
    fn shrink<S: Level>(&self, mut colour: Bands, alpha: Option<Bands>, target: Size) -> Result<Decoded, MediaError>
    where
        Decoded: From<crate::raster::Raster<S>>,
    {
        let (crop, whole) = (self.container.crop, self.container.colour.size);
        let mut resizer = RowResizer::<S>::new(crop.size, target, self.channels);
        let mut pending: Vec<S> = Vec::with_capacity(row_samples(whole.width, self.channels));
        let mut rows = Rows::default();
        let mut alpha = alpha.map(|alpha| Alpha::new(alpha, whole));
        let columns = row_samples(crop.left, self.channels)..row_samples(crop.left + crop.size.width, self.channels);
        for row in crop.top..crop.top + crop.size.height {
            let alpha_row = alpha.as_mut().map_or(Ok(&[][..]), |alpha| alpha.row(row, &mut rows))?;
            let mut left = 0;
            for (planes, row, columns) in colour.row(row)? {
                planes.rgb_row(row, &mut rows);
                self.interleave(&rows.rgb[..columns], alpha_row.get(left..), &mut pending);
                left += columns;
            }
            resizer.push_copy(&pending[columns.clone()])?;
            pending.clear();
        }
        resizer.finish().map(Decoded::from)
    }

    fn decode_frames(&self, sequence: &Sequence, target: Size, take: &mut TakeFrame) -> Result<(), MediaError> {
        let Container { colour, alpha, code_points, .. } = &self.container;
        let mut colours = av1::Decoder::new(colour)?;
        let mut alphas = alpha.as_ref().map(av1::Decoder::new).transpose()?;
        for frame in &sequence.frames {
            let planes = colours.next(self.content[frame.colour.clone()].to_vec(), colour, *code_points)?;
            let of_colour = Bands::of(colour, planes);
            let of_alpha = match (&mut alphas, alpha, &frame.alpha) {
                (Some(decoder), Some(alpha), Some(bytes)) => {
                    Some(Bands::of(alpha, decoder.next(self.content[bytes.clone()].to_vec(), alpha, None)?))
                }
                _ => None,
            };
            let picture = if self.sixteen() {
                self.shrink::<u16>(of_colour, of_alpha, target)?
            } else {
                self.shrink::<u8>(of_colour, of_alpha, target)?
            };
            take(picture, frame.shown_ms)?;
        }
        Ok(())
    }

    /// Appends pixels to a row, with straight alpha if there is any.
    fn interleave<S: Level>(&self, pixels: &[[f32; 3]], alpha: Option<&[f32]>, row: &mut Vec<S>) {
        match (self.channels, alpha) {
            (Channels::Rgb, _) => row.extend(pixels.iter().flatten().copied().map(S::of_level)),
            (Channels::Grey, _) => row.extend(pixels.iter().map(|&[grey, ..]| S::of_level(grey))),
            (channels, alpha) => {
                let colours = channels.count() - 1;
                for (rgb, &alpha) in pixels.iter().zip(alpha.unwrap_or_default()) {
                    let straight = |value: f32| match alpha {
                        _ if !self.container.premultiplied => value,
                        0.0 => 0.0,
                        _ => (value / alpha).min(1.0),
                    };
                    row.extend(rgb[..colours].iter().copied().map(straight).chain([alpha]).map(S::of_level));
                }
            }
        }
    }
}

/// Warning about a grid whose last images are missing, in its colours or else in its alpha. Pictures that are not grids
/// are never partly missing.
///
/// # Errors
/// Refuses a file if the colours or the alpha have too few images.
fn tiles_missing(name: &str, container: &Container) -> Result<Option<Warning>, MediaError> {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let missing = |picture: &Picture| {
        let tiles = &picture.tiles;
        let (all, there) = (count(tiles.len()), count(tiles.iter().filter(|tile| !tile.is_missing()).count()));
        (there < all).then(|| parts_missing(name, "tiles", there, all)).transpose()
    };
    let colours = missing(&container.colour)?;
    let alpha = container.alpha.as_ref().map(missing).transpose()?.flatten();
    Ok(colours.or(alpha))
}

/// The animation of a sequence, and its warnings. An HEVC sequence, such as a burst, only shows its first picture.
fn moving(name: &str, sequence: &Sequence, colour: &Picture) -> (Option<Animation>, Vec<Warning>) {
    let is_av1 = colour.tiles.iter().all(|tile| tile.coding == Coding::Av1);
    let frames = u32::try_from(sequence.frames.len()).unwrap_or(u32::MAX);
    if !is_av1 || sequence.stated < 2 {
        return (None, Vec::new());
    }
    let warning = match sequence.ended {
        Ended::Whole => None,
        Ended::Limit => Some(shortened(frames)),
        Ended::CutOff => Some(frames_missing(name, frames)),
    };
    let duration_ms = sequence.frames.iter().map(|frame| u64::from(frame.shown_ms)).sum();
    let animation = Animation { frames, duration_ms, plays: sequence.plays };
    ((frames > 1).then_some(animation), warning.into_iter().collect())
}

/// A sample type that can be made from a number from 0 to 1.
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

impl Decode for Heif {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        let planes = |picture: &Picture| {
            let at_once = u64::from(picture.columns).min(picture.tiles.len() as u64);
            let samples = picture.subsampling.samples_of_two_pixels();
            match picture.tiles.first().map(|tile| &tile.coding) {
                // A decoded picture, its copy with film grain, and the decoder's data on every block.
                Some(Coding::Av1) | None => {
                    let bytes = samples * if picture.bits > 8 { 2 } else { 1 };
                    let frames = match self.header.animation {
                        Some(_) => av1::HELD_FRAMES,
                        None => picture.tiles.iter().map(|tile| self.frames_held(tile)).max().unwrap_or(1),
                    };
                    (at_once + frames - 1) * picture.tile.pixels() * bytes / 2 + picture.tile.pixels() * (bytes + 2) / 2
                }
                // Samples of two bytes: the picture before filters, after filters, and cropped; and one byte of
                // decoder data per pixel.
                Some(Coding::Hevc(_)) => {
                    at_once * picture.tile.pixels() * samples + picture.coded.pixels() * (2 * samples + 1)
                }
            }
        };
        let resizer = if self.sixteen() {
            RowResizer::<u16>::memory_bytes(self.header.stored, target, self.channels)
        } else {
            RowResizer::<u8>::memory_bytes(self.header.stored, target, self.channels)
        };
        let alpha = self.container.alpha.as_ref().map_or(0, planes);
        // Streams are copied from the content; rows are floats, up to ten at a time.
        2 * self.content.len() as u64
            + planes(&self.container.colour)
            + alpha
            + resizer
            + 40 * u64::from(self.header.stored.width)
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        if self.sixteen() { self.decode::<u16>(target) } else { self.decode::<u8>(target) }
    }

    fn planes(&mut self, target: Size) -> Result<Option<Planes>, MediaError> {
        self.kept(target)
    }

    fn frames(&mut self, target: Size, take: &mut TakeFrame) -> Result<(), MediaError> {
        match &self.container.sequence {
            Some(sequence) if self.header.animation.is_some() => self.decode_frames(sequence, target, take),
            _ => take(self.still(target)?, 0),
        }
    }
}

#[cfg(test)]
mod tests;
