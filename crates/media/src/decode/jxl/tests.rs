//! Comparison with djxl: `fixtures/jxl/make.py` made the reference pictures with it.

use super::*;
use crate::{
    colour, decode,
    hdr::{self, Transfer},
};
use smmu_core::image::ColourModel;
use std::{fs, path::Path};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/jxl").join(name)).expect("a fixture")
}

fn opened(content: &[u8]) -> Result<Box<dyn Decode>, MediaError> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), content).expect("written");
    let limits = ImageLimits::default();
    decode::open(&Source::open(file.path(), &limits)?, &limits)
}

/// Decodes the picture at full size, upright, in sRGB.
fn shown(content: &[u8]) -> (Raster, Header) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), content).expect("written");
    let limits = ImageLimits::default();
    let source = Source::open(file.path(), &limits).expect("opened");
    let mut decoder = Jxl::open(&source, &limits).expect("opened");
    let still = decoder.still(decoder.header.stored).expect("decoded");
    let raster = colour::to_srgb(still, decoder.header.profile.as_ref()).expect("converted");
    (orient::upright(raster, decoder.header.orientation), decoder.header)
}

fn png(name: &str) -> image::DynamicImage {
    image::load_from_memory(&fixture(&format!("{name}.png"))).expect("a picture")
}

/// Peak signal-to-noise ratio in dB; `most` is the largest sample.
fn psnr(made: impl Iterator<Item = f64>, right: impl Iterator<Item = f64>, most: f64) -> f64 {
    let squares: Vec<f64> = made.zip(right).map(|(made, right)| (made - right).powi(2)).collect();
    10.0 * (most * most / (squares.iter().sum::<f64>() / squares.len() as f64).max(1e-9)).log10()
}

/// Peak signal-to-noise ratio of a decoded file to djxl's output, in dB.
fn decibels(name: &str) -> f64 {
    let (made, _) = shown(&fixture(&format!("{name}.jxl")));
    let right = if made.channels == Channels::Rgba {
        png(name).into_rgba8().into_raw()
    } else {
        png(name).into_rgb8().into_raw()
    };
    assert_eq!(made.samples.len(), right.len(), "{name}");
    // Colours are weighted by their alpha.
    let count = made.channels.count();
    let seen = |samples: &[u8]| -> Vec<f64> {
        let pixels = samples.chunks_exact(count);
        pixels
            .flat_map(|pixel| {
                let alpha = if count == 4 { f64::from(pixel[3]) / 255.0 } else { 1.0 };
                let colours = pixel[..3].iter().map(move |sample| f64::from(*sample) * alpha);
                colours.chain(pixel.get(3).map(|alpha| f64::from(*alpha))).collect::<Vec<_>>()
            })
            .collect()
    };
    psnr(seen(&made.samples).into_iter(), seen(&right).into_iter(), 255.0)
}

#[test]
fn every_coding_matches_djxl() {
    for (name, least) in [
        ("lossy", 50.0),
        ("boxed", 50.0),
        ("progressive", 50.0),
        ("modular", 50.0),
        ("halved", 45.0),
        ("grey-lossy", 50.0),
        ("alpha-lossy", 50.0),
        ("jpeg", 45.0),
        ("turned", 50.0),
        ("p3", 45.0),
        ("p3-lossless", 48.0),
        ("icc", 48.0),
        ("cmyk", 45.0),
        ("lossless", 90.0),
        ("grey", 90.0),
        ("alpha", 90.0),
    ] {
        let decibels = decibels(name);
        eprintln!("{name}: {decibels:.1} dB");
        assert!(decibels >= least, "{name}: {decibels:.1} dB to djxl");
    }
}

