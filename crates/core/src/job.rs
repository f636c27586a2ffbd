//! The state machine of a job. Every writer goes through [`Job::apply`], so a status only moves forward.

use crate::{
    artifact::{Output, OutputState},
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
mod progress;
mod queue_position;
mod record;
#[cfg(test)]
mod tests;
mod watch;

pub use progress::{AttemptPhase, Progress, Share, Work, expected_end};
pub use queue_position::QueuePosition;
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

/// An event of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// It must wait for its turn, behind this many others.
    Deferred {
        /// Number of jobs that wait already.
        ahead: u32,
    },
    /// Its message was put on the queue, possibly again.
    Sent,
    /// An execution has taken it.
    Started,
    /// Its content was examined: by `detect-type`, or more closely by the worker's probe.
    Detected(MediaKind),
    /// A worker made progress.
    Worked(Work),
    /// These outputs are stored and will not change. Each replaces a listed output of the same name.
    Ready(Vec<Output>),
    /// A worker's manifest is stored under this key, after all files that it lists.
    Committed(Pipeline, String),
    /// An optional pipeline failed for good; the job continues without it.
    GivenUp(Pipeline, JobError),
    /// The manifest of every pipeline was collected.
    Completed {
        /// The outputs of all pipelines.
        outputs: Vec<Output>,
        /// Problems found in the source.
        warnings: Vec<Warning>,
        /// Cost of the job.
        bill: Option<Bill>,
    },
    /// It failed.
    Failed(JobError),
    /// Its message became a dead letter. Fails a queued job; a running job was delivered after all.
    Undelivered(JobError),
    /// Its owner cancelled it.
    Cancelled,
    /// Its owner deleted it: it is hidden, and cancelled if it had not ended.
    Deleted,
}

/// Effect of an event on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made; none is kept")]
pub enum Transition {
    /// The changed job. Write it on condition that the stored revision is still the one it was computed from.
    Changed(Job),
    /// The event is a duplicate: the job already reflects it. Nothing to write, and no error.
    Unchanged,
    /// The job has ended. Work on it should stop.
    Ended(Status),
    /// The event presupposes one that has not happened.
    TooEarly,
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

    /// Returns whether a manifest of this pipeline is committed, so nothing is left to do for it.
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

    /// Applies `event`, seen at `at`, to this job.
    #[must_use]
    pub fn apply(&self, event: JobEvent, at: Timestamp) -> Transition {
        let next = match (&self.state, event) {
            (_, JobEvent::Deleted) if self.deleted_at.is_none() => {
                let state = if self.status().is_terminal() { self.state.clone() } else { self.cancelled() };
                let labels = Labels::default();
                return Transition::Changed(Self { deleted_at: Some(at), labels, ..self.with(state, at) });
            }
            (JobState::Completed { .. } | JobState::Failed { .. } | JobState::Cancelled { .. }, event) => {
                return if self.already(&event) { Transition::Unchanged } else { Transition::Ended(self.status()) };
            }
            (_, event) if self.already(&event) => return Transition::Unchanged,

            (_, JobEvent::Failed(error)) | (JobState::Queued { .. }, JobEvent::Undelivered(error)) => {
                JobState::Failed { error, percent: self.percent() }
            }
            (_, JobEvent::Cancelled) => self.cancelled(),

            (JobState::Queued { .. }, JobEvent::Deferred { ahead }) => {
                JobState::Queued { step: QueueStep::Waiting { ahead } }
            }
            (JobState::Queued { .. }, JobEvent::Sent) => JobState::Queued { step: QueueStep::Sent(at) },
            (JobState::Queued { .. }, JobEvent::Started) => JobState::Running {
                progress: Progress::at(Stage::Validate, 0),
                shares: BTreeMap::new(),
                ready: Vec::new(),
                committed: BTreeMap::new(),
                given_up: BTreeMap::new(),
            },
            (
                JobState::Queued { .. },
                JobEvent::Detected(_)
                | JobEvent::Worked(_)
                | JobEvent::Ready(_)
                | JobEvent::Committed(..)
                | JobEvent::GivenUp(..)
                | JobEvent::Completed { .. },
            ) => return Transition::TooEarly,

            (JobState::Running { .. }, JobEvent::Completed { outputs, warnings, bill }) => {
                JobState::Completed { outputs, warnings, bill }
            }
            (
                JobState::Running { .. },
                JobEvent::Deferred { .. } | JobEvent::Sent | JobEvent::Started | JobEvent::Undelivered(_),
            )
            | (JobState::Queued { .. } | JobState::Running { .. }, JobEvent::Deleted) => {
                return Transition::Unchanged;
            }
            (running @ JobState::Running { .. }, JobEvent::Detected(kind)) => {
                let state = further(running.clone(), JobEvent::Detected(kind));
                return Transition::Changed(Self { kind: Some(kind), ..self.with(state, at) });
            }
            (running @ JobState::Running { .. }, JobEvent::Worked(work)) => {
                let mut spent = self.spent.clone();
                if let Some((attempt, cost)) = &work.spent {
                    let known = spent.entry(attempt.clone()).or_default();
                    *known = if cost.total() > known.total() { *cost } else { *known };
                }
                let state = further(running.clone(), JobEvent::Worked(work));
                return Transition::Changed(Self { spent, ..self.with(state, at) });
            }
            (
                running @ JobState::Running { .. },
                event @ (JobEvent::Ready(_) | JobEvent::Committed(..) | JobEvent::GivenUp(..)),
            ) => further(running.clone(), event),
        };
        Transition::Changed(self.with(next, at))
    }

