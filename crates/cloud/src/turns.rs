//! Turns: how many jobs of one user run at once, and that the others wait in order.
//!
//! Whoever has a turn is recorded by name, not by number (`jobs/turns.rs`): a job that has ended without giving its turn back is found
//! and removed by whoever wants one, so that a crash costs none. Jobs that wait are found by the index `by-active`. It may be
//! behind the table, which can cost order within about a second, and never lets more jobs run.
//!
//! The end of a job, told by the stream of the jobs table, gives its turn to the next (`functions/reconcile`). What was missed
//! there is found by `reconcile`: a user for whom somebody waits is watched.

use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    submit::Submitter,
};
use smmu_core::{ErrorCode, Job, JobEvent, JobId, Media, Place, Refusal, Stage, Timestamp, UserId, with_causes};
use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// How many jobs of one user run at once; no limit without it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns {
    most: Option<usize>,
}

/// Seconds after which the index has everything that was recorded before.
const SETTLE_SECONDS: i64 = 60;

/// Where turns are recorded, and what is done with jobs.
pub(crate) trait Ledger: Sync {
    /// How many jobs of a user have a turn at once.
    fn most(&self) -> usize;
    /// Gives a job a turn; it may have it already. `Err` names those who have all of them.
    fn take(
        &self,
        user: &UserId,
        job: &JobId,
    ) -> impl Future<Output = Result<Result<(), Vec<JobId>>, CloudError>> + Send;
    /// Takes turns back. Those that nobody has are no error.
    fn give_back(&self, user: &UserId, jobs: &[JobId]) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// The first that wait, by an index that may be behind.
    fn first_waiting(&self, user: &UserId, limit: usize)
    -> impl Future<Output = Result<Vec<Place>, CloudError>> + Send;
    /// A job as it is now.
    fn job(&self, id: &JobId) -> impl Future<Output = Result<Option<Job>, CloudError>> + Send;
    /// Has a user watched for whom somebody waits.
    fn note_waiting(&self, user: &UserId) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// Records that a job waits.
    fn defer(&self, job: Job) -> impl Future<Output = Result<Job, CloudError>> + Send;
    /// Sends a job that has a turn.
    fn send(&self, job: Job) -> impl Future<Output = Result<Job, CloudError>> + Send;
}

/// Sends a job that was just recorded, or lets it wait.
async fn start(ledger: &impl Ledger, job: Job) -> Result<Job, CloudError> {
    let user = job.user_id.clone();
    let others_wait = match ledger.first_waiting(&user, 1).await {
        Ok(waiting) => !waiting.is_empty(),
        // Such as while the index is being built. Then order is lost for a moment, and nothing else.
        Err(error) => {
            tracing::warn!(error = with_causes(&error), "who waits could not be found out");
            false
        }
    };
    if !others_wait && matches!(take_turn(ledger, &user, &job.id).await?, Taken::Yes) {
        return ledger.send(job).await;
    }
    // First: a job that waits is not watched itself.
    ledger.note_waiting(&user).await?;
    let job = ledger.defer(job).await?;
    // The last that had a turn may have ended between the look and now, when nobody waited.
    release(ledger, &user, job.place().filter(|_| job.waits())).await?;
    Ok(job)
}

