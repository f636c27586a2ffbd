//! What a player has on its screen: frames of GIF and APNG are drawn onto it one after another.

use crate::raster::{Channels, Raster};
use smmu_core::image::Size;

/// How a frame's pixels meet those that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blend {
    /// They take their place, transparent ones too.
    Replace,
    /// They lie over them.
    Over,
}

/// What becomes of a frame's place before the next frame is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposal {
    /// It stays as it is.
    Keep,
    /// It is made transparent.
    Clear,
    /// What was there before comes back.
    Restore,
}

/// Where a frame lies on the canvas, and what is done with it. It may reach beyond the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) size: Size,
    pub(super) blend: Blend,
    pub(super) disposal: Disposal,
}

/// A part of the canvas, what becomes of it and the pixels that were there.
pub(super) struct Covered {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    disposal: Disposal,
    pixels: Vec<u8>,
}

/// A canvas, at first transparent.
pub(super) struct Canvas {
    pub(super) raster: Raster,
}

impl Canvas {
    pub(super) fn clear(size: Size) -> Self {
        Self { raster: Raster::zeroed(size, Channels::Rgba) }
    }

    /// Draws a frame of straight RGBA, as far as it lies on the canvas. What it covers is handed to [`Canvas::dispose`]
    /// before the next one; kept are only pixels that are asked for again.
    pub(super) fn draw(&mut self, placement: Placement, rgba: &[u8]) -> Covered {
        let size = self.raster.size;
        let (left, top) = (placement.left.min(size.width), placement.top.min(size.height));
        let width = placement.size.width.min(size.width - left) as usize;
        let height = placement.size.height.min(size.height - top) as usize;
        let (left, top, disposal) = (left as usize, top as usize, placement.disposal);
        let mut covered = Covered { left, top, width, height, disposal, pixels: Vec::new() };
        for (row, drawn) in (top..top + height).zip(rgba.chunks((placement.size.width as usize * 4).max(1))) {
            let under = self.row(row, left, width);
            if disposal == Disposal::Restore {
                covered.pixels.extend_from_slice(under);
            }
            let (under, _) = under.as_chunks_mut::<4>();
            let (drawn, _) = drawn.as_chunks::<4>();
            for (pixel, ink) in under.iter_mut().zip(drawn) {
                *pixel = match placement.blend {
                    Blend::Replace => *ink,
                    Blend::Over => over(*ink, *pixel),
                };
            }
        }
        covered
    }

    /// Does with a frame's place what the frame asks for.
    pub(super) fn dispose(&mut self, covered: Covered) {
        let Covered { left, top, width, height, disposal, pixels } = covered;
        match disposal {
            Disposal::Keep => {}
            Disposal::Clear => (top..top + height).for_each(|row| self.row(row, left, width).fill(0)),
            Disposal::Restore => {
                for (row, before) in (top..top + height).zip(pixels.chunks_exact((width * 4).max(1))) {
                    self.row(row, left, width).copy_from_slice(before);
                }
            }
        }
    }

    fn row(&mut self, row: usize, left: usize, width: usize) -> &mut [u8] {
        let start = (row * self.raster.size.width as usize + left) * 4;
        &mut self.raster.samples[start..start + width * 4]
    }
}

/// One pixel over another, both with straight alpha (PNG 3rd edition, 13.16).
fn over(ink: [u8; 4], under: [u8; 4]) -> [u8; 4] {
    match (ink[3], under[3]) {
        (0, _) => under,
        (255, _) | (_, 0) => ink,
        (above, below) => {
            let (above, below) = (u32::from(above) * 255, u32::from(below) * (255 - u32::from(above)));
            let both = above + below;
            let mix = |at: usize| {
                let sum = u32::from(ink[at]) * above + u32::from(under[at]) * below;
                ((sum + both / 2) / both) as u8
            };
            [mix(0), mix(1), mix(2), ((both + 127) / 255) as u8]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_transparent_pixels_are_mixed() {
        assert_eq!(over([200, 0, 0, 128], [0, 100, 0, 255]), [100, 50, 0, 255]);
        assert_eq!(over([200, 0, 0, 0], [0, 100, 0, 7]), [0, 100, 0, 7]);
        assert_eq!(over([200, 0, 0, 9], [0, 100, 0, 0]), [200, 0, 0, 9]);
        // 0.5 + 0.5 × 0.5, of which the upper one is two thirds.
        assert_eq!(over([90, 0, 0, 128], [0, 90, 0, 128]), [60, 30, 0, 192]);
    }

    #[test]
    fn a_frame_that_reaches_beyond_the_canvas_is_cut_and_taken_back() {
        let mut canvas = Canvas::clear(Size { width: 3, height: 3 });
        let placement = |left, top, disposal| Placement {
            left,
            top,
            size: Size { width: 2, height: 2 },
            blend: Blend::Replace,
            disposal,
        };
        canvas.draw(placement(0, 0, Disposal::Keep), &[9; 16]);
        let before = canvas.raster.clone();
        for corner in [(2, 2), (1, 1), (3, 3), (u32::MAX, u32::MAX)] {
            let covered = canvas.draw(placement(corner.0, corner.1, Disposal::Restore), &[7; 16]);
            canvas.dispose(covered);
            assert_eq!(canvas.raster, before, "{corner:?}");
        }
        let covered = canvas.draw(placement(0, 0, Disposal::Clear), &[7; 16]);
        canvas.dispose(covered);
        assert!(canvas.raster.samples.iter().all(|sample| *sample == 0));
    }
}
