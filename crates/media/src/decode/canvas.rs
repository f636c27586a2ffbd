//! The canvas of an animation: frames of GIF and APNG are drawn onto it one after another, as in a player.

use crate::raster::{Channels, Raster};
use smmu_core::image::Size;

/// How a frame's pixels combine with those on the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blend {
    /// Replace them, even with transparent pixels.
    Replace,
    /// Composite over them.
    Over,
}

/// What happens to a frame's area before the next frame is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposal {
    /// It is kept.
    Keep,
    /// It becomes transparent.
    Clear,
    /// It is restored to the pixels before this frame.
    Restore,
}

/// Position and size of a frame, and how it is drawn and disposed of. It can extend beyond the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) size: Size,
    pub(super) blend: Blend,
    pub(super) disposal: Disposal,
}

/// The part of the canvas that a frame was drawn on, its disposal, and the previous pixels if they are to be restored.
pub(super) struct Covered {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    disposal: Disposal,
    pixels: Vec<u8>,
}

/// A canvas of straight RGBA.
pub(super) struct Canvas {
    pub(super) raster: Raster,
}

impl Canvas {
    /// A transparent canvas.
    pub(super) fn clear(size: Size) -> Self {
        Self { raster: Raster::zeroed(size, Channels::Rgba) }
    }

    /// Draws a frame of straight RGBA, clipped to the canvas. Pass the result to [`Canvas::dispose`] before drawing the
    /// next frame. The previous pixels are only saved for [`Disposal::Restore`].
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

    /// Applies a frame's disposal.
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
        // Alpha 0.5 + 0.5 × 0.5; the upper pixel has two thirds of it.
        assert_eq!(over([90, 0, 0, 128], [0, 90, 0, 128]), [60, 30, 0, 192]);
    }

    #[test]
    fn a_frame_beyond_the_canvas_is_clipped_and_disposed_of() {
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
