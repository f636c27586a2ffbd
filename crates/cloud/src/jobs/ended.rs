//! Follow-up of a job's end: metering and logging, once, after the write that ended it.
//!
//! [`Jobs`] calls this after each of its writes; a deletion calls it after the transaction that writes a job and its
//! media. Every end is counted at most once: if the process dies between the write and this call, the end is not
//! counted.

use super::Jobs;
use crate::telemetry::job_span;
use smmu_core::{ErrorCode, Job, JobState, Measurement, Pipeline, Subject};

impl Jobs {
    /// Meters and logs the end of a job, if this write ended it. Logs each optional worker that failed and that the job
    /// now continues without.
    pub(crate) fn written(&self, before: &Job, job: &Job) {
        for (pipeline, code) in given_up(before, job) {
            let _logged_as = job_span(&job.id, job.trail.as_ref()).entered();
            tracing::warn!(%code, %pipeline, "an optional worker failed; the job continues without its outputs");
        }
        let Some(measured) = measured(before, job) else { return };
        let _logged_as = job_span(&job.id, job.trail.as_ref()).entered();
        self.meter.write(&measured, Some(Subject { job: &job.id, trail: job.trail.as_ref() }));
        log(job);
    }
}

/// Workers that this write marked as given up, with their error codes.
fn given_up<'a>(before: &Job, job: &'a Job) -> impl Iterator<Item = (Pipeline, ErrorCode)> + 'a {
    let earlier: Vec<_> = workers_given_up(before).map(|(pipeline, _)| pipeline).collect();
    workers_given_up(job).filter(move |(pipeline, _)| !earlier.contains(pipeline))
}

fn workers_given_up(job: &Job) -> impl Iterator<Item = (Pipeline, ErrorCode)> + '_ {
    let given_up = if let JobState::Running { given_up, .. } = &job.state { Some(given_up) } else { None };
    given_up.into_iter().flatten().map(|(pipeline, error)| (*pipeline, error.code))
}

/// The measurement of a job's end; `None` if this write did not end it.
fn measured(before: &Job, job: &Job) -> Option<Measurement> {
    if before.status().is_terminal() { None } else { Measurement::of_ended(job) }
}

/// Logs the end of a job: a fault of ours as an error, a file that cannot be processed as information.
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
    use super::{given_up, measured};
    use serde_json::json;
    use smmu_core::{ErrorCode, Job, JobEvent, Measurement, Outcome, Pipeline, Refusal, Stage, Timestamp, Transition};

    fn after(job: &Job, event: JobEvent) -> Job {
        let Transition::Changed(next) = job.apply(event, Timestamp::MAX) else { panic!("nothing changed") };
        next
    }

    fn queued() -> Job {
        serde_json::from_value(json!({
            "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001", "userId": "user-1",
            "inputKey": "k", "inputVersionId": "v", "status": "QUEUED", "stage": "queue", "progress": 0, "revision": 0,
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z",
        }))
        .unwrap()
    }

    #[test]
    fn only_the_write_that_ends_a_job_counts_it() {
        let queued = queued();
        let sent = after(&queued, JobEvent::Sent);
        let cancelled = after(&sent, JobEvent::Cancelled);
        let deleted = after(&cancelled, JobEvent::Deleted);
        assert_eq!(measured(&queued, &sent), None);
        let ended = measured(&sent, &cancelled);
        assert!(matches!(ended, Some(Measurement::JobEnded { outcome: Outcome::Cancelled, .. })), "{ended:?}");
        assert_eq!(measured(&cancelled, &deleted), None);
    }

    #[test]
    fn only_the_write_that_gives_a_worker_up_logs_it() {
        let queued = queued();
        let running = after(&queued, JobEvent::Started);
        let refusal = Refusal::new(ErrorCode::WorkerFailed, "it was killed");
        let without = after(
            &running,
            JobEvent::GivenUp(Pipeline::Transcribe, refusal.at(Stage::of_container(Pipeline::Transcribe))),
        );
        let newly_given_up = |before, job| given_up(before, job).collect::<Vec<_>>();
        assert_eq!(newly_given_up(&running, &without), [(Pipeline::Transcribe, ErrorCode::WorkerFailed)]);
        assert_eq!(newly_given_up(&without, &without), []);
        assert_eq!(newly_given_up(&queued, &running), []);
    }
}
