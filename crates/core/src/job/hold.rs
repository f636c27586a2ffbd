//! Which run of the light state machine holds a job, and what the job's message has to do next.
//!
//! A running job belongs to one run of the light state machine, until a time that the run renews, or to the Standard
//! state machine, whose execution is named after the job. A light run takes only a queued job, so no two of them work on
//! the same job. Only the Standard state machine takes a job from a light run, and nothing takes it back.

use super::{Job, JobState};
use crate::{run::Run, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A run's hold on a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The holder.
    #[serde(flatten)]
    pub run: Run,
    /// When the hold expires, unless the run renews it.
    pub until: Timestamp,
}

impl Hold {
    /// Seconds that a hold lasts. A run that vanished is replaced within a minute, and a step that neither fails nor
    /// reports takes less.
    pub const SECONDS: u32 = 45;
    /// Seconds between two renewals by a worker, whether or not it progresses.
    pub const RENEWAL_SECONDS: u32 = 15;

    /// A hold from now on.
    #[must_use]
    pub fn by(run: &Run, now: Timestamp) -> Self {
        Self { run: run.clone(), until: now.plus_seconds(i64::from(Self::SECONDS)) }
    }
}

/// What to do with the message of a job that was received from the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// Start a run of the light state machine, and keep the message until the run must have taken the job.
    StartLight,
    /// Start the execution of the Standard state machine, then delete the message.
    StartStandard,
    /// A light run holds the job until then: keep the message.
    Wait(Timestamp),
    /// Delete the message: the job has ended, or belongs to the Standard state machine.
    Done,
}

/// Receipts of a message that start a light run; some fail, so that fewer runs start. If none takes the job, in seven
/// minutes or more, the Standard state machine does, which waits for days.
const LIGHT_STARTS: u32 = 10;

impl Job {
    /// What to do with this job's message, which has been received `receipts` times, at `now`.
    #[must_use]
    pub fn dispatch(&self, receipts: u32, now: Timestamp) -> Dispatch {
        match (&self.state, &self.hold) {
            (JobState::Queued { .. }, _) if receipts <= LIGHT_STARTS => Dispatch::StartLight,
            (JobState::Running { .. }, Some(hold)) if hold.until > now => Dispatch::Wait(hold.until),
            (JobState::Queued { .. }, _) | (JobState::Running { .. }, Some(_)) => Dispatch::StartStandard,
            (JobState::Running { .. }, None)
            | (JobState::Completed { .. } | JobState::Failed { .. } | JobState::Cancelled { .. }, _) => Dispatch::Done,
        }
    }

    /// Returns whether this run holds the job.
    #[must_use]
    pub fn is_held_by(&self, run: &Run) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.run == *run)
    }

    /// The later hold of the same run; `None` if this does not renew the hold.
    pub(super) fn renewed(&self, renewal: &Hold) -> Option<Hold> {
        let held = self.hold.as_ref()?;
        (held.run == renewal.run && held.until < renewal.until).then(|| renewal.clone())
    }
}
