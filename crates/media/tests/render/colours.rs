//! Colours other than sRGB.

use crate::{difference, render, support};
use moxcms::{ColorProfile, ProfileText, ToneReprCurve};
use png::{BitDepth, ColorType};
use smmu_core::image::ColourModel;

/// IEC 61966-2-1, between 0 and 1.
fn linear(value: f64) -> f64 {
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn curved(value: f64) -> f64 {
    let value = value.clamp(0.0, 1.0);
    if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
}

/// Converts Display P3 to sRGB, by the primaries (SMPTE EG 432-1 and ITU-R BT.709, both with D65).
fn of_p3(rgb: [u8; 3]) -> [u8; 3] {
    const MATRIX: [[f64; 3]; 3] =
        [[1.224_94, -0.224_94, 0.0], [-0.042_057, 1.042_057, 0.0], [-0.019_638, -0.078_636, 1.098_274]];
    let linear = rgb.map(|value| linear(f64::from(value) / 255.0));
    MATRIX.map(|row| {
        let sum: f64 = row.iter().zip(linear).map(|(weight, value)| weight * value).sum();
        (curved(sum) * 255.0).round() as u8
    })
}

fn flat_png(profile: &ColorProfile, colour: ColorType, depth: BitDepth, pixel: &[u8]) -> Vec<u8> {
    let icc = profile.encode().expect("a profile");
    support::png_with(32, 32, colour, depth, &pixel.repeat(32 * 32), |info| info.icc_profile = Some(icc.into()))
}

fn middle(file: &[u8]) -> [u8; 3] {
    let [red, green, blue, _] = render(file).picture("jpeg-32.jpg").get_pixel(16, 16).0;
    [red, green, blue]
}

fn close(made: [u8; 3], wanted: [u8; 3]) -> bool {
    made.iter().zip(wanted).all(|(made, wanted)| made.abs_diff(wanted) <= 4)
}

#[test]
fn display_p3_is_converted_to_srgb_at_both_depths() {
    let profile = ColorProfile::new_display_p3();
    for pixel in [[200, 100, 50], [90, 180, 140], [30, 30, 30]] {
        let eight = flat_png(&profile, ColorType::Rgb, BitDepth::Eight, &pixel);
        assert!(close(middle(&eight), of_p3(pixel)), "{pixel:?}: {:?} is not {:?}", middle(&eight), of_p3(pixel));
        let wide: Vec<u8> = pixel.iter().flat_map(|&sample| [sample, sample]).collect();
        let sixteen = flat_png(&profile, ColorType::Rgb, BitDepth::Sixteen, &wide);
        assert!(close(middle(&sixteen), of_p3(pixel)), "{pixel:?}: {:?} is not {:?}", middle(&sixteen), of_p3(pixel));
    }
}

#[test]
fn a_profile_named_after_srgb_is_srgb_only_with_its_primaries_and_curve() {
    let named = |mut profile: ColorProfile, name: &str| {
        profile.description = Some(ProfileText::PlainString(name.to_owned()));
        let file = flat_png(&profile, ColorType::Rgb, BitDepth::Eight, &[200, 100, 50]);
        assert_eq!(render(&file).facts().probe.icc_profile.as_deref(), Some(name));
        middle(&file)
    };
    // The profile name that phones use in pictures with a gain map.
    let p3 = named(ColorProfile::new_display_p3(), "Display P3 Gamut with sRGB Transfer");
    assert!(close(p3, of_p3([200, 100, 50])), "{p3:?}");
    let mut light = ColorProfile::new_srgb();
    let line = ToneReprCurve::Lut(Vec::new());
    (light.red_trc, light.green_trc, light.blue_trc) = (Some(line.clone()), Some(line.clone()), Some(line));
    light.cicp = None;
    let light = named(light, "Linear sRGB");
    let wanted = [200.0, 100.0, 50.0].map(|sample: f64| (curved(sample / 255.0) * 255.0).round() as u8);
    assert!(close(light, wanted), "{light:?} is not {wanted:?}");
    let srgb = named(ColorProfile::new_srgb(), "sRGB IEC61966-2.1");
    assert!(close(srgb, [200, 100, 50]), "{srgb:?}");
}

#[test]
fn a_libultrahdr_picture_with_a_gain_map_shows_its_base() {
    let rendered = render(&support::fixture("jpeg/ultra-hdr.jpg"));
    assert_eq!(rendered.facts().probe.icc_profile.as_deref(), Some("Display P3 Gamut with sRGB Transfer"));
    let right = image::load_from_memory(&support::fixture("jpeg/ultra-hdr.png")).expect("a picture").into_rgba8();
    let off = difference(&rendered.picture("webp-96.webp"), &right);
    assert!(off < 3.0, "off by {off}");
}

#[test]
fn a_colour_conversion_keeps_alpha() {
    let file = flat_png(&ColorProfile::new_display_p3(), ColorType::Rgba, BitDepth::Eight, &[200, 100, 50, 130]);
    let pixel = *render(&file).picture("webp-32.webp").get_pixel(16, 16);
    assert!(pixel[3].abs_diff(130) < 3, "{pixel:?}");
    assert!(close([pixel[0], pixel[1], pixel[2]], of_p3([200, 100, 50])), "{pixel:?}");
}

#[test]
fn linear_grey_is_converted_to_srgb() {
    let profile = ColorProfile::new_gray_with_gamma(1.0);
    let wanted = (curved(55.0 / 255.0) * 255.0).round() as u8;
    let made = middle(&flat_png(&profile, ColorType::Grayscale, BitDepth::Eight, &[55]));
    assert!(close(made, [wanted; 3]), "{made:?} is not {wanted}");
    let made = middle(&flat_png(&profile, ColorType::GrayscaleAlpha, BitDepth::Eight, &[55, 255]));
    assert!(close(made, [wanted; 3]), "{made:?} is not {wanted}");
}

/// A chunk's name and content.
type Chunk<'a> = (&'a [u8; 4], &'a [u8]);

/// A single-coloured PNG with additional chunks after its header.
fn with_chunks(colour: ColorType, pixel: &[u8], chunks: &[Chunk]) -> Vec<u8> {
    const HEADER: usize = 8 + 25;
    let file = support::png(32, 32, colour, BitDepth::Eight, &pixel.repeat(32 * 32));
    [&file[..HEADER], &support::png_of_chunks(chunks)[8..], &file[HEADER..]].concat()
}

#[test]
fn a_png_uses_its_colour_chunks_by_their_precedence() {
    const PIXEL: [u8; 3] = [200, 100, 50];
    let longs = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let (one, usual) = (longs(&[100_000]), longs(&[45_455]));
    let srgb = longs(&[31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6000]);
    let p3 = longs(&[31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6000]);
    let line = longs(&[31_270, 32_900, 10_000, 10_000, 20_000, 20_000, 30_000, 30_000]);
    let lit = PIXEL.map(|value| (curved(f64::from(value) / 255.0) * 255.0).round() as u8);
    let cases: [(&str, &[Chunk], [u8; 3]); 8] = [
        ("linear", &[(b"gAMA", &one)], lit),
        ("linear, in the primaries of sRGB", &[(b"gAMA", &one), (b"cHRM", &srgb)], lit),
        ("usual", &[(b"gAMA", &usual), (b"cHRM", &srgb)], PIXEL),
        ("only primaries", &[(b"cHRM", &p3)], PIXEL),
        ("primaries on a line", &[(b"gAMA", &usual), (b"cHRM", &line)], PIXEL),
        ("sRGB takes precedence", &[(b"sRGB", &[0]), (b"gAMA", &one)], PIXEL),
        ("code points of Display P3", &[(b"cICP", &[12, 13, 0, 1])], of_p3(PIXEL)),
        ("code points take precedence", &[(b"cICP", &[1, 13, 0, 1]), (b"gAMA", &one)], PIXEL),
    ];
    for (name, chunks, wanted) in cases {
        let made = middle(&with_chunks(ColorType::Rgb, &PIXEL, chunks));
        assert!(close(made, wanted), "{name}: {made:?} is not {wanted:?}");
    }
    // With a plain power function instead of sRGB's curve.
    let of_p3 = middle(&with_chunks(ColorType::Rgb, &PIXEL, &[(b"gAMA", &usual), (b"cHRM", &p3)]));
    assert!(of_p3[0] > 208 && of_p3[2] < 45, "{of_p3:?}");
    let grey = middle(&with_chunks(ColorType::Grayscale, &[100], &[(b"gAMA", &one)]));
    assert!(close(grey, [lit[1]; 3]), "{grey:?}");
    let hdr = with_chunks(ColorType::Rgb, &PIXEL, &[(b"cICP", &[9, 16, 0, 1])]);
    assert!(render(&hdr).facts().probe.icc_profile.clone().expect("a name").contains("high dynamic range"));
}

#[test]
fn a_profiles_name_is_reported_and_a_broken_profile_is_ignored() {
    let file = flat_png(&ColorProfile::new_display_p3(), ColorType::Rgb, BitDepth::Eight, &[1, 2, 3]);
    let name = render(&file).facts().probe.icc_profile.clone().expect("a name");
    assert!(name.contains("P3"), "{name}");

    let broken = support::png_with(32, 32, ColorType::Rgb, BitDepth::Eight, &[200, 100, 50].repeat(1024), |info| {
        info.icc_profile = Some(b"this is no profile".to_vec().into());
    });
    assert!(close(middle(&broken), [200, 100, 50]));
    assert_eq!(render(&broken).facts().probe.icc_profile, None);
}

#[test]
fn a_profile_for_other_channels_is_ignored() {
    let file = flat_png(&ColorProfile::new_gray_with_gamma(1.0), ColorType::Rgb, BitDepth::Eight, &[200, 100, 50]);
    assert!(close(middle(&file), [200, 100, 50]));
}

#[test]
fn cmyk_is_converted_to_rgb() {
    for (inks, light) in [
        ([0, 255, 255, 0], [255, 0, 0]),
        ([0, 0, 0, 255], [0, 0, 0]),
        ([0, 0, 0, 0], [255, 255, 255]),
        ([128, 0, 0, 128], [63, 127, 127]),
    ] {
        let jpeg = support::cmyk_jpeg(32, 32, inks);
        assert_eq!(render(&jpeg).facts().probe.colour_model, ColourModel::Cmyk);
        assert!(close(middle(&jpeg), light), "{inks:?}: {:?} is not {light:?}", middle(&jpeg));
        let tiff = support::tiff::<tiff::encoder::colortype::CMYK8>(32, 32, &inks.repeat(1024));
        assert!(close(middle(&tiff), light), "{inks:?}: {:?} is not {light:?}", middle(&tiff));
    }
}