#[test]
fn samples_of_16_bits_floats_and_high_dynamic_range_match_djxl() {
    for (name, bits, profile) in [
        ("sixteen", 16, None),
        ("float", 32, None),
        ("linear", 16, Some("")),
        ("pq", 16, Some("PQ, high dynamic range")),
    ] {
        let mut decoder = opened(&fixture(&format!("{name}.jxl"))).expect("opened");
        assert_eq!(decoder.header().bit_depth, bits, "{name}");
        let found = decoder.header().profile.as_ref().map(|profile| profile.description.clone());
        assert_eq!(found.is_some(), profile.is_some(), "{name}: {found:?}");
        assert!(profile.is_none_or(|words| found.unwrap_or_default().contains(words)), "{name}");
        let Decoded::Sixteen(made) = decoder.still(decoder.header().stored).expect("decoded") else {
            panic!("{name} has 8 bits");
        };
        let right = png(name).into_rgb16().into_raw();
        let decibels =
            psnr(made.samples.iter().copied().map(f64::from), right.iter().copied().map(f64::from), 65_535.0);
        eprintln!("{name}: {decibels:.1} dB");
        assert!(decibels >= 50.0, "{name}: {decibels:.1} dB to djxl");
    }
}

#[test]
fn high_dynamic_range_matches_tone_mapped_samples_of_djxl() {
    for (name, right, transfer, primaries) in [
        ("hlg", "hlg", Transfer::Hlg, 9),
        ("pq", "pq", Transfer::Pq, 9),
        ("pq-lossy", "pq", Transfer::Pq, 9),
        ("pq-p3", "pq", Transfer::Pq, 12),
        ("pq-p3-lossy", "pq", Transfer::Pq, 12),
    ] {
        let (made, header) = shown(&fixture(&format!("{name}.jxl")));
        let samples = png(right).into_rgb16().into_raw();
        let right = Raster { size: header.stored, channels: Channels::Rgb, samples };
        let right = hdr::to_srgb(&Decoded::Sixteen(right), transfer, primaries);
        let [made, right] = [&made, &right].map(|raster| raster.samples.iter().copied().map(f64::from));
        let decibels = psnr(made, right, 255.0);
        eprintln!("{name}: {decibels:.1} dB");
        assert!(decibels >= 38.0, "{name}: {decibels:.1} dB to djxl");
    }
}

#[test]
fn linear_light_becomes_srgb() {
    let (made, _) = shown(&fixture("linear.jxl"));
    let light = png("linear").into_rgb16().into_raw();
    let right = light.iter().map(|sample| {
        let light = f64::from(*sample) / 65_535.0;
        255.0 * if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
    });
    let decibels = psnr(made.samples.iter().copied().map(f64::from), right, 255.0);
    assert!(decibels >= 45.0, "{decibels:.1} dB");
}

#[test]
fn premultiplied_alpha_becomes_straight() {
    let (made, header) = shown(&fixture("premultiplied.jxl"));
    assert!(header.has_alpha);
    let right = png("alpha").into_rgba8().into_raw();
    for (made, right) in made.samples.chunks_exact(4).zip(right.chunks_exact(4)).filter(|(_, right)| right[3] > 127) {
        assert!(made.iter().zip(right).all(|(made, right)| made.abs_diff(*right) <= 2), "{made:?} is not {right:?}");
    }
}

#[test]
fn the_header_has_orientation_colour_model_and_camera() {
    let (raster, header) = shown(&fixture("jpeg.jxl"));
    assert_eq!((header.stored, header.orientation), (Size { width: 88, height: 60 }, Orientation::Rotate90));
    assert_eq!(raster.size, Size { width: 60, height: 88 });
    assert_eq!(header.colour_model, ColourModel::Ycbcr);
    assert_eq!(header.camera.and_then(|camera| camera.model).as_deref(), Some("Sampler One"));
    assert_eq!(shown(&fixture("cmyk.jxl")).1.colour_model, ColourModel::Cmyk);
    assert_eq!(shown(&fixture("grey.jxl")).1.colour_model, ColourModel::Grey);
    assert_eq!(shown(&fixture("lossless.jxl")).1.colour_model, ColourModel::Rgb);
}

#[test]
fn bands_equal_the_whole_picture() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), fixture("tall.jxl")).expect("written");
    let limits = ImageLimits::default();
    let source = Source::open(file.path(), &limits).expect("opened");
    let picture = |whole: bool| {
        let mut decoder = Jxl::open(&source, &limits).expect("opened");
        assert_eq!(decoder.band_rows, Some(512));
        decoder.band_rows = decoder.band_rows.filter(|_| !whole);
        decoder.still(decoder.header.stored).expect("decoded")
    };
    assert!(picture(true) == picture(false), "bands have seams");
}

