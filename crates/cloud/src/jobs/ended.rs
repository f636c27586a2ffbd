//! The one end of a job: whatever follows from it happens here, once, after the write that ended it.
//!
//! [`Jobs`] calls this after each of its writes; a deletion, which writes a job and its media in one transaction, after
//! that. A process that dies in between tells of nothing. So no caller can end a job without its being counted, and none counts it twice.

use super::Jobs;
use crate::telemetry::job_span;
use smmu_core::{Job, JobState, Measurement, MicroDollars, Subject};

impl Jobs {
    /// Meters and logs the end of a job, if it is this write that ended it. `cost` is what it cost, where that was
    /// metered.
    pub(crate) fn written(&self, before: &Job, job: &Job, cost: Option<MicroDollars>) {
        let Some(measured) = measured(before, job, cost) else { return };
        let _logged_as = job_span(&job.id, job.trail.as_ref()).entered();
        self.meter.write(&measured, Some(Subject { job: &job.id, trail: job.trail.as_ref() }));
        log(job);
    }
}

/// What a write measures that ended a job; `None` where it ended none.
fn measured(before: &Job, job: &Job, cost: Option<MicroDollars>) -> Option<Measurement> {
    if before.status().is_terminal() { None } else { Measurement::of_ended(job, cost) }
}

/// A fault of ours is an error in the logs; a file that cannot be processed is not.
fn log(job: &Job) {
    match &job.state {
        JobState::Failed { error, .. } if error.code.ours() => tracing::error!(code = %error.code, "job failed"),
        JobState::Failed { error, .. } => tracing::info!(code = %error.code, "job failed"),
        JobState::Completed { .. } => tracing::info!("job completed"),
        JobState::Cancelled { .. } => tracing::info!("job cancelled"),
        JobState::Queued { .. } | JobState::Running { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::measured;
    use serde_json::json;
    use smmu_core::{Job, JobEvent, Measurement, Outcome, Timestamp, Transition};

    fn after(job: &Job, event: JobEvent) -> Job {
        let Transition::Changed(next) = job.apply(event, Timestamp::MAX) else { panic!("nothing changed") };
        next
    }

    #[test]
    fn a_job_is_counted_by_the_write_that_ends_it_and_by_no_other() {
        let queued: Job = serde_json::from_value(json!({
            "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001", "userId": "user-1",
            "inputKey": "k", "inputVersionId": "v", "status": "QUEUED", "stage": "queue", "progress": 0, "revision": 0,
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z",
        }))
        .unwrap();
        let sent = after(&queued, JobEvent::Sent);
        let cancelled = after(&sent, JobEvent::Cancelled);
        let deleted = after(&cancelled, JobEvent::Deleted);
        let counted = |before, job| measured(before, job, None);
        assert_eq!(counted(&queued, &sent), None);
        let ended = counted(&sent, &cancelled);
        assert!(matches!(ended, Some(Measurement::JobEnded { outcome: Outcome::Cancelled, .. })), "{ended:?}");
        assert_eq!(counted(&cancelled, &deleted), None);
    }
}
