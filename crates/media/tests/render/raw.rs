//! Camera raw files, rendered from the camera's own preview.

use crate::{Rendered, refused, render, render_with, support};
use smmu_core::{
    ErrorCode, WarningCode,
    image::{ImageFormat, ImageLimits, ImageProfile, Ladder, Orientation},
};
use smmu_media::MediaError;

const WIDTH: u32 = 64;
const HEIGHT: u32 = 48;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../fixtures/raw/", $name))
    };
}

struct Camera {
    file: &'static [u8],
    content_type: &'static str,
    make: &'static str,
    orientation: Orientation,
}

const fn camera(
    file: &'static [u8],
    content_type: &'static str,
    make: &'static str,
    orientation: Orientation,
) -> Camera {
    Camera { file, content_type, make, orientation }
}

const CAMERAS: &[Camera] = &[
    camera(fixture!("adobe.dng"), "image/x-adobe-dng", "Smmu", Orientation::Rotate90),
    camera(fixture!("big-endian.dng"), "image/x-adobe-dng", "Smmu", Orientation::Rotate90),
    camera(fixture!("canon.cr2"), "image/x-canon-cr2", "Canon", Orientation::Rotate270),
    camera(fixture!("canon.cr3"), "image/x-canon-cr3", "Canon", Orientation::Rotate270),
    camera(fixture!("fuji.raf"), "image/x-fuji-raf", "FUJIFILM", Orientation::Rotate180),
    camera(fixture!("nikon.nef"), "image/x-nikon-nef", "NIKON CORPORATION", Orientation::Rotate180),
    camera(fixture!("olympus.orf"), "image/x-olympus-orf", "OLYMPUS CORPORATION", Orientation::Rotate270),
    camera(fixture!("panasonic.rw2"), "image/x-panasonic-rw2", "Panasonic", Orientation::Rotate90),
    camera(fixture!("pentax.pef"), "image/x-pentax-pef", "PENTAX Corporation", Orientation::Rotate90),
    camera(fixture!("samsung.srw"), "image/x-samsung-srw", "SAMSUNG", Orientation::Upright),
    camera(fixture!("sony.arw"), "image/x-sony-arw", "SONY", Orientation::Upright),
];

/// Compares with the fixture's preview, rotated: red grows by 4 to the right, green by 5 downwards, blue is 128.
fn expect(name: &str, rendered: &Rendered, orientation: Orientation) {
    let picture = rendered.picture("webp-64.webp");
    let size = if orientation.swaps_axes() { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) };
    assert_eq!(picture.dimensions(), size, "{name}");
    let off = picture.enumerate_pixels().map(|(x, y, shown)| {
        let (x, y) = match orientation {
            Orientation::Rotate90 => (y, HEIGHT - 1 - x),
            Orientation::Rotate180 => (WIDTH - 1 - x, HEIGHT - 1 - y),
            Orientation::Rotate270 => (WIDTH - 1 - y, x),
            Orientation::Upright => (x, y),
            Orientation::FlipHorizontal
            | Orientation::FlipVertical
            | Orientation::Transpose
            | Orientation::Transverse => unreachable!("no fixture has it"),
        };
        let wanted = [(x * 4) as u8, (y * 5) as u8, 128];
        (0..3).map(|at| f64::from(shown[at].abs_diff(wanted[at]))).sum::<f64>() / 3.0
    });
    let off = off.sum::<f64>() / f64::from(WIDTH * HEIGHT);
    assert!(off < 3.5, "{name} is off by {off}");
}

#[test]
fn the_largest_preview_is_rendered_upright_with_a_warning_and_the_cameras_facts() {
    for Camera { file, content_type, make, orientation } in CAMERAS {
        let rendered = render(file);
        expect(content_type, &rendered, *orientation);
        let facts = rendered.facts();
        assert_eq!(facts.probe.format, ImageFormat::Raw, "{content_type}");
        assert_eq!(facts.probe.orientation, *orientation, "{content_type}");
        assert_eq!(rendered.manifest.source.content_type, *content_type);
        let warnings: Vec<_> = rendered.manifest.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(warnings, [WarningCode::PreviewUsed], "{content_type}");
        assert!(rendered.manifest.warnings[0].message.contains("64 × 48"), "{content_type}");
        let camera = facts.camera.as_ref().unwrap_or_else(|| panic!("{content_type} has no facts"));
        assert_eq!(camera.make.as_deref(), Some(*make));
        assert_eq!((camera.exposure_seconds, camera.f_number, camera.iso), (Some(0.004), Some(2.8), Some(400)));
        assert_eq!((camera.focal_length_mm, camera.lens.as_deref()), (Some(35.0), Some("Lens 35mm F2.8")));
        assert_eq!(camera.captured_at.as_deref(), Some("2024-05-01T12:34:56+02:00"));
    }
}

#[test]
fn the_position_is_not_in_any_output() {
    for Camera { file, content_type, .. } in CAMERAS {
        let rendered = render(file);
        for name in rendered.names() {
            let bytes = rendered.bytes(name);
            assert!(!bytes.windows(4).any(|word| word == b"Exif"), "{content_type}: {name}");
        }
        let manifest = String::from_utf8(rendered.bytes("manifest.json")).expect("text").to_lowercase();
        assert!(!manifest.contains("gps") && !manifest.contains("latitude"), "{content_type}");
    }
}

