//! The promise of 512 MiB, kept by the largest pictures that are accepted. A test program of its
//! own, with one test, because it measures the whole process.

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

/// Forgets the process's peak of memory.
fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("Linux resets the peak");
}

/// The process's peak of memory since then, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak is told");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// A PNG file written row by row, of so many bytes a row.
fn tall_png(path: &Path, colour: png::ColorType, depth: png::BitDepth, row_bytes: usize) {
    let mut encoder = png::Encoder::new(fs::File::create(path).expect("made"), EDGE, EDGE);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().expect("written");
    let mut stream = writer.stream_writer().expect("a stream");
    let row: Vec<u8> = (0..row_bytes).map(|at| (at / 97) as u8).collect();
    for _ in 0..EDGE {
        std::io::Write::write_all(&mut stream, &row).expect("written");
    }
    stream.finish().expect("written");
}

fn large_jpeg(path: &Path, subsampling: turbojpeg::Subsamp, progressive: bool) {
    let mut compressor = turbojpeg::Compressor::new().expect("libjpeg-turbo");
    compressor.set_subsamp(subsampling).expect("known");
    compressor.set_progressive(progressive).expect("known");
    let edge = EDGE as usize;
    let pixels: Vec<u8> = (0..edge * edge * 3).map(|at| (at / 1000) as u8).collect();
    let image = turbojpeg::Image {
        pixels: &pixels[..],
        width: edge,
        pitch: edge * 3,
        height: edge,
        format: turbojpeg::PixelFormat::RGB,
    };
    fs::write(path, compressor.compress_to_vec(image).expect("encoded")).expect("written");
}

#[test]
fn a_hundred_megapixels_stay_below_512_mib() {
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

    large_jpeg(&path, turbojpeg::Subsamp::Sub2x2, false);
    measured("100 MP JPEG").expect("rendered");
    large_jpeg(&path, turbojpeg::Subsamp::Sub2x2, true);
    measured("100 MP progressive JPEG, 4:2:0").expect("rendered");
    large_jpeg(&path, turbojpeg::Subsamp::None, true);
    let refused = measured("100 MP progressive JPEG, 4:4:4");
    assert!(matches!(refused, Err(MediaError::Refused(refusal)) if refusal.code == ErrorCode::TooMuchMemory));

    let edge = EDGE as usize;
    tall_png(&path, png::ColorType::Rgb, png::BitDepth::Eight, edge * 3);
    measured("100 MP PNG").expect("rendered");
    tall_png(&path, png::ColorType::Rgba, png::BitDepth::Sixteen, edge * 8);
    measured("100 MP PNG, 16 bits, alpha").expect("rendered");
}
