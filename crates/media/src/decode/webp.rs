//! WebP, still and animated.

use super::{Decode, Header, TakeFrame, cut_off, frames_missing, shortened, shrink_bytes};
use crate::{
    camera::Metadata,
    colour::{self, ColourProfile},
    error::{MediaError, corrupt},
    planes::{self, Plane, Planes},
    raster::{Channels, Decoded, Raster, row_samples},
    resize::{self, Extent},
    source::Source,
    webp::{self, AnimationDecoder, Missing, Yuv},
};
use smmu_core::{
    Warning, WarningCode,
    image::{ColourModel, ImageLimits, Size},
};

/// Maximum ratio of the decoded size to the target size. The decoder's own shrinking only averages, so our resizer does
/// the last step.
const MARGIN: u32 = 2;

const EXTRAS_MISSING: &str = "the WebP file is cut off after its picture";

/// An opened WebP file.
pub(crate) struct Webp {
    content: Vec<u8>,
    header: Header,
    lossless: bool,
    animated_file: bool,
    /// Set if the file is truncated inside its only picture.
    cut: bool,
}

impl Webp {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let mut content = source.content()?;
        let missing = webp::mend(&mut content);
        let mut found = webp::parse(&content).ok_or_else(|| corrupt("WebP", "its headers are incomplete"))?;
        limits.check_canvas(found.size)?;
        let frames = found.animation.map_or(1, |animation| animation.frames);
        let mut warnings: Vec<Warning> = match missing {
            // Missing rows are counted, and warned about, during decoding.
            None | Some(Missing::Rows) => None,
            Some(Missing::Frames) => Some(frames_missing("WebP", frames)),
            Some(Missing::Extras) => Some(Warning::new(WarningCode::CutOff, EXTRAS_MISSING)),
        }
        .into_iter()
        .collect();
        let most = limits.frames(found.size);
        if let Some(animation) = found.animation.as_mut().filter(|animation| animation.frames > most) {
            animation.duration_ms = animation.duration_ms * u64::from(most) / u64::from(animation.frames);
            animation.frames = most;
            warnings.push(shortened(most));
        }
        found.animation = found.animation.filter(|animation| animation.frames > 1);
        let exif = found.exif.take();
        let metadata = exif.as_deref().and_then(Metadata::parse);
        let header = Header {
            stored: found.size,
            orientation: metadata.as_ref().and_then(Metadata::orientation).unwrap_or_default(),
            has_alpha: found.has_alpha,
            bit_depth: 8,
            colour_model: if found.lossless { ColourModel::Rgb } else { ColourModel::Ycbcr },
            profile: found.icc.take().and_then(|icc| ColourProfile::parse(&icc)),
            camera: metadata.as_ref().and_then(Metadata::camera),
            animation: found.animation,
            warnings,
        };
        let cut = missing == Some(Missing::Rows);
        Ok(Self { content, header, lossless: found.lossless, animated_file: found.animated_file, cut })
    }

    /// Decodes a truncated file; missing rows repeat the last complete one.
    fn rows(&mut self, target: Size) -> Result<Raster, MediaError> {
        let (stored, size) = (self.header.stored, self.decoded_size(target));
        let (mut raster, rows) = webp::decode_rows(&self.content, stored, size, self.channels())?;
        let all = raster.size.height;
        if rows < all {
            self.header.warnings.push(cut_off("WebP", rows, all)?);
            let row_bytes = row_samples(raster.size.width, raster.channels);
            continue_rows(&mut raster.samples, row_bytes, rows as usize);
        }
        Ok(raster)
    }

    /// Decodes a truncated file to planes; missing rows repeat the last complete ones.
    fn plane_rows(&mut self, size: Size) -> Result<Yuv, MediaError> {
        let (mut yuv, rows) = webp::decode_plane_rows(&self.content, self.header.stored, size)?;
        if rows < size.height {
            self.header.warnings.push(cut_off("WebP", rows, size.height)?);
            let [luma, cb, cr] = yuv.planes_mut();
            continue_rows(luma, size.width as usize, rows as usize);
            let width = planes::halved(size).width as usize;
            // A chroma row can be missing even though one of its two luma rows is present.
            continue_rows(cb, width, rows as usize / 2);
            continue_rows(cr, width, rows as usize / 2);
        }
        Ok(yuv)
    }

    fn channels(&self) -> Channels {
        if self.header.has_alpha { Channels::Rgba } else { Channels::Rgb }
    }

    /// Size to decode to. The decoder must not shrink pictures with transparency: it would mix in the colours of
    /// invisible pixels.
    fn decoded_size(&self, target: Size) -> Size {
        let stored = self.header.stored;
        if self.header.has_alpha {
            return stored;
        }
        let side = |stored: u32, target: u32| stored.min(target.saturating_mul(MARGIN));
        Size { width: side(stored.width, target.width), height: side(stored.height, target.height) }
    }
}

