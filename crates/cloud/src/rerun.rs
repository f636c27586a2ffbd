//! Reruns: further jobs of a media that was processed before.

use crate::{
    clock,
    error::CloudError,
    media::{Begun, Once},
    submit::{PAUSES_MS, Submitter},
};
use smmu_core::{CannotRun, Job, Media, MediaId, MediaState, Origin, Rerun};
use std::time::Duration;

/// Reason why no new job was made.
#[derive(Debug, thiserror::Error)]
pub enum RerunError {
    /// The state of the media does not allow a rerun.
    #[error(transparent)]
    CannotRun(#[from] CannotRun),
    /// The uploaded object is gone.
    #[error("the uploaded file is no longer there")]
    SourceMissing,
    /// The media was deleted or has expired.
    #[error("the media was deleted")]
    Deleted,
    /// The idempotency key was used for a different request.
    #[error("the key was used for a different request")]
    KeyMismatch,
    /// A service call failed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

impl Submitter {
    /// Makes another job of a media and sends it. With a key, returns the job that the same request made before, if
    /// any.
    ///
    /// Of several concurrent requests, one makes a job; the others fail with [`CannotRun::Running`]. Once the job is
    /// recorded, this succeeds even if its message cannot be sent, like [`Self::submit`].
    pub async fn run_again(
        &self,
        id: &MediaId,
        rerun: &Rerun,
        key: Option<&Once>,
        origin: Option<Origin>,
    ) -> Result<Job, RerunError> {
        for pause_ms in PAUSES_MS {
            if let Some(once) = key
                && let Some(job) = self.made_before(once).await?
            {
                return Ok(job);
            }
            let described = self.media.get_described(id).await?.ok_or(RerunError::Deleted)?;
            let before = &described.media;
            if before.state.deleted_at().is_some() {
                return Err(RerunError::Deleted);
            }
            let newest = self.jobs.get(&before.newest_job()).await?;
            let standing = match before.standing_job() {
                Some(id) if *id != before.newest_job() => self.jobs.get(id).await?,
                Some(_) | None => newest.clone(),
            };
            let (new_id, now) = (clock::new_job_id(), clock::now());
            let (media, job) = described.run_again(newest.as_ref(), standing.as_ref(), new_id, rerun, now)?;
            self.require_source(&media).await?;
            let job = job.on(self.trail(&media, origin.clone()));
            match self.media.begin_run(before, &media, &job, key, &self.jobs).await? {
                // Boxed: the state of SDK calls is large.
                Begun::Recorded => return Ok(Box::pin(self.start(&media, job)).await),
                // The next round sees the other writer's change.
                Begun::Outdated => tokio::time::sleep(Duration::from_millis(pause_ms)).await,
            }
        }
        Err(CloudError::contended("dynamodb:TransactWriteItems run").into())
    }

    /// The job that an earlier request with this key made, if it still exists.
    async fn made_before(&self, once: &Once) -> Result<Option<Job>, RerunError> {
        let Some(known) = self.media.known(once).await? else { return Ok(None) };
        match known.made.parse() {
            Ok(id) if known.same_request => Ok(self.jobs.get(&id).await?.filter(|job| job.deleted_at.is_none())),
            Ok(_) | Err(_) => Err(RerunError::KeyMismatch),
        }
    }

    /// Fails unless the object at the upload's key is still the submitted version.
    async fn require_source(&self, media: &Media) -> Result<(), RerunError> {
        let found = self.uploads.find(&media.key()).await?;
        let same = |version: &str| match &media.state {
            MediaState::Submitted { input_version_id, .. } => input_version_id == version,
            MediaState::AwaitingUpload
            | MediaState::Expired
            | MediaState::Deleted { .. }
            | MediaState::Purged { .. } => false,
        };
        if found.is_some_and(|found| same(&found.version_id)) { Ok(()) } else { Err(RerunError::SourceMissing) }
    }
}
