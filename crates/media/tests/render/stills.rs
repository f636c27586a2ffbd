//! Renditions of stills in every format.

use crate::{Rendered, difference, render, render_with, support};
use png::{BitDepth, ColorType};
use sha2::{Digest, Sha256};
use smmu_core::{
    Artifact, Sha256 as Checksum,
    image::{AvifProfile, Colour, ColourModel, ImageFormat, ImageLimits, ImageProfile, Ladder},
};
use smmu_media::av::Event;
use std::fs;

const WIDTH: u32 = 700;
const HEIGHT: u32 = 500;

fn photo() -> Vec<u8> {
    support::photo(WIDTH, HEIGHT)
}

fn photo_png() -> Vec<u8> {
    support::png(WIDTH, HEIGHT, ColorType::Rgb, BitDepth::Eight, &photo())
}

/// The reference: eight-bit RGB, which needs no conversion.
fn reference() -> image::RgbaImage {
    render(&photo_png()).picture("jpeg-320.jpg")
}

fn expect_photo(content: &[u8], format: ImageFormat, tolerance: f64) -> Rendered {
    let rendered = render(content);
    assert_eq!(rendered.facts().probe.format, format);
    assert_eq!((rendered.facts().probe.width, rendered.facts().probe.height), (WIDTH, HEIGHT));
    let off = difference(&rendered.picture("jpeg-320.jpg"), &reference());
    assert!(off < tolerance, "{format:?} is off by {off}");
    let off = difference(&rendered.picture("webp-320.webp"), &reference());
    assert!(off < tolerance + 3.0, "{format:?} as WebP is off by {off}");
    rendered
}

#[test]
fn a_jpeg_is_rendered() {
    let jpeg = support::jpeg(WIDTH, HEIGHT, &photo(), false);
    let rendered = expect_photo(&jpeg, ImageFormat::Jpeg, 2.0);
    assert_eq!(rendered.facts().probe.colour_model, ColourModel::Ycbcr);
    expect_photo(&support::jpeg(WIDTH, HEIGHT, &photo(), true), ImageFormat::Jpeg, 2.0);
}

#[test]
fn a_png_of_every_depth_is_rendered() {
    let eight = photo();
    let sixteen: Vec<u8> = eight.iter().flat_map(|&sample| [sample, 0x80]).collect();
    let rendered =
        expect_photo(&support::png(WIDTH, HEIGHT, ColorType::Rgb, BitDepth::Sixteen, &sixteen), ImageFormat::Png, 0.8);
    assert_eq!(rendered.facts().probe.bit_depth, 16);
    expect_photo(&support::interlaced_png(WIDTH, HEIGHT, &eight), ImageFormat::Png, 0.1);
}

#[test]
fn a_png_with_a_palette_keeps_its_transparent_entry() {
    let indices: Vec<u8> = (0..64 * 64 / 4).map(|byte| if byte % 16 < 8 { 0b0000_0000 } else { 0b0101_0101 }).collect();
    let file = support::png_with(64, 64, ColorType::Indexed, BitDepth::Two, &indices, |info| {
        info.palette = Some(vec![0, 0, 255, 255, 0, 0].into());
        info.trns = Some(vec![0, 255].into());
    });
    let rendered = render(&file);
    assert_eq!(rendered.facts().probe.colour_model, ColourModel::Palette);
    assert_eq!(rendered.facts().probe.bit_depth, 2);
    let picture = rendered.picture("webp-64.webp");
    assert_eq!(picture.get_pixel(5, 5)[3], 0);
    assert!(picture.get_pixel(60, 5)[0] > 200 && picture.get_pixel(60, 5)[3] == 255);
}