/// Fills everything after the first `rows` with copies of the last of them.
fn continue_rows(samples: &mut [u8], row_bytes: usize, rows: usize) {
    for number in rows.max(1)..samples.len() / row_bytes {
        samples.copy_within((number - 1) * row_bytes..number * row_bytes, number * row_bytes);
    }
}

impl Decode for Webp {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        let stored = self.header.stored;
        let pixels = if self.animated_file {
            // Two canvases and the current frame in the library, and one copy here; 4 bytes per pixel each.
            stored.pixels() * 12 + shrink_bytes(stored, target, 4)
        } else {
            let inside =
                if self.lossless { stored.pixels() * 4 } else { stored.pixels() * u64::from(self.header.has_alpha) };
            inside + shrink_bytes(self.decoded_size(target), target, self.channels().count() as u64)
        };
        self.content.len() as u64 + pixels
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        let raster: Raster = if self.animated_file {
            let first = AnimationDecoder::open(&self.content, self.header.stored)?.next_frame()?;
            first.ok_or_else(|| corrupt("WebP", "it has no frames"))?.0
        } else if self.cut {
            self.rows(target)?
        } else {
            webp::decode(&self.content, self.header.stored, self.decoded_size(target), self.channels())?
        };
        resize::shrink(&raster, raster.size.into(), target).map(Decoded::from)
    }

    fn planes(&mut self, target: Size) -> Result<Option<Planes>, MediaError> {
        let needs_rgb = self.animated_file || self.lossless || self.header.has_alpha;
        if needs_rgb || !colour::is_srgb(self.header.profile.as_ref(), Channels::Rgb) {
            return Ok(None);
        }
        let (stored, size) = (self.header.stored, self.decoded_size(target));
        let yuv = if self.cut { self.plane_rows(size)? } else { webp::decode_planes(&self.content, stored, size)? };
        let halved = planes::halved(size);
        // The decoder scales whole chroma samples to whole samples, including the one that is half outside the picture.
        let part =
            |halved: u32, stored: u32| f64::from(halved) * f64::from(stored) / f64::from(stored.next_multiple_of(2));
        let extent = Extent { width: part(halved.width, stored.width), height: part(halved.height, stored.height) };
        let [luma, cb, cr] = yuv.planes();
        let luma = Plane { size, extent: size.into(), samples: luma };
        let chroma = [cb, cr].map(|samples| Plane { size: halved, extent, samples });
        let reduced = Planes::reduced(luma, Some(chroma), target, self.header.orientation)?;
        Ok(Some(reduced.mapped(&planes::FULL)))
    }

    fn frames(&mut self, target: Size, take: &mut TakeFrame) -> Result<(), MediaError> {
        if !self.animated_file {
            return take(self.still(target)?, 0);
        }
        let mut decoder = AnimationDecoder::open(&self.content, self.header.stored)?;
        for _ in 0..self.header.animation.map_or(1, |animation| animation.frames) {
            let Some((raster, shown_ms)) = decoder.next_frame()? else { break };
            take(resize::shrink(&raster, raster.size.into(), target)?.into(), shown_ms)?;
        }
        Ok(())
    }
}