/// Gives free turns to those that wait, in order. `known` is one that the index may not have yet. Answers how many were sent.
async fn release(ledger: &impl Ledger, user: &UserId, known: Option<Place>) -> Result<usize, CloudError> {
    // Some of them may have been sent already.
    let waiting = ledger.first_waiting(user, ledger.most().saturating_mul(2)).await?;
    let places: BTreeSet<Place> = waiting.into_iter().chain(known).collect();
    let mut sent = 0;
    for id in places.iter().filter_map(Place::job) {
        let Some(job) = ledger.job(&id).await?.filter(Job::waits) else { continue };
        match take_turn(ledger, user, &id).await? {
            Taken::Yes => {
                ledger.send(job).await?;
                sent += 1;
            }
            Taken::No { unused } => {
                // Whoever took these turns died before the message was sent, or is about to send it: twice is harmless.
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

/// What came of asking for a turn.
enum Taken {
    Yes,
    /// Others have all of them, some of which wait all the same.
    No {
        unused: Vec<Job>,
    },
}

/// Takes a turn for a job, if need be that of one which has ended.
async fn take_turn(ledger: &impl Ledger, user: &UserId, job: &JobId) -> Result<Taken, CloudError> {
    let Err(holders) = ledger.take(user, job).await? else { return Ok(Taken::Yes) };
    let (mut ended, mut unused) = (Vec::new(), Vec::new());
    for holder in holders {
        match ledger.job(&holder).await? {
            Some(job) if job.waits() => unused.push(job),
            Some(job) if !job.status().is_terminal() => {}
            // A turn is taken for jobs that are recorded: one that is not there any more was removed.
            Some(_) | None => ended.push(holder),
        }
    }
    if ended.is_empty() {
        return Ok(Taken::No { unused });
    }
    ledger.give_back(user, &ended).await?;
    Ok(if ledger.take(user, job).await?.is_ok() { Taken::Yes } else { Taken::No { unused } })
}

/// The tables and the queue, for jobs of which the media of one may be at hand.
struct Desk<'a> {
    submitter: &'a Submitter,
    most: usize,
    media: Option<&'a Media>,
}

impl Ledger for Desk<'_> {
    fn most(&self) -> usize {
        self.most
    }

    async fn take(&self, user: &UserId, job: &JobId) -> Result<Result<(), Vec<JobId>>, CloudError> {
        // Without a limit nobody would give them back.
        if self.most == usize::MAX {
            return Ok(Ok(()));
        }
        self.submitter.jobs.take_turn(user, job, self.most).await
    }

    async fn give_back(&self, user: &UserId, jobs: &[JobId]) -> Result<(), CloudError> {
        self.submitter.jobs.give_turns_back(user, jobs).await
    }

    async fn first_waiting(&self, user: &UserId, limit: usize) -> Result<Vec<Place>, CloudError> {
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
            tracing::warn!(error = with_causes(error), "how many wait could not be found out");
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
        // It would keep its turn for ever.
        let why = "what was uploaded was forgotten while the job waited";
        let error = Refusal::new(ErrorCode::SourceMissing, why).at(Stage::Queue);
        self.submitter.record(job, JobEvent::Failed(error)).await
    }
}

impl Turns {
    /// As many as `SMMU_RUNNING_JOBS_PER_USER` says; 0, or a variable that is not set, is no limit.
    pub(crate) fn new(environment: &Environment) -> Result<Self, InvalidEnvironment> {
        let most: usize = environment.parse_or("SMMU_RUNNING_JOBS_PER_USER", 0)?;
        Ok(Self { most: Some(most).filter(|most| *most > 0) })
    }
}

impl Submitter {
    /// Sends a job that is recorded, unless as many others of its user run as may: then it waits for its turn. What fails is
    /// logged, and found by `reconcile`.
    pub async fn start(&self, media: &Media, job: Job) -> Job {
        let Some(desk) = self.desk(Some(media)) else { return Box::pin(self.send(media, job)).await };
        // Boxed: the state of SDK calls is large.
        match Box::pin(start(&desk, job.clone())).await {
            Ok(job) => job,
            Err(error) => {
                tracing::error!(job_id = %job.id, error = with_causes(&error), "the job is recorded but was not given a turn");
                job
            }
        }
    }

    /// Gives the turns of jobs that have ended to those of the same user that wait, and answers how many these were.
    pub async fn release(&self, user: &UserId, ended: &[JobId]) -> Result<usize, CloudError> {
        let Some(desk) = self.desk(None) else { return Ok(0) };
        if !ended.is_empty() {
            desk.give_back(user, ended).await?;
        }
        Box::pin(release(&desk, user, None)).await
    }

    /// Keys of up to some records of users for whom somebody waits since before a time.
    pub async fn users_waiting(&self, before: Timestamp, limit: usize) -> Result<Vec<String>, CloudError> {
        self.jobs.watched_turns(before, limit).await
    }

    /// Gives free turns of one of these users to those that wait, and answers how many these were. A user for whom nobody
    /// waits is not watched any more.
    pub async fn release_watched(&self, key: &str) -> Result<usize, CloudError> {
        let Some(watched) = self.jobs.turns(key).await? else { return Ok(0) };
        // Where there is no limit any more all may go that have waited for their turn.
        let desk = self.desk(None).unwrap_or(Desk { submitter: self, most: usize::MAX, media: None });
        let released = Box::pin(release(&desk, &watched.owner, None)).await?;
        let nobody = self.jobs.first_waiting(&watched.owner, 1).await?.is_empty();
        let settled = watched.latest <= clock::now().plus_seconds(-SETTLE_SECONDS);
        self.jobs.looked_at_turns(key, &watched, nobody && settled).await?;
        Ok(released)
    }

    fn desk<'a>(&'a self, media: Option<&'a Media>) -> Option<Desk<'a>> {
        self.turns.most.map(|most| Desk { submitter: self, most, media })
    }
}