#[test]
fn a_preview_that_the_camera_already_rotated_is_not_rotated_again() {
    let rendered = render(fixture!("turned.dng"));
    expect("turned", &rendered, Orientation::Rotate90);
    assert_eq!(rendered.facts().probe.orientation, Orientation::Upright);
}

#[test]
fn a_raw_file_without_a_full_size_jpeg_preview_is_refused() {
    for file in [&fixture!("thumbnail-only.dng")[..], fixture!("no-preview.dng"), fixture!("uncompressed-preview.dng")]
    {
        let refusal = refused(file);
        assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
        assert!(refusal.message.starts_with("unsupported format: camera raw without a full-size JPEG"), "{refusal}");
    }
}

#[test]
fn a_thumbnail_is_no_preview_even_if_the_sensor_is_small() {
    // The preview has 64 × 48 pixels.
    for (sensor, accepted) in [(128_u32, true), (130, false), (500, false), (512, false)] {
        let mut file = fixture!("adobe.dng").to_vec();
        let widths: Vec<_> = file.windows(12).enumerate().filter(|(_, entry)| **entry == WIDTH_ENTRY).collect();
        let places: Vec<_> = widths.into_iter().map(|(at, _)| at + 8).collect();
        assert!(!places.is_empty());
        for at in places {
            file[at..at + 4].copy_from_slice(&sensor.to_le_bytes());
        }
        if accepted {
            render(&file);
        } else {
            let refusal = refused(&file);
            assert!(refusal.message.contains("camera raw without a full-size JPEG"), "{sensor}: {refusal}");
        }
    }
}

/// A directory's entry for a width of 64 pixels.
const WIDTH_ENTRY: [u8; 12] = [0, 1, 4, 0, 1, 0, 0, 0, 64, 0, 0, 0];

#[test]
fn a_tiff_by_a_camera_maker_is_still_a_tiff() {
    let rendered = render(fixture!("camera-maker.tif"));
    expect("TIFF", &rendered, Orientation::Upright);
    assert_eq!(rendered.facts().probe.format, ImageFormat::Tiff);
    assert!(rendered.manifest.warnings.is_empty());
}

#[test]
fn limits_apply_to_the_preview_and_a_wrong_length_of_it_is_tolerated() {
    let limits = ImageLimits { max_pixels: 3000, ..ImageLimits::default() };
    for Camera { file, content_type, .. } in CAMERAS {
        let refusal = crate::refused_within(file, &limits);
        assert_eq!(refusal.code, ErrorCode::TooManyPixels, "{content_type}: {refusal}");
    }
    let mut file = fixture!("sony.arw").to_vec();
    // Overwrite every length of a JPEG stream: tag 514, one 32-bit number.
    let entries: Vec<_> =
        file.windows(8).enumerate().filter(|(_, words)| **words == [2, 2, 4, 0, 1, 0, 0, 0]).collect();
    let places: Vec<_> = entries.into_iter().map(|(at, _)| at).collect();
    for at in places {
        file[at + 8..at + 12].fill(0xff);
    }
    let rendered = render(&file);
    expect("long", &rendered, Orientation::Upright);
    assert!(rendered.manifest.warnings.iter().any(|warning| warning.code == WarningCode::CutOff));
}

#[test]
fn a_raw_file_with_a_damaged_preview_is_damaged() {
    let mut file = fixture!("sony.arw").to_vec();
    let starts: Vec<_> = (0..file.len() - 3).filter(|at| file[*at..].starts_with(&[0xff, 0xd8, 0xff, 0xe0])).collect();
    // Overwrite the pixels of every stream, after the header of its scan.
    for at in starts {
        let scan = file[at..].windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan");
        file[at + scan + 14..at + scan + 60].fill(0xff);
    }
    let refusal = refused(&file);
    assert_eq!(refusal.code, ErrorCode::CorruptMedia);
    assert!(refusal.message.starts_with("the camera raw file is damaged: its preview"), "{refusal}");
}

#[test]
fn every_changed_or_truncated_file_is_rendered_or_refused() {
    let profile = ImageProfile { ladder: Ladder::try_from(vec![48]).expect("in range"), ..ImageProfile::default() };
    let limits = ImageLimits { max_pixels: 1_000_000, ..ImageLimits::default() };
    let made_or_refused = |name: &str, content: &[u8]| match render_with(content, &profile, &limits) {
        Ok(_) => {}
        Err(MediaError::Refused(refusal)) => assert!(!refusal.message.contains("decoder crashed"), "{name}: {refusal}"),
        Err(MediaError::Transient(transient)) => panic!("{name}: {transient}"),
    };
    for (number, Camera { file, content_type, .. }) in CAMERAS.iter().enumerate() {
        let mut random = support::Random(number as u32 * 7919 + 1);
        // Changes matter in directories, boxes and headers, but not in the sensor's noise.
        for round in 0..200 {
            let mut changed = file.to_vec();
            for _ in 0..=round % 4 {
                let at = random.below(changed.len());
                changed[at] = random.below(256) as u8;
            }
            made_or_refused(content_type, &changed);
        }
        for end in (0..file.len()).step_by(file.len() / 40) {
            made_or_refused(content_type, &file[..end]);
        }
    }
}