#[test]
fn grey_with_and_without_alpha_is_rendered() {
    let grey: Vec<u8> = (0..100 * 50).map(|at| (at % 100 * 255 / 100) as u8).collect();
    let rendered = render(&support::png(100, 50, ColorType::Grayscale, BitDepth::Eight, &grey));
    let pixel = *rendered.picture("jpeg-100.jpg").get_pixel(50, 25);
    assert!(pixel.0[..3].iter().all(|&sample| sample.abs_diff(127) < 4), "{pixel:?}");

    let half: Vec<u8> = grey.iter().flat_map(|&grey| [grey, 128]).collect();
    let rendered = render(&support::png(100, 50, ColorType::GrayscaleAlpha, BitDepth::Eight, &half));
    let pixel = *rendered.picture("webp-100.webp").get_pixel(50, 25);
    assert!(pixel[0].abs_diff(127) < 6 && pixel[3].abs_diff(128) < 4, "{pixel:?}");
}

#[test]
fn a_tiff_of_every_kind_is_rendered() {
    use tiff::encoder::colortype::{Gray8, RGB8};
    let photo = photo();
    let rendered = expect_photo(&support::tiff16(WIDTH, HEIGHT, &photo), ImageFormat::Tiff, 0.8);
    assert_eq!(rendered.facts().probe.bit_depth, 16);
    expect_photo(&support::tiff::<RGB8>(WIDTH, HEIGHT, &photo), ImageFormat::Tiff, 0.1);
    expect_photo(&support::tiled_tiff(WIDTH, HEIGHT, &photo), ImageFormat::Tiff, 0.1);
    let grey = render(&support::tiff::<Gray8>(40, 40, &[77; 1600]));
    assert!(grey.picture("jpeg-40.jpg").get_pixel(20, 20)[1].abs_diff(77) < 3);
}

#[test]
fn a_tiff_of_several_pages_shows_its_first() {
    let mut file = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).expect("a header");
    for (edge, grey) in [(50, 30_u8), (90, 220)] {
        let samples = vec![grey; edge * edge];
        encoder.write_image::<tiff::encoder::colortype::Gray8>(edge as u32, edge as u32, &samples).expect("written");
    }
    let rendered = render(&file.into_inner());
    assert_eq!(rendered.facts().probe.width, 50);
    assert!(rendered.picture("jpeg-50.jpg").get_pixel(9, 9)[0] < 40);
}

#[test]
fn a_bitmap_is_rendered() {
    expect_photo(&support::bmp(WIDTH, HEIGHT, &photo()), ImageFormat::Bmp, 0.1);
}

#[test]
fn an_os2_bitmap_is_rendered() {
    let windows = support::bmp(WIDTH, HEIGHT, &photo());
    // With only 16 bytes of the header, as its specification allows, and with all 64.
    for size in [16_u32, 64] {
        let mut file = windows[..14].to_vec();
        file[10..14].copy_from_slice(&(14 + size).to_le_bytes());
        file.extend(size.to_le_bytes());
        file.extend(&windows[18..14 + size.min(40) as usize]);
        file.resize(14 + size as usize, 0);
        file.extend(&windows[54..]);
        expect_photo(&file, ImageFormat::Bmp, 0.1);
        let short = &file[..20];
        assert_eq!(crate::refused(short).code, smmu_core::ErrorCode::CorruptMedia);
    }
}

/// A bitmap with 8-bit run-length encoding, 4 × `rows` pixels; skipped pixels are blue.
fn run_lengths(rows: u8, data: &[u8]) -> Vec<u8> {
    let mut file = b"BM".to_vec();
    let palette = [[255, 0, 0, 0], [0, 0, 255, 0]];
    file.extend([0; 8]);
    for number in [14 + 40 + 8, 40, 4, rows.into(), 1 | 8 << 16, 1, 0, 0, 0, 2, 0_u32] {
        file.extend(number.to_le_bytes());
    }
    file.extend(palette.concat());
    file.extend(data);
    file
}

