//! From whatever colours a file has to 8-bit sRGB.

use crate::{
    error::{MediaError, Transient},
    hdr::{self, Transfer},
    raster::{Channels, Decoded, Raster},
};
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients, ParsingOptions,
    ProfileText, RenderingIntent, TransferCharacteristics, TransformOptions,
};
use smmu_core::image::Colour;

/// The largest ICC profile that is looked at. Press profiles have 1 to 3 MB.
const MAX_PROFILE_BYTES: usize = 8 * 1024 * 1024;

/// What the colours of a picture mean, understood.
#[derive(Clone)]
pub(crate) struct ColourProfile {
    meaning: Meaning,
    /// What it calls itself, for people.
    pub(crate) description: String,
}

#[derive(Clone)]
enum Meaning {
    /// An ICC profile, or what stands for one.
    Icc(Box<ColorProfile>),
    /// High dynamic range, of primaries by their code point (ITU-T H.273, table 2).
    Hdr(Transfer, u8),
}

impl ColourProfile {
    /// Reads a profile. One that cannot be read counts as absent, as in every browser.
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

    /// Reads a profile that stands for something else, which the description names.
    pub(crate) fn standing_for(icc: &[u8], description: String) -> Option<Self> {
        Some(Self { description, ..Self::parse(icc)? })
    }

    /// A profile that was put together.
    pub(crate) fn described(profile: ColorProfile, description: String) -> Self {
        Self { meaning: Meaning::Icc(Box::new(profile)), description }
    }

    /// The profile of code points (ITU-T H.273); `None` where they are sRGB's, those of video that is
    /// shown as if they were, or unknown.
    pub(crate) fn of_code_points(primaries: u8, transfer: u8) -> Option<Self> {
        // BT.709, unspecified; BT.709, unspecified, BT.601, sRGB, BT.2020.
        let like_srgb = matches!(primaries, 1 | 2) && matches!(transfer, 1 | 2 | 6 | 13 | 14 | 15);
        if like_srgb {
            return None;
        }
        if let Some(transfer) = Transfer::of_code_point(transfer) {
            let description = format!("{}, high dynamic range", transfer.name());
            return Some(Self { meaning: Meaning::Hdr(transfer, primaries), description });
        }
        let transfer_characteristics = match transfer {
            // Stills made of video are shown with sRGB's curve, by browsers as by libavif.
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

    /// The profile to convert pixels of such channels by; `None` where it is of other channels, or converting would
    /// change nothing that can be seen.
    fn of_channels(&self, channels: Channels) -> Option<&ColorProfile> {
        let Meaning::Icc(profile) = &self.meaning else { return None };
        let wanted = match channels {
            Channels::Grey | Channels::GreyAlpha => DataColorSpace::Gray,
            Channels::Rgb | Channels::Rgba => DataColorSpace::Rgb,
            Channels::Cmyk => DataColorSpace::Cmyk,
        };
        let is_srgb = wanted == DataColorSpace::Rgb && self.description.to_ascii_lowercase().contains("srgb");
        (profile.color_space == wanted && !is_srgb).then_some(profile)
    }
}

/// Whether pixels of such channels are in sRGB as they are, so that nothing needs to be converted.
pub(crate) fn is_srgb(profile: Option<&ColourProfile>, channels: Channels) -> bool {
    profile.is_none_or(|profile| match profile.meaning {
        Meaning::Icc(_) => profile.of_channels(channels).is_none(),
        Meaning::Hdr(..) => false,
    })
}

/// The raster in 8-bit sRGB: [`Channels::Rgb`], or [`Channels::Rgba`] where it has alpha.
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

/// The conversion that the profile describes, or `None` where the profile turns out to describe none.
fn convert(decoded: &Decoded, channels: Channels, profile: &ColorProfile) -> Result<Option<Raster>, MediaError> {
    let (from, into, result_channels) = match channels {
        Channels::Grey => (Layout::Gray, Layout::Rgb, Channels::Rgb),
        Channels::GreyAlpha => (Layout::GrayAlpha, Layout::Rgba, Channels::Rgba),
        Channels::Rgb => (Layout::Rgb, Layout::Rgb, Channels::Rgb),
        Channels::Rgba => (Layout::Rgba, Layout::Rgba, Channels::Rgba),
        // The transform takes four inks in the place of four channels.
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

/// 16 bits to 8, rounded: 65,535 / 255 is 257 exactly.
fn narrowed(raster: &Raster<u16>) -> Raster {
    let to_eight = |sample: &u16| ((u32::from(*sample) + 128) / 257) as u8;
    Raster { size: raster.size, channels: raster.channels, samples: raster.samples.iter().map(to_eight).collect() }
}

/// The conversion for want of a profile: grey is equal parts, inks are filters one behind another.
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

/// Two fractions of 255 multiplied, rounded.
fn product(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

/// The raster without alpha: what shows through is the background.
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
