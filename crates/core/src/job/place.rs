//! A user's jobs that have not ended, and the order in which those that wait get their turn.

use super::{Job, JobState, Turn};
use crate::{ids::JobId, time::Timestamp};
use std::fmt;

/// Where a job that has not ended stands among its user's jobs: text that sorts those that wait by when they were
/// submitted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(String);

impl Place {
    /// How the places of all jobs that wait begin, and no others.
    pub const WAITING: &str = "W#";
    /// How the places of all others begin.
    const HAS_TURN: &str = "T#";

    /// A place as it was written.
    #[must_use]
    pub const fn recorded(text: String) -> Self {
        Self(text)
    }

    /// Whose place it is.
    #[must_use]
    pub fn job(&self) -> Option<JobId> {
        self.0.rsplit_once('#')?.1.parse().ok()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Job {
    /// Where it stands among its user's jobs; nowhere, once it has ended.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let prefix = match &self.state {
            JobState::Queued { turn: Turn::Waiting { .. } } => Place::WAITING,
            JobState::Queued { turn: Turn::Unsent | Turn::Sent(_) } | JobState::Running { .. } => Place::HAS_TURN,
            JobState::Completed { .. } | JobState::Failed { .. } | JobState::Cancelled { .. } => return None,
        };
        // Times are written at one length, so that their text sorts as they do.
        Some(Place(format!("{prefix}{}#{}", self.created_at, self.id)))
    }

    /// Whether it waits for fewer jobs of its user to run.
    #[must_use]
    pub const fn waits(&self) -> bool {
        matches!(self.state, JobState::Queued { turn: Turn::Waiting { .. } })
    }

    /// When a job that waits should begin, if the line goes on as fast as it has since the job joined it: `before` are still
    /// before it. `None` while nobody has begun, which tells nothing of how fast that is.
    #[must_use]
    pub fn expected_start(&self, before: u64, now: Timestamp) -> Option<Timestamp> {
        let JobState::Queued { turn: Turn::Waiting { ahead } } = self.state else { return None };
        let gone = u64::from(ahead).checked_sub(before).filter(|gone| *gone > 0)?;
        let each_ms = now.ms_since(self.created_at) / gone;
        // Those before it, and one more for its own turn.
        let left_s = i64::try_from(each_ms.saturating_mul(before + 1) / 1000).ok()?;
        Some(now.plus_seconds(left_s))
    }
}
