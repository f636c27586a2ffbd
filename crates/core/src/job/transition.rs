//! Events of a job and the state that follows from each.

use super::{Hold, Job, JobState, Progress, QueueStep, Share, Status, Work};
use crate::{
    artifact::{Output, OutputState},
    cost::{Bill, Cost},
    error::JobError,
    ids::AttemptId,
    keys,
    kind::MediaKind,
    labels::Labels,
    pipeline::Pipeline,
    stage::Stage,
    time::Timestamp,
    warning::Warning,
};
use std::collections::BTreeMap;

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
    /// The Standard state machine has taken it, possibly from a light run.
    Started,
    /// A light run takes it, or renews its hold on it.
    Held(Hold),
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
                return if self.reflects(&event) { Transition::Unchanged } else { Transition::Ended(self.status()) };
            }
            (_, event) if self.reflects(&event) => return Transition::Unchanged,

            (_, JobEvent::Failed(error)) | (JobState::Queued { .. }, JobEvent::Undelivered(error)) => {
                JobState::Failed { error, percent: self.percent() }
            }
            (_, JobEvent::Cancelled) => self.cancelled(),

            (JobState::Queued { .. }, JobEvent::Deferred { ahead }) => {
                JobState::Queued { step: QueueStep::Waiting { ahead } }
            }
            (JobState::Queued { .. }, JobEvent::Sent) => JobState::Queued { step: QueueStep::Sent(at) },
            (JobState::Queued { .. }, JobEvent::Started) => started(),
            (JobState::Queued { .. }, JobEvent::Held(hold)) => {
                return Transition::Changed(Self { hold: Some(hold), ..self.with(started(), at) });
            }
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
            (JobState::Running { .. }, JobEvent::Started) => {
                return Transition::Changed(Self { hold: None, ..self.with(self.state.clone(), at) });
            }
            (JobState::Running { .. }, JobEvent::Held(hold)) => match self.renewed(&hold) {
                Some(hold) => {
                    return Transition::Changed(Self { hold: Some(hold), ..self.with(self.state.clone(), at) });
                }
                None => return Transition::Unchanged,
            },
            (JobState::Running { .. }, JobEvent::Deferred { .. } | JobEvent::Sent | JobEvent::Undelivered(_))
            | (JobState::Queued { .. } | JobState::Running { .. }, JobEvent::Deleted) => {
                return Transition::Unchanged;
            }
            (running @ JobState::Running { .. }, JobEvent::Detected(kind)) => {
                let state = advanced(running.clone(), JobEvent::Detected(kind));
                return Transition::Changed(Self { kind: Some(kind), ..self.with(state, at) });
            }
            (running @ JobState::Running { .. }, JobEvent::Worked(work)) => {
                let mut spent = self.spent.clone();
                if let Some((attempt, cost)) = &work.spent {
                    let known = spent.entry(attempt.clone()).or_default();
                    *known = if cost.total() > known.total() { *cost } else { *known };
                }
                let renewed = work.hold.as_ref().and_then(|renewal| self.renewed(renewal));
                let state = advanced(running.clone(), JobEvent::Worked(work));
                let hold = renewed.or_else(|| self.hold.clone());
                return Transition::Changed(Self { hold, spent, ..self.with(state, at) });
            }
            (
                running @ JobState::Running { .. },
                event @ (JobEvent::Ready(_) | JobEvent::Committed(..) | JobEvent::GivenUp(..)),
            ) => advanced(running.clone(), event),
        };
        Transition::Changed(self.with(next, at))
    }

    /// Whether this job already reflects `event`.
    fn reflects(&self, event: &JobEvent) -> bool {
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
                    && work.hold.as_ref().is_none_or(|renewal| self.renewed(renewal).is_none())
            }
            (JobState::Running { ready, .. }, JobEvent::Ready(stored)) => listed(ready, stored) == *ready,
            (JobState::Running { committed, .. }, JobEvent::Committed(pipeline, _)) => committed.contains_key(pipeline),
            (JobState::Running { committed, given_up, .. }, JobEvent::GivenUp(pipeline, _)) => {
                committed.contains_key(pipeline) || given_up.contains_key(pipeline)
            }
            (JobState::Running { .. }, JobEvent::Started) => self.hold.is_none(),
            (_, JobEvent::Sent | JobEvent::Deferred { .. })
            | (JobState::Running { .. }, JobEvent::Undelivered(_))
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
        let hold = if let JobState::Running { .. } = state { self.hold.clone() } else { None };
        // A writer whose clock is behind must not make the record look older than it is.
        Self { state, hold, updated_at: at.max(self.updated_at), revision: self.revision + 1, ..self.clone() }
    }
}

/// The state of a job that was just taken.
fn started() -> JobState {
    JobState::Running {
        progress: Progress::at(Stage::Validate, 0),
        shares: BTreeMap::new(),
        ready: Vec::new(),
        committed: BTreeMap::new(),
        given_up: BTreeMap::new(),
    }
}

/// A running state after an event about its work.
fn advanced(mut state: JobState, event: JobEvent) -> JobState {
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
            settle(pipeline, shares);
        }
        JobEvent::GivenUp(pipeline, error) => {
            given_up.insert(pipeline, error);
            settle(pipeline, shares);
        }
        JobEvent::Deferred { .. }
        | JobEvent::Sent
        | JobEvent::Started
        | JobEvent::Held(_)
        | JobEvent::Completed { .. }
        | JobEvent::Failed(_)
        | JobEvent::Undelivered(_)
        | JobEvent::Cancelled
        | JobEvent::Deleted => {}
    }
    state
}

/// Clears the expected end of a pipeline with nothing left to do.
fn settle(pipeline: Pipeline, shares: &mut BTreeMap<Pipeline, Share>) {
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
