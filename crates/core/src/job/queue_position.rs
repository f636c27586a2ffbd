//! Order of a user's active jobs, and of those that wait for their turn.

use super::{Job, JobState, QueueStep};
use crate::ids::JobId;
use std::fmt;

/// Sort key of a job among its user's active jobs. Waiting jobs sort by submission time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueuePosition(String);

impl QueuePosition {
    /// Prefix of the positions of waiting jobs, and of no others.
    pub const WAITING: &str = "W#";
    /// Prefix of all other positions.
    const HAS_TURN: &str = "T#";

    /// A position read from a record.
    #[must_use]
    pub const fn recorded(text: String) -> Self {
        Self(text)
    }

    /// The id of the job.
    #[must_use]
    pub fn job(&self) -> Option<JobId> {
        self.0.rsplit_once('#')?.1.parse().ok()
    }
}

impl fmt::Display for QueuePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Job {
    /// Position among its user's active jobs; `None` once the job has ended.
    #[must_use]
    pub fn queue_position(&self) -> Option<QueuePosition> {
        let prefix = match &self.state {
            JobState::Queued { step: QueueStep::Waiting { .. } } => QueuePosition::WAITING,
            JobState::Queued { step: QueueStep::Unsent | QueueStep::Sent(_) } | JobState::Running { .. } => {
                QueuePosition::HAS_TURN
            }
            JobState::Completed { .. } | JobState::Failed { .. } | JobState::Cancelled { .. } => return None,
        };
        // Times have a fixed length, so their text sorts by time.
        Some(QueuePosition(format!("{prefix}{}#{}", self.created_at, self.id)))
    }

    /// Returns whether the job waits until fewer jobs of its user run.
    #[must_use]
    pub const fn waits(&self) -> bool {
        matches!(self.state, JobState::Queued { step: QueueStep::Waiting { .. } })
    }
}
