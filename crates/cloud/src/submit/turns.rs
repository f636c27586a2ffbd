//! Turns: a limit on the running jobs of one user. Further jobs wait in order.
//!
//! The holders of turns are stored by job id (`jobs/turns.rs`), not as a count. If a job ends without releasing its
//! turn, the next job that wants one finds and releases it, so a crash loses no turn. Waiting jobs are found by the
//! index `by-active`. The index lags by about a second, which can change the order of two jobs, but never the limit.
//!
//! When a job ends, the stream of the jobs table passes its turn to the next (`functions/reconcile`). `reconcile` also
//! checks users with waiting jobs, in case the stream missed an event.

use super::Submitter;
use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
};
use smmu_core::{
    ErrorCode, Job, JobEvent, JobId, Media, QueuePosition, Refusal, Stage, Timestamp, UserId, with_causes,
};
use std::{collections::BTreeSet, num::NonZeroU64};

#[cfg(test)]
mod tests;

/// Maximum number of running jobs per user; `None` is no limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns {
    most: Option<usize>,
}

/// Seconds after which the index has caught up with the table.
const SETTLE_SECONDS: i64 = 60;

/// Storage of turns, and the actions on jobs.
pub(crate) trait Ledger: Sync {
    /// Maximum number of turns of a user.
    fn most(&self) -> usize;
    /// Gives a job a turn; succeeds if it already has one. The inner `Err` lists the holders of all turns.
    fn take(
        &self,
        user: &UserId,
        job: &JobId,
    ) -> impl Future<Output = Result<Result<(), Vec<JobId>>, CloudError>> + Send;
    /// Releases turns. Jobs that hold none are ignored.
    fn give_back(&self, user: &UserId, jobs: &[JobId]) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// The first waiting jobs, from an index that may lag.
    fn first_waiting(
        &self,
        user: &UserId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<QueuePosition>, CloudError>> + Send;
    /// The current state of a job.
    fn job(&self, id: &JobId) -> impl Future<Output = Result<Option<Job>, CloudError>> + Send;
    /// Marks a user with waiting jobs as watched.
    fn note_waiting(&self, user: &UserId) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// Records that a job waits.
    fn defer(&self, job: Job) -> impl Future<Output = Result<Job, CloudError>> + Send;
    /// Sends a job that has a turn.
    fn send(&self, job: Job) -> impl Future<Output = Result<Job, CloudError>> + Send;
}

/// Sends a job that was just recorded, or makes it wait.
async fn start(ledger: &impl Ledger, job: Job) -> Result<Job, CloudError> {
    let user = job.user_id.clone();
    let others_wait = match ledger.first_waiting(&user, 1).await {
        Ok(waiting) => !waiting.is_empty(),
        // For example while the index is being built. Only the order suffers.
        Err(error) => {
            tracing::warn!(error = with_causes(&error), "failed to look up waiting jobs; their order may be lost");
            false
        }
    };
    if !others_wait && matches!(take_turn(ledger, &user, &job.id).await?, Taken::Yes) {
        return ledger.send(job).await;
    }
    // Before deferring: a waiting job is not watched itself, only its user.
    ledger.note_waiting(&user).await?;
    let job = ledger.defer(job).await?;
    // The last holder of a turn may have ended in the meantime, when no job waited yet.
    release(ledger, &user, job.queue_position().filter(|_| job.waits())).await?;
    Ok(job)
}

/// Gives free turns to waiting jobs, in order. `known` is a job that the index may not have yet. Returns the number of
/// jobs sent.
async fn release(ledger: &impl Ledger, user: &UserId, known: Option<QueuePosition>) -> Result<usize, CloudError> {
    // Some of them may have been sent already.
    let waiting = ledger.first_waiting(user, ledger.most().saturating_mul(2)).await?;
    let places: BTreeSet<QueuePosition> = waiting.into_iter().chain(known).collect();
    let mut sent = 0;
    for id in places.iter().filter_map(QueuePosition::job) {
        let Some(job) = ledger.job(&id).await?.filter(Job::waits) else { continue };
        match take_turn(ledger, user, &id).await? {
            Taken::Yes => {
                ledger.send(job).await?;
                sent += 1;
            }
            Taken::No { unused } => {
                // The process that took these turns died before it sent the message, or is about to send it. A
                // duplicate is harmless.
                for job in unused {
                    ledger.send(job).await?;
                    sent += 1;
                }
                break;
            }
        }
    }
    Ok(sent)
}

/// Outcome of asking for a turn.
enum Taken {
    Yes,
    /// Other jobs hold all turns. `unused` are holders that were not sent yet.
    No {
        unused: Vec<Job>,
    },
}

/// Takes a turn for a job, if necessary from a job that has ended.
async fn take_turn(ledger: &impl Ledger, user: &UserId, job: &JobId) -> Result<Taken, CloudError> {
    let Err(holders) = ledger.take(user, job).await? else { return Ok(Taken::Yes) };
    let (mut ended, mut unused) = (Vec::new(), Vec::new());
    for holder in holders {
        match ledger.job(&holder).await? {
            Some(job) if job.waits() => unused.push(job),
            Some(job) if !job.status().is_terminal() => {}
            // Only recorded jobs take turns, so a missing job was removed.
            Some(_) | None => ended.push(holder),
        }
    }
    if ended.is_empty() {
        return Ok(Taken::No { unused });
    }
    ledger.give_back(user, &ended).await?;
    Ok(if ledger.take(user, job).await?.is_ok() { Taken::Yes } else { Taken::No { unused } })
}

/// The tables and the queue. `media` saves reading the media of a job that the caller already has.
struct CloudLedger<'a> {
    submitter: &'a Submitter,
    most: usize,
    media: Option<&'a Media>,
}

