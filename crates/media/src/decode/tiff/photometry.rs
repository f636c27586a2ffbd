//! Converts levels to colours (TIFF 6.0, sections 4 to 6, 16, 18, 20, 21, 23).

use super::layout::{Compression, Layout, named};
use crate::{
    error::{MediaError, corrupt},
    raster::{Channels, Sample},
};
use smmu_core::{
    ifd::{Directory, tag},
    image::ColourModel,
};

/// Interpretation of a pixel's samples.
pub(super) struct Photometry {
    meaning: Meaning,
    /// Index of the alpha sample, and true if colours are premultiplied by it.
    alpha: Option<(usize, bool)>,
    max: u16,
}

enum Meaning {
    Grey {
        inverted: bool,
    },
    Rgb,
    /// Red, green and blue of 16 bits for each level.
    Palette(Vec<[u16; 3]>),
    Cmyk,
    Ycbcr(Ycbcr),
    Lab(Lab),
}

/// Coding of luma and chroma (TIFF 6.0, section 21), scaled to 8 bits.
struct Ycbcr {
    /// Coefficients of red, green and blue in luma.
    luma: [f32; 3],
    /// Codes of black and white luma, then of zero and full chroma for each of the two chroma samples.
    reference: [f32; 6],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lab {
    /// `CIELab`; a* and b* are signed.
    Cie,
    /// The encoding of ICC profiles, version 2.
    Icc,
}

impl Meaning {
    /// Number of colour samples per pixel.
    const fn samples(&self) -> usize {
        match self {
            Self::Grey { .. } | Self::Palette(_) => 1,
            Self::Rgb | Self::Ycbcr(_) | Self::Lab(_) => 3,
            Self::Cmyk => 4,
        }
    }
}

impl Photometry {
    /// Reads the photometry of a page, and sets the layout's subsampling.
    ///
    /// # Errors
    /// Refuses unsupported colours by name, and damaged definitions.
    pub(super) fn read(page: &Directory, layout: &mut Layout) -> Result<Self, MediaError> {
        let meaning = meaning(page, layout)?;
        let count = meaning.samples();
        if layout.samples < count {
            return Err(corrupt("TIFF", "its pixels have too few samples for their colours"));
        }
        let alpha = alpha(page, layout.samples, count);
        let premultiplied = alpha.is_some_and(|(_, premultiplied)| premultiplied);
        let multiplied = matches!(meaning, Meaning::Grey { inverted: false } | Meaning::Rgb | Meaning::Cmyk);
        if premultiplied && !multiplied {
            return Err(named("premultiplied alpha of colours other than grey, RGB and CMYK"));
        }
        Ok(Self { meaning, alpha, max: layout.numbers.max() })
    }

    pub(super) const fn channels(&self) -> Channels {
        match (&self.meaning, self.alpha) {
            (Meaning::Grey { .. }, None) => Channels::Grey,
            (Meaning::Grey { .. }, Some(_)) => Channels::GreyAlpha,
            // Alpha is already applied to the inks: transparent pixels show the paper.
            (Meaning::Cmyk, _) => Channels::Cmyk,
            (Meaning::Rgb | Meaning::Palette(_) | Meaning::Ycbcr(_) | Meaning::Lab(_), None) => Channels::Rgb,
            (Meaning::Rgb | Meaning::Palette(_) | Meaning::Ycbcr(_) | Meaning::Lab(_), Some(_)) => Channels::Rgba,
        }
    }

    pub(super) const fn colour_model(&self) -> ColourModel {
        match &self.meaning {
            Meaning::Grey { .. } => ColourModel::Grey,
            Meaning::Palette(_) => ColourModel::Palette,
            Meaning::Cmyk => ColourModel::Cmyk,
            Meaning::Ycbcr(_) => ColourModel::Ycbcr,
            Meaning::Rgb | Meaning::Lab(_) => ColourModel::Rgb,
        }
    }

