//! Chooses the frame rate of the rungs.

use crate::av::{FrameRate, Pace, VideoStream};

/// Nominal rates of phones, screens and browsers, which drop frames; ascending.
const NOMINAL: [(u32, u32); 2] = [(30, 1), (60, 1)];

/// Frames of slower sources are repeated up to this rate, so that a player that starts anywhere soon shows a picture.
const MIN_FRAMES_A_SECOND: f64 = 1.0;

/// The constant output rate: the source's own if it is constant and not above `max`, else a whole fraction of it (every
/// second frame, every third …). For a variable rate it is the nominal one. If that is above `max`, a slow source gets
/// `max`: its steps are short enough to show each frame close to its time.
pub(super) fn of(video: &VideoStream, max: u32) -> FrameRate {
    let rate = video.frame_rate.per_second();
    let divisor = whole(rate / f64::from(max) - FrameRate::TOLERANCE);
    let factor = whole(MIN_FRAMES_A_SECOND * f64::from(divisor) / rate);
    let own = exactly(video.frame_rate, factor, divisor);
    let most = FrameRate::new(max, 1).ok();
    let most = || most.filter(|_| Pace::is_slow(video.frame_rate));
    let nominal = || {
        let nominal = video.variable_frame_rate.then(|| nominal(own.per_second())).flatten()?;
        if nominal.per_second() <= f64::from(max) { Some(nominal) } else { most() }
    };
    match own.standard().or_else(nominal) {
        Some(rate) if rate.per_second() <= f64::from(max) => rate,
        Some(_) | None => own,
    }
}

/// The nominal rate of a source that drops frames. Repeated frames cost almost nothing; dropped ones are visible.
fn nominal(rate: f64) -> Option<FrameRate> {
    rates(&NOMINAL).find(|nominal| nominal.per_second() >= rate * 0.99)
}

fn rates(fractions: &[(u32, u32)]) -> impl Iterator<Item = FrameRate> {
    fractions.iter().filter_map(|&(frames, seconds)| FrameRate::new(frames, seconds).ok())
}

/// Rounds a positive number up to a whole one, at least 1.
fn whole(number: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float's conversion saturates")]
    let whole = number.ceil() as u32;
    whole.max(1)
}

/// Multiplies and divides a rate by whole numbers: exactly if the result is a fraction of small numbers, such as 25/3,
/// else to the nearest such fraction. (A measured rate may have terms in the billions, which encoders reject as a time
/// base.)
fn exactly(rate: FrameRate, factor: u32, divisor: u32) -> FrameRate {
    const MOST: u64 = 240_000;
    let mut rest =
        (u64::from(rate.numerator()) * u64::from(factor), u64::from(rate.denominator()) * u64::from(divisor));
    // Convergents of the continued fraction: each is the closest fraction with terms of its size.
    let (mut before, mut best): ((u64, u64), (u64, u64)) = ((0, 1), (1, 0));
    while rest.1 > 0 {
        let term = rest.0 / rest.1;
        let next = (
            best.0.saturating_mul(term).saturating_add(before.0),
            best.1.saturating_mul(term).saturating_add(before.1),
        );
        if next.0 > MOST || next.1 > MOST {
            break;
        }
        (before, best, rest) = (best, next, (rest.1, rest.0 % rest.1));
    }
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    FrameRate::new(small(best.0), small(best.1)).unwrap_or(rate)
}
