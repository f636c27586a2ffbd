//! From an uploaded object to its first job: what `/complete`, the S3 event and `reconcile` share.

use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    jobs::{Advance, Jobs},
    media::{MediaTable, Submission},
    queue::JobsQueue,
    telemetry::Pseudonyms,
    turns::Turns,
    uploads::Uploads,
};
use aws_config::SdkConfig;
use smmu_core::{Job, JobEvent, Media, MissingParts, Origin, Trail, media::Mismatch, with_causes};
use std::time::Duration;

mod assemble;

/// Everything that a submission touches.
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
    /// What stands for users in logs.
    pub pseudonyms: Pseudonyms,
    pub(crate) turns: Turns,
}

/// Why there is no job.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Nothing has been uploaded.
    #[error("the object is not there")]
    NotUploaded,
    /// Not all of its parts have been uploaded.
    #[error(transparent)]
    PartsMissing(#[from] MissingParts),
    /// Something else was uploaded than was granted.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// Its owner has deleted the media.
    #[error("the media was deleted")]
    Deleted,
    /// A service did not answer.
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

/// Between two tries to record a submission, or another run, while others write the same records.
pub(crate) const PAUSES_MS: [u64; 5] = [20, 40, 80, 160, 320];

impl Submitter {
    /// From the environment.
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

    /// Opens connections, see [`start`](crate::start). The queue has no call that would change nothing.
    pub async fn connect(&self) {
        tokio::join!(self.jobs.connect(), self.uploads.connect());
    }

    /// The newest job of a media: the one it has, or a first one if its object is there as granted. A new one says where it
    /// came from.
    ///
    /// Once the job is recorded this succeeds even if its message cannot be sent; `reconcile` sends
    /// what was not sent. A job may have to wait for its turn.
    pub async fn submit(&self, media: &Media, origin: Option<Origin>) -> Result<Job, SubmitError> {
        let trail = self.trail(media, origin);
        let mut media = media.clone();
        for pause_ms in PAUSES_MS {
            if media.state.deleted_at().is_some() {
                return Err(SubmitError::Deleted);
            }
            if let Some(job) = self.jobs.get(&media.newest_job()).await? {
                return Ok(job);
            }
            let object = self.uploads.find(&media.key()).await?.ok_or(SubmitError::NotUploaded)?;
            let (submitted, job) = match media.submit(&object, clock::now()) {
                Ok(submission) => submission,
                Err(mismatch) => {
                    let recorded = self.media.get(&media.id).await?.ok_or(SubmitError::Deleted)?;
                    if recorded == media {
                        return Err(mismatch.into());
                    }
                    // Its parts were sealed and put together since it was read.
                    media = recorded;
                    continue;
                }
            };
            let job = job.on(trail.clone());
            match self.media.submit(&submitted, &job, &self.jobs).await? {
                // Boxed: the state of SDK calls is large.
                Submission::Recorded => return Ok(Box::pin(self.recorded(&submitted, job)).await),
                // The other submission's job is this one; the next round finds it.
                Submission::AlreadyThere | Submission::Contended => {
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    // Or it was deleted.
                    media = self.media.get(&media.id).await?.ok_or(SubmitError::Deleted)?;
                }
            }
        }
        Err(CloudError::interrupted("dynamodb:TransactWriteItems submit", "other writers were faster every time")
            .into())
    }

    /// Sends the job that was recorded, and lets the media be found by its content.
    async fn recorded(&self, submitted: &Media, job: Job) -> Job {
        let forget_at = self.jobs.forget_after(job.created_at);
        let (job, noted) =
            tokio::join!(Box::pin(self.start(submitted, job)), self.media.note_content(submitted, forget_at));
        if let Err(error) = noted {
            // It costs another upload of the same content at most.
            tracing::warn!(media_id = %submitted.id, error = with_causes(&error), "the media cannot be found by its content");
        }
        job
    }

    /// Where a job of a media comes from.
    pub(crate) fn trail(&self, media: &Media, origin: Option<Origin>) -> Option<Trail> {
        origin.map(|origin| Trail { origin, user_hash: self.pseudonyms.hash(&media.user) })
    }

    /// Sends a job's message and records that, as far as both succeed.
    pub async fn send(&self, media: &Media, job: Job) -> Job {
        let Some(input) = media.execution_input(&job) else {
            tracing::error!(job_id = %job.id, "the media does not say what its content must be; no message was sent");
            return job;
        };
        if let Err(error) = self.queue.send(&input).await {
            tracing::error!(job_id = %job.id, error = with_causes(&error), "the job is recorded but its message was not sent");
            return job;
        }
        match self.record(job.clone(), JobEvent::Sent).await {
            Ok(sent) => sent,
            Err(error) => {
                tracing::warn!(job_id = %job.id, error = with_causes(&error), "the message was sent but not recorded as sent");
                job
            }
        }
    }

    /// Applies an event to a job, and answers how it stands then.
    pub(crate) async fn record(&self, job: Job, event: JobEvent) -> Result<Job, CloudError> {
        Ok(match self.jobs.advance_from(job.clone(), event).await? {
            Advance::Changed(now) | Advance::Unchanged(now) | Advance::Ended(now) | Advance::TooEarly(now) => now,
            Advance::Missing => job,
        })
    }
}
