//! Progress of one file: steps of known weight, and ffmpeg's reports on the current one.

/// Weighted steps and the progress of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    weights: Vec<u64>,
    /// Thousandths of each step.
    done: Vec<u64>,
}

/// Thousandths in a whole step.
const WHOLE: u64 = 1000;

impl Steps {
    /// Steps by their weights, in any unit.
    #[must_use]
    pub fn new(weights: &[u32]) -> Self {
        Self { weights: weights.iter().copied().map(u64::from).collect(), done: vec![0; weights.len()] }
    }

    /// Records that `done` of `whole` of a step is done, and returns the new [`Self::percent`]. A step never goes back;
    /// an unknown step is ignored.
    pub fn reach(&mut self, step: usize, done: u64, whole: u64) -> u8 {
        let share = done.min(whole).saturating_mul(WHOLE).checked_div(whole).unwrap_or(0);
        if let Some(reached) = self.done.get_mut(step) {
            *reached = share.max(*reached);
        }
        self.percent()
    }

    /// Marks a step as complete, and returns the new [`Self::percent`].
    pub fn complete(&mut self, step: usize) -> u8 {
        self.reach(step, 1, 1)
    }

    /// Total progress, 0 to 100; 100 only once every step with a weight is complete.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let whole: u64 = self.weights.iter().map(|weight| weight * WHOLE).sum();
        let done: u64 = self.weights.iter().zip(&self.done).map(|(weight, done)| weight * done).sum();
        let percent = (u128::from(done) * 100).checked_div(u128::from(whole)).unwrap_or(0);
        u8::try_from(percent).unwrap_or(100)
    }
}

/// Milliseconds written so far, if this line of `ffmpeg -progress` states them; most lines don't. (`out_time_ms` is in
/// microseconds too, and is not needed.)
#[must_use]
pub fn written_ms(line: &str) -> Option<u64> {
    // Negative before the first frame, N/A before that.
    let us: i64 = line.trim().strip_prefix("out_time_us=")?.parse().ok()?;
    Some(us.max(0).unsigned_abs() / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_count_by_their_weights() {
        let mut steps = Steps::new(&[1, 8, 1]);
        assert_eq!(steps.percent(), 0);
        assert_eq!(steps.complete(0), 10);
        assert_eq!(steps.reach(1, 1, 2), 50);
        assert_eq!(steps.reach(1, 1, 4), 50, "it never goes back");
        assert_eq!(steps.reach(1, 9, 4), 90);
        assert_eq!(steps.reach(2, 999, 1000), 99);
        assert_eq!(steps.complete(2), 100);
        assert_eq!(steps.complete(3), 100);
    }

    #[test]
    fn progress_without_steps_or_measure_is_zero() {
        assert_eq!(Steps::new(&[]).complete(0), 0);
        assert_eq!(Steps::new(&[1]).reach(0, 5, 0), 0);
    }

    #[test]
    fn ffmpegs_lines_are_read() {
        assert_eq!(written_ms("out_time_us=1500000\n"), Some(1500));
        assert_eq!(written_ms("out_time_us=-40000"), Some(0));
        assert_eq!(written_ms("out_time_us=-9223372036854775808"), Some(0));
        for line in ["progress=continue", "progress=end", "out_time_us=N/A", "speed= 853x", "", "=", "frame=1"] {
            assert_eq!(written_ms(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn percent_only_grows_up_to_100(
            weights in prop::collection::vec(any::<u32>(), 0..8),
            moves in prop::collection::vec((0usize..9, any::<u64>(), any::<u64>()), 0..50),
        ) {
            let mut steps = Steps::new(&weights);
            let mut before = 0;
            for (step, done, whole) in moves {
                let percent = steps.reach(step, done, whole);
                prop_assert!((before..=100).contains(&percent));
                before = percent;
            }
            (0..weights.len()).for_each(|step| { steps.complete(step); });
            prop_assert_eq!(steps.percent(), if weights.iter().any(|&weight| weight > 0) { 100 } else { 0 });
        }
    }
}
