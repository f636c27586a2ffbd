//! How far a job is: its stages, the steps of an attempt, and what each is worth of the whole.

use crate::pipeline::Pipeline;
use serde::{Deserialize, Serialize};

/// The steps of a job, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Waiting in the queue.
    Queue,
    /// Handing the message to the workflow.
    Dispatch,
    /// Proving that the upload is the granted one.
    Validate,
    /// Finding out what it is.
    Detect,
    /// Making renditions of an image.
    Render,
    /// Making renditions of video or audio.
    Transcode,
    /// Turning speech into text.
    Transcribe,
    /// Collecting manifests.
    Finish,
}

impl Stage {
    /// The pipeline whose attempts work in this stage, if any do.
    #[must_use]
    pub const fn pipeline(self) -> Option<Pipeline> {
        match self {
            Self::Render | Self::Transcode => Some(Pipeline::Transcode),
            Self::Transcribe => Some(Pipeline::Transcribe),
            Self::Queue | Self::Dispatch | Self::Validate | Self::Detect | Self::Finish => None,
        }
    }

    /// The span of overall progress, in percent, that this stage covers.
    const fn span(self) -> (u8, u8) {
        match self {
            Self::Queue | Self::Dispatch => (0, 0),
            Self::Validate => (0, 5),
            Self::Detect => (5, 10),
            Self::Render | Self::Transcode | Self::Transcribe => (10, 95),
            Self::Finish => (95, 100),
        }
    }
}

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
    /// The span of its stage, in percent, that this step covers.
    const fn span(self) -> (u8, u8) {
        match self {
            Self::Fetch => (0, 5),
            Self::Make => (5, 92),
            Self::Store => (92, 100),
        }
    }
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

    /// Progress at `percent_of_step` (0 to 100; more counts as 100) of one step of an attempt in a stage.
    #[must_use]
    pub fn within(stage: Stage, step: Step, percent_of_step: u8) -> Self {
        Self::at(stage, within(step.span(), percent_of_step))
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
    fn the_steps_of_a_stage_follow_each_other_without_a_gap() {
        let all = [Step::Fetch, Step::Make, Step::Store];
        let ends = all
            .map(|step| (Progress::within(Stage::Transcode, step, 0), Progress::within(Stage::Transcode, step, 100)));
        assert_eq!(ends[0].0, Progress::at(Stage::Transcode, 0));
        assert_eq!((ends[0].1, ends[1].1), (ends[1].0, ends[2].0));
        assert_eq!(ends[2].1, Progress::at(Stage::Transcode, 100));
    }

    proptest! {
        #[test]
        fn progress_never_falls_where_its_parts_do_not(one in any::<u8>(), other in any::<u8>()) {
            let (less, more) = (one.min(other), one.max(other));
            for step in [Step::Fetch, Step::Make, Step::Store] {
                for stage in [Stage::Validate, Stage::Render, Stage::Finish] {
                    prop_assert!(Progress::within(stage, step, less) <= Progress::within(stage, step, more));
                    prop_assert!(Progress::within(stage, step, more).percent() < 100);
                }
            }
        }
    }
}
