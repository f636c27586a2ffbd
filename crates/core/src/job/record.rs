//! A job as the table and the wire hold it: flat.

use super::{Addition, Hold, Job, JobState, Progress, QueueStep, Share, Status};
use crate::{
    artifact::Output,
    cost::{Bill, Cost},
    error::JobError,
    ids::{AttemptId, JobId, MediaId, UserId},
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
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobRecord {
    job_id: JobId,
    media_id: MediaId,
    user_id: UserId,
    status: Status,
    stage: Stage,
    progress: u8,
    input_key: String,
    input_version_id: String,
    #[serde(flatten)]
    labels: Labels,
    #[serde(default, skip_serializing_if = "Choice::is_usual")]
    choice: Choice,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    addition: Option<Addition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<MediaKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waits_behind: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    shares: BTreeMap<Pipeline, Share>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    committed: BTreeMap<Pipeline, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    given_up: BTreeMap<Pipeline, JobError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outputs: Option<Vec<Output>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<Bill>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<JobError>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trail: Option<Trail>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    spent: BTreeMap<AttemptId, Cost>,
    revision: u64,
}

/// A record without the data of its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job record with status {0} lacks its {1}")]
pub(super) struct InconsistentRecord(Status, &'static str);

impl From<Job> for JobRecord {
    fn from(job: Job) -> Self {
        let (status, stage, progress) = (job.status(), job.stage(), job.percent());
        let mut record = Self {
            job_id: job.id,
            media_id: job.media_id,
            user_id: job.user_id,
            status,
            stage,
            progress,
            input_key: job.input_key,
            input_version_id: job.input_version_id,
            labels: job.labels,
            choice: job.choice,
            addition: job.addition,
            kind: job.kind,
            sent_at: None,
            waits_behind: None,
            hold: job.hold,
            shares: BTreeMap::new(),
            committed: BTreeMap::new(),
            given_up: BTreeMap::new(),
            outputs: None,
            warnings: Vec::new(),
            cost: None,
            error: None,
            created_at: job.created_at,
            updated_at: job.updated_at,
            deleted_at: job.deleted_at,
            trail: job.trail,
            spent: job.spent,
            revision: job.revision,
        };
        match job.state {
            JobState::Queued { step: QueueStep::Unsent } => {}
            JobState::Queued { step: QueueStep::Waiting { ahead } } => record.waits_behind = Some(ahead),
            JobState::Queued { step: QueueStep::Sent(at) } => record.sent_at = Some(at),
            JobState::Running { progress: _, shares, ready, committed, given_up } => {
                record.outputs = (!ready.is_empty()).then_some(ready);
                record.shares = shares;
                record.committed = committed;
                record.given_up = given_up;
            }
            JobState::Completed { outputs, warnings, bill } => {
                record.outputs = Some(outputs);
                record.warnings = warnings;
                record.cost = bill;
            }
            JobState::Failed { error, .. } => record.error = Some(error),
            JobState::Cancelled { ready, percent: _ } => record.outputs = (!ready.is_empty()).then_some(ready),
        }
        record
    }
}

impl TryFrom<JobRecord> for Job {
    type Error = InconsistentRecord;

    fn try_from(record: JobRecord) -> Result<Self, InconsistentRecord> {
        let lacks = |what| InconsistentRecord(record.status, what);
        let state = match record.status {
            Status::Queued => JobState::Queued {
                step: match (record.sent_at, record.waits_behind) {
                    (Some(at), _) => QueueStep::Sent(at),
                    (None, Some(ahead)) => QueueStep::Waiting { ahead },
                    (None, None) => QueueStep::Unsent,
                },
            },
            Status::Running => JobState::Running {
                progress: Progress::restored(record.stage, record.progress),
                shares: record.shares,
                ready: record.outputs.unwrap_or_default(),
                committed: record.committed,
                given_up: record.given_up,
            },
            Status::Completed => JobState::Completed {
                outputs: record.outputs.ok_or(lacks("outputs"))?,
                warnings: record.warnings,
                bill: record.cost,
            },
            Status::Failed => JobState::Failed { error: record.error.ok_or(lacks("error"))?, percent: record.progress },
            Status::Cancelled => {
                JobState::Cancelled { ready: record.outputs.unwrap_or_default(), percent: record.progress }
            }
        };
        Ok(Self {
            id: record.job_id,
            media_id: record.media_id,
            user_id: record.user_id,
            input_key: record.input_key,
            input_version_id: record.input_version_id,
            labels: record.labels,
            choice: record.choice,
            addition: record.addition,
            kind: record.kind,
            state,
            hold: record.hold,
            created_at: record.created_at,
            updated_at: record.updated_at,
            deleted_at: record.deleted_at,
            trail: record.trail,
            spent: record.spent,
            revision: record.revision,
        })
    }
}
