//! Events pushed to open sockets. They are small: clients get the details from the API.

use crate::{
    ids::{JobId, MediaId},
    job::Status,
    stage::Stage,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Maximum number of open sockets per user.
pub const MAX_SOCKETS: usize = 20;

/// Lifetime of a ticket, in seconds.
pub const TICKET_SECONDS: i64 = 60;

/// Lifetime of the record of an open socket, in seconds: a little longer than that of a connection, which is two hours
/// ("Quotas for configuring and running a WebSocket API in API Gateway").
pub const SOCKET_SECONDS: i64 = 2 * 60 * 60 + 10 * 60;

/// Longest time from the record of a socket to the end of its handshake, in seconds: the integration of `$connect` has
/// 29.
pub const HANDSHAKE_SECONDS: i64 = 60;

/// An event. It is out of date if its `revision` is not greater than the last one of the same job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum PushEvent {
    /// Current state of a job. Changes in quick succession are one event.
    Job {
        /// The job.
        job_id: JobId,
        /// Its upload.
        media_id: MediaId,
        /// Number of changes of the job so far.
        revision: u64,
        /// As in `GET /jobs/{jobId}`.
        status: Status,
        /// As in `GET /jobs/{jobId}`.
        stage: Stage,
        /// In percent, as in `GET /jobs/{jobId}`.
        progress: u8,
        /// Number of outputs that can be read.
        outputs_ready: usize,
        /// Time of the change.
        updated_at: Timestamp,
    },
    /// A job was deleted.
    Deleted {
        /// The job.
        job_id: JobId,
        /// Its upload.
        media_id: MediaId,
        /// Number of changes of the job so far.
        revision: u64,
    },
}

impl PushEvent {
    /// The job.
    #[must_use]
    pub const fn job_id(&self) -> &JobId {
        match self {
            Self::Job { job_id, .. } | Self::Deleted { job_id, .. } => job_id,
        }
    }

    /// The revision of the job.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        match self {
            Self::Job { revision, .. } | Self::Deleted { revision, .. } => *revision,
        }
    }

    /// When the job changed. A deletion does not have its time.
    #[must_use]
    pub const fn changed_at(&self) -> Option<Timestamp> {
        match self {
            Self::Job { updated_at, .. } => Some(*updated_at),
            Self::Deleted { .. } => None,
        }
    }

    /// Returns whether no other event of the job follows, except for its deletion.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        match self {
            Self::Job { status, .. } => status.is_terminal(),
            Self::Deleted { .. } => true,
        }
    }
}

/// Result of pushing a batch of changes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// Events that were delivered.
    pub delivered: usize,
    /// Events that could not be delivered for a reason other than a closed socket.
    pub failed: usize,
    /// Sockets that were found closed.
    pub gone: usize,
    /// Milliseconds from a job's change to its delivery, of the slowest delivered event.
    pub slowest_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::PushEvent;
    use serde_json::json;

    #[test]
    fn an_event_uses_the_apis_names_and_marks_the_last_one() {
        let job = json!({
            "type": "job", "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001",
            "revision": 7, "status": "RUNNING", "stage": "transcode", "progress": 40, "outputsReady": 2,
            "updatedAt": "2026-01-01T00:00:00.000Z",
        });
        let event: PushEvent = serde_json::from_value(job.clone()).unwrap();
        assert_eq!((json!(event), event.revision(), event.is_last()), (job.clone(), 7, false));
        let mut ended = job;
        ended["status"] = "FAILED".into();
        assert!(serde_json::from_value::<PushEvent>(ended).unwrap().is_last());
        let deleted = json!({
            "type": "deleted", "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001",
            "revision": 9,
        });
        let event: PushEvent = serde_json::from_value(deleted.clone()).unwrap();
        assert_eq!((json!(event), event.revision(), event.is_last()), (deleted, 9, true));
    }
}
