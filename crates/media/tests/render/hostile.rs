//! Damaged and malicious files are always either rendered or refused, and quickly.

use crate::{refused, refused_within, render_with, support};
use proptest::prelude::*;
use smmu_core::{
    ErrorCode,
    image::{ImageLimits, ImageProfile, Ladder},
};
use smmu_media::MediaError;
use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// A small picture in each format and storage variant, made once.
static SAMPLES: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    let (width, height) = (48, 32);
    let photo = support::photo(width, height);
    let rgba = support::vignette(width, height);
    let png = support::png(width, height, png::ColorType::Rgba, png::BitDepth::Eight, &rgba);
    let jpeg = support::jpeg(width, height, &photo, false);
    let gif = support::gif(48, 32, 3, gif::Repeat::Infinite);
    let webp = |content: &[u8]| small(content).expect("rendered").bytes("webp-48.webp");
    let mut lossless = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut lossless)
        .encode(&rgba, width, height, image::ExtendedColorType::Rgba8)
        .expect("encoded");
    vec![
        ("JPEG", support::with_exif(&jpeg, &support::exif(6))),
        ("progressive JPEG", support::jpeg(width, height, &photo, true)),
        ("CMYK JPEG", support::cmyk_jpeg(width, height, [1, 2, 3, 4])),
        ("lossy WebP", webp(&jpeg)),
        ("WebP with alpha", webp(&png)),
        ("lossless WebP", lossless),
        ("animated WebP", webp(&gif)),
        ("PNG", png),
        ("interlaced PNG", support::interlaced_png(width, height, &photo)),
        ("GIF", gif),
        ("16-bit TIFF", support::tiff16(width, height, &photo)),
        ("tiled TIFF", support::tiled_tiff(64, 64, &support::photo(64, 64))),
        ("BMP", support::bmp(width, height, &photo)),
        ("AVIF", support::avif(width, height, &photo, ravif::BitDepth::Eight)),
        ("10-bit AVIF", support::avif(width, height, &photo, ravif::BitDepth::Ten)),
        ("AVIF with alpha", support::avif_with_alpha(width, height, &rgba)),
        ("HEIC", support::heif::file("420").to_vec()),
        ("10-bit HEIC", support::heif::file("ten-bits").to_vec()),
        ("HEIC with alpha", support::heif::file("alpha").to_vec()),
        ("JPEG XL", support::fixture("jxl/jpeg.jxl")),
        ("lossless JPEG XL", support::fixture("jxl/alpha.jxl")),
        ("JPEG XL of inks", support::fixture("jxl/cmyk.jxl")),
        ("progressive JPEG XL", support::fixture("jxl/progressive.jxl")),
        ("animated JPEG XL", support::fixture("jxl/moving.jxl")),
        ("animated PNG", support::fixture("apng/restored.png")),
        ("animated interlaced PNG", support::fixture("apng/interlaced.png")),
        ("HEIC grid", support::heif::Heif { tiles: (2, 2), size: (100, 90), ..Default::default() }.written()),
    ]
});

/// Renders with one small rung and tight limits, so that thousands of cases run quickly.
fn small(content: &[u8]) -> Result<crate::Rendered, MediaError> {
    let profile = ImageProfile { ladder: Ladder::try_from(vec![48]).expect("in range"), ..ImageProfile::default() };
    let limits = ImageLimits { max_pixels: 1_000_000, max_animation_pixels: 1_000_000, ..ImageLimits::default() };
    render_with(content, &profile, &limits)
}

/// Asserts that a file is either rendered or refused, and not because a decoder panicked.
fn made_or_refused(name: &str, content: &[u8]) -> Result<(), TestCaseError> {
    match small(content) {
        Ok(_) => Ok(()),
        Err(MediaError::Refused(refusal)) => {
            prop_assert!(!refusal.message.contains("decoder crashed"), "{name}: a decoder panicked");
            Ok(())
        }
        Err(MediaError::Transient(transient)) => Err(TestCaseError::fail(format!("{name}: {transient}"))),
    }
}

#[test]
fn a_truncated_file_is_damaged() {
    for (name, content) in SAMPLES.iter() {
        // A progressive JPEG starts with all rows without their finest details, a GIF with whole frames.
        let percents = match *name {
            "progressive JPEG" => &[30][..],
            "GIF" | "animated WebP" | "animated PNG" | "animated interlaced PNG" | "animated JPEG XL" => &[10],
            _ => &[30, 60, 90],
        };
        for percent in percents {
            let cut = &content[..content.len() * percent / 100];
            let result = small(cut).map(|_| "rendered").map_err(|error| error.to_string());
            let message = result.expect_err(&format!("{name} at {percent}%"));
            assert!(message.starts_with("corrupt_media"), "{name} at {percent}%: {message}");
        }
    }
}

#[test]
fn every_truncation_is_rendered_or_refused() {
    for (name, content) in SAMPLES.iter() {
        let step = (content.len() / 150).max(1);
        for end in (0..content.len()).step_by(step).chain(content.len().saturating_sub(40)..content.len()) {
            made_or_refused(name, &content[..end]).expect("rendered or refused");
        }
    }
}

