//! Tests that the largest accepted pictures stay within 512 MiB. A separate test program with a single
//! test, because it measures the memory of the whole process.

#![cfg(target_os = "linux")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures of known sizes are computed here"
)]

mod support;

use smmu_core::{
    ErrorCode,
    image::{ImageLimits, ImageProfile},
};
use smmu_media::MediaError;
use std::{fs, path::Path};

const MIB: u64 = 1024 * 1024;
const EDGE: u32 = 10_000;
/// Sizes of phone photos: 108 and 200 megapixels.
const PHONE_108: (u32, u32) = (12_000, 9000);
const PHONE_200: (u32, u32) = (16_320, 12_240);

/// Resets the peak memory of the process.
fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("Linux resets the peak");
}

/// Peak memory of the process since the last reset, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux reports it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Writes a PNG file row by row; `pixel` is the number of bytes per pixel.
fn tall_png(path: &Path, (width, height): (u32, u32), colour: png::ColorType, depth: png::BitDepth, pixel: usize) {
    let mut encoder = png::Encoder::new(fs::File::create(path).expect("made"), width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().expect("written");
    let mut stream = writer.stream_writer().expect("a stream");
    let row: Vec<u8> = (0..width as usize * pixel).map(|at| (at / 97) as u8).collect();
    for _ in 0..height {
        std::io::Write::write_all(&mut stream, &row).expect("written");
    }
    stream.finish().expect("written");
}

fn large_jpeg(path: &Path, (width, height): (u32, u32), subsampling: turbojpeg::Subsamp, progressive: bool) {
    let mut compressor = turbojpeg::Compressor::new().expect("libjpeg-turbo");
    compressor.set_subsamp(subsampling).expect("known");
    compressor.set_progressive(progressive).expect("known");
    let (width, height) = (width as usize, height as usize);
    let pixels: Vec<u8> = (0..width * height * 3).map(|at| (at / 1000) as u8).collect();
    let image =
        turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 3, height, format: turbojpeg::PixelFormat::RGB };
    fs::write(path, compressor.compress_to_vec(image).expect("encoded")).expect("written");
}

#[test]
fn the_largest_pictures_stay_below_512_mib() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("input");
    let measured = |name: &str| {
        forget_peak();
        let (profile, limits) = (ImageProfile::default(), ImageLimits::default());
        let result = smmu_media::render(&path, &profile, &limits, folder.path(), &mut |_| {});
        let peak = peak();
        eprintln!("{name}: {} MiB", peak / MIB);
        assert!(peak < 512 * MIB, "{name} took {} MiB", peak / MIB);
        result
    };

    let square = (EDGE, EDGE);
    let too_much = |result: Result<smmu_core::Manifest, MediaError>| matches!(result, Err(MediaError::Refused(refusal)) if refusal.code == ErrorCode::TooMuchMemory);
    large_jpeg(&path, PHONE_200, turbojpeg::Subsamp::Sub2x2, false);
    measured("200 MP JPEG").expect("rendered");
    large_jpeg(&path, PHONE_200, turbojpeg::Subsamp::Sub2x2, true);
    assert!(too_much(measured("200 MP progressive JPEG, 4:2:0")));
    large_jpeg(&path, square, turbojpeg::Subsamp::Sub2x2, true);
    measured("100 MP progressive JPEG, 4:2:0").expect("rendered");
    large_jpeg(&path, square, turbojpeg::Subsamp::None, true);
    assert!(too_much(measured("100 MP progressive JPEG, 4:4:4")));

    tall_png(&path, PHONE_108, png::ColorType::Rgb, png::BitDepth::Eight, 3);
    measured("108 MP PNG").expect("rendered");
    tall_png(&path, PHONE_200, png::ColorType::Rgba, png::BitDepth::Sixteen, 8);
    measured("200 MP PNG, 16 bits, alpha").expect("rendered");
}
