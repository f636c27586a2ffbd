//! What packets' own times say of a frame rate, where a container's clock says nothing of it.

use crate::av::facts::{FrameRate, VideoStream};

/// Rates above this are measured before they are believed, in frames a second: few cameras have more, and clocks that
/// are no rates (1000/1, 15360/1, 90000/1) are all above.
const BELIEVED: f64 = 120.5;

/// Varying rates above this are measured too. A container that counts milliseconds calls 30 frames in a second 60/1.
const BELIEVED_VARYING: f64 = 50.5;

/// How far two gaps may differ where the rate is constant, in seconds: one tick of a clock of milliseconds to each side.
const TICK: f64 = 0.0021;

/// What a video's packets say of its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Frames a second in the stretches without pauses.
    pub rate: FrameRate,
    /// Whether some frames last longer than others.
    pub varies: bool,
}

impl Timing {
    /// Whether the rate that a container gives has to be measured.
    #[must_use]
    pub fn is_doubtful(video: &VideoStream) -> bool {
        let rate = video.frame_rate.per_second();
        rate > BELIEVED || (video.variable_frame_rate && rate > BELIEVED_VARYING)
    }

    /// From presentation times in seconds, in any order. `None` where there are fewer than two different times.
    #[must_use]
    pub fn of(mut times_s: Vec<f64>) -> Option<Self> {
        times_s.retain(|time| time.is_finite());
        times_s.sort_by(f64::total_cmp);
        let gaps = times_s.array_windows().map(|[one, next]| next - one);
        let mut gaps: Vec<f64> = gaps.filter(|&gap| gap > 0.000_001).collect();
        gaps.sort_by(f64::total_cmp);
        let median = *gaps.get(gaps.len() / 2)?;
        // A pause, or two fields told apart, is no frame; the mean evens out a clock's rounding.
        let usual: Vec<f64> = gaps.iter().copied().filter(|gap| (0.5..=1.5).contains(&(gap / median))).collect();
        #[expect(clippy::cast_precision_loss, reason = "some hundred gaps")]
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
    fn a_clock_of_milliseconds_is_seen_through() {
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
    fn frames_of_a_slow_screen_keep_their_pace() {
        assert_eq!(measured((0..10).map(|frame| frame * 2000)), Some((0.5, false)));
    }
}
