//! The state machine of a job. Every writer goes through [`Job::apply`], so a status only moves forward.

use crate::{
    artifact::{Output, OutputState},
    error::JobError,
    ids::{JobId, MediaId, UserId},
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

mod place;
mod progress;
mod record;
#[cfg(test)]
mod tests;
mod watch;

pub use place::Place;
pub use progress::{Progress, Share, Step, Work, expected_end};
pub use watch::Watch;

/// One request to process one media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "record::JobRecord", try_from = "record::JobRecord")]
pub struct Job {
    /// The first one of a media follows from `media_id`.
    pub id: JobId,
    /// The upload.
    pub media_id: MediaId,
    /// The owner.
    pub user_id: UserId,
    /// Key in the raw bucket.
    pub input_key: String,
    /// S3 version of the upload that is processed.
    pub input_version_id: String,
    /// What the client noted on its upload.
    pub labels: Labels,
    /// What is wanted of it, where that is not what is wanted of every upload.
    pub choice: Choice,
    /// Where one step alone is run: which, and what its outputs are added to.
    pub addition: Option<Addition>,
    /// What the content is, once somebody looked.
    pub kind: Option<MediaKind>,
    /// Where the job stands, with what belongs to that.
    pub state: JobState,
    /// When the job was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When its owner deleted it. From then on nobody is shown it.
    pub deleted_at: Option<Timestamp>,
    /// Where it came from, for logs; jobs that were made before this was recorded have none.
    pub trail: Option<Trail>,
    /// Counts changes from 0. A write carries the revision it was computed from as its condition.
    pub revision: u64,
}

/// That a job runs one step again, and is completed with what another job made otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Addition {
    /// The completed job that it adds to.
    pub to: JobId,
    /// The only pipeline that it runs.
    pub step: Pipeline,
}

/// Where a job stands. Each state carries what is known in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Recorded, and not taken by an execution yet.
    Queued {
        /// How far it is on its way to one.
        turn: Turn,
    },
    /// An execution has taken it.
    Running {
        /// How far it is.
        progress: Progress,
        /// How far each of its workers is.
        shares: BTreeMap<Pipeline, Share>,
        /// What can be read already, whichever attempt stored it; one of each name.
        ready: Vec<Output>,
        /// Manifest keys by pipeline. The first commit wins; later attempts find it taken.
        committed: BTreeMap<Pipeline, String>,
        /// Why optional pipelines will commit nothing.
        given_up: BTreeMap<Pipeline, JobError>,
    },
    /// Everything was made.
    Completed {
        /// What was made, with keys in the processed bucket.
        outputs: Vec<Output>,
        /// What is not as it should be with the source.
        warnings: Vec<Warning>,
    },
    /// It ended without.
    Failed {
        /// Why.
        error: JobError,
        /// How far it had come, in percent of the whole job.
        percent: u8,
    },
    /// Its owner cancelled it.
    Cancelled {
        /// What was ready by then; it stays readable.
        ready: Vec<Output>,
        /// How far it had come, in percent of the whole job.
        percent: u8,
    },
}

/// How far a queued job is on its way to an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nobody knows whether its message was sent, so `reconcile` sends it (again).
    Unsent,
    /// As many jobs of its user run as may, so it waits until others have ended.
    Waiting {
        /// How many waited already when it began to; approximately, and at most so many as were counted.
        ahead: u32,
    },
    /// Its message was put on the queue, at this time.
    Sent(Timestamp),
}

/// Job status as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Recorded, not yet taken.
    Queued,
    /// Taken by an execution.
    Running,
    /// Final: outputs are there.
    Completed,
    /// Final: an error is there.
    Failed,
    /// Final: cancelled by its owner.
    Cancelled,
}

impl Status {
    /// The status as it stands in the jobs table and in the API.
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

    /// Whether nothing can follow.
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

/// What can happen to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// It has to wait for its turn, behind so many others.
    Deferred {
        /// How many wait already.
        ahead: u32,
    },
    /// Its message was put on the queue, be it once more.
    Sent,
    /// An execution has taken it.
    Started,
    /// Its content was looked at: by `detect-type`, or closer, by the worker's probe.
    Detected(MediaKind),
    /// A worker got further.
    Worked(Work),
    /// These are stored, and will not change. One of a name that is listed takes that one's place.
    Ready(Vec<Output>),
    /// A worker's manifest is stored under this key, everything it names before it.
    Committed(Pipeline, String),
    /// An optional pipeline cannot be done; the job goes on without it.
    GivenUp(Pipeline, JobError),
    /// Every pipeline's manifest was collected.
    Completed {
        /// What they made.
        outputs: Vec<Output>,
        /// What they found wrong with the source.
        warnings: Vec<Warning>,
    },
    /// It cannot be done.
    Failed(JobError),
    /// Its message was given up. Fails a job that nobody has taken; one that runs was delivered after all.
    Undelivered(JobError),
    /// Its owner cancelled it.
    Cancelled,
    /// Its owner deleted it: it is hidden, and cancelled where it had not ended.
    Deleted,
}

