//! Summarises a picture's look in a few bytes: placeholder, colours, perceptual hash.

use crate::{
    colour,
    error::MediaError,
    raster::{Channels, Raster},
    resize,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use smmu_core::image::{Colour, ImageLook, Size};
use std::{cmp::Reverse, collections::HashMap, f64::consts::PI};

/// Measures an sRGB raster. Any rendition works; a small one is fastest.
pub(crate) fn look(raster: &Raster, background: Colour) -> Result<ImageLook, MediaError> {
    let small = shrunk(raster, measured(raster.size))?;
    let colours = palette(&small);
    let flat = if small.channels == Channels::Rgba { colour::flattened(&small, background) } else { small.clone() };
    Ok(ImageLook {
        thumbhash: STANDARD.encode(thumbhash(&small)),
        dominant_colour: colours.first().copied().unwrap_or(background),
        palette: colours,
        perceptual_hash: format!("{:016x}", perceptual_hash(&flat)?),
    })
}

/// Longest edge of the picture that is measured, in pixels. `ThumbHash` takes at most 100 × 100.
pub(crate) const LONGEST_EDGE: u32 = 100;

/// The size at which a picture is measured.
pub(crate) fn measured(size: Size) -> Size {
    size.fitted(size.long_edge().min(LONGEST_EDGE))
}

fn shrunk(raster: &Raster, size: Size) -> Result<Raster, MediaError> {
    if raster.size == size { Ok(raster.clone()) } else { resize::shrink(raster, raster.size.into(), size) }
}

fn thumbhash(raster: &Raster) -> Vec<u8> {
    let rgba: Vec<u8> = pixels(raster).flatten().collect();
    thumbhash::rgba_to_thumb_hash(raster.size.width as usize, raster.size.height as usize, &rgba)
}

/// Pixels of an RGB or RGBA raster as RGBA.
fn pixels(raster: &Raster) -> impl Iterator<Item = [u8; 4]> {
    raster.samples.chunks_exact(raster.channels.count()).map(|pixel| match *pixel {
        [red, green, blue, alpha] => [red, green, blue, alpha],
        [red, green, blue] => [red, green, blue, 255],
        _ => [0; 4],
    })
}

/// Most colours in a palette.
const PALETTE_COLOURS: usize = 6;
/// Squared distance in RGB below which two colours count as one.
const SAME_COLOUR: u32 = 48 * 48;

/// Distinct colours, the most common first. Transparent pixels do not count.
fn palette(raster: &Raster) -> Vec<Colour> {
    // With 4 bits per channel, similar colours share a bucket; each bucket keeps their mean.
    let mut buckets: HashMap<[u8; 3], (u32, [u32; 3])> = HashMap::new();
    for [red, green, blue, alpha] in pixels(raster) {
        if alpha < 128 {
            continue;
        }
        let (count, sums) = buckets.entry([red >> 4, green >> 4, blue >> 4]).or_default();
        *count += 1;
        for (sum, value) in sums.iter_mut().zip([red, green, blue]) {
            *sum += u32::from(value);
        }
    }
    let mean = |(count, sums): (u32, [u32; 3])| (count, sums.map(|sum| ((sum + count / 2) / count) as u8));
    let mut colours: Vec<(u32, [u8; 3])> = buckets.into_values().map(mean).collect();
    // Break ties by the colour itself, so that the same picture always gets the same palette.
    colours.sort_unstable_by_key(|&(count, colour)| (Reverse(count), colour));

    let mut chosen: Vec<(u32, [u8; 3])> = Vec::new();
    for (count, colour) in colours {
        match chosen.iter_mut().find(|(_, near)| distance(*near, colour) < SAME_COLOUR) {
            Some((total, _)) => *total += count,
            None => chosen.push((count, colour)),
        }
    }
    chosen.sort_by_key(|&(count, _)| Reverse(count));
    chosen.into_iter().take(PALETTE_COLOURS).map(|(_, colour)| Colour(colour)).collect()
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

/// Edge of the square from which the hash is computed.
const HASH_EDGE: usize = 32;
/// Frequencies in each direction that enter the hash.
const HASH_TERMS: usize = 8;

/// pHash, as [`ImageLook::perceptual_hash`] describes it.
fn perceptual_hash(raster: &Raster) -> Result<u64, MediaError> {
    let edge = HASH_EDGE as u32;
    let square = shrunk(raster, Size { width: edge, height: edge })?;
    let luma: Vec<f64> = pixels(&square)
        .map(|[red, green, blue, _]| 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue))
        .collect();
    let wave = |term: usize, at: usize| (PI / HASH_EDGE as f64 * (at as f64 + 0.5) * term as f64).cos();
    let waves: Vec<[f64; HASH_EDGE]> = (0..=HASH_TERMS).map(|term| std::array::from_fn(|at| wave(term, at))).collect();
    let mut terms = [0.0; HASH_TERMS * HASH_TERMS];
    for (index, term) in terms.iter_mut().enumerate() {
        let (vertical, horizontal) = (&waves[index / HASH_TERMS + 1], &waves[index % HASH_TERMS + 1]);
        *term = luma
            .iter()
            .enumerate()
            .map(|(at, value)| value * vertical[at / HASH_EDGE] * horizontal[at % HASH_EDGE])
            .sum();
    }
    let mut sorted = terms;
    sorted.sort_by(f64::total_cmp);
    let median = f64::midpoint(sorted[31], sorted[32]);
    // A flat picture has only rounding errors, which must not affect the hash.
    let threshold = median + 1e-6 * HASH_EDGE.pow(2) as f64;
    Ok(terms.iter().fold(0, |hash, term| hash << 1 | u64::from(*term > threshold)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Raster {
        let all = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let samples = all.flat_map(|(x, y)| colour(x, y)).collect();
        Raster { size: Size { width, height }, channels: Channels::Rgb, samples }
    }

    fn waves(width: u32, height: u32) -> Raster {
        painted(width, height, |x, y| {
            let (x, y) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            let value = 127.0 + 60.0 * (x * 9.0).sin() + 60.0 * (y * 5.0 + x * 3.0).cos();
            [value as u8, (x * 255.0) as u8, (y * 255.0) as u8]
        })
    }

    #[test]
    fn the_same_picture_in_another_size_has_nearly_the_same_hash() {
        let hash = |raster: &Raster| perceptual_hash(raster).expect("resizes");
        let (large, small) = (hash(&waves(640, 480)), hash(&waves(160, 120)));
        assert!((large ^ small).count_ones() <= 6, "{large:016x} {small:016x}");
        let other = hash(&painted(160, 120, |x, y| [((x * 7) ^ (y * 3)) as u8; 3]));
        assert!((large ^ other).count_ones() > 12, "{large:016x} {other:016x}");
    }

    #[test]
    fn a_flat_picture_has_the_hash_zero() {
        let look = look(&painted(50, 50, |_, _| [10, 200, 30]), Colour::WHITE).expect("measured");
        assert_eq!(look.perceptual_hash, "0000000000000000");
        assert_eq!(look.palette, [Colour([10, 200, 30])]);
    }

    #[test]
    fn the_palette_starts_with_the_most_common_colour() {
        let flag = painted(90, 90, |x, _| match x {
            0..25 => [255, 0, 0],
            25..70 => [0, 0, 250],
            _ => [0, 255, 0],
        });
        let look = look(&flag, Colour::WHITE).expect("measured");
        assert_eq!(look.dominant_colour, Colour([0, 0, 250]));
        assert_eq!(look.palette, [Colour([0, 0, 250]), Colour([255, 0, 0]), Colour([0, 255, 0])]);
    }

    #[test]
    fn transparent_pixels_add_no_colour() {
        let clear = Raster { size: Size { width: 2, height: 2 }, channels: Channels::Rgba, samples: vec![0; 16] };
        let look = look(&clear, Colour([1, 2, 3])).expect("measured");
        assert_eq!(look.palette, []);
        assert_eq!(look.dominant_colour, Colour([1, 2, 3]));
    }

    #[test]
    fn a_picture_of_one_pixel_can_be_measured() {
        let look = look(&painted(1, 1, |_, _| [9, 9, 9]), Colour::WHITE).expect("measured");
        assert!(!look.thumbhash.is_empty());
    }
}