#[test]
fn skipped_pixels_of_a_bitmap_have_the_first_colour_and_missing_rows_cause_a_warning() {
    // Four red rows at the bottom, the rest skipped.
    let red = [4, 1, 0, 0].repeat(4);
    let picture = render(&run_lengths(8, &[&red[..], &[0, 1]].concat())).picture("webp-8.webp");
    let (top, bottom) = (*picture.get_pixel(1, 0), *picture.get_pixel(1, 7));
    assert!(top[2] > 200 && top[0] < 60, "{top:?}");
    assert!(bottom[0] > 200 && bottom[2] < 60, "{bottom:?}");
    let rows = [4, 1, 0, 0].repeat(99);
    let warnings = render(&run_lengths(100, &rows)).manifest.warnings;
    assert_eq!(warnings[0].code, smmu_core::WarningCode::CutOff);
    assert_eq!(crate::refused(&run_lengths(100, &rows[..200])).code, smmu_core::ErrorCode::CorruptMedia);
}

#[test]
fn a_webp_is_rendered() {
    let webp = render(&photo_png()).bytes("webp-700.webp");
    expect_photo(&webp, ImageFormat::Webp, 3.0);
    let mut lossless = Vec::new();
    let encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut lossless);
    encoder.encode(&photo(), WIDTH, HEIGHT, image::ExtendedColorType::Rgb8).expect("encoded");
    expect_photo(&lossless, ImageFormat::Webp, 0.1);
}

#[test]
fn an_avif_of_eight_and_ten_bits_is_rendered() {
    for (depth, bits) in [(ravif::BitDepth::Eight, 8), (ravif::BitDepth::Ten, 10)] {
        let rendered = expect_photo(&support::avif(WIDTH, HEIGHT, &photo(), depth), ImageFormat::Avif, 4.0);
        assert_eq!(rendered.facts().probe.bit_depth, bits);
    }
}

#[test]
fn alpha_stays_in_webp_and_is_flattened_in_jpeg() {
    let rgba = support::vignette(300, 200);
    let background = Colour([10, 200, 30]);
    let profile = ImageProfile { background, ..ImageProfile::default() };
    let png = support::png(300, 200, ColorType::Rgba, BitDepth::Eight, &rgba);
    for file in [png, support::avif_with_alpha(300, 200, &rgba)] {
        let rendered = render_with(&file, &profile, &ImageLimits::default()).expect("rendered");
        assert!(rendered.facts().probe.has_alpha);
        let webp = rendered.picture("webp-160.webp");
        assert!(webp.get_pixel(0, 0)[3] < 4 && webp.get_pixel(80, 53)[3] > 250);
        let corner = *rendered.picture("jpeg-160.jpg").get_pixel(0, 0);
        let near = corner.0.iter().zip(background.0).all(|(made, wanted)| made.abs_diff(wanted) < 8);
        assert!(near, "{corner:?}");
    }
}

#[test]
fn avif_is_an_option_of_the_profile() {
    let profile = ImageProfile {
        avif: Some(AvifProfile::default()),
        ladder: Ladder::try_from(vec![160]).expect("in range"),
        ..ImageProfile::default()
    };
    let rendered = render_with(&photo_png(), &profile, &ImageLimits::default()).expect("rendered");
    assert_eq!(rendered.names(), ["jpeg-160.jpg", "webp-160.webp", "avif-160.avif"]);
    // Only our own decoder can read AVIF here.
    let again = render(&rendered.bytes("avif-160.avif"));
    let off = difference(&again.picture("jpeg-160.jpg"), &rendered.picture("jpeg-160.jpg"));
    assert!(off < 4.0, "{off}");
}

#[test]
fn the_manifest_matches_every_file() {
    let png = photo_png();
    let rendered = render(&png);
    assert_eq!(rendered.manifest.source.bytes, png.len() as u64);
    assert_eq!(rendered.manifest.source.sha256, Checksum::from_bytes(Sha256::digest(&png).into()));
    for artifact in &rendered.manifest.artifacts {
        let bytes = rendered.bytes(&artifact.name);
        assert_eq!(artifact.bytes, bytes.len() as u64);
        assert_eq!(artifact.sha256, Checksum::from_bytes(Sha256::digest(&bytes).into()));
        let picture = rendered.picture(&artifact.name);
        assert_eq!((artifact.width, artifact.height), (Some(picture.width()), Some(picture.height())));
    }
    let written: smmu_core::Manifest = serde_json::from_slice(&rendered.bytes("manifest.json")).expect("a manifest");
    assert_eq!(written, rendered.manifest);
    let mut found: Vec<String> = fs::read_dir(rendered.path(""))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("our names"))
        .collect();
    found.sort();
    let mut listed: Vec<&str> = rendered.names();
    listed.push("manifest.json");
    listed.sort_unstable();
    assert_eq!(found, listed);
}

