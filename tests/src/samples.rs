//! Sample files, made here so that the tests need nothing else.

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder};

/// Gradients with some noise: compresses like a photo rather than like a drawing.
fn pixels(width: u32, height: u32) -> Vec<u8> {
    let mut noise = 0x2545_f491_u32;
    let level = |at: u32, of: u32| u8::try_from(at * 239 / of).expect("a part of 239");
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [grain, ..] = (noise >> 28).to_le_bytes();
            pixels.extend([level(x, width), level(y, height), level(x + y, width + height)].map(|level| level + grain));
        }
    }
    pixels
}

/// A JPEG of a size in pixels.
///
/// # Panics
/// If the encoder fails on a picture of its own size, which it does not.
#[must_use]
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut file, 85);
    encoder.write_image(&pixels(width, height), width, height, ExtendedColorType::Rgb8).expect("a JPEG in memory");
    file
}

/// A PNG of a size in pixels.
///
/// # Panics
/// If the encoder fails on a picture of its own size, which it does not.
#[must_use]
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = PngEncoder::new(&mut file);
    encoder.write_image(&pixels(width, height), width, height, ExtendedColorType::Rgb8).expect("a PNG in memory");
    file
}

/// The first bytes of an MP4 file: enough to be one by content, and no video.
#[must_use]
pub fn mp4_head() -> Vec<u8> {
    let mut file = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    file.extend_from_slice(b"\0\0\0\x08free");
    file
}

/// The first bytes of a FLAC file: enough to be one by content, and no sound.
#[must_use]
pub fn flac_head() -> Vec<u8> {
    let mut file = b"fLaC\x80\0\0\x22".to_vec();
    file.resize(64, 0);
    file
}
