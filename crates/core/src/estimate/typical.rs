//! Typical files of a kind and size: short or small, usual, and long or large.

use super::{
    AudioStream, Colours, DynamicRange, FrameRate, MediaKind, Probe, Range, Rotation, Size, Subject, Surveyed, Tags,
    VideoStream,
};
use crate::{
    av::{Outline, Presence},
    formats,
    image::ImageLimits,
};

/// Bit rates of video, in bits per second. The highest rate makes the shortest video, so it is `low`.
const VIDEO_RATE: Range<u64> = Range { low: 40_000_000, expected: 8_000_000, high: 1_000_000 };
/// Bit rates of compressed audio, then of uncompressed audio, in bits per second.
const SOUND_RATE: Range<u64> = Range { low: 320_000, expected: 128_000, high: 32_000 };
const PCM_RATE: Range<u64> = Range { low: 4_608_000, expected: 1_411_200, high: 256_000 };

/// Bits per pixel, in percent, above which a video of 30 frames per second probably has 60. Phones use about 27.
const FAST_PERCENT: u64 = 36;

/// Typical files of this media type and size. `None` if the type is unknown.
pub(super) fn subjects(media_type: &str, bytes: u64) -> Option<Range<Subject>> {
    let claim = formats::of_media_type(media_type)?;
    Some(match claim.kind {
        MediaKind::Image => pixels_a_kib(media_type).map(|a_kib| {
            let pixels = (bytes.saturating_mul(a_kib) / 1024).clamp(1, ImageLimits::default().max_pixels);
            Subject::Image { pixels }
        }),
        MediaKind::Video => VIDEO_RATE.map(|rate| Subject::Av(Box::new(probe(true, bytes, rate)))),
        MediaKind::Audio => {
            let rate = if is_plain(media_type) { PCM_RATE } else { SOUND_RATE };
            rate.map(|rate| Subject::Av(Box::new(probe(false, bytes, rate))))
        }
    })
}

/// The file that these headers describe; what they don't state is typical of the size, and the duration the longest.
/// `None` if the type is unknown.
pub(super) fn described(kind: MediaKind, media_type: &str, outline: &Outline, bytes: u64) -> Option<Subject> {
    let moving = match kind {
        MediaKind::Image => return subjects(media_type, bytes).map(|typical| typical.expected),
        MediaKind::Video => true,
        MediaKind::Audio => false,
    };
    let slowest = match (moving, is_plain(media_type)) {
        (true, _) => VIDEO_RATE.high,
        (false, true) => PCM_RATE.high,
        (false, false) => SOUND_RATE.high,
    };
    let rate = match outline.duration_ms {
        Some(duration_ms) => u128::from(bytes) * 8000 / u128::from(duration_ms.max(1)),
        None => u128::from(slowest),
    };
    let rate = u64::try_from(rate).unwrap_or(u64::MAX).max(1);
    let mut probe = probe(moving, bytes, rate);
    probe.duration_ms = outline.duration_ms.unwrap_or(probe.duration_ms);
    if let (Some(video), Some(size)) = (&mut probe.video, outline.size) {
        (video.coded, video.displayed) = (size, size);
    }
    if let Some(video) = &mut probe.video
        && rate > video.coded.pixels().saturating_mul(30) / 100 * FAST_PERCENT
    {
        video.frame_rate = FrameRate::new(60, 1).expect("both are positive");
    }
    if outline.sound == Presence::Absent {
        probe.audio.clear();
    }
    Some(Subject::Av(Box::new(probe)))
}

/// Pixels per KiB of an image file.
fn pixels_a_kib(media_type: &str) -> Range<u64> {
    match media_type {
        "image/heic" | "image/heif" | "image/avif" | "image/webp" | "image/jxl" => {
            Range { low: 1500, expected: 7000, high: 25_000 }
        }
        "image/jpeg" => Range { low: 800, expected: 3000, high: 12_000 },
        // Screenshots compress well, photos do not; other formats compress hardly or not at all.
        "image/png" | "image/gif" => Range { low: 300, expected: 900, high: 20_000 },
        _ => Range { low: 120, expected: 400, high: 1500 },
    }
}

/// Returns whether an audio format is uncompressed or lossless.
fn is_plain(media_type: &str) -> bool {
    ["wav", "wave", "aiff", "flac", "alac", "pcm"].iter().any(|name| media_type.contains(name))
}

/// A recording as most phones make it, at this bit rate.
fn probe(moving: bool, bytes: u64, bit_rate: u64) -> Probe {
    let duration_ms = (u128::from(bytes) * 8000 / u128::from(bit_rate)).clamp(1, u128::from(u64::MAX / 1_000_000));
    let size = Size { width: 1920, height: 1080 };
    let video = moving.then(|| VideoStream {
        index: 0,
        codec: "h264".to_owned(),
        coded: size,
        displayed: size,
        mirrored: false,
        rotation: Rotation::None,
        frame_rate: FrameRate::new(30, 1).expect("both are positive"),
        variable_frame_rate: false,
        timed: false,
        interlaced: false,
        bit_depth: 8,
        colours: Colours::default(),
        dynamic_range: DynamicRange::Sdr,
        changes_shape: false,
        transparent: false,
        duration_ms: None,
        end_ms: None,
    });
    let sound = AudioStream {
        index: 1,
        codec: "aac".to_owned(),
        channels: 2,
        layout: "stereo".to_owned(),
        sample_rate_hz: 48_000,
        language: None,
        default: true,
        duration_ms: None,
    };
    Probe {
        container: "mov".to_owned(),
        duration_ms: u64::try_from(duration_ms).unwrap_or(u64::MAX),
        delay_us: 0,
        claimed_ms: None,
        cut_off: false,
        surveyed: Surveyed::default(),
        bit_rate,
        streams: if moving { 2 } else { 1 },
        video,
        audio: vec![sound],
        cover_stream: None,
        chapters: Vec::new(),
        tags: Tags::default(),
    }
}