#[test]
fn the_same_file_gives_the_same_bytes() {
    let png = photo_png();
    assert_eq!(render(&png).manifest, render(&png).manifest);
}

/// Renders a file; returns its events and its manifest.
fn events(content: &[u8]) -> (Vec<Event>, smmu_core::Manifest) {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("input");
    fs::write(&input, content).expect("written");
    let mut seen = Vec::new();
    let (profile, limits) = (ImageProfile::default(), ImageLimits::default());
    let mut watch = |event: Event| {
        if let Event::Ready(artifact) = &event {
            let bytes = fs::read(folder.path().join(&artifact.name)).expect("a ready file exists");
            assert_eq!(artifact.sha256, Checksum::from_bytes(Sha256::digest(&bytes).into()));
        }
        seen.push(event);
    };
    let manifest = smmu_media::render(&input, &profile, &limits, folder.path(), &mut watch).expect("rendered");
    (seen, manifest)
}

#[test]
fn progress_rises_to_a_hundred() {
    for content in [photo_png(), support::gif(200, 100, 5, gif::Repeat::Infinite)] {
        let (events, _) = events(&content);
        let percent = |event: &Event| match event {
            Event::Progress(percent) => Some(*percent),
            Event::Probed(..) | Event::Ready(_) => None,
        };
        let seen: Vec<u8> = events.iter().filter_map(percent).collect();
        assert!(seen.is_sorted(), "{seen:?}");
        assert_eq!(events.last(), Some(&Event::Progress(100)));
    }
}

#[test]
fn the_smallest_picture_is_ready_first_and_the_largest_is_listed_first() {
    let ready = |events: &[Event]| -> Vec<Artifact> {
        let artifact = |event: &Event| match event {
            Event::Ready(artifact) => Some(artifact.clone()),
            Event::Probed(..) | Event::Progress(_) => None,
        };
        events.iter().filter_map(artifact).collect()
    };
    let jpeg = support::jpeg(WIDTH, HEIGHT, &photo(), false);
    for content in [photo_png(), jpeg] {
        let (events, manifest) = events(&content);
        let mut ready = ready(&events);
        assert_eq!(ready[0].name, "jpeg-160.jpg");
        assert!(ready.is_sorted_by_key(|artifact| artifact.width), "{ready:?}");
        let first = events.iter().position(|event| matches!(event, Event::Ready(_))).expect("something is ready");
        assert!(matches!(events[first - 1], Event::Progress(..40)), "before anything else is encoded");
        let by_name = |artifact: &Artifact| artifact.name.clone();
        assert!(manifest.artifacts.is_sorted_by_key(|artifact| std::cmp::Reverse(artifact.width)));
        let mut listed = manifest.artifacts;
        ready.sort_by_key(by_name);
        listed.sort_by_key(by_name);
        assert_eq!(ready, listed);
    }
    let (events, _) = events(&support::gif(200, 100, 5, gif::Repeat::Infinite));
    assert_eq!(ready(&events)[0].name, "jpeg-160.jpg", "stills are ready before animations");
}

#[test]
fn the_longest_and_the_smallest_pictures_are_rendered() {
    for (width, height) in [(1, 1), (1, 9000), (9000, 1), (3000, 2)] {
        let pixels = vec![90; (width * height) as usize];
        let png = support::png(width, height, ColorType::Grayscale, BitDepth::Eight, &pixels);
        let rendered = render(&png);
        let edge = width.max(height).min(2048);
        let picture = rendered.picture(&format!("webp-{edge}.webp"));
        assert_eq!(picture.width().max(picture.height()), edge);
    }
}
