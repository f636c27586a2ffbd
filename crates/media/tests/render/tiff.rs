//! TIFF as scanners, fax machines, cameras and laboratories write it. The tests of `src/decode/tiff` compare every
//! sample; these tests check the renditions and the manifest.

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

/// Renders a fixture; returns the result and the difference of its largest output from a reference.
fn rendered(name: &str, shown: &str) -> (Rendered, f64) {
    let rendered = render(&file(name));
    let off = difference(&rendered.picture("webp-29.webp"), &reference(shown));
    (rendered, off)
}

#[test]
fn pictures_of_every_kind_are_rendered_and_described() {
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
        // WebP halves chroma, which distorts these small pictures with sharp colours; wrong pictures differ by 60 or
        // more.
        assert!(off < 40.0, "{name} is off by {off}");
        let probe = &rendered.facts().probe;
        assert_eq!((probe.format, probe.colour_model, probe.bit_depth), (ImageFormat::Tiff, model, bits), "{name}");
        assert_eq!((probe.width, probe.height, probe.has_alpha), (29, 23, false), "{name}");
        assert!(rendered.manifest.warnings.is_empty(), "{name}: {:?}", rendered.manifest.warnings);
    }
}

#[test]
fn alpha_is_kept_unassociated_and_an_unspecified_sample_is_not_alpha() {
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
fn every_orientation_is_rotated_upright() {
    let (upright, _) = rendered("rgb-orientation-1", "rgb");
    for number in 1..=8 {
        let (turned, _) = rendered(&format!("rgb-orientation-{number}"), "rgb");
        assert_eq!(turned.facts().probe.orientation, Orientation::of_number(number).expect("one of eight"));
        let off = difference(&turned.picture("webp-29.webp"), &upright.picture("webp-29.webp"));
        assert!(off < 0.5, "orientation {number} is off by {off}");
    }
}

#[test]
fn the_manifest_names_the_camera_but_not_its_position() {
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
fn a_missing_last_row_is_a_warning_and_more_missing_rows_are_damage() {
    // The file ends with its pixels.
    let whole = file("rgb-none");
    let rendered = render(&whole[..whole.len() - 40]);
    let warning = rendered.manifest.warnings.first().expect("a warning");
    assert_eq!(
        (warning.code, warning.message.as_str()),
        (WarningCode::CutOff, "the TIFF file is cut off: 95% of its rows are present")
    );
    let refusal = refused(&whole[..whole.len() - 400]);
    assert_eq!(refusal.code, ErrorCode::CorruptMedia);
    assert!(refusal.message.contains("cut off"), "{refusal}");
}

#[test]
fn an_unsupported_kind_of_tiff_is_refused_by_name() {
    for (name, words) in [("lerc", "TIFF with LERC compression is not supported"), ("itu-lab", "ITU L*a*b*")] {
        let refusal = refused(&file(&format!("refused-{name}")));
        assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
        assert!(refusal.message.contains(words), "{refusal}");
    }
}

/// A file with only a directory, little-endian, with one number per tag.
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

/// A grey file of tiles, or of strips of one row, all at one offset. The last part of the file is `content`.
fn shared(tiles: Option<(u32, u32)>, strips: u32, content: &[u8], stated_bytes: u32) -> Vec<u8> {
    let (count, sizes) = match tiles {
        Some((across, down)) => (across * down, vec![(256, across * 16), (257, down * 16), (322, 16), (323, 16)]),
        None => (strips, vec![(256, 1), (257, strips), (278, 1)]),
    };
    let (offsets, lengths) = if tiles.is_some() { (324, 325) } else { (273, 279) };
    let mut tags = [&sizes[..], &[(258, 8), (259, 1), (262, 1), (277, 1), (offsets, 0), (lengths, 0)]].concat();
    tags.sort_unstable();
    let mut file = directory(&tags);
    let arrays = file.len() as u32;
    for (index, (tag, _)) in tags.iter().enumerate() {
        let entry = 10 + index * 12;
        let at = if *tag == offsets { arrays } else { arrays + 4 * count };
        if *tag == offsets || *tag == lengths {
            file[entry + 4..entry + 8].copy_from_slice(&count.to_le_bytes());
            file[entry + 8..entry + 12].copy_from_slice(&at.to_le_bytes());
        }
    }
    file.extend((arrays + 8 * count).to_le_bytes().repeat(count as usize));
    file.extend(stated_bytes.to_le_bytes().repeat(count as usize));
    file.extend(content);
    file
}

#[test]
fn tiles_can_share_their_data_as_far_as_it_fits_their_pixels() {
    let tile: Vec<u8> = (0..16 * 16).map(|at| (at % 16 * 16) as u8).collect();
    let file = shared(Some((100, 80)), 0, &tile, 256);
    assert!(file.len() * 16 < 1600 * 1280, "the tiles take more than sixteen times the file");
    let rendered = render(&file);
    assert_eq!((rendered.facts().probe.width, rendered.facts().probe.height), (1600, 1280));
    let picture = rendered.picture("webp-1600.webp");
    for (x, y) in [(8, 8), (1592, 8), (8, 1272), (808, 648)] {
        assert!(picture.get_pixel(x, y)[0].abs_diff(128) < 12, "{x} {y}: {:?}", picture.get_pixel(x, y));
    }
    // Each of these strips would read the whole file for one pixel.
    let refusal = refused(&shared(None, 1000, &vec![7; 100_000], 100_000));
    assert_eq!(refusal.code, ErrorCode::CorruptMedia);
    assert!(refusal.message.contains("strips or tiles overlap"), "{refusal}");
}

#[test]
fn excessive_sizes_in_a_directory_are_refused_before_they_are_allocated() {
    let strip = [(273, 8), (279, 100)];
    let with = |tags: &[(u16, u32)]| directory(&[tags, &strip[..]].concat());
    let codes = [
        (with(&[(256, 60_000), (257, 60_000), (258, 8)]), ErrorCode::TooManyPixels),
        // Rows of ten thousand pixels with ten thousand samples of eight bytes each.
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
