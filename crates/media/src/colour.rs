//! Converts a file's colours to 8-bit sRGB.

use crate::{
    error::{MediaError, Transient},
    hdr::{self, Transfer},
    raster::{Channels, Decoded, Raster},
};
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients, ParsingOptions,
    ProfileText, RenderingIntent, TransferCharacteristics, TransformOptions, Xyzd,
};
use smmu_core::image::Colour;

/// Size of the largest ICC profile that is read. Press profiles have 1 to 3 MB.
const MAX_PROFILE_BYTES: usize = 8 * 1024 * 1024;

/// Parsed description of a picture's colours.
#[derive(Clone)]
pub(crate) struct ColourProfile {
    meaning: Meaning,
    /// Its name, for people.
    pub(crate) description: String,
}

#[derive(Clone)]
enum Meaning {
    /// An ICC profile, or an equivalent.
    Icc(Box<ColorProfile>),
    /// High dynamic range, with the code point of its primaries (ITU-T H.273, table 2).
    Hdr(Transfer, u8),
}

impl ColourProfile {
    /// Parses a profile. `None` if it is invalid: like all browsers, we treat it as absent.
    pub(crate) fn parse(icc: &[u8]) -> Option<Self> {
        let options = ParsingOptions { max_profile_size: MAX_PROFILE_BYTES, ..ParsingOptions::default() };
        let parsed = ColorProfile::new_from_slice_with_options(icc, options).ok()?;
        let description = parsed.description.as_ref().map_or("", |text| match text {
            ProfileText::PlainString(text) => text,
            ProfileText::Localizable(texts) => texts.first().map_or("", |text| &text.value),
            ProfileText::Description(text) => &text.ascii_string,
        });
        let description = crate::text::clean(description).unwrap_or_else(|| "without a name".to_owned());
        Some(Self { meaning: Meaning::Icc(Box::new(parsed)), description })
    }

    /// Parses a profile that replaces another colour description, which `description` names.
    pub(crate) fn standing_for(icc: &[u8], description: String) -> Option<Self> {
        Some(Self { description, ..Self::parse(icc)? })
    }

    /// Wraps a profile that was built in code.
    pub(crate) fn described(profile: ColorProfile, description: String) -> Self {
        Self { meaning: Meaning::Icc(Box::new(profile)), description }
    }

    /// The profile for code points (ITU-T H.273). `None` if they are unknown, are those of sRGB, or are those of video
    /// that is shown like sRGB.
    pub(crate) fn of_code_points(primaries: u8, transfer: u8) -> Option<Self> {
        // Primaries: BT.709, unspecified. Transfers: BT.709, unspecified, BT.601, sRGB, BT.2020 (two codes).
        let like_srgb = matches!(primaries, 1 | 2) && matches!(transfer, 1 | 2 | 6 | 13 | 14 | 15);
        if like_srgb {
            return None;
        }
        if let Some(transfer) = Transfer::of_code_point(transfer) {
            let description = format!("{}, high dynamic range", transfer.name());
            return Some(Self { meaning: Meaning::Hdr(transfer, primaries), description });
        }
        let transfer_characteristics = match transfer {
            // Browsers and libavif show stills with a video curve as if it were sRGB's.
            1 | 2 | 6 | 14 | 15 => TransferCharacteristics::Srgb,
            other => TransferCharacteristics::try_from(other).ok()?,
        };
        let color_primaries = CicpColorPrimaries::try_from(if primaries == 2 { 1 } else { primaries }).ok()?;
        let parsed = ColorProfile::new_from_cicp(CicpProfile {
            color_primaries,
            transfer_characteristics,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        });
        let meaning = Meaning::Icc(Box::new(parsed));
        Some(Self { meaning, description: format!("CICP primaries {primaries}, transfer {transfer}") })
    }

    /// The profile to convert pixels of such channels with. `None` if it is for other channels, or if the conversion
    /// would make no visible difference.
    fn of_channels(&self, channels: Channels) -> Option<&ColorProfile> {
        let Meaning::Icc(profile) = &self.meaning else { return None };
        let wanted = match channels {
            Channels::Grey | Channels::GreyAlpha => DataColorSpace::Gray,
            Channels::Rgb | Channels::Rgba => DataColorSpace::Rgb,
            Channels::Cmyk => DataColorSpace::Cmyk,
        };
        let named = || self.description.to_ascii_lowercase().contains("srgb");
        let is_srgb = wanted == DataColorSpace::Rgb && named() && has_srgb_matrix_and_curve(profile);
        (profile.color_space == wanted && !is_srgb).then_some(profile)
    }
}

/// Returns whether a profile that is named after sRGB really is sRGB: phones write "Display P3 Gamut with sRGB
/// Transfer", others use linear light. The name is trusted if the profile contains only tables.
fn has_srgb_matrix_and_curve(profile: &ColorProfile) -> bool {
    let srgb = ColorProfile::new_srgb();
    let colorants = |profile: &ColorProfile| [profile.red_colorant, profile.green_colorant, profile.blue_colorant];
    let parts = |xyz: Xyzd| [xyz.x, xyz.y, xyz.z];
    if colorants(profile).into_iter().flat_map(parts).all(|part| part == 0.0) {
        return true;
    }
    let pairs = colorants(profile).into_iter().flat_map(parts).zip(colorants(&srgb).into_iter().flat_map(parts));
    let middle = |profile: &ColorProfile| {
        let curve = profile.green_trc.as_ref()?.make_linear_evaluator().ok()?;
        Some(curve.evaluate_value(0.5))
    };
    let alike =
        |one: Option<f32>, other: Option<f32>| one.zip(other).is_none_or(|(one, other)| (one - other).abs() < 0.02);
    pairs.into_iter().all(|(one, other)| (one - other).abs() < 0.01) && alike(middle(profile), middle(&srgb))
}

