//! Progress of a job, computed from the steps of its attempts.

use super::Hold;
use crate::{cost::Cost, execution::Branch, ids::AttemptId, pipeline::Pipeline, stage::Stage, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Steps of one attempt, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptPhase {
    /// Fetching the source.
    Fetch,
    /// Making the outputs.
    Make,
    /// Storing the remaining outputs.
    Store,
}

impl AttemptPhase {
    /// The range of its attempt's progress that this step covers, in percent.
    const fn span(self) -> (u8, u8) {
        match self {
            Self::Fetch => (0, 5),
            Self::Make => (5, 92),
            Self::Store => (92, 100),
        }
    }

    /// Progress of the attempt in percent, at `percent` (0 to 100; more counts as 100) of this step.
    #[must_use]
    pub fn of_attempt(self, percent: u8) -> u8 {
        within(self.span(), percent)
    }
}

/// Last reported progress of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Progress of this worker, 0 to 100.
    pub percent: u8,
    /// Expected end of its work, at the speed so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// A progress report of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Current stage.
    pub stage: Stage,
    /// Pipeline of the worker.
    pub pipeline: Pipeline,
    /// Branch of the job, which gives the number of workers that share it.
    pub branch: Branch,
    /// Progress of the worker.
    pub share: Share,
    /// The attempt and what it has cost so far; `None` if its machine has no price.
    pub spent: Option<(AttemptId, Cost)>,
    /// The renewed hold of the light run that the worker works for.
    pub hold: Option<Hold>,
}

/// Expected end of work that began at `began` and is at `percent` now, at the same speed. `None` while too little is
/// done, or too little time has passed, for an estimate.
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

/// The point at `percent` (more than 100 counts as 100) of a range.
fn within((from, to): (u8, u8), percent: u8) -> u8 {
    let share = u16::from(to - from) * u16::from(percent.min(100)) / 100;
    from + u8::try_from(share).expect("a share of at most 100 fits")
}

/// Progress of a running job. Never decreases, even if an attempt is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Progress {
    /// Progress of the whole job, 0 to 99: 100 is a completed job.
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

    /// Progress of a job whose workers have done these shares. All count equally, since it is not known in advance
    /// which takes longer.
    pub(super) fn of_workers(stage: Stage, branch: Branch, shares: &BTreeMap<Pipeline, Share>) -> Self {
        let workers = branch.pipelines();
        let done = |pipeline| shares.get(pipeline).map_or(0, |share: &Share| usize::from(share.percent.min(100)));
        let mean = workers.iter().map(done).sum::<usize>() / workers.len();
        Self::at(stage, u8::try_from(mean).unwrap_or(100))
    }

    /// The maximum of both, in percent and in stage.
    pub(super) fn furthest(self, other: Self) -> Self {
        Self { percent: self.percent.max(other.percent), stage: self.stage.max(other.stage) }
    }

    /// Progress read from a record.
    pub(super) fn restored(stage: Stage, percent: u8) -> Self {
        Self { percent: percent.min(99), stage }
    }

    /// Progress of the whole job, 0 to 99.
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
    fn the_steps_of_an_attempt_are_contiguous() {
        assert_eq!(AttemptPhase::Fetch.of_attempt(0), 0);
        assert_eq!(AttemptPhase::Fetch.of_attempt(100), AttemptPhase::Make.of_attempt(0));
        assert_eq!(AttemptPhase::Make.of_attempt(100), AttemptPhase::Store.of_attempt(0));
        assert_eq!(AttemptPhase::Store.of_attempt(255), 100);
    }

    #[test]
    fn two_workers_count_half_each() {
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
    fn an_end_is_estimated_from_the_speed_so_far() {
        let at = |second: i64| Timestamp::from_unix_ms(second * 1000).unwrap();
        assert_eq!(expected_end(at(100), at(110), 25), Some(at(140)));
        assert_eq!(expected_end(at(100), at(110), 100), Some(at(110)));
        assert_eq!(expected_end(at(100), at(101), 50), None, "too early");
        assert_eq!(expected_end(at(100), at(110), 2), None, "too little");
        assert_eq!(expected_end(at(100), at(50), 50), None, "a clock was set back");
    }

    proptest! {
        #[test]
        fn progress_never_falls_if_its_inputs_do_not(one in any::<u8>(), other in any::<u8>()) {
            let (less, more) = (one.min(other), one.max(other));
            for step in [AttemptPhase::Fetch, AttemptPhase::Make, AttemptPhase::Store] {
                prop_assert!(step.of_attempt(less) <= step.of_attempt(more));
            }
            for stage in [Stage::Validate, Stage::Render, Stage::Finish] {
                prop_assert!(Progress::at(stage, less) <= Progress::at(stage, more));
                prop_assert!(Progress::at(stage, more).percent() < 100);
            }
        }
    }
}
