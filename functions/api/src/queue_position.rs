//! Approximate position of a job that waits: for its turn, in the queue, or for a worker.

use crate::{context::Context, estimate};
use serde::Serialize;
use smmu_cloud::{CloudError, clock};
use smmu_core::{Branch, Job, JobState, MediaKind, QueueStep, Timestamp, av::Presence, with_causes};

/// Approximate position of a job that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueuePlace {
    /// Approximate number of jobs before it; at most 2000 are counted. 0 while it waits for a worker.
    pub(crate) ahead: u64,
    /// Estimated time at which the wait ends.
    pub(crate) starts_at: Timestamp,
}

/// Milliseconds until the function that renders images begins to work. There is no container to start.
const FUNCTION_START_MS: u64 = 1000;

/// The position of a job that waits. `None` for any other job, and if it cannot be read.
pub(crate) async fn of(job: &Job, context: &Context) -> Option<QueuePlace> {
    match &job.state {
        JobState::Queued { step: QueueStep::Waiting { .. } } => {
            let counted = context.submitter.jobs.count_before(job).await;
            let ahead = readable(job, counted.map(|before| before as u64))?;
            let usual_ms = if job.has_moved_up(ahead) { 0 } else { usual_turn_ms(job, context).await };
            Some(QueuePlace { ahead, starts_at: job.expected_turn(ahead, usual_ms, clock::now())? })
        }
        JobState::Queued { step: step @ (QueueStep::Unsent | QueueStep::Sent(_)) } => {
            let length = readable(job, context.submitter.queue.approximate_length().await)?;
            // If the job's message was sent, it is one of them.
            let ahead = length.saturating_sub(u64::from(*step != QueueStep::Unsent));
            Some(QueuePlace { ahead, starts_at: job.expected_dispatch(ahead, clock::now())? })
        }
        JobState::Running { .. } if job.waits_for_worker() => {
            let usual_ms = if is_rendered_by_function(job, context).await {
                FUNCTION_START_MS
            } else {
                context.deployment.container_start_ms
            };
            Some(QueuePlace { ahead: 0, starts_at: job.expected_worker(usual_ms, clock::now())? })
        }
        JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => None,
    }
}

fn readable(job: &Job, found: Result<u64, CloudError>) -> Option<u64> {
    let found = found.inspect_err(|error| {
        tracing::warn!(
            jobId = job.id.as_str(),
            error = with_causes(error),
            "failed to read the job's place in the queue"
        );
    });
    found.ok()
}

/// Milliseconds between two turns, if the user's other jobs take as long as this one is estimated to take. If nothing
/// is known about its content, it counts as the start of a container.
async fn usual_turn_ms(job: &Job, context: &Context) -> u64 {
    let estimate = estimate::of_job(job, context).await;
    let job_ms = estimate.map_or(context.deployment.container_start_ms, |estimate| estimate.seconds.expected * 1000);
    job_ms / context.submitter.running_jobs_per_user().get()
}

/// Returns whether the job is a small image. Its media has the size; if that cannot be read, the slower start counts.
async fn is_rendered_by_function(job: &Job, context: &Context) -> bool {
    if job.kind != Some(MediaKind::Image) {
        return false;
    }
    let media = context.submitter.media.get(&job.media_id).await.inspect_err(|error| {
        tracing::warn!(
            jobId = job.id.as_str(),
            error = with_causes(error),
            "failed to read the size of a waiting job's media"
        );
    });
    let routing = context.deployment.routing;
    let branch = |bytes| Branch::of(MediaKind::Image, bytes, Presence::Absent, routing);
    media.ok().flatten().is_some_and(|media| branch(media.grant.bytes) == Branch::RenderImage)
}