/// Returns whether pixels of such channels are already sRGB and need no conversion.
pub(crate) fn is_srgb(profile: Option<&ColourProfile>, channels: Channels) -> bool {
    profile.is_none_or(|profile| match profile.meaning {
        Meaning::Icc(_) => profile.of_channels(channels).is_none(),
        Meaning::Hdr(..) => false,
    })
}

/// Converts to 8-bit sRGB: [`Channels::Rgb`], or [`Channels::Rgba`] if there is alpha.
pub(crate) fn to_srgb(decoded: Decoded, profile: Option<&ColourProfile>) -> Result<Raster, MediaError> {
    let channels = match &decoded {
        Decoded::Eight(raster) => raster.channels,
        Decoded::Sixteen(raster) => raster.channels,
    };
    if let Some(ColourProfile { meaning: Meaning::Hdr(transfer, primaries), .. }) = profile {
        return Ok(hdr::to_srgb(&decoded, *transfer, *primaries));
    }
    let converted = match profile.and_then(|profile| profile.of_channels(channels)) {
        Some(profile) => convert(&decoded, channels, profile)?,
        None => None,
    };
    Ok(match (converted, decoded) {
        (Some(raster), _) => raster,
        (None, Decoded::Eight(raster)) => plain(raster),
        (None, Decoded::Sixteen(raster)) => plain(narrowed(&raster)),
    })
}

/// Converts by a profile; `None` if no conversion can be built from the profile.
fn convert(decoded: &Decoded, channels: Channels, profile: &ColorProfile) -> Result<Option<Raster>, MediaError> {
    let (from, into, result_channels) = match channels {
        Channels::Grey => (Layout::Gray, Layout::Rgb, Channels::Rgb),
        Channels::GreyAlpha => (Layout::GrayAlpha, Layout::Rgba, Channels::Rgba),
        Channels::Rgb => (Layout::Rgb, Layout::Rgb, Channels::Rgb),
        Channels::Rgba => (Layout::Rgba, Layout::Rgba, Channels::Rgba),
        // The transform takes four inks in place of four channels.
        Channels::Cmyk => (Layout::Rgba, Layout::Rgb, Channels::Rgb),
    };
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions { rendering_intent: RenderingIntent::Perceptual, ..TransformOptions::default() };
    match decoded {
        Decoded::Eight(raster) => {
            let Ok(transform) = profile.create_transform_8bit(from, &srgb, into, options) else {
                return Ok(None);
            };
            let mut result = Raster::zeroed(raster.size, result_channels);
            transform.transform(&raster.samples, &mut result.samples).map_err(Transient::resize)?;
            Ok(Some(result))
        }
        Decoded::Sixteen(raster) => {
            let Ok(transform) = profile.create_transform_16bit(from, &srgb, into, options) else {
                return Ok(None);
            };
            let mut result: Raster<u16> = Raster::zeroed(raster.size, result_channels);
            transform.transform(&raster.samples, &mut result.samples).map_err(Transient::resize)?;
            Ok(Some(narrowed(&result)))
        }
    }
}

/// Converts 16 bits to 8, rounded: 65,535 / 255 is exactly 257.
fn narrowed(raster: &Raster<u16>) -> Raster {
    let to_eight = |sample: &u16| ((u32::from(*sample) + 128) / 257) as u8;
    Raster { size: raster.size, channels: raster.channels, samples: raster.samples.iter().map(to_eight).collect() }
}

/// Converts without a profile: grey becomes equal parts of each colour; inks act like filters in series.
fn plain(raster: Raster) -> Raster {
    let Raster { size, channels, samples } = raster;
    let (channels, samples) = match channels {
        Channels::Rgb | Channels::Rgba => (channels, samples),
        Channels::Grey => (Channels::Rgb, samples.iter().flat_map(|&grey| [grey; 3]).collect()),
        Channels::GreyAlpha => {
            let (pixels, _) = samples.as_chunks::<2>();
            (Channels::Rgba, pixels.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect())
        }
        Channels::Cmyk => {
            let (pixels, _) = samples.as_chunks::<4>();
            let light = |ink: u8, black: u8| product(255 - ink, 255 - black);
            let rgb = pixels.iter().flat_map(|&[c, m, y, k]| [light(c, k), light(m, k), light(y, k)]);
            (Channels::Rgb, rgb.collect())
        }
    };
    Raster { size, channels, samples }
}

/// Multiplies two fractions of 255, rounded.
fn product(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

/// Removes alpha by drawing the raster on a background.
pub(crate) fn flattened(raster: &Raster, background: Colour) -> Raster {
    let (pixels, _) = raster.samples.as_chunks::<4>();
    let over = |&[red, green, blue, alpha]: &[u8; 4]| {
        let mix = |colour: u8, behind: u8| {
            let sum = u32::from(colour) * u32::from(alpha) + u32::from(behind) * u32::from(255 - alpha);
            ((sum + 127) / 255) as u8
        };
        let Colour([back_red, back_green, back_blue]) = background;
        [mix(red, back_red), mix(green, back_green), mix(blue, back_blue)]
    };
    Raster { size: raster.size, channels: Channels::Rgb, samples: pixels.iter().flat_map(over).collect() }
}
