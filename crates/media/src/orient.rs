//! Rotates pixels upright.

use crate::raster::{Channels, Raster, Sample};
use smmu_core::image::{Orientation, Size};

/// Edge of the square blocks in which pixels are moved, so that reading rows and writing columns
/// (or the reverse) both stay in the cache.
const BLOCK: usize = 32;

/// Rotates a stored raster upright.
pub(crate) fn upright<S: Sample>(raster: Raster<S>, orientation: Orientation) -> Raster<S> {
    if orientation == Orientation::Upright {
        return raster;
    }
    let samples = match raster.channels {
        Channels::Grey => moved::<S, 1>(&raster, orientation),
        Channels::GreyAlpha => moved::<S, 2>(&raster, orientation),
        Channels::Rgb => moved::<S, 3>(&raster, orientation),
        Channels::Rgba | Channels::Cmyk => moved::<S, 4>(&raster, orientation),
    };
    let size = turned(raster.size, orientation);
    Raster { size, channels: raster.channels, samples }
}

/// The size after rotating upright; the same function gives the size before.
pub(crate) fn turned(size: Size, orientation: Orientation) -> Size {
    if orientation.swaps_axes() { size.transposed() } else { size }
}

/// Returns whether rotating upright moves the left side to the right or, if the axes are swapped, to the bottom; and
/// whether it moves the top to the bottom or, if the axes are swapped, to the right.
pub(crate) const fn mirrors(orientation: Orientation) -> (bool, bool) {
    match orientation {
        Orientation::Upright | Orientation::Transpose => (false, false),
        Orientation::FlipHorizontal | Orientation::Rotate270 => (true, false),
        Orientation::FlipVertical | Orientation::Rotate90 => (false, true),
        Orientation::Rotate180 | Orientation::Transverse => (true, true),
    }
}

/// Rotates an upright raster back to its stored orientation.
pub(crate) fn stored<S: Sample>(raster: Raster<S>, orientation: Orientation) -> Raster<S> {
    let back = match orientation {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        // Every other orientation is its own inverse.
        Orientation::Upright
        | Orientation::FlipHorizontal
        | Orientation::Rotate180
        | Orientation::FlipVertical
        | Orientation::Transpose
        | Orientation::Transverse => orientation,
    };
    upright(raster, back)
}

fn moved<S: Sample, const N: usize>(raster: &Raster<S>, orientation: Orientation) -> Vec<S> {
    let (pixels, _) = raster.samples.as_chunks::<N>();
    let (width, height) = (raster.size.width as usize, raster.size.height as usize);
    // Computes the target index of a stored pixel. `line` is the width of the result.
    let line = if orientation.swaps_axes() { height } else { width };
    let (right, bottom) = (width.saturating_sub(1), height.saturating_sub(1));
    let target = |x: usize, y: usize| match orientation {
        Orientation::Upright => y * line + x,
        Orientation::FlipHorizontal => y * line + (right - x),
        Orientation::Rotate180 => (bottom - y) * line + (right - x),
        Orientation::FlipVertical => (bottom - y) * line + x,
        Orientation::Transpose => x * line + y,
        Orientation::Rotate90 => x * line + (bottom - y),
        Orientation::Transverse => (right - x) * line + (bottom - y),
        Orientation::Rotate270 => (right - x) * line + y,
    };
    let mut result = vec![[S::default(); N]; pixels.len()];
    for block_y in (0..height).step_by(BLOCK) {
        for block_x in (0..width).step_by(BLOCK) {
            for y in block_y..height.min(block_y + BLOCK) {
                for x in block_x..width.min(block_x + BLOCK) {
                    result[target(x, y)] = pixels[y * width + x];
                }
            }
        }
    }
    result.into_flattened()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 × 2, as stored: `abc` over `def`.
    fn letters(orientation: Orientation) -> String {
        let raster =
            Raster { size: Size { width: 3, height: 2 }, channels: Channels::Grey, samples: b"abcdef".to_vec() };
        let made = upright(raster, orientation);
        let rows = made.samples.chunks(made.size.width as usize).map(String::from_utf8_lossy);
        rows.collect::<Vec<_>>().join("/")
    }

    #[test]
    fn each_orientation_matches_the_exif_table() {
        let made: Vec<String> = Orientation::ALL.into_iter().map(letters).collect();
        assert_eq!(made, ["abc/def", "cba/fed", "fed/cba", "def/abc", "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad"]);
    }

    #[test]
    fn mirrors_agrees_with_the_rotated_letters() {
        for orientation in Orientation::ALL {
            let made = letters(orientation);
            let (first, right, below) = (made.find('a'), made.find('b'), made.find('d'));
            assert_eq!(mirrors(orientation), (right < first, below < first), "{orientation:?}: {made}");
        }
    }

    #[test]
    fn rotating_across_blocks_loses_no_pixel() {
        let size = Size { width: 70, height: 45 };
        let samples: Vec<u8> = (0..70 * 45 * 3).map(|n: u32| (n % 251) as u8).collect();
        let raster = Raster { size, channels: Channels::Rgb, samples };
        let once = upright(raster.clone(), Orientation::Rotate90);
        assert_eq!(upright(once, Orientation::Rotate270), raster);
    }
}
