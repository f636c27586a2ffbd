//! Sample files, generated so the tests need only ffmpeg and espeak-ng.

use crate::ffmpeg;
use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder};
use std::fs;

/// Gradients with some noise, which compress like a photo rather than a drawing.
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

/// A small PNG followed by `padding` bytes, which readers ignore: large enough for several parts, and quick to render.
///
/// # Panics
/// If the encoder fails on a picture of its own size, which it does not.
#[must_use]
pub fn padded_png(width: u32, height: u32, padding: usize) -> Vec<u8> {
    let mut file = png(width, height);
    file.extend((0..padding).map(|at| (at % 251).to_le_bytes()[0]));
    file
}

/// The location in the metadata of [`portrait_clip`], in ISO 6709 notation.
pub const PLACE: &str = "+46.5197+006.6323/";

/// A clip of 7 s with a tone and a location, stored sideways with a rotation of 90° for display. It begins with half a
/// second of black. `width` and `height` are those of the upright picture, whose top tenth is [`ORANGE`] and whose
/// bottom tenth is [`BLUE`].
///
/// # Panics
/// If ffmpeg fails.
#[must_use]
pub fn portrait_clip(width: u32, height: u32) -> Vec<u8> {
    portrait_clip_with(width, height, &["-f", "lavfi", "-i", TONE])
}

/// Like [`portrait_clip`], with a spoken text instead of the tone.
///
/// # Panics
/// If ffmpeg or espeak-ng fails.
#[must_use]
pub fn spoken_portrait_clip(width: u32, height: u32, text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = folder.path().join("sound.wav");
    fs::write(&sound, spoken(text)).expect("a file in a folder of ours");
    portrait_clip_with(width, height, &["-i", &sound.display().to_string(), "-af", "apad"])
}

fn portrait_clip_with(width: u32, height: u32, sound: &[&str]) -> Vec<u8> {
    let (longer, bar) = (height, height / 10);
    let picture = format!(
        "testsrc2=size={width}x{height}:rate=24,\
         drawbox=w=iw:h={bar}:color={}:t=fill,drawbox=y={}:w=iw:h={bar}:color={}:t=fill,\
         fade=type=in:start_time=0.45:duration=0.1,transpose=dir=cclock",
        hex(ORANGE),
        longer - bar,
        hex(BLUE),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let (stored, turned) = (folder.path().join("stored.mov"), folder.path().join("turned.mov"));
    ffmpeg::run(&[&["-f", "lavfi", "-i", &picture], sound, &["-t", "7"]].concat(), &FAST, &stored);
    // Only a stream copy keeps the rotation; an encoder would turn the picture upright.
    let stored = stored.display().to_string();
    let place = format!("location={PLACE}");
    ffmpeg::run(&["-i", &stored], &["-c", "copy", "-metadata:s:v", "rotate=-90", "-metadata", &place], &turned);
    fs::read(turned).expect("ffmpeg wrote it")
}

/// Colour at the top of [`portrait_clip`].
pub const ORANGE: [u8; 3] = [0xff, 0x7a, 0x00];

/// Colour at the bottom of [`portrait_clip`].
pub const BLUE: [u8; 3] = [0x00, 0x60, 0xff];

/// A clip of 3 s without an audio stream.
///
/// # Panics
/// If ffmpeg fails.
#[must_use]
pub fn silent_clip() -> Vec<u8> {
    made("mp4", &["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "3"], &FAST)
}

/// An MP4 file of 3 s with audio only.
///
/// # Panics
/// If ffmpeg fails.
#[must_use]
pub fn sound_in_mp4() -> Vec<u8> {
    made("mp4", &["-f", "lavfi", "-i", TONE, "-t", "3"], &["-c:a", "aac"])
}

/// A FLAC file of 4 s, quiet (about -41 LUFS), with tags and a cover of 64 × 64 pixels.
///
/// # Panics
/// If ffmpeg fails.
#[must_use]
pub fn tagged_flac() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let cover = folder.path().join("cover.jpg");
    fs::write(&cover, jpeg(64, 64)).expect("a file in a folder of ours");
    let inputs = ["-f", "lavfi", "-i", TONE, "-i", &cover.display().to_string(), "-t", "4"];
    let tags = ["-metadata", "title=Low tide", "-metadata", "artist=Nobody"];
    let coding = ["-map", "0", "-map", "1", "-af", "volume=-20dB", "-c:v", "copy", "-disposition:v", "attached_pic"];
    made("flac", &inputs, &[&tags[..], &coding[..]].concat())
}

/// A text with words that a small model recognises well.
pub const SENTENCES: &str = "The little boat left the harbour in the morning. \
    Nobody had seen such weather since the end of the summer. \
    We waited for an hour and then walked home along the beach.";

/// A text read aloud, as WAV.
///
/// # Panics
/// If espeak-ng is missing or fails.
#[must_use]
pub fn spoken(text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("spoken.wav");
    let mut command = std::process::Command::new("espeak-ng");
    let status = command.args(["-v", "en-us", "-s", "140", "-w"]).arg(&file).arg(text).status();
    assert!(status.expect("espeak-ng is installed").success(), "espeak-ng fails");
    fs::read(file).expect("espeak-ng wrote it")
}

/// A clip with a spoken text.
///
/// # Panics
/// If ffmpeg or espeak-ng is missing or fails.
#[must_use]
pub fn spoken_clip(text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = folder.path().join("sound.wav");
    fs::write(&sound, spoken(text)).expect("a file in a folder of ours");
    let inputs =
        ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-i", &sound.display().to_string(), "-shortest"];
    made("mp4", &inputs, &FAST)
}

/// An MP4 file cut off before its index, which is at the end.
///
/// # Panics
/// If ffmpeg fails.
#[must_use]
pub fn truncated_clip() -> Vec<u8> {
    let mut file = silent_clip();
    file.truncate(file.len() / 2);
    file
}

/// A FLAC file that ends after its first bytes.
#[must_use]
pub fn empty_flac() -> Vec<u8> {
    let mut file = b"fLaC\x80\0\0\x22".to_vec();
    file.resize(64, 0);
    file
}

/// A tone of 1 kHz, 18 dB below full scale.
const TONE: &str = "sine=frequency=1000:sample_rate=48000";

/// Prefers speed to size, since the files are temporary.
const FAST: [&str; 8] = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];

fn made(extension: &str, inputs: &[&str], coding: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("made").with_extension(extension);
    ffmpeg::run(inputs, coding, &file);
    fs::read(file).expect("ffmpeg wrote it")
}

/// A colour in ffmpeg's notation.
fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("0x{red:02x}{green:02x}{blue:02x}")
}
