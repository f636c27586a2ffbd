//! A picture as JPEG and lossy WebP store it: luma, and chroma of half the width and height (4:2:0, BT.601, full
//! range).
//!
//! A picture that is both decoded and encoded as planes is never converted to RGB: that would convert the chroma of
//! every pixel twice and take twice the memory, for nothing. A chroma sample lies in the middle of its four pixels, as
//! in JFIF (page 4) and libwebp. If the width or height is odd, half of the last sample lies outside the picture.

use crate::{
    error::MediaError,
    orient,
    raster::{Channels, Raster},
    resize::{self, Extent, Window},
};
use smmu_core::image::{Orientation, Size};
use std::borrow::Cow;

/// Upright, in sRGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planes {
    pub(crate) size: Size,
    /// One sample per pixel.
    pub(crate) luma: Raster,
    /// Cb and Cr, one sample per four pixels.
    pub(crate) chroma: [Raster; 2],
}

/// A plane as decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane<'a> {
    pub(crate) size: Size,
    /// The part of it that is the picture, from its top left corner.
    pub(crate) extent: Extent,
    pub(crate) samples: &'a [u8],
}

/// Chroma level without colour.
const NEUTRAL: u8 = 128;

/// Tables that convert samples between ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) luma: [u8; 256],
    pub(crate) chroma: [u8; 256],
}

/// From full range to video range (ITU-R BT.601: luma from 16 over 219 steps, chroma around 128 over 224).
pub(crate) const LIMITED: Levels = Levels { luma: levels(0, 16, 219, 255), chroma: levels(128, 128, 224, 255) };
/// From video range to full range. Levels outside the video range are clamped.
pub(crate) const FULL: Levels = Levels { luma: levels(16, 0, 255, 219), chroma: levels(128, 128, 255, 224) };

/// A table that maps level `from` to `into` and scales `down` steps to `up`, rounded and clamped to a byte.
const fn levels(from: i32, into: i32, up: i32, down: i32) -> [u8; 256] {
    let mut levels = [0; 256];
    let mut at: i32 = 0;
    while at < 256 {
        let steps = 2 * (at - from) * up;
        let rounding = if steps < 0 { -down } else { down };
        let level = into + (steps + rounding) / (2 * down);
        let level = if level < 0 { 0 } else { level };
        levels[at as usize] = if level > 255 { 255 } else { level as u8 };
        at += 1;
    }
    levels
}

impl Planes {
    /// Downscales stored planes to `target`, which is in the stored orientation, and rotates them upright. `chroma` is
    /// `None` for grey.
    pub(crate) fn reduced(
        luma: Plane,
        chroma: Option<[Plane; 2]>,
        target: Size,
        orientation: Orientation,
    ) -> Result<Self, MediaError> {
        let shrink = |plane: Plane, window, target| {
            let made = resize::shrink_part(plane.samples, plane.size, window, target)?;
            Ok::<_, MediaError>(orient::upright(made, orientation))
        };
        let halved = halved(target);
        let shrink_chroma = |plane: Plane| shrink(plane, chroma_window(plane.extent, target, orientation), halved);
        let chroma = match chroma {
            Some([cb, cr]) => [shrink_chroma(cb)?, shrink_chroma(cr)?],
            None => neutral(orient::turned(target, orientation)),
        };
        let luma = shrink(luma, luma.extent.into(), target)?;
        Ok(Self { size: luma.size, luma, chroma })
    }

    /// Converts the samples to another range.
    pub(crate) fn mapped(mut self, levels: &Levels) -> Self {
        let map = |plane: &mut Raster, levels: &[u8; 256]| {
            plane.samples.iter_mut().for_each(|level| *level = levels[usize::from(*level)]);
        };
        map(&mut self.luma, &levels.luma);
        self.chroma.iter_mut().for_each(|plane| map(plane, &levels.chroma));
        self
    }

    /// Resizes the picture to a smaller size.
    pub(crate) fn shrunk(&self, target: Size) -> Result<Self, MediaError> {
        let half = self.half();
        let chroma = self.chroma.each_ref().map(|plane| Plane::of(plane, half));
        Self::reduced(Plane::of(&self.luma, self.size.into()), Some(chroma), target, Orientation::Upright)
    }

    /// Luma in the layout that libjpeg-turbo needs, and the samples per row. If the width or height is odd, the last
    /// column or row is repeated.
    pub(crate) fn even_luma(&self) -> (Cow<'_, [u8]>, usize) {
        let Size { width, height } = self.size;
        let even = Size { width: width.next_multiple_of(2), height: height.next_multiple_of(2) };
        let samples = if even == self.size {
            Cow::Borrowed(&self.luma.samples[..])
        } else {
            Cow::Owned(resize::continued(&self.luma.samples, self.size, even, (0, 0)))
        };
        (samples, even.width as usize)
    }

    /// Converts the picture to RGB and resizes it to `size`.
    pub(crate) fn rgb(&self, size: Size) -> Result<Raster, MediaError> {
        let half = self.half();
        let resized = |plane: &Raster, extent: Extent| resize::shrink(plane, extent, size);
        let luma = resized(&self.luma, self.size.into())?;
        let [cb, cr] = [resized(&self.chroma[0], half)?, resized(&self.chroma[1], half)?];
        let chroma = cb.samples.iter().zip(&cr.samples);
        let samples = luma.samples.iter().zip(chroma).flat_map(|(&y, (&cb, &cr))| rgb(y, cb, cr)).collect();
        Ok(Raster { size, channels: Channels::Rgb, samples })
    }

    /// Extent of the picture in chroma samples.
    fn half(&self) -> Extent {
        Extent { width: f64::from(self.size.width) / 2.0, height: f64::from(self.size.height) / 2.0 }
    }
}

impl<'a> Plane<'a> {
    fn of(raster: &'a Raster, extent: Extent) -> Self {
        Self { size: raster.size, extent, samples: &raster.samples }
    }
}

/// Size of the chroma planes.
pub(crate) const fn halved(size: Size) -> Size {
    Size { width: size.width.div_ceil(2), height: size.height.div_ceil(2) }
}

/// Chroma planes without colour.
pub(crate) fn neutral(size: Size) -> [Raster; 2] {
    let size = halved(size);
    let plane = Raster { size, channels: Channels::Grey, samples: vec![NEUTRAL; size.pixels() as usize] };
    [plane.clone(), plane]
}

/// The window of a stored chroma plane that is scaled to the chroma plane of a picture of size `target`. The picture
/// fills `extent` of the stored plane, from its top left corner.
pub(crate) fn chroma_window(extent: Extent, target: Size, orientation: Orientation) -> Window {
    let (from_right, from_below) = orient::mirrors(orientation);
    let (left, width) = overhung(extent.width, target.width, from_right);
    let (top, height) = overhung(extent.height, target.height, from_below);
    Window { left, top, width, height }
}

/// Start and length of the window along one axis. If `target` is odd, half a chroma sample extends beyond the picture,
/// at the end that becomes the right or lower one.
fn overhung(picture: f64, target: u32, from_right: bool) -> (f64, f64) {
    let covered = picture * (f64::from(target.next_multiple_of(2)) / f64::from(target));
    (if from_right { picture - covered } else { 0.0 }, covered)
}

/// Converts one pixel to RGB (JFIF, page 3).
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|level| (level + 0.5) as u8)
}

#[cfg(test)]
mod tests;
