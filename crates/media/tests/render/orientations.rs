//! Orientation, and other Exif metadata of cameras.

use crate::{Rendered, difference, render, support};
use image::RgbaImage;
use smmu_core::image::Orientation;
use std::{env, fs, path::Path};

/// Converts upright pixels to the stored form with this orientation.
fn stored(width: u32, height: u32, upright: &[u8], orientation: Orientation) -> (u32, u32, Vec<u8>) {
    let (stored_width, stored_height) = if orientation.swaps_axes() { (height, width) } else { (width, height) };
    let mut pixels = Vec::with_capacity(upright.len());
    for y in 0..stored_height {
        for x in 0..stored_width {
            // Place of the stored pixel in the upright picture, by Exif's table of row 0 and column 0.
            let (across, down) = match orientation {
                Orientation::Upright => (x, y),
                Orientation::FlipHorizontal => (width - 1 - x, y),
                Orientation::Rotate180 => (width - 1 - x, height - 1 - y),
                Orientation::FlipVertical => (x, height - 1 - y),
                Orientation::Transpose => (y, x),
                Orientation::Rotate90 => (width - 1 - y, x),
                Orientation::Transverse => (width - 1 - y, height - 1 - x),
                Orientation::Rotate270 => (y, height - 1 - x),
            };
            let at = (down * width + across) as usize * 3;
            pixels.extend(&upright[at..at + 3]);
        }
    }
    (stored_width, stored_height, pixels)
}

#[test]
fn all_eight_orientations_of_a_jpeg_show_the_same_picture() {
    let (width, height) = (640, 400);
    let photo = support::photo(width, height);
    let reference = render(&support::jpeg(width, height, &photo, false));
    for orientation in Orientation::ALL {
        let (stored_width, stored_height, pixels) = stored(width, height, &photo, orientation);
        let jpeg = support::jpeg(stored_width, stored_height, &pixels, false);
        let rendered = render(&support::with_exif(&jpeg, &support::exif(orientation.number().into())));
        assert_eq!(rendered.facts().probe.orientation, orientation);
        assert_eq!((rendered.facts().probe.width, rendered.facts().probe.height), (width, height));
        for name in ["jpeg-640.jpg", "webp-160.webp"] {
            let off = difference(&rendered.picture(name), &reference.picture(name));
            assert!(off < 3.0, "{orientation:?} {name} is off by {off}");
        }
    }
}

#[test]
fn a_png_with_exif_is_rotated_upright() {
    let photo = support::photo(200, 100);
    let png = support::png_with(200, 100, png::ColorType::Rgb, png::BitDepth::Eight, &photo, |info| {
        info.exif_metadata = Some(support::exif(6).into());
    });
    let rendered = render(&png);
    assert_eq!((rendered.facts().probe.width, rendered.facts().probe.height), (100, 200));
    assert_eq!(rendered.picture("jpeg-200.jpg").dimensions(), (100, 200));
}

/// Eight photos of the same scene, each stored with a different orientation.
#[test]
fn the_eight_given_photos_show_the_same_picture() {
    let Some(folder) = env::var_os("SMMU_MEDIA_DIR") else {
        eprintln!("SMMU_MEDIA_DIR is not set: the photos in its folder `orientation` are not tested");
        return;
    };
    let folder = Path::new(&folder).join("orientation");
    let rendered =
        |number: u8| render(&fs::read(folder.join(format!("Landscape_{number}.jpg"))).expect("a given photo"));
    let small = |rendered: &Rendered| rendered.picture("jpeg-320.jpg");
    let reference = small(&rendered(1));
    for number in 2..=8 {
        // Each has its number painted in the middle.
        let off = difference(&without_middle(small(&rendered(number))), &without_middle(reference.clone()));
        assert!(off < 4.0, "Landscape_{number} is off by {off}");
    }
}

fn without_middle(mut picture: RgbaImage) -> RgbaImage {
    let (width, height) = picture.dimensions();
    for y in height * 2 / 5..height * 3 / 5 {
        for x in width * 2 / 5..width * 3 / 5 {
            picture.put_pixel(x, y, image::Rgba([0; 4]));
        }
    }
    picture
}

#[test]
fn useful_exif_is_in_the_manifest_and_private_data_is_in_no_output() {
    let photo = support::photo(400, 300);
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SECRET XMP</x:xmpmeta>";
    let jpeg = support::with_segment(&support::jpeg(400, 300, &photo, false), 0xe1, xmp);
    let rendered = render(&support::with_exif(&jpeg, &support::exif(1)));

    let camera = rendered.facts().camera.clone().expect("a camera wrote it");
    assert_eq!(camera.make.as_deref(), Some("Smmu"));
    assert_eq!(camera.model.as_deref(), Some("Sampler One"));
    assert_eq!(camera.lens.as_deref(), Some("Lens [31m 35mm F2.8"), "without its control character");
    assert_eq!(camera.exposure_seconds, Some(0.004));
    assert_eq!(camera.f_number, Some(2.8));
    assert_eq!(camera.iso, Some(400));
    assert_eq!(camera.focal_length_mm, Some(35.0));
    assert_eq!(camera.captured_at.as_deref(), Some("2024-05-01T12:34:56+02:00"));

    for name in rendered.names().into_iter().chain(["manifest.json"]) {
        let bytes = rendered.bytes(name);
        for private in [&b"Exif\0\0"[..], b"SECRET", b"xmpmeta", b"gps", b"GPS", b"latitude", b"ICC_PROFILE"] {
            let found = bytes.windows(private.len()).any(|window| window == private);
            assert!(!found, "{name} contains {:?}", String::from_utf8_lossy(private));
        }
    }
}