    /// Returns whether `event` is already reflected in this job.
    fn already(&self, event: &JobEvent) -> bool {
        match (&self.state, event) {
            (_, JobEvent::Deleted) => self.deleted_at.is_some(),
            (JobState::Queued { step }, JobEvent::Deferred { .. }) => *step != QueueStep::Unsent,
            (JobState::Queued { .. }, _) => false,
            (JobState::Running { .. }, JobEvent::Detected(kind)) => self.kind == Some(*kind),
            (JobState::Running { progress, shares, .. }, JobEvent::Worked(work)) => {
                let known = |share: &Share| share.percent >= work.share.percent && share.ends_at == work.share.ends_at;
                let is_paid = |(attempt, cost): &(AttemptId, Cost)| {
                    self.spent.get(attempt).is_some_and(|known| known.total() >= cost.total())
                };
                shares.get(&work.pipeline).is_some_and(known)
                    && progress.stage() >= work.stage
                    && work.spent.as_ref().is_none_or(is_paid)
            }
            (JobState::Running { ready, .. }, JobEvent::Ready(stored)) => listed(ready, stored) == *ready,
            (JobState::Running { committed, .. }, JobEvent::Committed(pipeline, _)) => committed.contains_key(pipeline),
            (JobState::Running { committed, given_up, .. }, JobEvent::GivenUp(pipeline, _)) => {
                committed.contains_key(pipeline) || given_up.contains_key(pipeline)
            }
            (_, JobEvent::Sent | JobEvent::Deferred { .. })
            | (JobState::Running { .. }, JobEvent::Started | JobEvent::Undelivered(_))
            | (JobState::Completed { .. }, JobEvent::Completed { .. })
            | (JobState::Failed { .. }, JobEvent::Failed(_) | JobEvent::Undelivered(_))
            | (JobState::Cancelled { .. }, JobEvent::Cancelled) => true,
            (
                JobState::Running { .. }
                | JobState::Completed { .. }
                | JobState::Failed { .. }
                | JobState::Cancelled { .. },
                _,
            ) => false,
        }
    }

    /// The state of this job when it is cancelled.
    fn cancelled(&self) -> JobState {
        // Partial outputs are under the working prefix, which the bucket's lifecycle rule empties.
        let ready = self.outputs().iter().filter(|output| output.state == OutputState::Ready);
        JobState::Cancelled { ready: ready.cloned().collect(), percent: self.percent() }
    }

    fn with(&self, state: JobState, at: Timestamp) -> Self {
        // A writer whose clock is behind must not make the record look older than it is.
        Self { state, updated_at: at.max(self.updated_at), revision: self.revision + 1, ..self.clone() }
    }
}

/// Applies an event about work to a running state.
fn further(mut state: JobState, event: JobEvent) -> JobState {
    let JobState::Running { progress, shares, ready, committed, given_up } = &mut state else { return state };
    match event {
        JobEvent::Detected(_) => *progress = progress.furthest(Progress::at(Stage::Waiting, 0)),
        JobEvent::Worked(work) => {
            let share = shares.entry(work.pipeline).or_default();
            // A new attempt keeps the progress, but not the expected end of the previous attempt.
            *share = Share { percent: share.percent.max(work.share.percent), ..work.share };
            *progress = progress.furthest(Progress::of_workers(work.stage, work.branch, shares));
        }
        JobEvent::Ready(stored) => *ready = listed(ready, &stored),
        JobEvent::Committed(pipeline, key) => {
            committed.insert(pipeline, key);
            over(pipeline, shares);
        }
        JobEvent::GivenUp(pipeline, error) => {
            given_up.insert(pipeline, error);
            over(pipeline, shares);
        }
        JobEvent::Deferred { .. }
        | JobEvent::Sent
        | JobEvent::Started
        | JobEvent::Completed { .. }
        | JobEvent::Failed(_)
        | JobEvent::Undelivered(_)
        | JobEvent::Cancelled
        | JobEvent::Deleted => {}
    }
    state
}

/// Clears the expected end of a pipeline with nothing left to do.
fn over(pipeline: Pipeline, shares: &mut BTreeMap<Pipeline, Share>) {
    if let Some(share) = shares.get_mut(&pipeline) {
        share.ends_at = None;
    }
}

/// `ready` with the outputs stored now: each replaces the one of its name, or is appended. Outputs of other attempts of
/// the same worker are dropped, since the files of an attempt refer to each other.
fn listed(ready: &[Output], stored: &[Output]) -> Vec<Output> {
    let replaced = |earlier: &Output| {
        let (pipeline, attempt) = keys::attempt_of(&earlier.key);
        stored
            .iter()
            .map(|output| keys::attempt_of(&output.key))
            .any(|(same, other)| same == pipeline && other != attempt)
    };
    let mut all: Vec<Output> = ready.iter().filter(|output| !replaced(output)).cloned().collect();
    for output in stored {
        match all.iter_mut().find(|other| other.artifact.name == output.artifact.name) {
            Some(earlier) => earlier.clone_from(output),
            None => all.push(output.clone()),
        }
    }
    all
}
