//! One run of the light state machine.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One run of the light state machine. Its execution does not identify it: Step Functions can run an Express execution
/// more than once, even at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// A random UUID that the run's first state makes.
    pub id: String,
    /// When it entered its first state.
    pub started_at: Timestamp,
}

impl Run {
    /// Longest duration of a run in seconds: `TimeoutSeconds` of `light.asl.json`.
    pub const LONGEST_SECONDS: i64 = 290;

    /// When Step Functions ends the run.
    #[must_use]
    pub const fn deadline(&self) -> Timestamp {
        self.started_at.plus_seconds(Self::LONGEST_SECONDS)
    }

    /// Milliseconds that it has lasted at `now`. Clocks can differ, but no run lasts longer than its limit.
    #[must_use]
    pub fn lasted_ms(&self, now: Timestamp) -> u64 {
        now.min(self.deadline()).ms_since(self.started_at)
    }
}
