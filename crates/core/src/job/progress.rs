//! How far a job is: the steps of an attempt, and what each is worth of the whole.

use crate::{execution::Branch, pipeline::Pipeline, stage::Stage, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The steps of one attempt, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The source comes to the worker.
    Fetch,
    /// The work itself.
    Make,
    /// What has not been stored meanwhile is stored.
    Store,
}

impl Step {
    /// The span of its attempt, in percent, that this step covers.
    const fn span(self) -> (u8, u8) {
        match self {
            Self::Fetch => (0, 5),
            Self::Make => (5, 92),
            Self::Store => (92, 100),
        }
    }

    /// How much of its attempt is done, in percent, at `percent` (0 to 100; more counts as 100) of this step.
    #[must_use]
    pub fn of_attempt(self, percent: u8) -> u8 {
        within(self.span(), percent)
    }
}

/// How far one worker is, as it was last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Of this worker's own work, 0 to 100.
    pub percent: u8,
    /// When it will have made everything, by the speed that it has had so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// That a worker got further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// The stage that it works in.
    pub stage: Stage,
    /// Which worker it is.
    pub pipeline: Pipeline,
    /// The branch that it is a part of, and with it the number of workers that share the job.
    pub branch: Branch,
    /// How far it is.
    pub share: Share,
}

/// When work that began at `began` and is at `percent` now ends if it goes on at the same speed. None as long
/// as nothing can be said: too little is done, or too little time has gone by.
#[must_use]
pub fn expected_end(began: Timestamp, now: Timestamp, percent: u8) -> Option<Timestamp> {
    const LEAST_MS: i64 = 2000;
    const LEAST_PERCENT: u8 = 3;
    let elapsed_ms = now.unix_ms().checked_sub(began.unix_ms())?;
    if elapsed_ms < LEAST_MS || percent < LEAST_PERCENT {
        return None;
    }
    let left = i64::from(100 - percent.min(100));
    let remaining_ms = elapsed_ms.checked_mul(left)? / i64::from(percent);
    Timestamp::from_unix_ms(now.unix_ms().checked_add(remaining_ms)?).ok()
}

/// `percent` (more than 100 counts as 100) of the way through a span.
fn within((from, to): (u8, u8), percent: u8) -> u8 {
    let share = u16::from(to - from) * u16::from(percent.min(100)) / 100;
    from + u8::try_from(share).expect("a share of at most 100 fits")
}

/// How far a running job is. Never moves back, also where an attempt is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Progress {
    /// Of the whole job, 0 to 99: 100 is a completed job.
    percent: u8,
    /// The furthest stage reached.
    stage: Stage,
}

impl Progress {
    /// Progress at `percent_of_stage` (0 to 100; more counts as 100) of a stage.
    #[must_use]
    pub fn at(stage: Stage, percent_of_stage: u8) -> Self {
        Self::restored(stage, within(stage.span(), percent_of_stage))
    }

    /// Progress where the workers of a branch have done these shares. Each counts as much as any other: which
    /// takes longer, nobody knows before.
    pub(super) fn of_workers(stage: Stage, branch: Branch, shares: &BTreeMap<Pipeline, Share>) -> Self {
        let workers = branch.pipelines();
        let done = |pipeline| shares.get(pipeline).map_or(0, |share: &Share| usize::from(share.percent.min(100)));
        let mean = workers.iter().map(done).sum::<usize>() / workers.len();
        Self::at(stage, u8::try_from(mean).unwrap_or(100))
    }

    /// The further of both, in percent and in stage.
    pub(super) fn furthest(self, other: Self) -> Self {
        Self { percent: self.percent.max(other.percent), stage: self.stage.max(other.stage) }
    }

    /// Progress as a record has it.
    pub(super) fn restored(stage: Stage, percent: u8) -> Self {
        Self { percent: percent.min(99), stage }
    }

    /// Of the whole job, 0 to 99.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.percent
    }

    /// The furthest stage reached.
    #[must_use]
    pub const fn stage(self) -> Stage {
        self.stage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_steps_of_an_attempt_follow_each_other_without_a_gap() {
        assert_eq!(Step::Fetch.of_attempt(0), 0);
        assert_eq!(Step::Fetch.of_attempt(100), Step::Make.of_attempt(0));
        assert_eq!(Step::Make.of_attempt(100), Step::Store.of_attempt(0));
        assert_eq!(Step::Store.of_attempt(255), 100);
    }

    #[test]
    fn two_workers_have_half_of_the_work_each() {
        let share = |percent| Share { percent, ends_at: None };
        let of = |branch, shares: &[(Pipeline, Share)]| {
            Progress::of_workers(Stage::Transcode, branch, &shares.iter().copied().collect())
        };
        let whole = (Pipeline::Transcode, share(100));
        assert_eq!(of(Branch::Transcode, &[whole]), Progress::at(Stage::Transcode, 100));
        assert_eq!(of(Branch::TranscodeAndTranscribe, &[whole]), Progress::at(Stage::Transcode, 50));
        let both = [whole, (Pipeline::Transcribe, share(50))];
        assert_eq!(of(Branch::TranscodeAndTranscribe, &both), Progress::at(Stage::Transcode, 75));
    }

    #[test]
    fn an_end_is_expected_by_the_speed_so_far() {
        let at = |second: i64| Timestamp::from_unix_ms(second * 1000).unwrap();
        assert_eq!(expected_end(at(100), at(110), 25), Some(at(140)));
        assert_eq!(expected_end(at(100), at(110), 100), Some(at(110)));
        assert_eq!(expected_end(at(100), at(101), 50), None, "too early");
        assert_eq!(expected_end(at(100), at(110), 2), None, "too little");
        assert_eq!(expected_end(at(100), at(50), 50), None, "a clock was set back");
    }

    proptest! {
        #[test]
        fn progress_never_falls_where_its_parts_do_not(one in any::<u8>(), other in any::<u8>()) {
            let (less, more) = (one.min(other), one.max(other));
            for step in [Step::Fetch, Step::Make, Step::Store] {
                prop_assert!(step.of_attempt(less) <= step.of_attempt(more));
            }
            for stage in [Stage::Validate, Stage::Render, Stage::Finish] {
                prop_assert!(Progress::at(stage, less) <= Progress::at(stage, more));
                prop_assert!(Progress::at(stage, more).percent() < 100);
            }
        }
    }
}
