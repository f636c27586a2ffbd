//! Deletes media: a tombstone hides a media at once, and the reader of the purge queue removes its objects.

use crate::{
    artifacts::Artifacts,
    clock,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    jobs::Jobs,
    media::MediaTable,
    queue::PurgeQueue,
    uploads::Uploads,
    workflow::Workflow,
};
use aws_config::SdkConfig;
use smmu_core::{JobEvent, Media, MediaId, MediaState, Transition, media::LATE_SECONDS, with_causes};

mod account;

pub use account::AccountPurge;

/// How many times a deletion is tried when other writers change the same records.
const ROUNDS: usize = 16;

/// Marks media as deleted.
#[derive(Clone)]
pub struct Eraser {
    media: MediaTable,
    jobs: Jobs,
    queue: PurgeQueue,
}

impl Eraser {
    /// Reads the tables and the queue from the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            media: MediaTable::new(sdk, environment)?,
            jobs: Jobs::new(sdk, environment)?,
            queue: PurgeQueue::new(sdk, environment)?,
        })
    }

    /// Hides a media that was just read, together with its jobs, and queues their removal. Returns `false` if another
    /// request has deleted it in the meantime. The media and its newest job, the only one that can still run, are
    /// hidden in one transaction, after the earlier jobs.
    ///
    /// Once the tombstone is written, this succeeds even if the message cannot be sent: `reconcile` sends it later.
    pub async fn delete(&self, mut media: Media) -> Result<bool, CloudError> {
        for _ in 0..ROUNDS {
            let now = clock::now();
            let Some(tombstone) = media.deleted(now) else { return Ok(false) };
            for earlier in media.runs().iter().filter(|job| **job != media.newest_job()) {
                self.jobs.advance(earlier, JobEvent::Deleted).await?;
            }
            let job = self.jobs.get(&media.newest_job()).await?;
            let change = job.and_then(|job| match job.apply(JobEvent::Deleted, now) {
                Transition::Changed(next) => Some((job, next)),
                Transition::Unchanged | Transition::Ended(_) | Transition::TooEarly => None,
            });
            let replacement = change.as_ref().map(|(job, next)| (next, job.revision));
            if self.media.delete(&tombstone, &media.state, replacement, &self.jobs).await? {
                if let Some((job, next)) = &change {
                    self.jobs.written(job, next);
                }
                tracing::info!(mediaId = %media.id, "media deleted");
                if let Err(error) = self.queue.send(&media.id).await {
                    tracing::error!(mediaId = %media.id, error = with_causes(&error), "failed to send the purge message; reconcile will send it");
                }
                return Ok(true);
            }
            match self.media.get(&media.id).await? {
                Some(current) => media = current,
                None => return Ok(false),
            }
        }
        Err(CloudError::contended("dynamodb:TransactWriteItems delete"))
    }
}

/// Removes the objects and records of deleted media.
#[derive(Clone)]
pub struct Purger {
    media: MediaTable,
    jobs: Jobs,
    workflow: Workflow,
    uploads: Uploads,
    artifacts: Artifacts,
    eraser: Eraser,
    late_seconds: i64,
    settle_seconds: i64,
}

/// Outcome of a purge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purge {
    /// All objects are removed: this many versions. The tombstone stays for a while.
    Purged(usize),
    /// Like `Purged`, and the records are removed too.
    Forgotten(usize),
    /// The media has no record any more.
    Missing,
    /// The media is not deleted, so nothing was touched.
    Live,
}

impl Purger {
    /// Reads the tables, buckets and the state machine from the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            media: MediaTable::new(sdk, environment)?,
            jobs: Jobs::new(sdk, environment)?,
            workflow: Workflow::new(sdk, environment)?,
            uploads: Uploads::new(sdk, environment)?,
            artifacts: Artifacts::new(sdk, environment)?,
            eraser: Eraser::new(sdk, environment)?,
            settle_seconds: environment.parse_or("SMMU_PATIENCE_SETTLE_SECONDS", account::SETTLE_SECONDS)?,
            late_seconds: environment.parse_or("SMMU_PATIENCE_LATE_SECONDS", LATE_SECONDS)?,
        })
    }

    /// Opens connections, see [`start`](crate::start).
    pub async fn connect(&self) {
        self.jobs.connect().await;
    }

    /// Stops the execution of a deleted media's newest job and removes every version of its upload, outputs and working
    /// files. Once no upload can arrive any more, removes its records too. Idempotent.
    pub async fn purge(&self, id: &MediaId) -> Result<Purge, CloudError> {
        let Some(tombstone) = self.media.get(id).await? else { return Ok(Purge::Missing) };
        let Some(purged) = tombstone.purged() else { return Ok(Purge::Live) };
        // Before the removal: a running worker would fail on missing files and store new ones. Earlier jobs have ended.
        self.workflow.stop(&tombstone.newest_job()).await?;
        // Before the listing: after this no request can assemble the parts into a new object.
        self.uploads.give_parts_up(&tombstone).await?;
        let mut removed = self.uploads.remove(&tombstone).await?;
        self.media.forget_content(&tombstone).await?;
        for job in tombstone.runs() {
            removed += self.artifacts.remove(&job).await?;
        }
        if tombstone.can_be_forgotten(clock::now(), self.late_seconds) {
            for job in tombstone.runs() {
                self.jobs.remove(&job).await?;
            }
            // Last: without this record the rest would never be found again.
            self.media.remove(&tombstone).await?;
            return Ok(Purge::Forgotten(removed));
        }
        if let MediaState::Deleted { .. } = tombstone.state {
            self.media.record_purge(&purged).await?;
        }
        Ok(Purge::Purged(removed))
    }
}
