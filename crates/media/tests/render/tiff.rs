//! TIFF as scanners, fax machines, cameras and laboratories write it. What each file shows sample by sample, the tests of
//! `src/decode/tiff` compare; here is what becomes of them.

use crate::{Rendered, difference, refused, refused_within, render};
use image::RgbaImage;
use smmu_core::{
    ErrorCode, WarningCode,
    image::{ColourModel, ImageFormat, ImageLimits, Orientation},
};
use std::{fs, path::PathBuf};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/tiff").join(name)
}

fn file(name: &str) -> Vec<u8> {
    fs::read(path(&format!("{name}.tif"))).expect("a fixture")
}

fn reference(name: &str) -> RgbaImage {
    image::open(path(&format!("{name}.png"))).expect("a reference").into_rgba8()
}

/// Rendered, and by how much its sharpest output differs from a reference.
fn rendered(name: &str, shown: &str) -> (Rendered, f64) {
    let rendered = render(&file(name));
    let off = difference(&rendered.picture("webp-29.webp"), &reference(shown));
    (rendered, off)
}

#[test]
fn pictures_of_every_family_come_out_and_are_described() {
    for (name, shown, model, bits) in [
        ("rgb-planar-tiles", "rgb", ColourModel::Rgb, 8),
        ("rgb-bigtiff-big-endian", "rgb", ColourModel::Rgb, 8),
        ("rgb-12-bits", "rgb", ColourModel::Rgb, 12),
        ("rgb-float32-p3", "rgb", ColourModel::Rgb, 32),
        ("grey-16-planar-extra", "grey", ColourModel::Grey, 16),
        ("palette8-lzw-p2", "palette8", ColourModel::Palette, 8),
        ("cmyk-none", "cmyk", ColourModel::Cmyk, 8),
        ("ycbcr22-none", "ycbcr22", ColourModel::Ycbcr, 8),
        ("jpeg-strips", "jpeg-strips", ColourModel::Ycbcr, 8),
        ("old-jpeg-stream", "old-jpeg", ColourModel::Ycbcr, 8),
        ("lab-cie-16", "lab", ColourModel::Rgb, 16),
        ("bits-g3-2d", "bits", ColourModel::Grey, 1),
        ("bits-g4", "bits", ColourModel::Grey, 1),
    ] {
        let (rendered, off) = rendered(name, shown);
        // WebP halves chroma, which costs these small pictures of sharp colours; scrambled ones differ by 60 and more.
        assert!(off < 40.0, "{name} is off by {off}");
        let probe = &rendered.facts().probe;
        assert_eq!((probe.format, probe.colour_model, probe.bit_depth), (ImageFormat::Tiff, model, bits), "{name}");
        assert_eq!((probe.width, probe.height, probe.has_alpha), (29, 23, false), "{name}");
        assert!(rendered.manifest.warnings.is_empty(), "{name}: {:?}", rendered.manifest.warnings);
    }
}

#[test]
fn alpha_is_kept_straight_and_an_unspecified_sample_is_no_alpha() {
    for name in ["rgba-straight", "rgba-multiplied-16", "rgba-planar"] {
        let (rendered, _) = rendered(name, "rgba");
        assert!(rendered.facts().probe.has_alpha, "{name}");
        let picture = rendered.picture("webp-29.webp");
        let off = picture.pixels().zip(reference("rgba").pixels()).map(|(a, b)| a[3].abs_diff(b[3])).max();
        assert!(off <= Some(2), "{name}: alpha is off by {off:?}");
    }
    let (rendered, _) = rendered("rgb-unspecified-extra-lzw-p2", "rgb");
    assert!(!rendered.facts().probe.has_alpha);
}

#[test]
fn every_orientation_is_turned_upright() {
    let (upright, _) = rendered("rgb-orientation-1", "rgb");
    for number in 1..=8 {
        let (turned, _) = rendered(&format!("rgb-orientation-{number}"), "rgb");
        assert_eq!(turned.facts().probe.orientation, Orientation::of_number(number).expect("one of eight"));
        let off = difference(&turned.picture("webp-29.webp"), &upright.picture("webp-29.webp"));
        assert!(off < 0.5, "orientation {number} is off by {off}");
    }
}

