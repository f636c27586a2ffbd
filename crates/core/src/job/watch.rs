//! Jobs that need attention: those that may be lost, and those that an operator may run again.

use super::{Job, JobState, QueueStep};
use crate::time::Timestamp;

/// Reason why a job is checked again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watch {
    /// Its message may not have been sent.
    Unsent,
    /// Its message was sent, but no execution has started.
    Sent,
    /// An execution has started.
    Running,
    /// It failed for a reason on our side.
    Failed,
}

/// Resolution of a running job's time in milliseconds: frequent reports of a worker change the index only this often.
const RUNNING_STEP_MS: i64 = 5 * 60 * 1000;

impl Watch {
    /// The name in the index of watched jobs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsent => "UNSENT",
            Self::Sent => "SENT",
            Self::Running => "RUNNING",
            Self::Failed => "FAILED",
        }
    }
}

impl Job {
    /// The reason for watching the job, and the time of its last change; `None` if it needs no attention. For a running
    /// job the time is up to five minutes too early.
    #[must_use]
    pub fn watch(&self) -> Option<(Watch, Timestamp)> {
        match &self.state {
            JobState::Queued { step: QueueStep::Unsent } => Some((Watch::Unsent, self.updated_at)),
            JobState::Queued { step: QueueStep::Sent(_) } => Some((Watch::Sent, self.updated_at)),
            JobState::Running { .. } => {
                let unix_ms = self.updated_at.unix_ms();
                let step = Timestamp::from_unix_ms(unix_ms - unix_ms % RUNNING_STEP_MS);
                Some((Watch::Running, step.unwrap_or(self.updated_at)))
            }
            JobState::Failed { error, .. } if error.code.ours() => Some((Watch::Failed, self.updated_at)),
            // For waiting jobs the user is watched instead: there may be thousands of them.
            JobState::Queued { step: QueueStep::Waiting { .. } }
            | JobState::Failed { .. }
            | JobState::Completed { .. }
            | JobState::Cancelled { .. } => None,
        }
    }
}
