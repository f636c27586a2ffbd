//! Submission: from an uploaded object to its first job. Shared by `/complete`, the S3 event and `reconcile`.

use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    jobs::{Advance, Jobs},
    media::{MediaTable, Submission},
    queue::JobsQueue,
    telemetry::Pseudonyms,
    uploads::Uploads,
};
use aws_config::SdkConfig;
use smmu_core::{
    Job, JobEvent, JobState, Media, MissingParts, Origin, QueueStep, Timestamp, Trail, media::Mismatch, with_causes,
};
use std::time::Duration;
use turns::Turns;

mod assemble;
mod turns;

/// The services that a submission uses.
#[derive(Clone)]
pub struct Submitter {
    /// The raw bucket.
    pub uploads: Uploads,
    /// The media table.
    pub media: MediaTable,
    /// The jobs table.
    pub jobs: Jobs,
    /// The jobs queue.
    pub queue: JobsQueue,
    /// Replaces users by pseudonyms in logs.
    pub pseudonyms: Pseudonyms,
    pub(crate) turns: Turns,
}

/// Reason why no job was made.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Nothing has been uploaded.
    #[error("nothing has been uploaded")]
    NotUploaded,
    /// Some parts have not been uploaded.
    #[error(transparent)]
    PartsMissing(#[from] MissingParts),
    /// The uploaded object differs from the grant.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The owner deleted the media.
    #[error("the media was deleted")]
    Deleted,
    /// A service call failed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

/// Age in milliseconds at which an unsent job counts as abandoned by its sender: several times the duration of sending,
/// and shorter than the pause before a client repeats a call. Sending it twice is harmless.
const ABANDONED_MS: u64 = 200;

/// Whether an unsent job counts as abandoned. One that a machine with a fast clock has recorded can seem to be of the
/// future; it counts too, or it would wait for `reconcile`.
fn is_abandoned(created_at: Timestamp, now: Timestamp) -> bool {
    now.ms_since(created_at).max(created_at.ms_since(now)) >= ABANDONED_MS
}

/// Pauses between tries to record a submission or a rerun while other writers change the same records.
pub(crate) const PAUSES_MS: [u64; 5] = [20, 40, 80, 160, 320];

impl Submitter {
    /// Reads the tables, bucket and queue from the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            uploads: Uploads::new(sdk, environment)?,
            media: MediaTable::new(sdk, environment)?,
            jobs: Jobs::new(sdk, environment)?,
            queue: JobsQueue::new(sdk, environment)?,
            pseudonyms: Pseudonyms::new(environment)?,
            turns: Turns::new(environment)?,
        })
    }

    /// Opens connections, see [`start`](crate::start), except to the queue, which has no call without effects.
    pub async fn connect(&self) {
        tokio::join!(self.jobs.connect(), self.uploads.connect());
    }

    /// Returns the newest job of a media, or makes the first one if its object was uploaded as granted. A new job
    /// records `origin`.
    ///
    /// A repeated call sends a job that was recorded but not sent, because the first caller died.
    ///
    /// Once the job is recorded, this succeeds even if its message cannot be sent: `reconcile` sends it later. The job
    /// may have to wait for its turn.
    pub async fn submit(&self, media: &Media, origin: Option<Origin>) -> Result<Job, SubmitError> {
        let trail = self.trail(media, origin);
        let mut media = media.clone();
        for pause_ms in PAUSES_MS {
            if media.state.deleted_at().is_some() {
                return Err(SubmitError::Deleted);
            }
            if let Some(job) = self.jobs.get(&media.newest_job()).await? {
                return Ok(self.sent(job).await?);
            }
            let object = self.uploads.find(&media.key()).await?.ok_or(SubmitError::NotUploaded)?;
            let (submitted, job) = match media.submit(&object, clock::now()) {
                Ok(submission) => submission,
                Err(mismatch) => {
                    let recorded = self.media.get(&media.id).await?.ok_or(SubmitError::Deleted)?;
                    if recorded == media {
                        return Err(mismatch.into());
                    }
                    // Its parts were sealed and assembled since it was read.
                    media = recorded;
                    continue;
                }
            };
            let job = job.on(trail.clone());
            match self.media.submit(&submitted, &job, &self.jobs).await? {
                // Boxed: the state of SDK calls is large.
                Submission::Recorded => return Ok(Box::pin(self.recorded(&submitted, job)).await),
                // The other submission's job is the same one; the next round finds it.
                Submission::AlreadyThere | Submission::Contended => {
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    // Re-read: it may also have been deleted.
                    media = self.media.get(&media.id).await?.ok_or(SubmitError::Deleted)?;
                }
            }
        }
        Err(CloudError::contended("dynamodb:TransactWriteItems submit").into())
    }

    /// Sends a job whose sender died after recording it.
    async fn sent(&self, job: Job) -> Result<Job, CloudError> {
        let unsent = matches!(job.state, JobState::Queued { step: QueueStep::Unsent });
        if !unsent || !is_abandoned(job.created_at, clock::now()) {
            return Ok(job);
        }
        // Re-read: the caller's media can be older than the submission.
        let Some(media) = self.media.get(&job.media_id).await? else { return Ok(job) };
        tracing::warn!(jobId = job.id.as_str(), "the job was recorded but not sent; sending it now");
        // Boxed: the state of SDK calls is large.
        Ok(Box::pin(self.start(&media, job)).await)
    }

    /// Sends a recorded job and indexes the media by its content.
    async fn recorded(&self, submitted: &Media, job: Job) -> Job {
        let forget_at = self.jobs.forget_after(job.created_at);
        let (job, noted) =
            tokio::join!(Box::pin(self.start(submitted, job)), self.media.note_content(submitted, forget_at));
        if let Err(error) = noted {
            // At worst, the same content is uploaded again.
            tracing::warn!(mediaId = %submitted.id, error = with_causes(&error), "failed to index the media by its content; duplicates of it will not be found");
        }
        job
    }

    /// The trail of a job: the origin of its request and the pseudonym of its user.
    pub(crate) fn trail(&self, media: &Media, origin: Option<Origin>) -> Option<Trail> {
        origin.map(|origin| Trail { origin, user_hash: self.pseudonyms.hash(&media.user) })
    }

    /// Sends a job's message and records that it was sent. Failures are logged, and `reconcile` tries again.
    pub async fn send(&self, media: &Media, job: Job) -> Job {
        let Some(input) = media.execution_input(&job) else {
            tracing::error!(jobId = job.id.as_str(), "the media has no expected checksum; no message was sent");
            return job;
        };
        if let Err(error) = self.queue.send(&input).await {
            tracing::error!(
                jobId = job.id.as_str(),
                error = with_causes(&error),
                "failed to send the job's message; reconcile will send it"
            );
            return job;
        }
        match self.record(job.clone(), JobEvent::Sent).await {
            Ok(sent) => sent,
            Err(error) => {
                tracing::warn!(
                    jobId = job.id.as_str(),
                    error = with_causes(&error),
                    "failed to record that the message was sent; it may be sent again"
                );
                job
            }
        }
    }

    /// Applies an event to a job and returns its current state.
    pub(crate) async fn record(&self, job: Job, event: JobEvent) -> Result<Job, CloudError> {
        Ok(match self.jobs.advance_from(job.clone(), event).await? {
            Advance::Changed(now) | Advance::Unchanged(now) | Advance::Ended(now) | Advance::TooEarly(now) => now,
            Advance::Missing => job,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_abandoned;
    use smmu_core::Timestamp;

    #[test]
    fn an_unsent_job_is_abandoned_after_a_moment_whatever_clock_recorded_it() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000).unwrap();
        assert!(!is_abandoned(now, now));
        for seconds in [-290, -1, 1, 290] {
            assert!(is_abandoned(now.plus_seconds(seconds), now), "{seconds} s");
        }
    }
}
