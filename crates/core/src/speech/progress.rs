//! Progress of a transcription, and an estimate of the remaining time. Elapsed time is a parameter.

/// Transcribed duration compared with the time that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "they end with their unit")]
pub struct Course {
    /// Duration of the recording in milliseconds.
    whole_ms: u64,
    /// Milliseconds transcribed so far.
    done_ms: u64,
    /// Milliseconds transcribed by an earlier run, which are left out of this run's speed.
    resumed_ms: u64,
}

impl Course {
    /// A recording of `whole_ms`, of which an earlier run transcribed `resumed_ms`.
    #[must_use]
    pub fn new(whole_ms: u64, resumed_ms: u64) -> Self {
        let resumed_ms = resumed_ms.min(whole_ms);
        Self { whole_ms, done_ms: resumed_ms, resumed_ms }
    }

    /// Records that the recording is done up to a moment, including silence, and returns [`Self::percent`]. It never
    /// goes back.
    pub fn reach(&mut self, done_ms: u64) -> u8 {
        self.done_ms = done_ms.min(self.whole_ms).max(self.done_ms);
        self.percent()
    }

    /// Percent done, from 0 to 100; 100 only once all is done.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let percent = (u128::from(self.done_ms) * 100).checked_div(u128::from(self.whole_ms)).unwrap_or(100);
        u8::try_from(percent).unwrap_or(100)
    }

    /// Remaining milliseconds at this run's speed, given its elapsed time. `None` until enough is done for an estimate:
    /// the first region also waits for the model to load.
    #[must_use]
    pub fn remaining_ms(&self, elapsed_ms: u64) -> Option<u64> {
        /// Sound to process before the speed is reliable, in milliseconds.
        const ENOUGH_MS: u64 = 10_000;
        let left_ms = self.whole_ms - self.done_ms;
        if left_ms == 0 {
            return Some(0);
        }
        let run_ms = self.done_ms - self.resumed_ms;
        if run_ms < ENOUGH_MS {
            return None;
        }
        let remaining = u128::from(left_ms) * u128::from(elapsed_ms) / u128::from(run_ms);
        Some(u64::try_from(remaining).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_remaining_time_follows_from_the_speed_so_far() {
        let mut course = Course::new(100_000, 0);
        assert_eq!(course.remaining_ms(500), None);
        assert_eq!(course.reach(20_000), 20);
        assert_eq!(course.remaining_ms(1000), Some(4000));
        assert_eq!(course.reach(100_000), 100);
        assert_eq!(course.remaining_ms(9000), Some(0));
    }

    #[test]
    fn an_earlier_run_does_not_count_towards_the_speed() {
        let mut course = Course::new(100_000, 60_000);
        assert_eq!((course.percent(), course.remaining_ms(100)), (60, None));
        course.reach(80_000);
        assert_eq!(course.remaining_ms(1000), Some(1000));
    }

    #[test]
    fn an_empty_recording_is_done() {
        let course = Course::new(0, 5);
        assert_eq!((course.percent(), course.remaining_ms(0)), (100, Some(0)));
    }

    proptest! {
        #[test]
        fn progress_only_grows_and_is_100_only_at_the_end(
            whole_ms in 1u64.., resumed_ms in any::<u64>(), elapsed_ms in any::<u64>(),
            reached in prop::collection::vec(any::<u64>(), 0..20),
        ) {
            let mut course = Course::new(whole_ms, resumed_ms);
            let mut before = course.percent();
            for done_ms in reached {
                let percent = course.reach(done_ms);
                prop_assert!((before..=100).contains(&percent));
                let _ = course.remaining_ms(elapsed_ms);
                before = percent;
            }
            prop_assert_eq!(course.percent() == 100, course.done_ms == whole_ms);
            prop_assert_eq!(course.reach(u64::MAX), 100);
        }
    }
}
