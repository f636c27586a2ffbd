//! Compares every file in `fixtures/tiff` with its reference, sample by sample. Other programs wrote both.

use crate::{
    colour, decode,
    error::MediaError,
    orient,
    raster::{Channels, Raster},
    source::Source,
};
use smmu_core::{ErrorCode, Warning, WarningCode, image::ImageLimits};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tiff")
}

/// Names of the fixtures with an extension, without it.
fn names(extension: &str) -> Vec<String> {
    let files = fs::read_dir(folder()).expect("the folder").map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| path.extension().is_some_and(|found| found == extension));
    let mut names: Vec<String> =
        files.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn content(name: &str) -> Vec<u8> {
    fs::read(folder().join(format!("{name}.tif"))).expect("a fixture")
}

/// Decodes a file at full size, upright, in sRGB; with its warnings.
fn decoded(content: &[u8]) -> Result<(Raster, Vec<Warning>), MediaError> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), content).expect("written");
    let limits = ImageLimits { max_pixels: 1_000_000, ..ImageLimits::default() };
    let source = Source::open(file.path(), &limits)?;
    let mut decoder = decode::open(&source, &limits)?;
    let stored = decoder.header().stored;
    limits.check_memory(decoder.memory_bytes(stored))?;
    let raster = colour::to_srgb(decoder.still(stored)?, decoder.header().profile.as_ref())?;
    let header = decoder.header();
    Ok((orient::upright(raster, header.orientation), header.warnings.clone()))
}

fn reference(name: &str, references: &[String]) -> Raster {
    let stem = references.iter().filter(|stem| name.starts_with(*stem)).max_by_key(|stem| stem.len());
    let path = folder().join(format!("{}.png", stem.expect("a reference")));
    let picture = image::open(path).expect("a picture");
    let alpha = picture.color().has_alpha();
    let size = smmu_core::image::Size { width: picture.width(), height: picture.height() };
    let (channels, samples) = if alpha {
        (Channels::Rgba, picture.into_rgba8().into_raw())
    } else {
        (Channels::Rgb, picture.into_rgb8().into_raw())
    };
    Raster { size, channels, samples }
}

/// The largest difference between two samples.
fn worst(one: &Raster, other: &Raster) -> u8 {
    assert_eq!((one.size, one.channels), (other.size, other.channels));
    one.samples.iter().zip(&other.samples).map(|(one, other)| one.abs_diff(*other)).max().unwrap_or(0)
}

#[test]
fn every_fixture_matches_its_reference() {
    let references = names("png");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for name in names("tif").into_iter().filter(|name| !name.starts_with("refused")) {
        seen += 1;
        // Versions of libjpeg round differently, and so do conversions from CIELab.
        let tolerated = match name.split('-').next() {
            Some("jpeg" | "old" | "lab") => 2,
            _ => 1,
        };
        match decoded(&content(&name)) {
            Ok((raster, warnings)) => {
                let off = worst(&raster, &reference(&name, &references));
                if off > tolerated || !warnings.is_empty() {
                    wrong.push(format!("{name} is off by {off}, {warnings:?}"));
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty() && seen > 90, "of {seen}:\n{}", wrong.join("\n"));
}

#[test]
fn unsupported_files_are_refused_with_the_name_of_the_feature() {
    let words = [
        ("565", "samples of different sizes ([5, 6, 5] bits)"),
        ("complex", "complex numbers"),
        ("depth", "a depth map"),
        ("faint-uint32", "32-bit integers in a small part of their range"),
        ("float-of-elevations", "floating-point numbers outside 0 to 1"),
        ("itu-lab", "ITU L*a*b*"),
        ("jbig", "JBIG"),
        ("jpeg2000", "JPEG 2000"),
        ("jxl", "JPEG XL"),
        ("lerc", "LERC"),
        ("logluv", "SGI LogLuv"),
        ("old-jpeg-in-parts", "JPEG of the old kind"),
        ("separated-chroma", "subsampled chroma in separate planes"),
    ];
    let refused: Vec<String> = names("tif").into_iter().filter(|name| name.starts_with("refused")).collect();
    assert_eq!(refused.len(), words.len());
    for (name, words) in words {
        let Err(MediaError::Refused(refusal)) = decoded(&content(&format!("refused-{name}"))) else {
            panic!("{name} is not refused");
        };
        assert_eq!(refusal.code, ErrorCode::UnsupportedMedia, "{name}: {refusal}");
        assert!(refusal.message.contains(words), "{name}: {refusal}");
    }
}

#[test]
fn a_truncated_file_is_accepted_with_a_warning_or_refused_by_its_number_of_rows() {
    // The directory of this file comes before its pixels.
    let whole = content("rgb-none");
    for (missing_rows, accepted) in [(1, true), (2, false), (12, false)] {
        let cut = &whole[..whole.len() - 29 * 3 * missing_rows + 5];
        match decoded(cut) {
            Ok((raster, warnings)) => {
                assert!(accepted, "{missing_rows} rows are missing");
                assert_eq!(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [WarningCode::CutOff]);
                let row = 29 * 3;
                assert_eq!(raster.samples[22 * row..], raster.samples[21 * row..22 * row]);
            }
            Err(error) => {
                assert!(!accepted, "{missing_rows} rows are missing: {error}");
                assert!(error.to_string().contains("cut off"), "{error}");
            }
        }
    }
    for name in
        ["rgb-lzw-strips", "rgb-deflate-p2-tiles", "rgb-planar-strips", "rgb-float16-p3", "rgb-zstd", "rgb-lzma"]
    {
        let whole = content(name);
        let Err(MediaError::Refused(refusal)) = decoded(&whole[..whole.len() * 4 / 5]) else {
            panic!("{name} is not refused");
        };
        assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{name}: {refusal}");
    }
}

#[test]
fn every_damaged_fixture_is_decoded_or_refused() {
    // A linear congruential generator (Knuth), for the same numbers in every run.
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for name in names("tif") {
        let whole = content(&name);
        for round in 0..200 {
            let mut file = whole.clone();
            if round % 10 == 9 {
                file.truncate(random(whole.len()));
            }
            for _ in 0..=random(4) {
                // Damage to directories has the most effect; they are at the start or the end.
                let at = match random(3) {
                    0 => random(file.len().min(300)),
                    1 => file.len().saturating_sub(1 + random(300)),
                    _ => random(file.len()),
                };
                if let Some(byte) = file.get_mut(at) {
                    *byte = random(256) as u8;
                }
            }
            if let Err(MediaError::Transient(fault)) = decoded(&file) {
                panic!("{name}, round {round}: {fault}");
            }
        }
    }
}
