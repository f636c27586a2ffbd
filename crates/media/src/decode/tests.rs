//! Planes against RGB: each file is decoded both ways, and both results are compared with a reduction of the original.

use super::*;
use crate::{
    colour, orient,
    picture::Picture,
    raster::{Channels, Raster},
    resize,
};
use smmu_core::image::{Colour, Encoding, Motion, Quality, WebpMethod};
use turbojpeg::Subsamp;

#[path = "../../tests/support/mod.rs"]
mod support;

/// Odd in both directions, so the last chroma samples cover fewer pixels than the others.
const STORED: Size = Size { width: 1203, height: 901 };
/// Odd, even, and scales that the decoder itself supports.
const EDGES: [u32; 6] = [1203, 1021, 640, 333, 160, 47];

fn photo() -> Raster {
    let Size { width, height } = STORED;
    Raster { size: STORED, channels: Channels::Rgb, samples: support::photo(width, height) }
}

fn jpeg(photo: &Raster, sampling: Subsamp, progressive: bool) -> Vec<u8> {
    let mut compressor = turbojpeg::Compressor::new().expect("libjpeg-turbo");
    compressor.set_quality(92).expect("in range");
    compressor.set_subsamp(sampling).expect("known");
    compressor.set_progressive(progressive).expect("known");
    let (width, height) = (photo.size.width as usize, photo.size.height as usize);
    let format = turbojpeg::PixelFormat::RGB;
    let image = turbojpeg::Image { pixels: &photo.samples[..], width, pitch: width * 3, height, format };
    compressor.compress_to_vec(image).expect("a picture")
}

fn encodings(percent: u8) -> [Encoding; 2] {
    let quality = Quality::try_from(percent).expect("in range");
    let method = WebpMethod::try_from(4).expect("in range");
    [Encoding::Jpeg { quality }, Encoding::Webp { quality, method, motion: Motion::Still }]
}

/// Encodes a picture and decodes the result to RGB with a decoder that is not ours.
fn seen(picture: &Picture, encoding: Encoding) -> Vec<u8> {
    let content = picture.encoded(encoding, Colour::WHITE).expect("encoded");
    image::load_from_memory(&content).expect("a sound picture").into_rgb8().into_raw()
}

/// Peak signal-to-noise ratio of two pictures, in decibels.
pub(super) fn psnr(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let squares: f64 = one.iter().zip(other).map(|(one, other)| f64::from(one.abs_diff(*other)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) * one.len() as f64 / squares).log10()
}

pub(super) fn opened(content: &[u8]) -> Box<dyn Decode> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, content).expect("written");
    let limits = ImageLimits::default();
    open(&Source::open(file.path(), &limits).expect("an image"), &limits).expect("opened")
}

fn planes(content: &[u8], target: Size) -> Option<Planes> {
    opened(content).planes(target).expect("decoded")
}

/// Decodes a file both ways, to planes and to RGB; both upright. `target` is in stored orientation.
fn both(content: &[u8], target: Size) -> [Picture; 2] {
    let planes = planes(content, target).expect("it is stored as planes");
    let mut decoder = opened(content);
    let rgb = colour::to_srgb(decoder.still(target).expect("decoded"), None).expect("sRGB");
    [Picture::Planes(planes), Picture::Rgb(orient::upright(rgb, decoder.header().orientation))]
}

/// Checks that planes are as close to the photo as RGB, in every encoding.
fn compare(name: &str, made: &[Picture; 2], photo: &Raster, target: Size) {
    compare_within(0.0, name, made, photo, target);
}

/// Like [`compare`], but planes can be worse than RGB by `below` decibels.
fn compare_within(below: f64, name: &str, made: &[Picture; 2], photo: &Raster, target: Size) {
    let reference = resize::shrink(photo, photo.size.into(), target).expect("resizes").samples;
    assert_eq!(made.each_ref().map(Picture::size), [target; 2]);
    for encoding in encodings(80) {
        let [planes, rgb] = made.each_ref().map(|picture| psnr(&seen(picture, encoding), &reference));
        eprintln!("{name}, {} pixels, {encoding:?}: {rgb:.2} dB, {:+.2}", target.width, planes - rgb);
        assert!(planes >= rgb - below, "{name}, {} pixels, {encoding:?}: {planes} dB, RGB {rgb} dB", target.width);
    }
}

#[test]
fn planes_of_every_jpeg_sampling_are_as_close_to_the_original_as_rgb() {
    let photo = photo();
    let samplings =
        [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Sub4x1, Subsamp::Sub1x4];
    for sampling in samplings {
        let content = jpeg(&photo, sampling, sampling == Subsamp::Sub2x1);
        for edge in EDGES {
            let target = STORED.fitted(edge);
            compare(&format!("{sampling:?}"), &both(&content, target), &photo, target);
        }
    }
}

#[test]
fn planes_of_a_jpeg_are_turned_like_rgb() {
    let photo = photo();
    for orientation in Orientation::ALL {
        let content = jpeg(&orient::stored(photo.clone(), orientation), Subsamp::Sub2x2, false);
        let content = support::with_exif(&content, &support::exif(orientation.number().into()));
        for edge in [1203, 333] {
            let target = STORED.fitted(edge);
            let made = both(&content, orient::turned(target, orientation));
            compare(&format!("{orientation:?}"), &made, &photo, target);
        }
    }
}