#[test]
fn a_truncated_file_with_nearly_all_rows_is_accepted() {
    for name in ["tall.jxl", "tall-lossless.jxl"] {
        let content = fixture(name);
        let mut codes = Vec::new();
        for percent in [50, 90, 99] {
            codes.push(match opened(&content[..content.len() * percent / 100]) {
                Ok(mut decoder) => {
                    decoder.still(Size { width: 4, height: 700 }).expect("decoded");
                    format!("{:?}", decoder.header().warnings)
                }
                Err(error) => error.to_string(),
            });
        }
        eprintln!("{name}: {codes:#?}");
        assert!(codes[0].starts_with("corrupt_media") && codes[0].contains("cut off"), "{name}: {}", codes[0]);
        assert!(codes[2].contains("CutOff"), "{name}: {}", codes[2]);
    }
    let whole = opened(&fixture("tall.jxl")).expect("opened");
    assert!(whole.header().warnings.is_empty());
}

#[test]
fn an_animation_has_its_frames_and_times() {
    let frames = |content: &[u8]| {
        let mut decoder = opened(content).expect("opened");
        let (stored, mut frames) = (decoder.header().stored, Vec::new());
        decoder
            .frames(stored, &mut |frame, ms| {
                let Decoded::Eight(raster) = frame else { panic!("8 bits become 16") };
                frames.push((raster, ms));
                Ok(())
            })
            .expect("decoded");
        let header = decoder.header();
        (frames, header.animation, header.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>())
    };
    let content = fixture("moving.jxl");
    let (all, animation, warnings) = frames(&content);
    assert_eq!(animation, Some(Animation { frames: 4, duration_ms: 1110, plays: 0 }));
    assert_eq!(warnings, []);
    assert_eq!(all.iter().map(|(_, ms)| *ms).collect::<Vec<_>>(), [120, 250, 40, 700]);
    let lossless = png("lossless").into_rgba8();
    for (number, (raster, _)) in all.iter().enumerate() {
        let at = |x: usize, y: usize| &raster.samples[(y * 88 + x) * 4..][..4];
        for x in 0..24 {
            assert_eq!(at(number * 20 + x, 30), lossless.get_pixel(x as u32, 30).0, "frame {number}");
        }
        assert_eq!(at(2, 50), [20, 90, 200, if number % 2 == 1 { 255 } else { 128 }], "frame {number}");
        assert_eq!(at((number * 20 + 50) % 88, 42), [0; 4], "frame {number}");
    }
    let (cut, animation, warnings) = frames(&content[..content.len() - 20]);
    assert_eq!((cut.len(), animation.map(|animation| animation.frames)), (3, Some(3)));
    assert_eq!(warnings, [WarningCode::CutOff]);
    assert!(cut.iter().zip(&all).all(|(cut, all)| cut == all));
}

#[test]
fn limits_are_enforced_before_pixels_are_decoded() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let code = |name: &str, limits: ImageLimits| {
        fs::write(file.path(), fixture(name)).expect("written");
        let source = Source::open(file.path(), &limits).expect("opened");
        match Jxl::open(&source, &limits) {
            Err(MediaError::Refused(refusal)) => Some(refusal.code),
            _ => None,
        }
    };
    let limits = ImageLimits::default;
    assert_eq!(code("lossy.jxl", ImageLimits { max_pixels: 88 * 60 - 1, ..limits() }), Some(ErrorCode::TooManyPixels));
    assert_eq!(code("lossy.jxl", ImageLimits { max_pixels: 88 * 60, ..limits() }), None);
    fs::write(file.path(), fixture("moving.jxl")).expect("written");
    let limits = ImageLimits { max_frames: 2, ..limits() };
    let decoder = Jxl::open(&Source::open(file.path(), &limits).expect("opened"), &limits).expect("opened");
    assert_eq!(decoder.header.animation.map(|animation| animation.frames), Some(2));
    assert_eq!(decoder.header.warnings.iter().map(|w| w.code).collect::<Vec<_>>(), [WarningCode::Shortened]);
}
