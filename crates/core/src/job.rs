//! The state machine of a job. Every writer goes through [`Job::apply`], so a status only moves forward.

use crate::{
    artifact::Output,
    cost::{Bill, Cost},
    error::JobError,
    ids::{AttemptId, JobId, MediaId, UserId},
    keys,
    kind::MediaKind,
    labels::Labels,
    pipeline::Pipeline,
    profile::Choice,
    stage::Stage,
    time::Timestamp,
    trail::Trail,
    warning::Warning,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

mod expected_start;
mod hold;
mod progress;
mod queue_position;
mod record;
#[cfg(test)]
mod runs_tests;
#[cfg(test)]
mod tests;
mod transition;
mod watch;

pub use hold::{Dispatch, Hold};
pub use progress::{AttemptPhase, Progress, Share, Work, expected_end};
pub use queue_position::QueuePosition;
pub use transition::{JobEvent, Transition};
pub use watch::Watch;

/// One request to process one media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "record::JobRecord", try_from = "record::JobRecord")]
pub struct Job {
    /// The id of a media's first job follows from `media_id`.
    pub id: JobId,
    /// The upload.
    pub media_id: MediaId,
    /// The owner.
    pub user_id: UserId,
    /// Key in the raw bucket.
    pub input_key: String,
    /// S3 version of the upload to process.
    pub input_version_id: String,
    /// Labels that the client set on its upload.
    pub labels: Labels,
    /// The client's choices where they differ from the stack's profile.
    pub choice: Choice,
    /// Set if the job runs a single step.
    pub addition: Option<Addition>,
    /// Kind of the content; `None` until it is detected.
    pub kind: Option<MediaKind>,
    /// Current state, with its data.
    pub state: JobState,
    /// The light run that holds the job. `None` unless it runs; a running job without it belongs to the Standard state
    /// machine.
    pub hold: Option<Hold>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Time of its deletion by its owner. It is hidden from then on.
    pub deleted_at: Option<Timestamp>,
    /// Origin of the job, for logs. Jobs created before this field existed have none.
    pub trail: Option<Trail>,
    /// Cost of each attempt when it last reported. An attempt that was killed cost a little more.
    pub spent: BTreeMap<AttemptId, Cost>,
    /// Number of changes. A write is conditional on the revision that it was computed from.
    pub revision: u64,
}

/// A job that reruns one step and takes all other outputs from another job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Addition {
    /// The completed job that it adds to.
    pub to: JobId,
    /// The only pipeline that it runs.
    pub step: Pipeline,
}

/// State of a job. Each state carries its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Recorded, but no execution has taken it yet.
    Queued {
        /// Progress towards an execution.
        step: QueueStep,
    },
    /// An execution has taken it.
    Running {
        /// Overall progress.
        progress: Progress,
        /// Progress of each worker.
        shares: BTreeMap<Pipeline, Share>,
        /// Outputs that can be read already, from any attempt; names are unique.
        ready: Vec<Output>,
        /// Manifest keys by pipeline. The first commit counts; later attempts find it taken.
        committed: BTreeMap<Pipeline, String>,
        /// Errors of optional pipelines that will not commit a manifest.
        given_up: BTreeMap<Pipeline, JobError>,
    },
    /// All outputs were made.
    Completed {
        /// The outputs, with keys in the processed bucket.
        outputs: Vec<Output>,
        /// Problems found in the source.
        warnings: Vec<Warning>,
        /// Cost, if every worker metered its share. Never changes: a job ends once.
        bill: Option<Bill>,
    },
    /// Ended with an error.
    Failed {
        /// The error.
        error: JobError,
        /// Progress when it failed, in percent of the whole job.
        percent: u8,
    },
    /// Its owner cancelled it.
    Cancelled {
        /// Outputs that were ready by then; they stay readable.
        ready: Vec<Output>,
        /// Progress when it was cancelled, in percent of the whole job.
        percent: u8,
    },
}

/// Progress of a queued job towards an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueStep {
    /// Its message may not have been sent, so `reconcile` sends it (again).
    Unsent,
    /// Its user has reached the limit of running jobs. It waits until others have ended.
    Waiting {
        /// Number of jobs that waited when it started to wait. Approximate, and at most the number that was counted.
        ahead: u32,
    },
    /// Its message was put on the queue at this time.
    Sent(Timestamp),
}