/// What an event does to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made; none is kept")]
pub enum Transition {
    /// The job as it is now; to be written under the condition of the revision it came from.
    Changed(Job),
    /// The event is a duplicate: what it says is so already. Nothing to write, and no error.
    Unchanged,
    /// The job has ended; whoever works on it should stop.
    Ended(Status),
    /// The event presupposes one that has not happened.
    TooEarly,
}

impl Job {
    /// Whether its media had a job before.
    #[must_use]
    pub fn is_rerun(&self) -> bool {
        self.id != JobId::of(&self.media_id)
    }

    /// This job, with where it came from.
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

    /// When a running job will be through with its workers, by the speed of the slowest of those that have one.
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

    /// What of this job can be read now.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        match &self.state {
            JobState::Running { ready, .. } | JobState::Cancelled { ready, .. } => ready,
            JobState::Completed { outputs, .. } => outputs,
            JobState::Queued { .. } | JobState::Failed { .. } => &[],
        }
    }

    /// What is not as it should be with the source of a completed job.
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

    /// Whether nothing is left to do for this pipeline, since a manifest of it is committed.
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

    /// What `event`, seen at `at`, makes of this job.
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
                JobState::Queued { turn: Turn::Waiting { ahead } }
            }
            (JobState::Queued { .. }, JobEvent::Sent) => JobState::Queued { turn: Turn::Sent(at) },
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

            (JobState::Running { .. }, JobEvent::Completed { outputs, warnings }) => {
                JobState::Completed { outputs, warnings }
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
            (
                running @ JobState::Running { .. },
                event @ (JobEvent::Worked(_) | JobEvent::Ready(_) | JobEvent::Committed(..) | JobEvent::GivenUp(..)),
            ) => further(running.clone(), event),
        };
        Transition::Changed(self.with(next, at))
    }

    /// Whether what `event` says is so already.
    fn already(&self, event: &JobEvent) -> bool {
        match (&self.state, event) {
            (_, JobEvent::Deleted) => self.deleted_at.is_some(),
            (JobState::Queued { turn }, JobEvent::Deferred { .. }) => *turn != Turn::Unsent,
            (JobState::Queued { .. }, _) => false,
            (JobState::Running { .. }, JobEvent::Detected(kind)) => self.kind == Some(*kind),
            (JobState::Running { progress, shares, .. }, JobEvent::Worked(work)) => {
                let known = |share: &Share| share.percent >= work.share.percent && share.ends_at == work.share.ends_at;
                shares.get(&work.pipeline).is_some_and(known) && progress.stage() >= work.stage
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
        // What is only partly there lies where the bucket forgets it.
        let ready = self.outputs().iter().filter(|output| output.state == OutputState::Ready);
        JobState::Cancelled { ready: ready.cloned().collect(), percent: self.percent() }
    }

    fn with(&self, state: JobState, at: Timestamp) -> Self {
        // A writer whose clock is behind must not make the record look older than it is.
        Self { state, updated_at: at.max(self.updated_at), revision: self.revision + 1, ..self.clone() }
    }
}

/// A running state after something happened to the work.
fn further(mut state: JobState, event: JobEvent) -> JobState {
    let JobState::Running { progress, shares, ready, committed, given_up } = &mut state else { return state };
    match event {
        JobEvent::Detected(_) => *progress = progress.furthest(Progress::at(Stage::Waiting, 0)),
        JobEvent::Worked(work) => {
            let share = shares.entry(work.pipeline).or_default();
            // An attempt that begins anew keeps what was reached, but not when the one before would have ended.
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

/// Nothing of a pipeline is left to wait for.
fn over(pipeline: Pipeline, shares: &mut BTreeMap<Pipeline, Share>) {
    if let Some(share) = shares.get_mut(&pipeline) {
        share.ends_at = None;
    }
}

/// `ready` with what was stored now: in the place of the one with its name, or at the end. What another attempt
/// of the same worker had stored goes: its files name each other, and not those of this one.
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
