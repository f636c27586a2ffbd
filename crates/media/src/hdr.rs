//! Converts high dynamic range (ITU-R BT.2100: PQ and HLG) to sRGB, by the same rule as for video: white is at 203
//! cd/m² (ITU-R BT.2408, 5.1), so that faces keep their brightness; brighter light is compressed.

use crate::raster::{Channels, Decoded, Raster};

/// HDR transfer function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// Perceptual quantiser: values are absolute light levels.
    Pq,
    /// Hybrid log-gamma: values are relative to the display's peak.
    Hlg,
}

impl Transfer {
    /// The HDR transfer function of a code point (ITU-T H.273, table 3), if it is one.
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

    /// Linear light of a signal. For PQ white is 1. For HLG it is the scene's light, before [`Self::displayed`].
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

    /// Light of a 1,000 cd/m² display for three linear signals; white is 1. `shares` are the colours' parts of
    /// luminance.
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

/// Brightness of paper white, in cd/m².
const WHITE: f32 = 203.0;
/// Peak brightness of HLG's reference display, in cd/m².
const HLG_PEAK: f32 = 1000.0;

/// The brightest light that does not clip, relative to white: 10,000 cd/m².
const PEAK: f32 = 10_000.0 / WHITE;
/// Light up to this level, relative to white, is not compressed.
const KNEE: f32 = 0.3;

/// Compresses light above the knee so that the peak becomes 1, with the curve that ffmpeg calls Mobius.
fn compressed(light: f32) -> f32 {
    if light <= KNEE {
        return light;
    }
    let a = -KNEE * KNEE * (PEAK - 1.0) / (KNEE * KNEE - 2.0 * KNEE + PEAK);
    let b = (KNEE * KNEE - 2.0 * KNEE * PEAK + PEAK) / (PEAK - 1.0);
    (b * b + 2.0 * b * KNEE + KNEE * KNEE) / (b - a) * (light + a) / (light + b)
}

/// Converts BT.2020 primaries to sRGB's (ITU-R BT.2087, 4).
const BT2020_TO_SRGB: [[f32; 3]; 3] =
    [[1.660_491, -0.587_641, -0.072_85], [-0.124_55, 1.132_9, -0.008_349], [-0.018_151, -0.100_579, 1.118_73]];

/// Converts Display P3 primaries to sRGB's.
const P3_TO_SRGB: [[f32; 3]; 3] =
    [[1.224_94, -0.224_94, 0.0], [-0.042_057, 1.042_057, 0.0], [-0.019_638, -0.078_636, 1.098_274]];

/// Converts a picture to 8-bit sRGB. `primaries` is their code point (ITU-T H.273, table 2).
pub(crate) fn to_srgb(decoded: &Decoded, transfer: Transfer, primaries: u8) -> Raster {
    let (matrix, shares) = match primaries {
        1 => (None, [0.2126, 0.7152, 0.0722]),
        // JPEG XL uses one number for both white points of P3.
        11 | 12 => (Some(P3_TO_SRGB), [0.2290, 0.6917, 0.0793]),
        // HDR has BT.2020 primaries unless stated otherwise (BT.2100, table 2).
        _ => (Some(BT2020_TO_SRGB), [0.2627, 0.678, 0.0593]),
    };
    let look = |[red, green, blue]: [f32; 3]| {
        let shown = transfer.displayed([red, green, blue].map(|signal| transfer.linear(signal)), shares);
        let shown = matrix.map_or(shown, |rows| rows.map(|[r, g, b]| r * shown[0] + g * shown[1] + b * shown[2]));
        // Scale all three colours by the compression of the brightest, to keep the hue.
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

/// Encodes light as sRGB (IEC 61966-2-1).
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
        // Table 1: 18% grey at 26 cd/m² and white at 203 cd/m²; in sRGB these are 46% and, compressed, a bright grey.
        for (transfer, middle, white) in [(Transfer::Pq, 0.38, 0.58), (Transfer::Hlg, 0.38, 0.75)] {
            let (middle, white) = (grey(transfer, middle), grey(transfer, white));
            assert!((95..130).contains(&middle), "{transfer:?}: 18% grey is {middle}");
            assert!((195..240).contains(&white), "{transfer:?}: white is {white}");
        }
    }

    #[test]
    fn black_stays_black_and_more_light_is_never_darker() {
        for transfer in [Transfer::Pq, Transfer::Hlg] {
            let levels: Vec<u8> = (0..=100_u8).map(|percent| grey(transfer, f32::from(percent) / 100.0)).collect();
            assert!(levels.is_sorted(), "{transfer:?}: {levels:?}");
            assert_eq!(levels[0], 0);
            assert!(levels[100] >= 235, "{transfer:?} reaches {}", levels[100]);
        }
    }

    #[test]
    fn light_brighter_than_white_keeps_its_hue() {
        let red = [60_000_u16, 20_000, 20_000];
        let raster = Raster { size: Size { width: 1, height: 1 }, channels: Channels::Rgb, samples: red.to_vec() };
        let shown = to_srgb(&Decoded::Sixteen(raster), Transfer::Pq, 1).samples;
        assert!(shown[0] > 230 && shown[1] < 40 && shown[1] == shown[2], "{shown:?}");
    }
}