/// Enough cases for a run of all tests; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more and others.
fn cases() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 1500;
    }
    config
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_file_with_changed_bytes_is_rendered_or_refused(
        sample: proptest::sample::Index,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..5),
        early: bool,
    ) {
        let (name, content) = sample.get(&SAMPLES);
        let mut changed = content.clone();
        // Change the header half of the time, where errors matter most.
        let within = if early { content.len().min(160) } else { content.len() };
        for (at, byte) in changes {
            changed[at.index(within)] = byte;
        }
        made_or_refused(name, &changed)?;
    }
}

/// Tiny files whose headers state far more than 300 megapixels.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let fifty = 50_000_u32.to_be_bytes();
    let header = [&fifty[..], &fifty, &[8, 6, 0, 0, 0]].concat();
    let png = support::png_of_chunks(&[(b"IHDR", &header), (b"IDAT", &[0x78, 0x9c]), (b"IEND", &[])]);
    assert!(png.len() <= 100);

    let mut jpeg = support::jpeg(16, 16, &[0; 768], false);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame header");
    jpeg[frame + 5..frame + 9].fill(0xff);

    let mut gif = support::gif(8, 8, 2, gif::Repeat::Infinite);
    gif[6..10].fill(0xff);

    let mut bmp = support::bmp(8, 8, &[0; 192]);
    bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000_u32.to_le_bytes());

    let mut webp = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\xff\xff\xff\xff\xff".to_vec();
    webp.extend(b"ANIM\x06\0\0\0\0\0\0\0\0\0");

    let mut tiff = support::tiff::<tiff::encoder::colortype::Gray8>(8, 8, &[0; 64]);
    for tag in [256_u16, 257] {
        // Tag, kind "long" or "short", one value.
        let entries = tiff.windows(8).rposition(|head| head[..2] == tag.to_le_bytes() && head[4..] == [1, 0, 0, 0]);
        let entry = entries.expect("the tag");
        tiff[entry + 2..entry + 12].copy_from_slice(&[4, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
    }

    let mut avif = support::avif(16, 16, &[0; 768], ravif::BitDepth::Eight);
    let size = avif.windows(4).position(|name| name == b"ispe").expect("a size");
    avif[size + 8..size + 16].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);

    vec![("PNG", png), ("JPEG", jpeg), ("GIF", gif), ("BMP", bmp), ("WebP", webp), ("TIFF", tiff), ("AVIF", avif)]
}

#[test]
fn a_header_with_too_many_pixels_is_refused_at_once() {
    for (name, bomb) in bombs() {
        let start = Instant::now();
        let refusal = refused(&bomb);
        assert_eq!(refusal.code, ErrorCode::TooManyPixels, "{name}: {refusal}");
        assert!(start.elapsed() < Duration::from_millis(100), "{name} took {:?}", start.elapsed());
    }
}

#[test]
fn a_file_that_needs_too_much_memory_is_refused_by_its_header() {
    let limits = ImageLimits { max_memory_bytes: 48 * 1024 * 1024, ..ImageLimits::default() };
    let (width, height) = (3000, 2000);
    let flat = vec![99; 3000 * 2000 * 3];
    let interlaced = support::interlaced_png(width, height, &flat);
    assert_eq!(refused_within(&interlaced, &limits).code, ErrorCode::TooMuchMemory);
    let progressive = support::jpeg(width, height, &flat, true);
    assert_eq!(refused_within(&progressive, &limits).code, ErrorCode::TooMuchMemory);
    // The same pixels stored row by row need little.
    let limits = ImageLimits { max_memory_bytes: 120 * 1024 * 1024, ..ImageLimits::default() };
    let rows = support::png(width, height, png::ColorType::Rgb, png::BitDepth::Eight, &flat);
    assert!(render_with(&rows, &ImageProfile::default(), &limits).is_ok());
}

#[test]
fn too_many_bytes_are_refused_before_they_are_read() {
    let limits = ImageLimits { max_bytes: 99, ..ImageLimits::default() };
    assert_eq!(refused_within(&[0; 100], &limits).code, ErrorCode::TooManyBytes);
}

#[test]
fn other_media_are_refused_by_kind_and_by_name() {
    for (content, words) in [
        (&b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"[..], "video"),
        (b"ID3\x03\0\0\0\0\0\0", "audio"),
        (b"\0\0\0\x14ftypcrx \0\0\0\0isom", "camera raw without a full-size JPEG preview"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported format: SVG"),
        (b"just some words", "not a recognised"),
        (b"", "not a recognised"),
    ] {
        let refusal = refused(content);
        assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
        assert!(refusal.message.contains(words), "{words} is not in: {}", refusal.message);
    }
}

#[test]
fn a_refused_file_leaves_no_manifest() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("input");
    let jpeg = support::jpeg(400, 300, &support::photo(400, 300), false);
    std::fs::write(&input, &jpeg[..jpeg.len() / 2]).expect("written");
    let (profile, limits) = (ImageProfile::default(), ImageLimits::default());
    let result = smmu_media::render(&input, &profile, &limits, folder.path(), &mut |_| {});
    assert!(matches!(result, Err(MediaError::Refused(_))));
    assert!(!folder.path().join("manifest.json").exists());
}