#[test]
fn the_camera_is_named_and_its_place_stays_unknown() {
    let rendered = render(&file("rgb-camera"));
    let camera = rendered.facts().camera.clone().expect("a camera");
    assert_eq!((camera.make.as_deref(), camera.model.as_deref()), (Some("Smmu"), Some("Sampler One")));
    assert_eq!((camera.exposure_seconds, camera.f_number, camera.iso), (Some(0.004), Some(2.8), Some(400)));
    assert_eq!((camera.focal_length_mm, camera.lens.as_deref()), (Some(35.0), Some("Lens 35mm")));
    assert_eq!(camera.captured_at.as_deref(), Some("2024-05-01T12:34:56+02:00"));
    let manifest = String::from_utf8(rendered.bytes("manifest.json")).expect("text");
    assert!(!manifest.to_lowercase().contains("gps") && !manifest.contains("latitude"), "{manifest}");
}

#[test]
fn a_missing_last_row_is_a_warning_and_more_is_damage() {
    // Its pixels are at its end.
    let whole = file("rgb-none");
    let rendered = render(&whole[..whole.len() - 40]);
    let warning = rendered.manifest.warnings.first().expect("a warning");
    assert_eq!(
        (warning.code, warning.message.as_str()),
        (WarningCode::CutOff, "the TIFF file is cut off: 95% of its rows are there")
    );
    let refusal = refused(&whole[..whole.len() - 400]);
    assert_eq!(refusal.code, ErrorCode::CorruptMedia);
    assert!(refusal.message.contains("cut off"), "{refusal}");
}

#[test]
fn what_is_not_read_is_refused_by_its_name() {
    for (name, words) in [("lerc", "TIFF with LERC compression is not supported"), ("itu-lab", "ITU L*a*b*")] {
        let refusal = refused(&file(&format!("refused-{name}")));
        assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
        assert!(refusal.message.contains(words), "{refusal}");
    }
}

/// A directory alone, little-endian: tags of one number each.
fn directory(tags: &[(u16, u32)]) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((tags.len() as u16).to_le_bytes());
    for (tag, number) in tags {
        file.extend(tag.to_le_bytes());
        file.extend([4, 0, 1, 0, 0, 0]);
        file.extend(number.to_le_bytes());
    }
    file.extend([0; 4]);
    file
}

#[test]
fn what_a_directory_promises_is_refused_before_anything_of_its_size_is_allocated() {
    let strip = [(273, 8), (279, 100)];
    let with = |tags: &[(u16, u32)]| directory(&[tags, &strip[..]].concat());
    let codes = [
        (with(&[(256, 60_000), (257, 60_000), (258, 8)]), ErrorCode::TooManyPixels),
        // Rows of ten thousand pixels of ten thousand samples of eight bytes.
        (with(&[(256, 10_000), (257, 10_000), (258, 64), (277, 10_000)]), ErrorCode::TooMuchMemory),
        (with(&[(256, 1_000_000), (257, 100), (258, 64), (277, 60_000)]), ErrorCode::TooMuchMemory),
        (with(&[(256, 9), (257, 9000), (258, 8), (322, 1_000_000), (323, 1_000_000)]), ErrorCode::TooMuchMemory),
        (
            with(&[(256, 9), (257, 9), (258, 8), (259, 7), (278, 9), (322, 60_000), (323, 60_000)]),
            ErrorCode::TooMuchMemory,
        ),
        (with(&[(256, 9), (257, 9), (258, 8), (322, u32::MAX), (323, u32::MAX)]), ErrorCode::UnsupportedMedia),
        (with(&[(256, 10_000), (257, 10_000), (258, 8), (322, 1), (323, 1)]), ErrorCode::UnsupportedMedia),
        (with(&[(256, 9), (257, 9), (258, 8), (278, 0)]), ErrorCode::CorruptMedia),
        (with(&[(256, 9), (257, 9), (258, 8), (277, 0)]), ErrorCode::CorruptMedia),
    ];
    for (index, (file, code)) in codes.into_iter().enumerate() {
        let refusal = refused_within(&file, &ImageLimits::default());
        assert_eq!(refusal.code, code, "{index}: {refusal}");
    }
}
