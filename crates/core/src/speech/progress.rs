//! How far a recording is heard, and how long the rest will take. Time is handed in.

/// Seconds of sound that are done, against the time that they took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "they end with their unit")]
pub struct Course {
    /// Milliseconds of sound in all.
    whole_ms: u64,
    /// Milliseconds of sound that are done.
    done_ms: u64,
    /// Milliseconds of sound that were done before this run, which has not spent its time on them.
    resumed_ms: u64,
}

impl Course {
    /// A recording of so many milliseconds, of which an earlier run has done some.
    #[must_use]
    pub fn new(whole_ms: u64, resumed_ms: u64) -> Self {
        let resumed_ms = resumed_ms.min(whole_ms);
        Self { whole_ms, done_ms: resumed_ms, resumed_ms }
    }

    /// Says that the recording is done up to a moment, silence included, and returns [`Self::percent`]. It
    /// never goes back.
    pub fn reach(&mut self, done_ms: u64) -> u8 {
        self.done_ms = done_ms.min(self.whole_ms).max(self.done_ms);
        self.percent()
    }

    /// From 0 to 100, and 100 only when all is done.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let percent = (u128::from(self.done_ms) * 100).checked_div(u128::from(self.whole_ms)).unwrap_or(100);
        u8::try_from(percent).unwrap_or(100)
    }

    /// Milliseconds that the rest takes at the speed of this run so far, which has taken `elapsed_ms`. None
    /// before enough is done to tell: the first region also waits for the model to be loaded.
    #[must_use]
    pub fn remaining_ms(&self, elapsed_ms: u64) -> Option<u64> {
        /// What must be done before a speed is believed, in milliseconds of sound.
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
    fn the_rest_takes_as_long_as_so_much_took_before() {
        let mut course = Course::new(100_000, 0);
        assert_eq!(course.remaining_ms(500), None);
        assert_eq!(course.reach(20_000), 20);
        assert_eq!(course.remaining_ms(1000), Some(4000));
        assert_eq!(course.reach(100_000), 100);
        assert_eq!(course.remaining_ms(9000), Some(0));
    }

    #[test]
    fn what_another_run_has_done_says_nothing_of_the_speed_of_this_one() {
        let mut course = Course::new(100_000, 60_000);
        assert_eq!((course.percent(), course.remaining_ms(100)), (60, None));
        course.reach(80_000);
        assert_eq!(course.remaining_ms(1000), Some(1000));
    }

    #[test]
    fn nothing_to_hear_is_done() {
        let course = Course::new(0, 5);
        assert_eq!((course.percent(), course.remaining_ms(0)), (100, Some(0)));
    }

    proptest! {
        #[test]
        fn progress_only_grows_and_is_whole_at_the_end_alone(
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