#[test]
fn grey_jpegs_decode_to_planes() {
    let photo = photo();
    let luma = photo.samples.chunks(3).map(|rgb| rgb[1]).collect::<Vec<u8>>();
    let grey = Raster { size: STORED, channels: Channels::Rgb, samples: luma.iter().flat_map(|&y| [y; 3]).collect() };
    let content = jpeg(&grey, Subsamp::Gray, false);
    let target = STORED.fitted(333);
    let made = both(&content, target);
    for encoding in encodings(90) {
        let [planes, rgb] = made.each_ref().map(|picture| seen(picture, encoding));
        assert!(planes.chunks(3).all(|pixel| pixel.iter().all(|level| level.abs_diff(pixel[0]) < 2)));
        assert!(psnr(&planes, &rgb) > 45.0, "{}", psnr(&planes, &rgb));
    }
}

#[test]
fn planes_of_a_webp_are_as_close_to_the_original_as_rgb() {
    let photo = photo();
    let [_, webp] = encodings(90);
    let content = Picture::Rgb(photo.clone()).encoded(webp, Colour::WHITE).expect("encoded");
    for edge in EDGES {
        let target = STORED.fitted(edge);
        compare("WebP", &both(&content, target), &photo, target);
    }
}

#[test]
fn planes_of_an_avif_are_as_close_to_the_original_as_rgb() {
    let photo = photo();
    let content = support::avif(STORED.width, STORED.height, &photo.samples, ravif::BitDepth::Eight);
    for edge in [1203, 640, 333] {
        let target = STORED.fitted(edge);
        compare("AVIF", &both(&content, target), &photo, target);
    }
    let ten = support::avif(STORED.width, STORED.height, &photo.samples, ravif::BitDepth::Ten);
    assert!(planes(&ten, STORED).is_none(), "planes have 8 bits per sample");
}

#[test]
fn planes_of_heic_are_close_to_the_original() {
    use support::heif::{HEIGHT, WIDTH, colour, file};
    let size = Size { width: WIDTH, height: HEIGHT };
    let samples = (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| colour(x, y))).collect();
    let drawn = Raster { size, channels: Channels::Rgb, samples };
    for name in ["420", "422", "444"] {
        for edge in [64, 47, 33] {
            let target = size.fitted(edge);
            // No comparison with RGB: on so small a picture, RGB gains from chroma that JPEG would not keep. The bound
            // still catches an error of half a pixel, which costs more.
            let reference = resize::shrink(&drawn, size.into(), target).expect("resizes").samples;
            let kept = planes(file(name), target).expect("it is stored as planes");
            let decibels = psnr(&kept.rgb(target).expect("resizes").samples, &reference);
            assert!(decibels > 40.0, "{name}, {edge} pixels: {decibels} dB");
        }
    }
    assert!(planes(file("grey"), size).is_some());
    for name in ["bt709", "ten-bits", "alpha"] {
        assert!(planes(file(name), size).is_none(), "{name} needs RGB");
    }
}

#[test]
fn planes_of_a_photo_in_heic_are_as_close_to_the_original_as_rgb() {
    let size = Size { width: 301, height: 225 };
    let photo = Raster { size, channels: Channels::Rgb, samples: support::photo(size.width, size.height) };
    for name in ["420", "422", "444"] {
        let content = support::fixture(&format!("libheif/photo-{name}.heic"));
        for edge in [301, 255, 160, 83] {
            let target = size.fitted(edge);
            // So small a picture has few pixels to measure: results are from 0.12 dB below RGB to 0.25 dB above.
            compare_within(0.3, name, &both(&content, target), &photo, target);
        }
    }
}

#[test]
fn planes_and_rgb_look_the_same() {
    let made = both(&jpeg(&photo(), Subsamp::Sub2x2, false), STORED.fitted(320));
    let [planes, rgb] = made.map(|picture| picture.look(Colour::WHITE).expect("measured"));
    let hash = |look: &smmu_core::image::ImageLook| u64::from_str_radix(&look.perceptual_hash, 16).expect("16 digits");
    assert!((hash(&planes) ^ hash(&rgb)).count_ones() <= 2);
    let near = |(one, other): (&Colour, &Colour)| one.0.iter().zip(other.0).all(|(one, other)| one.abs_diff(other) < 6);
    assert_eq!(planes.palette.len(), rgb.palette.len());
    assert!(planes.palette.iter().zip(&rgb.palette).all(near), "{planes:?} {rgb:?}");
}

#[test]
fn pictures_that_need_rgb_do_not_decode_to_planes() {
    let content = jpeg(&photo(), Subsamp::Sub2x2, false);
    let target = STORED.fitted(160);
    assert!(planes(&content, target).is_some());
    let icc = |profile: moxcms::ColorProfile| {
        let icc = profile.encode().expect("a profile");
        support::with_segment(&content, 0xe2, &[b"ICC_PROFILE\0\x01\x01", &icc[..]].concat())
    };
    assert!(planes(&icc(moxcms::ColorProfile::new_srgb()), target).is_some(), "explicit sRGB");
    assert!(planes(&icc(moxcms::ColorProfile::new_display_p3()), target).is_none(), "Display P3");
    assert!(planes(&support::cmyk_jpeg(300, 200, [10, 20, 30, 40]), target).is_none(), "inks");
    let png = support::png(30, 20, ::png::ColorType::Rgb, ::png::BitDepth::Eight, &support::photo(30, 20));
    assert!(planes(&png, Size { width: 30, height: 20 }).is_none(), "RGB");
    let [_, webp] = encodings(80);
    let alpha = Raster { size: Size { width: 30, height: 20 }, channels: Channels::Rgba, samples: vec![100; 2400] };
    let alpha = Picture::Rgb(alpha).encoded(webp, Colour::WHITE).expect("encoded");
    assert!(planes(&alpha, Size { width: 30, height: 20 }).is_none(), "alpha");
}