impl Ledger for CloudLedger<'_> {
    fn most(&self) -> usize {
        self.most
    }

    async fn take(&self, user: &UserId, job: &JobId) -> Result<Result<(), Vec<JobId>>, CloudError> {
        // Without a limit, turns are never released.
        if self.most == usize::MAX {
            return Ok(Ok(()));
        }
        self.submitter.jobs.take_turn(user, job, self.most).await
    }

    async fn give_back(&self, user: &UserId, jobs: &[JobId]) -> Result<(), CloudError> {
        self.submitter.jobs.give_turns_back(user, jobs).await
    }

    async fn first_waiting(&self, user: &UserId, limit: usize) -> Result<Vec<QueuePosition>, CloudError> {
        self.submitter.jobs.first_waiting(user, limit).await
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, CloudError> {
        self.submitter.jobs.get(id).await
    }

    async fn note_waiting(&self, user: &UserId) -> Result<(), CloudError> {
        self.submitter.jobs.watch_turns(user).await
    }

    async fn defer(&self, job: Job) -> Result<Job, CloudError> {
        let counted = self.submitter.jobs.count_waiting(&job.user_id).await;
        let counted = counted.inspect_err(|error| {
            tracing::warn!(error = with_causes(error), "failed to count waiting jobs");
        });
        let ahead = u32::try_from(counted.unwrap_or_default()).unwrap_or(u32::MAX);
        self.submitter.record(job, JobEvent::Deferred { ahead }).await
    }

    async fn send(&self, job: Job) -> Result<Job, CloudError> {
        let read = match self.media.filter(|media| media.id == job.media_id) {
            Some(_) => None,
            None => self.submitter.media.get(&job.media_id).await?,
        };
        let media = read.as_ref().or(self.media).filter(|media| media.id == job.media_id);
        if let Some(media) = media.filter(|media| media.execution_input(&job).is_some()) {
            return Ok(self.submitter.send(media, job).await);
        }
        // Otherwise the job would hold its turn forever.
        let why = "the uploaded file was deleted while the job waited";
        let error = Refusal::new(ErrorCode::SourceMissing, why).at(Stage::Queue);
        self.submitter.record(job, JobEvent::Failed(error)).await
    }
}

impl Turns {
    /// Reads the limit from `SMMU_RUNNING_JOBS_PER_USER`; 0 or unset means no limit.
    pub(crate) fn new(environment: &Environment) -> Result<Self, InvalidEnvironment> {
        let most: usize = environment.parse_or("SMMU_RUNNING_JOBS_PER_USER", 0)?;
        Ok(Self { most: Some(most).filter(|most| *most > 0) })
    }
}

impl Submitter {
    /// Sends a recorded job, or makes it wait if its user's limit of running jobs is reached. Failures are logged, and
    /// `reconcile` tries again.
    pub async fn start(&self, media: &Media, job: Job) -> Job {
        let Some(ledger) = self.ledger(Some(media)) else { return Box::pin(self.send(media, job)).await };
        // Boxed: the state of SDK calls is large.
        match Box::pin(start(&ledger, job.clone())).await {
            Ok(job) => job,
            Err(error) => {
                tracing::error!(
                    jobId = job.id.as_str(),
                    error = with_causes(&error),
                    "failed to give the job a turn; reconcile will try again"
                );
                job
            }
        }
    }

    /// Passes the turns of ended jobs to waiting jobs of the same user. Returns the number of jobs sent.
    pub async fn release(&self, user: &UserId, ended: &[JobId]) -> Result<usize, CloudError> {
        let Some(ledger) = self.ledger(None) else { return Ok(0) };
        if !ended.is_empty() {
            ledger.give_back(user, ended).await?;
        }
        Box::pin(release(&ledger, user, None)).await
    }

    /// Maximum number of running jobs per user. Without a limit it is the largest number.
    #[must_use]
    pub fn running_jobs_per_user(&self) -> NonZeroU64 {
        let most = self.turns.most.and_then(|most| NonZeroU64::new(most as u64));
        most.unwrap_or(NonZeroU64::MAX)
    }

    /// Keys of up to about `limit` records of users whose jobs have waited since before `before`.
    pub async fn users_waiting(&self, before: Timestamp, limit: usize) -> Result<Vec<String>, CloudError> {
        self.jobs.watched_turns(before, limit).await
    }

    /// Gives free turns of a watched user to waiting jobs. Returns the number of jobs sent. Ends the watch once no job
    /// waits.
    pub async fn release_watched(&self, key: &str) -> Result<usize, CloudError> {
        let Some(watched) = self.jobs.turns(key).await? else { return Ok(0) };
        // If the limit was removed, all waiting jobs are sent.
        let ledger = self.ledger(None).unwrap_or(CloudLedger { submitter: self, most: usize::MAX, media: None });
        let released = Box::pin(release(&ledger, &watched.owner, None)).await?;
        let nobody = self.jobs.first_waiting(&watched.owner, 1).await?.is_empty();
        let settled = watched.latest <= clock::now().plus_seconds(-SETTLE_SECONDS);
        self.jobs.looked_at_turns(key, &watched, nobody && settled).await?;
        Ok(released)
    }

    fn ledger<'a>(&'a self, media: Option<&'a Media>) -> Option<CloudLedger<'a>> {
        self.turns.most.map(|most| CloudLedger { submitter: self, most, media })
    }
}
