//! Measures a frame rate from packet times, if the container does not state a usable one.

use crate::av::facts::{FrameRate, VideoStream};

/// Rates above this are measured, in frames per second: few cameras exceed it, and clock values mistaken for rates
/// (1000/1, 15360/1, 90000/1) all do.
const BELIEVED: f64 = 120.5;

/// Varying rates above this are measured too. A container that counts milliseconds states 30 frames per second as 60/1.
const BELIEVED_VARYING: f64 = 50.5;

/// Largest difference between two gaps at a constant rate, in seconds: one tick of a millisecond clock on each side.
const TICK: f64 = 0.0021;

/// Frame rate measured from a video's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Frames per second, without pauses.
    pub rate: FrameRate,
    /// True if some frames last longer than others.
    pub varies: bool,
}

impl Timing {
    /// Returns whether the rate that a container states must be measured.
    #[must_use]
    pub fn is_doubtful(video: &VideoStream) -> bool {
        let rate = video.frame_rate.per_second();
        rate > BELIEVED || (video.variable_frame_rate && rate > BELIEVED_VARYING)
    }

    /// Measures presentation times in seconds, in any order. `None` if there are fewer than two different times.
    #[must_use]
    pub fn of(mut times_s: Vec<f64>) -> Option<Self> {
        times_s.retain(|time| time.is_finite());
        times_s.sort_by(f64::total_cmp);
        let gaps = times_s.array_windows().map(|[one, next]| next - one);
        let mut gaps: Vec<f64> = gaps.filter(|&gap| gap > 0.000_001).collect();
        gaps.sort_by(f64::total_cmp);
        let median = *gaps.get(gaps.len() / 2)?;
        // Ignores pauses and fields with separate times; the mean evens out the clock's rounding.
        let usual: Vec<f64> = gaps.iter().copied().filter(|gap| (0.5..=1.5).contains(&(gap / median))).collect();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred gaps")]
        let rate = usual.len() as f64 / usual.iter().sum::<f64>();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float's conversion saturates")]
        let thousandths = (rate * 1000.0).round() as u32;
        let varies = gaps.iter().any(|gap| (gap - median).abs() > TICK);
        Some(Self { rate: FrameRate::new(thousandths.max(1), 1000).ok()?, varies })
    }
}

#[cfg(test)]
mod tests {
    use super::Timing;

    fn measured(times_ms: impl IntoIterator<Item = u32>) -> Option<(f64, bool)> {
        let times = times_ms.into_iter().map(|ms| f64::from(ms) / 1000.0).collect();
        Timing::of(times).map(|timing| (timing.rate.per_second(), timing.varies))
    }

    #[test]
    fn rounding_of_a_millisecond_clock_is_evened_out() {
        let (rate, varies) = measured((0..300).map(|frame| frame * 1001 / 30)).expect("a rate");
        assert!((rate - 29.97).abs() < 0.02 && !varies, "{rate}");
    }

    #[test]
    fn order_and_pauses_do_not_change_the_rate() {
        let times = (0..100).rev().map(|frame| frame * 40 + if frame > 50 { 7_200_000 } else { 0 });
        assert_eq!(measured(times), Some((25.0, true)));
    }

    #[test]
    fn one_frame_has_no_rate() {
        assert_eq!(measured([]), None);
        assert_eq!(measured([40]), None);
        assert_eq!(measured([40, 40]), None);
    }

    #[test]
    fn a_slow_rate_is_measured_exactly() {
        assert_eq!(measured((0..10).map(|frame| frame * 2000)), Some((0.5, false)));
    }
}
