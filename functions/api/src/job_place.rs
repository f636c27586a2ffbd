//! What is before a queued job, approximately.

use crate::context::Context;
use serde::Serialize;
use smmu_cloud::clock;
use smmu_core::{Job, JobState, Timestamp, Turn, with_causes};

/// Where a job stands in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "QueuePlace"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlaceView {
    /// About how many jobs are before it; at most 2000 are counted.
    pub(crate) ahead: u64,
    /// When it should begin, by how fast those before it have begun; only while that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) starts_at: Option<Timestamp>,
}

/// The place of a queued job: among those of its user that wait, or among all messages of the queue. `None` of any other, and
/// where it cannot be found out.
pub(crate) async fn of(job: &Job, context: &Context) -> Option<PlaceView> {
    let JobState::Queued { turn } = &job.state else { return None };
    let found = match turn {
        Turn::Waiting { .. } => context.submitter.jobs.count_before(job).await.map(|before| before as u64),
        Turn::Unsent => context.submitter.queue.approximate_length().await,
        // Its own message is one of them.
        Turn::Sent(_) => context.submitter.queue.approximate_length().await.map(|length| length.saturating_sub(1)),
    };
    let ahead = found.inspect_err(|error| {
        tracing::warn!(job_id = %job.id, error = with_causes(error), "the place in the queue could not be found out");
    });
    let ahead = ahead.ok()?;
    Some(PlaceView { ahead, starts_at: job.expected_start(ahead, clock::now()) })
}
