//! Which jobs somebody must look at again: those that can be lost, and those that an operator may run again.

use super::{Job, JobState, Turn};
use crate::time::Timestamp;

/// Why a job is looked at again after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watch {
    /// Nobody knows whether its message was sent.
    Unsent,
    /// Its message was sent, and no execution has taken it.
    Sent,
    /// An execution has taken it.
    Running,
    /// It failed for a reason on our side.
    Failed,
}

/// How exactly the time of a running job is kept, in milliseconds: a worker that reports all the time changes it this seldom.
const RUNNING_STEP_MS: i64 = 5 * 60 * 1000;

impl Watch {
    /// As the index of watched jobs has it.
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
    /// Why it is watched, and since when it has not changed; none where nobody has to look at it again. Of a running job the
    /// time is up to five minutes too early.
    #[must_use]
    pub fn watch(&self) -> Option<(Watch, Timestamp)> {
        match &self.state {
            JobState::Queued { turn: Turn::Unsent } => Some((Watch::Unsent, self.updated_at)),
            JobState::Queued { turn: Turn::Sent(_) } => Some((Watch::Sent, self.updated_at)),
            JobState::Running { .. } => {
                let unix_ms = self.updated_at.unix_ms();
                let step = Timestamp::from_unix_ms(unix_ms - unix_ms % RUNNING_STEP_MS);
                Some((Watch::Running, step.unwrap_or(self.updated_at)))
            }
            JobState::Failed { error, .. } if error.code.ours() => Some((Watch::Failed, self.updated_at)),
            // Of those that wait the user is watched: there may be thousands of them.
            JobState::Queued { turn: Turn::Waiting { .. } }
            | JobState::Failed { .. }
            | JobState::Completed { .. }
            | JobState::Cancelled { .. } => None,
        }
    }
}