    /// Returns whether to decode to 16 bits per sample.
    pub(super) const fn sixteen(&self) -> bool {
        // Colours of a palette are usually 8 bits scaled to 16.
        self.max > 255 && !matches!(self.meaning, Meaning::Palette(_))
    }

    /// Returns whether colours must still be divided by their alpha.
    pub(super) const fn premultiplied(&self) -> bool {
        matches!(self.alpha, Some((_, true))) && !matches!(self.meaning, Meaning::Cmyk)
    }

    /// Indices of the samples that are needed, in order. Other planes are not read.
    pub(super) fn needed(&self) -> Vec<usize> {
        (0..self.meaning.samples()).chain(self.alpha.map(|(at, _)| at)).collect()
    }

    /// Adjusts the index of alpha to pixels that contain only the needed samples.
    pub(super) const fn keep_only_needed(&mut self) {
        if let Some((at, _)) = &mut self.alpha {
            *at = self.meaning.samples();
        }
    }

    /// Converts pixels with `samples` levels each.
    pub(super) fn paint<S: Depth>(&self, levels: &[u16], samples: usize, into: &mut [S]) {
        let channels = self.channels();
        for (pixel, painted) in levels.chunks_exact(samples).zip(into.chunks_exact_mut(channels.count())) {
            self.colour(pixel, painted);
            if channels.has_alpha()
                && let Some((at, _)) = self.alpha
                && let Some(alpha) = painted.last_mut()
            {
                *alpha = S::of_level(pixel[at], self.max);
            }
        }
    }

    fn colour<S: Depth>(&self, pixel: &[u16], into: &mut [S]) {
        let max = self.max;
        match &self.meaning {
            Meaning::Grey { inverted: false } => into[0] = S::of_level(pixel[0], max),
            Meaning::Grey { inverted: true } => into[0] = S::of_level(max - pixel[0].min(max), max),
            Meaning::Rgb => {
                for (sample, level) in into.iter_mut().zip(&pixel[..3]) {
                    *sample = S::of_level(*level, max);
                }
            }
            Meaning::Palette(colours) => {
                let colour = colours.get(usize::from(pixel[0])).copied().unwrap_or_default();
                into[..3].copy_from_slice(&colour.map(|level| S::of_level(level, u16::MAX)));
            }
            Meaning::Cmyk => {
                for (sample, level) in into.iter_mut().zip(&pixel[..4]) {
                    *sample = S::of_level(self.inked(*level, pixel), max);
                }
            }
            Meaning::Ycbcr(coding) => {
                let scale = 255.0 / f32::from(max);
                let codes = [pixel[0], pixel[1], pixel[2]].map(|level| f32::from(level) * scale);
                into[..3].copy_from_slice(&coding.rgb(codes).map(S::of_part));
            }
            Meaning::Lab(encoding) => {
                let lab = encoding.lab([pixel[0], pixel[1], pixel[2]], max);
                into[..3].copy_from_slice(&rgb_of_lab(lab).map(S::of_part));
            }
        }
    }