/// Job status as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Recorded, not taken by an execution yet.
    Queued,
    /// Taken by an execution.
    Running,
    /// Final: the job has its outputs.
    Completed,
    /// Final: the job has an error.
    Failed,
    /// Final: cancelled by its owner.
    Cancelled,
}

impl Status {
    /// The name in the jobs table and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Returns whether the status is final.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Job {
    /// Returns whether this is a rerun: not the first job of its media.
    #[must_use]
    pub fn is_rerun(&self) -> bool {
        self.id != JobId::of(&self.media_id)
    }

    /// Sets the origin of the job.
    #[must_use]
    pub fn on(self, trail: Option<Trail>) -> Self {
        Self { trail, ..self }
    }

    /// The status that clients see.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self.state {
            JobState::Queued { .. } => Status::Queued,
            JobState::Running { .. } => Status::Running,
            JobState::Completed { .. } => Status::Completed,
            JobState::Failed { .. } => Status::Failed,
            JobState::Cancelled { .. } => Status::Cancelled,
        }
    }

    /// The stage that clients see.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match &self.state {
            JobState::Queued { .. } => Stage::Queue,
            JobState::Running { progress, .. } => progress.stage(),
            JobState::Completed { .. } | JobState::Cancelled { .. } => Stage::Finish,
            JobState::Failed { error, .. } => error.stage,
        }
    }

    /// Overall progress in percent: 0 while queued, 100 when completed, where it stopped when failed or cancelled.
    #[must_use]
    pub const fn percent(&self) -> u8 {
        match &self.state {
            JobState::Running { progress, .. } => progress.percent(),
            JobState::Completed { .. } => 100,
            JobState::Failed { percent, .. } | JobState::Cancelled { percent, .. } => *percent,
            JobState::Queued { .. } => 0,
        }
    }

    /// Expected end of the workers of a running job, from the slowest of those with an estimate.
    #[must_use]
    pub fn expected_end(&self) -> Option<Timestamp> {
        match &self.state {
            JobState::Running { shares, .. } => shares.values().filter_map(|share| share.ends_at).max(),
            JobState::Queued { .. }
            | JobState::Completed { .. }
            | JobState::Failed { .. }
            | JobState::Cancelled { .. } => None,
        }
    }

    /// Outputs that can be read now.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        match &self.state {
            JobState::Running { ready, .. } | JobState::Cancelled { ready, .. } => ready,
            JobState::Completed { outputs, .. } => outputs,
            JobState::Queued { .. } | JobState::Failed { .. } => &[],
        }
    }

    /// Problems found in the source of a completed job.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        match &self.state {
            JobState::Completed { warnings, .. } => warnings,
            JobState::Queued { .. }
            | JobState::Running { .. }
            | JobState::Failed { .. }
            | JobState::Cancelled { .. } => &[],
        }
    }

    /// Cost of a completed job, if it was metered.
    #[must_use]
    pub const fn bill(&self) -> Option<&Bill> {
        match &self.state {
            JobState::Completed { bill, .. } => bill.as_ref(),
            JobState::Queued { .. }
            | JobState::Running { .. }
            | JobState::Failed { .. }
            | JobState::Cancelled { .. } => None,
        }
    }

    /// Costs of the attempts whose outputs are not part of the job, as far as they reported.
    pub fn uncommitted_costs(&self) -> impl Iterator<Item = Cost> + '_ {
        let committed = if let JobState::Running { committed, .. } = &self.state { Some(committed) } else { None };
        let is_committed = move |attempt: &AttemptId| {
            let mut keys = committed.into_iter().flat_map(BTreeMap::values);
            keys.any(|key| keys::attempt_of(key).1.ends_with(attempt.as_str()))
        };
        self.spent.iter().filter(move |(attempt, _)| !is_committed(attempt)).map(|(_, cost)| *cost)
    }

    /// Returns whether nothing is left to do for this pipeline: a manifest is committed, or its worker has given up.
    #[must_use]
    pub fn has_decided(&self, pipeline: Pipeline) -> bool {
        let gave_up = matches!(&self.state, JobState::Running { given_up, .. } if given_up.contains_key(&pipeline));
        gave_up || self.has_committed(pipeline)
    }

    /// Returns whether a manifest of this pipeline is committed.
    #[must_use]
    pub fn has_committed(&self, pipeline: Pipeline) -> bool {
        match &self.state {
            JobState::Running { committed, .. } => committed.contains_key(&pipeline),
            JobState::Queued { .. }
            | JobState::Completed { .. }
            | JobState::Failed { .. }
            | JobState::Cancelled { .. } => false,
        }
    }
}
