//! The frame rate of the rungs.

use crate::av::{FrameRate, Pace, VideoStream};

/// Rates that phones, screens and browsers mean where they leave frames out, ascending.
const MEANT: [(u32, u32); 2] = [(30, 1), (60, 1)];

/// Slower sources are repeated up to this rate, so that a player that begins somewhere shows something soon.
const MIN_FRAMES_A_SECOND: f64 = 1.0;

/// The constant rate that a source is brought to: its own where that is constant and not above
/// `max`, else a whole fraction of it (every second frame, every third …), else, where it varies,
/// the one that was meant; of a slow one steps so short that each frame is shown at its time.
pub(super) fn of(video: &VideoStream, max: u32) -> FrameRate {
    let rate = video.frame_rate.per_second();
    let divided = rate / (rate / f64::from(max) - FrameRate::TOLERANCE).ceil().max(1.0);
    let multiplied = divided * (MIN_FRAMES_A_SECOND / divided).ceil().max(1.0);
    let most = FrameRate::new(max, 1).ok();
    let most = || most.filter(|_| Pace::is_slow(video.frame_rate));
    let meant = || {
        let meant = video.variable_frame_rate.then(|| meant(multiplied)).flatten()?;
        if meant.per_second() <= f64::from(max) { Some(meant) } else { most() }
    };
    match thousandths(multiplied).standard().or_else(meant) {
        Some(rate) if rate.per_second() <= f64::from(max) => rate,
        Some(_) | None => thousandths(multiplied),
    }
}

/// The rate of which some frames are missing. Repeated ones cost next to nothing; dropped ones are seen.
fn meant(rate: f64) -> Option<FrameRate> {
    rates(&MEANT).find(|meant| meant.per_second() >= rate * 0.99)
}

fn rates(fractions: &[(u32, u32)]) -> impl Iterator<Item = FrameRate> {
    fractions.iter().filter_map(|&(frames, seconds)| FrameRate::new(frames, seconds).ok())
}

/// A rate as a fraction of a thousand: small numbers, wherever it was measured.
fn thousandths(rate: f64) -> FrameRate {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates lie between 1 and a profile's 120 frames a second"
    )]
    let frames = (rate * 1000.0).round() as u32;
    FrameRate::new(frames.max(1), 1000).expect("both are positive")
}
