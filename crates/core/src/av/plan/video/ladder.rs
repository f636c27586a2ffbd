//! The rungs of a video.

use super::even;
use crate::{
    av::{
        Av1Profile, AvProfile, FrameRate, RungProfile,
        plan::{Rung, VideoEncoding},
    },
    image::Size,
};

/// The encodings of one picture, the largest first.
pub(super) struct Rungs {
    pub(super) h264: Vec<Rung>,
    pub(super) av1: Vec<Rung>,
}

/// Longest edge that every H.264 hardware decoder accepts (level 4 and above); wider panoramas are scaled down.
const MAX_LONG_EDGE: u32 = 4096;

/// Smallest ratio of a source's short edge to that of the next rung. A closer rung is useless: players switch where
/// rates differ by half or more (Apple's HLS Authoring Specification), and pixels grow with the square.
const NEAREST: f64 = 1.25;

/// Shortest edge that SVT-AV1 encodes.
const MIN_AV1_EDGE: u32 = 64;

/// Plans the rungs of a picture.
///
/// Nothing is enlarged. A source below the top of the ladder gets a rung at its own size, so that no detail is lost,
/// and rungs too close to it are left out: there are never more rungs than in the profile.
pub(super) fn of(displayed: Size, rate: FrameRate, profile: &AvProfile) -> Rungs {
    let source = even(displayed.fitted(displayed.long_edge().min(MAX_LONG_EDGE)));
    let chosen = rungs(source, profile.ladder.rungs());
    let h264 = chosen.iter().map(|&(size, rung)| h264(size, rung, rate, profile)).collect();
    let av1 = profile.av1.map_or_else(Vec::new, |settings| {
        let large = chosen.iter().filter(|(size, _)| short_edge(*size) >= MIN_AV1_EDGE);
        large.map(|&(size, rung)| av1(size, rung, rate, settings)).collect()
    });
    Rungs { h264, av1 }
}

/// The sizes to encode, each with the profile's rung that has its settings.
fn rungs(source: Size, ladder: &[RungProfile]) -> Vec<(Size, RungProfile)> {
    let edge = short_edge(source);
    let own = ladder.iter().rev().find(|rung| rung.short_edge.get() >= edge).map(|&rung| (source, rung));
    let far_enough = |rung: &&RungProfile| match own {
        Some(_) => f64::from(rung.short_edge.get()) * NEAREST <= f64::from(edge),
        None => rung.short_edge.get() <= edge,
    };
    let below = ladder.iter().filter(far_enough).map(|&rung| (scaled(source, rung.short_edge.get()), rung));
    own.into_iter().chain(below).collect()
}

fn short_edge(size: Size) -> u32 {
    size.width.min(size.height)
}

/// Scales a size to a short edge of `edge`, which is even and not above the current one; the long edge is rounded to
/// the nearest even number.
fn scaled(size: Size, edge: u32) -> Size {
    let short = u64::from(short_edge(size));
    let scale = |length: u32| {
        let halves = (u64::from(length) * u64::from(edge) + short) / (2 * short);
        u32::try_from(halves * 2).unwrap_or(u32::MAX).min(length)
    };
    Size { width: scale(size.width), height: scale(size.height) }
}

fn h264(size: Size, rung: RungProfile, rate: FrameRate, profile: &AvProfile) -> Rung {
    let max_bit_rate = max_bit_rate(size, rung, rate);
    Rung {
        name: format!("video-{}p", short_edge(size)),
        size,
        encoding: VideoEncoding::H264 {
            preset: profile.h264.preset,
            crf: rung.crf.get(),
            level: h264_level(size, rate, max_bit_rate),
        },
        max_bit_rate,
        buffer_bits: buffer_bits(max_bit_rate),
    }
}

fn av1(size: Size, rung: RungProfile, rate: FrameRate, settings: Av1Profile) -> Rung {
    // AV1 matches the quality of H.264 at about two thirds of its rate.
    let max_bit_rate = max_bit_rate(size, rung, rate) * 2 / 3;
    Rung {
        name: format!("video-av1-{}p", short_edge(size)),
        size,
        encoding: VideoEncoding::Av1 { preset: settings.preset.get(), crf: settings.crf.get() },
        max_bit_rate,
        buffer_bits: buffer_bits(max_bit_rate),
    }
}

/// One and a half seconds at the highest rate.
const fn buffer_bits(max_bit_rate: u64) -> u64 {
    max_bit_rate * 3 / 2
}

/// Scales the profile's rate, meant for 16:9 at up to 30 frames per second, to this picture: by its pixels to the power
/// of 0.75, and times 1.5 for higher frame rates.
fn max_bit_rate(size: Size, rung: RungProfile, rate: FrameRate) -> u64 {
    let edge = f64::from(rung.short_edge.get());
    let meant = edge * edge * 16.0 / 9.0;
    #[expect(clippy::cast_precision_loss, reason = "no picture has 2⁵³ pixels")]
    let share = (size.pixels() as f64 / meant).powf(0.75);
    let motion = if rate.per_second() > 30.5 { 1.5 } else { 1.0 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and far below 2⁵³ since a picture has at most 4096 × 4096 pixels"
    )]
    let tens_of_kbps = (f64::from(rung.max_kbps.get()) * share * motion / 10.0).round() as u64;
    tens_of_kbps.max(5) * 10_000
}

/// A row of Table A-1 of ITU-T H.264.
struct Level {
    /// `level_idc`.
    idc: u8,
    /// Most macroblocks per second.
    max_rate: u64,
    /// Most macroblocks per frame.
    max_frame: u64,
    /// Most bits per second in High profile (the table's value × 1250).
    max_bit_rate: u64,
}

const fn level(idc: u8, max_rate: u64, max_frame: u64, max_kbps: u64) -> Level {
    Level { idc, max_rate, max_frame, max_bit_rate: max_kbps * 1250 }
}

/// Starts at level 3, which every decoder in use supports.
const LEVELS: [Level; 9] = [
    level(30, 40_500, 1620, 10_000),
    level(31, 108_000, 3600, 14_000),
    level(32, 216_000, 5120, 20_000),
    level(40, 245_760, 8192, 20_000),
    level(41, 245_760, 8192, 50_000),
    level(42, 522_240, 8704, 50_000),
    level(50, 589_824, 22_080, 135_000),
    level(51, 983_040, 36_864, 240_000),
    level(52, 2_073_600, 36_864, 240_000),
];

/// The lowest level that allows a stream; the highest one if none does.
fn h264_level(size: Size, rate: FrameRate, max_bit_rate: u64) -> u8 {
    let columns = u64::from(size.width.div_ceil(16));
    let rows = u64::from(size.height.div_ceil(16));
    let frame = columns * rows;
    let a_second = (frame * u64::from(rate.numerator())).div_ceil(u64::from(rate.denominator()));
    let allows = |level: &&Level| {
        let longest = columns.max(rows);
        frame <= level.max_frame
            // A.3.1: neither edge may exceed the square root of eight times the frame's macroblocks.
            && longest * longest <= 8 * level.max_frame
            && a_second <= level.max_rate
            && max_bit_rate <= level.max_bit_rate
    };
    LEVELS.iter().find(allows).map_or(52, |level| level.idc)
}