    /// Amount of ink on white paper, with straight alpha applied.
    fn inked(&self, level: u16, pixel: &[u16]) -> u16 {
        match self.alpha {
            Some((at, false)) => (u32::from(level) * u32::from(pixel[at]) / u32::from(self.max)) as u16,
            Some((_, true)) | None => level,
        }
    }
}

fn meaning(page: &Directory, layout: &mut Layout) -> Result<Meaning, MediaError> {
    let fax = matches!(
        layout.compression,
        Compression::FaxRuns | Compression::FaxRunsOfWords | Compression::Fax3 { .. } | Compression::Fax4
    );
    let is_jpeg = matches!(layout.compression, Compression::Jpeg(_));
    let guessed = match layout.samples {
        3.. => 2,
        _ if fax => 0,
        _ => 1,
    };
    Ok(match page.short(tag::PHOTOMETRIC).unwrap_or(guessed) {
        0 => Meaning::Grey { inverted: true },
        // A mask is treated as a picture with two levels.
        1 | 4 => Meaning::Grey { inverted: false },
        2 => Meaning::Rgb,
        3 => Meaning::Palette(palette(page, layout)?),
        5 if page.short(tag::INK_SET).unwrap_or(1) != 1 => return Err(named("inks other than CMYK")),
        5 => Meaning::Cmyk,
        // The JPEG decoder has already converted to red, green and blue.
        6 if is_jpeg && !layout.planar && layout.samples == 3 => Meaning::Rgb,
        6 if is_jpeg && !layout.planar && layout.samples == 1 => Meaning::Grey { inverted: false },
        6 if is_jpeg && !layout.planar => return Err(named("JPEG of luma, chroma and more")),
        6 => Meaning::Ycbcr(ycbcr(page, layout)?),
        8 => Meaning::Lab(lab(layout, Lab::Cie)?),
        9 => Meaning::Lab(lab(layout, Lab::Icc)?),
        10 => return Err(named("ITU L*a*b* colours")),
        32844 | 32845 => return Err(named("LogLuv colours")),
        32803 | 34892 => return Err(named("raw sensor data")),
        51177 => return Err(named("a depth map")),
        other => return Err(named(format!("colours of the kind {other}"))),
    })
}

/// Index of the first alpha sample among the extra samples, and true if colours are premultiplied by it.
fn alpha(page: &Directory, samples: usize, colours: usize) -> Option<(usize, bool)> {
    if samples == colours {
        return None;
    }
    match page.numbers(tag::EXTRA_SAMPLES, samples) {
        Some(extra) => {
            let alpha = |(index, kind): (usize, &u64)| match kind {
                1 => Some((colours + index, true)),
                2 => Some((colours + index, false)),
                _ => None,
            };
            extra.iter().enumerate().find_map(alpha).filter(|(at, _)| *at < samples)
        }
        // Like Pillow and ImageMagick, treat a single undeclared extra sample as alpha.
        None => (samples == colours + 1).then_some((colours, false)),
    }
}

fn palette(page: &Directory, layout: &Layout) -> Result<Vec<[u16; 3]>, MediaError> {
    let bits = layout.numbers.bits;
    if bits > 16 {
        return Err(named(format!("a palette of {bits} bits")));
    }
    let count = 1_usize << bits;
    let map = page.numbers(tag::COLOR_MAP, 3 * count).filter(|map| map.len() == 3 * count);
    let map = map.ok_or_else(|| corrupt("TIFF", "it has no palette"))?;
    // Old programs wrote 8-bit colours.
    let scale = if map.iter().all(|value| *value < 256) { 257 } else { 1 };
    let level = |at: usize| (map[at] * scale).min(u16::MAX.into()) as u16;
    Ok((0..count).map(|index| [level(index), level(count + index), level(2 * count + index)]).collect())
}

fn lab(layout: &Layout, encoding: Lab) -> Result<Lab, MediaError> {
    match layout.numbers.bits {
        8 | 16 => Ok(encoding),
        bits => Err(named(format!("L*a*b* colours of {bits} bits"))),
    }
}

fn ycbcr(page: &Directory, layout: &mut Layout) -> Result<Ycbcr, MediaError> {
    let factors = page.numbers(tag::YCBCR_SUBSAMPLING, 2).filter(|factors| factors.len() == 2);
    let (across, down) = match factors.as_deref() {
        Some(&[across @ (1 | 2 | 4), down @ (1 | 2 | 4)]) => (across as u32, down as u32),
        Some(other) => return Err(corrupt("TIFF", format!("chroma cannot be subsampled by {other:?}"))),
        // A JPEG stream states its own subsampling.
        None if matches!(layout.compression, Compression::Jpeg(_)) => (1, 1),
        None => (2, 2),
    };
    if (across, down) != (1, 1) {
        if layout.planar {
            return Err(named("subsampled chroma in separate planes"));
        }
        if layout.numbers.bits != 8 || layout.samples != 3 {
            return Err(named("subsampled chroma without three samples of 8 bits"));
        }
        if !layout.chunk.height.is_multiple_of(down) && layout.chunk.height < layout.size.height {
            return Err(corrupt("TIFF", "its strips or tiles end in the middle of its chroma"));
        }
        layout.subsampling = Some((across, down));
    }
    let reals = |tag, count: usize| page.reals(tag, count).filter(|all| all.len() == count);
    let luma = reals(tag::YCBCR_COEFFICIENTS, 3).map_or([0.299, 0.587, 0.114], |all| [all[0], all[1], all[2]]);
    let scale = 255.0 / f64::from(layout.numbers.max());
    let standard = [0.0, 255.0, 128.0, 255.0, 128.0, 255.0];
    let mut reference = standard;
    if let Some(all) = reals(tag::REFERENCE_BLACK_WHITE, 6) {
        reference.iter_mut().zip(all).for_each(|(into, code)| *into = code * scale);
    }
    // Only positive finite numbers can be divisors.
    let sound = |value: &f64| value.is_finite() && *value > 0.0;
    let ranges = [reference[1] - reference[0], reference[3] - reference[2], reference[5] - reference[4]];
    if !luma.iter().all(sound) || !ranges.iter().all(sound) {
        return Err(corrupt("TIFF", "the definition of its luma and chroma is invalid"));
    }
    Ok(Ycbcr { luma: luma.map(|part| part as f32), reference: reference.map(|code| code as f32) })
}

impl Ycbcr {
    fn rgb(&self, codes: [f32; 3]) -> [f32; 3] {
        let [red_part, green_part, blue_part] = self.luma;
        let full = |at: usize, range: f32| {
            (codes[at] - self.reference[2 * at]) * range / (self.reference[2 * at + 1] - self.reference[2 * at])
        };
        let (luma, for_blue, for_red) = (full(0, 255.0), full(1, 127.0), full(2, 127.0));
        let red = luma + for_red * (2.0 - 2.0 * red_part);
        let blue = luma + for_blue * (2.0 - 2.0 * blue_part);
        let green = (luma - blue_part * blue - red_part * red) / green_part;
        [red, green, blue].map(|value| value / 255.0)
    }
}

impl Lab {
    /// L* from 0 to 100, a* (green to red) and b* (blue to yellow).
    fn lab(self, [light, a, b]: [u16; 3], max: u16) -> [f32; 3] {
        let (eight, white) = (max == 255, f32::from(max));
        let signed = |level: u16| {
            if eight { f32::from((level as u8).cast_signed()) } else { f32::from(level.cast_signed()) / 256.0 }
        };
        let shifted = |level: u16| f32::from(level) / if eight { 1.0 } else { 256.0 } - 128.0;
        match self {
            Self::Cie => [f32::from(light) / white * 100.0, signed(a), signed(b)],
            Self::Icc if eight => [f32::from(light) / white * 100.0, shifted(a), shifted(b)],
            // 100 is FF00 (ICC.1:2001-04, 6.5.8).
            Self::Icc => [(f32::from(light) / 652.8).min(100.0), shifted(a), shifted(b)],
        }
    }
}

/// Converts `CIELab` under D50, the white of print, to sRGB. White stays white (Bradford adaptation to D65).
fn rgb_of_lab([light, red_green, yellow_blue]: [f32; 3]) -> [f32; 3] {
    let middle = (light + 16.0) / 116.0;
    let linear = |value: f32| if value > 6.0 / 29.0 { value.powi(3) } else { (value - 4.0 / 29.0) * 108.0 / 841.0 };
    let (x, z) = (linear(middle + red_green / 500.0) * 0.964_22, linear(middle - yellow_blue / 200.0) * 0.825_21);
    let y = linear(middle);
    let rows: [[f32; 3]; 3] = [
        [3.133_856, -1.616_866_7, -0.490_614_6],
        [-0.978_768_4, 1.916_141_5, 0.033_454_0],
        [0.071_945_3, -0.228_991_4, 1.405_242_7],
    ];
    rows.map(|[of_x, of_y, of_z]| {
        let light = (of_x * x + of_y * y + of_z * z).clamp(0.0, 1.0);
        if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
    })
}

/// A sample type of the output.
pub(super) trait Depth: Sample {
    /// Scales a level from 0 to `max`.
    fn of_level(level: u16, max: u16) -> Self;
    /// Scales a number from 0 to 1; others are clamped.
    fn of_part(part: f32) -> Self;
    /// Undoes premultiplication. Pixels have `channels` channels; the last is alpha.
    fn divide_by_alpha(samples: &mut [Self], channels: usize);
}

macro_rules! depth {
    ($sample:ty, $wide:ty) => {
        impl Depth for $sample {
            fn of_level(level: u16, max: u16) -> Self {
                const MOST: u32 = <$sample>::MAX as u32;
                let (level, max) = (u32::from(level.min(max)), u32::from(max));
                if max == MOST { level as Self } else { ((level * MOST + max / 2) / max) as Self }
            }

            fn of_part(part: f32) -> Self {
                // Casts of floats saturate.
                (part * f32::from(Self::MAX)).round() as Self
            }

            fn divide_by_alpha(samples: &mut [Self], channels: usize) {
                for pixel in samples.chunks_exact_mut(channels) {
                    let Some((alpha, colours)) = pixel.split_last_mut() else { continue };
                    let alpha = <$wide>::from(*alpha);
                    for colour in colours {
                        let most = <$wide>::from(<$sample>::MAX);
                        let divided = (<$wide>::from(*colour) * most + alpha / 2).checked_div(alpha).unwrap_or(0);
                        *colour = <$sample>::try_from(divided.min(most)).unwrap_or(<$sample>::MAX);
                    }
                }
            }
        }
    };
}

depth!(u8, u32);
depth!(u16, u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_scaled_to_the_full_range() {
        assert_eq!([0, 1].map(|level| u8::of_level(level, 1)), [0, 255]);
        assert_eq!([0, 1, 2, 3].map(|level| u8::of_level(level, 3)), [0, 85, 170, 255]);
        assert_eq!([0, 1, 4095].map(|level| u16::of_level(level, 4095)), [0, 16, 65_535]);
        assert_eq!(u8::of_level(32_896, 65_535), 128);
    }

    #[test]
    fn premultiplied_colours_are_divided_by_alpha() {
        let mut pixels = [100_u8, 50, 0, 128, 9, 9, 9, 0];
        u8::divide_by_alpha(&mut pixels, 4);
        assert_eq!(pixels, [199, 100, 0, 128, 0, 0, 0, 0]);
    }

    #[test]
    fn zero_chroma_is_grey_and_a_narrow_range_is_widened() {
        let luma = [0.299, 0.587, 0.114];
        let full = Ycbcr { luma, reference: [0.0, 255.0, 128.0, 255.0, 128.0, 255.0] };
        assert_eq!(full.rgb([200.0, 128.0, 128.0]).map(u8::of_part), [200, 200, 200]);
        let [red, green, blue] = full.rgb([76.0, 85.0, 255.0]).map(u8::of_part);
        assert!(red > 250 && green < 5 && blue < 5, "{red} {green} {blue}");
        let narrow = Ycbcr { luma, reference: [16.0, 235.0, 128.0, 240.0, 128.0, 240.0] };
        assert_eq!(narrow.rgb([235.0, 128.0, 128.0]).map(u8::of_part), [255, 255, 255]);
        assert_eq!(narrow.rgb([16.0, 128.0, 128.0]).map(u8::of_part), [0, 0, 0]);
    }

    #[test]
    fn lightness_without_colour_is_grey_and_white_stays_white() {
        assert_eq!(rgb_of_lab([100.0, 0.0, 0.0]).map(u8::of_part), [255, 255, 255]);
        assert_eq!(rgb_of_lab([0.0, 0.0, 0.0]).map(u8::of_part), [0, 0, 0]);
        let [red, green, blue] = rgb_of_lab([53.39, 0.0, 0.0]).map(u8::of_part);
        assert!(red.abs_diff(127) < 2 && green.abs_diff(red) < 2 && blue.abs_diff(red) < 2, "{red} {green} {blue}");
    }
}
