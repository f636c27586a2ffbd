//! From high dynamic range (ITU-R BT.2100: PQ and HLG) to sRGB, by the same rule as for video: white lies at
//! 203 cd/m² (ITU-R BT.2408, 5.1), so that faces keep their brightness, and what is brighter is compressed.

use crate::raster::{Channels, Decoded, Raster};

/// How light is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// Perceptual quantisation: a number stands for so much light.
    Pq,
    /// Hybrid log-gamma: a number stands for a part of what the display can do.
    Hlg,
}

impl Transfer {
    /// The transfer characteristics of ITU-T H.273, table 3.
    pub(crate) const fn of_code_point(code: u8) -> Option<Self> {
        match code {
            16 => Some(Self::Pq),
            18 => Some(Self::Hlg),
            _ => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pq => "PQ",
            Self::Hlg => "HLG",
        }
    }

    /// Light of one signal, of white as 1: of HLG the scene's, which the display still shapes.
    fn linear(self, signal: f32) -> f32 {
        match self {
            // BT.2100, table 4.
            Self::Pq => {
                const M1: f32 = 2610.0 / 16_384.0;
                const M2: f32 = 2523.0 / 4096.0 * 128.0;
                const C1: f32 = 3424.0 / 4096.0;
                const C2: f32 = 2413.0 / 4096.0 * 32.0;
                const C3: f32 = 2392.0 / 4096.0 * 32.0;
                let root = signal.powf(1.0 / M2);
                ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1) * 10_000.0 / WHITE
            }
            // BT.2100, table 5.
            Self::Hlg => {
                if signal <= 0.5 {
                    signal * signal / 3.0
                } else {
                    (((signal - 0.559_910_7) / 0.178_832_77).exp() + 0.284_668_92) / 12.0
                }
            }
        }
    }

    /// What a display of 1,000 cd/m² makes of three linear signals, whose shares of brightness are given, of white as 1.
    fn displayed(self, rgb: [f32; 3], shares: [f32; 3]) -> [f32; 3] {
        match self {
            Self::Pq => rgb,
            Self::Hlg => {
                let luminance = shares[0] * rgb[0] + shares[1] * rgb[1] + shares[2] * rgb[2];
                let gain = luminance.max(1e-6).powf(0.2) * HLG_PEAK / WHITE;
                rgb.map(|light| light * gain)
            }
        }
    }
}

/// Brightness of white paper, and of the display that HLG is made for, in cd/m².
const WHITE: f32 = 203.0;
const HLG_PEAK: f32 = 1000.0;

/// The brightest light that is told apart from brighter ones, of white as 1: 10,000 cd/m².
const PEAK: f32 = 10_000.0 / WHITE;
/// Up to here light stays as it is.
const KNEE: f32 = 0.3;

/// Compresses what is brighter than the knee, so that the peak becomes 1: the curve that ffmpeg calls Mobius.
fn compressed(light: f32) -> f32 {
    if light <= KNEE {
        return light;
    }
    let a = -KNEE * KNEE * (PEAK - 1.0) / (KNEE * KNEE - 2.0 * KNEE + PEAK);
    let b = (KNEE * KNEE - 2.0 * KNEE * PEAK + PEAK) / (PEAK - 1.0);
    (b * b + 2.0 * b * KNEE + KNEE * KNEE) / (b - a) * (light + a) / (light + b)
}

/// BT.2020's primaries in sRGB's (ITU-R BT.2087, 4).
const BT2020_TO_SRGB: [[f32; 3]; 3] =
    [[1.660_491, -0.587_641, -0.072_85], [-0.124_55, 1.132_9, -0.008_349], [-0.018_151, -0.100_579, 1.118_73]];

/// Display P3's primaries in sRGB's.
const P3_TO_SRGB: [[f32; 3]; 3] =
    [[1.224_94, -0.224_94, 0.0], [-0.042_057, 1.042_057, 0.0], [-0.019_638, -0.078_636, 1.098_274]];

/// A picture in sRGB of 8 bits.
pub(crate) fn to_srgb(decoded: &Decoded, transfer: Transfer, primaries: u8) -> Raster {
    let (matrix, shares) = match primaries {
        1 => (None, [0.2126, 0.7152, 0.0722]),
        // JPEG XL has one number for both of P3's whites.
        11 | 12 => (Some(P3_TO_SRGB), [0.2290, 0.6917, 0.0793]),
        // HDR is BT.2020's unless it says otherwise (BT.2100, table 2).
        _ => (Some(BT2020_TO_SRGB), [0.2627, 0.678, 0.0593]),
    };
    let look = |[red, green, blue]: [f32; 3]| {
        let shown = transfer.displayed([red, green, blue].map(|signal| transfer.linear(signal)), shares);
        let shown = matrix.map_or(shown, |rows| rows.map(|[r, g, b]| r * shown[0] + g * shown[1] + b * shown[2]));
        // All three by what the brightest needs, so that hues stay.
        let brightest = shown.into_iter().fold(f32::MIN_POSITIVE, f32::max);
        let scale = compressed(brightest) / brightest;
        shown.map(|light| srgb(light * scale))
    };
    match decoded {
        Decoded::Eight(raster) => converted(raster, |sample| f32::from(sample) / 255.0, look),
        Decoded::Sixteen(raster) => converted(raster, |sample| f32::from(sample) / 65_535.0, look),
    }
}

fn converted<S: Copy>(raster: &Raster<S>, signal: impl Fn(S) -> f32, look: impl Fn([f32; 3]) -> [u8; 3]) -> Raster {
    let (channels, has_alpha) = match raster.channels {
        Channels::Grey | Channels::Rgb | Channels::Cmyk => (Channels::Rgb, false),
        Channels::GreyAlpha | Channels::Rgba => (Channels::Rgba, true),
    };
    let stored = raster.channels.count();
    let mut samples = Vec::with_capacity(raster.samples.len() / stored * channels.count());
    for pixel in raster.samples.chunks_exact(stored) {
        let at = |index: usize| signal(pixel[index.min(stored - 1)]);
        let colours = if stored < 3 { [at(0); 3] } else { [at(0), at(1), at(2)] };
        samples.extend(look(colours));
        if has_alpha {
            samples.push((at(stored - 1) * 255.0 + 0.5) as u8);
        }
    }
    Raster { size: raster.size, channels, samples }
}

/// Light as sRGB codes it (IEC 61966-2-1).
fn srgb(light: f32) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let coded = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (coded * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use smmu_core::image::Size;

    fn grey(transfer: Transfer, signal: f32) -> u8 {
        let sample = (signal * 65_535.0) as u16;
        let raster = Raster { size: Size { width: 1, height: 1 }, channels: Channels::Rgb, samples: vec![sample; 3] };
        let shown = to_srgb(&Decoded::Sixteen(raster), transfer, 9).samples;
        assert!(shown.iter().all(|sample| sample.abs_diff(shown[0]) <= 1), "grey stays grey: {shown:?}");
        shown[0]
    }

    #[test]
    fn the_levels_of_bt_2408_keep_their_brightness() {
        // Table 1: 18% grey at 26 cd/m² and white at 203 cd/m²; of sRGB 46% and, compressed, a bright grey.
        for (transfer, middle, white) in [(Transfer::Pq, 0.38, 0.58), (Transfer::Hlg, 0.38, 0.75)] {
            let (middle, white) = (grey(transfer, middle), grey(transfer, white));
            assert!((95..130).contains(&middle), "{transfer:?}: 18% grey is {middle}");
            assert!((195..240).contains(&white), "{transfer:?}: white is {white}");
        }
    }

    #[test]
    fn black_is_black_and_more_light_is_never_darker() {
        for transfer in [Transfer::Pq, Transfer::Hlg] {
            let course: Vec<u8> = (0..=100_u8).map(|percent| grey(transfer, f32::from(percent) / 100.0)).collect();
            assert!(course.is_sorted(), "{transfer:?}: {course:?}");
            assert_eq!(course[0], 0);
            assert!(course[100] >= 235, "{transfer:?} reaches {}", course[100]);
        }
    }

    #[test]
    fn what_is_brighter_than_white_keeps_its_hue() {
        let red = [60_000_u16, 20_000, 20_000];
        let raster = Raster { size: Size { width: 1, height: 1 }, channels: Channels::Rgb, samples: red.to_vec() };
        let shown = to_srgb(&Decoded::Sixteen(raster), Transfer::Pq, 1).samples;
        assert!(shown[0] > 230 && shown[1] < 40 && shown[1] == shown[2], "{shown:?}");
    }
}
