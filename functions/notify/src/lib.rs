//! Reads changes of jobs from the jobs table's stream. Queues one message per endpoint for each job that ended, and
//! pushes every change to the user's open sockets. Every step can run twice: receivers recognise duplicates by
//! `webhook-id`, clients of sockets by `revision`.

use aws_config::SdkConfig;
use futures_util::{StreamExt, stream as futures};
use serde::Serialize;
use serde_json::Value;
use smmu_cloud::{
    CloudError, Environment, Failure, Function, MediaTable, Meter, Sockets, StartError, WebhookQueue,
    stream::{self, EndedJob},
};
use smmu_core::{
    Measurement, Pushed, UserId,
    webhook::{Message, Recipient},
    with_causes,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

pub struct Context {
    media: MediaTable,
    queue: WebhookQueue,
    /// Set if the operator has an endpoint.
    operator: bool,
    /// `None` if push is switched off.
    sockets: Option<Sockets>,
    meter: Meter,
    rest: Mutex<Rest>,
}

/// Pauses of push, so that webhooks are not delayed.
#[derive(Default)]
struct Rest {
    /// Slow batches with failures since the last batch that was pushed completely.
    slow: u8,
    until: Option<Instant>,
}

/// Result of one batch, as Lambda expects it of a function that reports failed records (`ReportBatchItemFailures`).
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Messages that were queued.
    pub sent: usize,
    /// Records to retry. Lambda also retries those after the first of them.
    pub batch_item_failures: Vec<FailedRecord>,
}

/// A record of the stream whose webhooks could not all be queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedRecord {
    /// Sequence number of the record.
    pub item_identifier: String,
}

/// Number of messages that are sent concurrently.
const AT_ONCE: usize = 16;

/// A batch whose push takes this long is slow.
const SLOW: Duration = Duration::from_secs(2);

/// Number of slow batches with failures after which push pauses. A single one can be a cold start.
const SLOW_BATCHES: u8 = 2;

/// Length of a pause: more slow batches would delay webhooks.
const REST: Duration = Duration::from_secs(30);

impl Function for Context {
    type Event = Value;
    type Answer = Report;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self {
            media: MediaTable::new(sdk, environment)?,
            queue: WebhookQueue::new(sdk, environment)?,
            operator: environment.parse_or("SMMU_OPERATOR_WEBHOOK", false)?,
            sockets: Sockets::new(sdk, environment)?,
            meter: Meter::new(environment)?,
            rest: Mutex::default(),
        })
    }

    /// Queues webhooks and pushes events. Lambda retries records whose webhooks could not be queued; failed pushes are
    /// not retried, and delay the next batch by seconds at most.
    async fn handle(&self, event: Value) -> Result<Report, Failure> {
        let ended =
            stream::ended(&event).ok_or_else(|| Failure::unexpected("not a batch of the jobs table's stream"))?;
        let (queued, ()) = tokio::join!(self.queue(ended), self.push(&event));
        queued
    }
}

impl Context {
    /// Queues a message for each endpoint of the owners of these jobs. Records that fail do not affect the others.
    async fn queue(&self, ended: Vec<EndedJob>) -> Result<Report, Failure> {
        let (mut report, mut messages) = (Report::default(), Vec::new());
        for (user, jobs) in by_user(ended) {
            match self.recipients(&user).await {
                Ok(recipients) => messages.extend(jobs.into_iter().flat_map(|job| {
                    let message = |recipient| Message { job_id: job.job.clone(), recipient, replay: false };
                    let messages: Vec<_> = recipients.iter().cloned().map(message).collect();
                    messages.into_iter().map(move |message| (job.clone(), message))
                })),
                Err(error) => report.retry(jobs, error)?,
            }
        }
        let sending = futures::iter(messages).map(async |(job, message)| {
            let queued = self.queue.send(&message).await;
            (job, message, queued)
        });
        let sent: Vec<_> = sending.buffer_unordered(AT_ONCE).collect().await;
        for (job, Message { job_id, recipient, .. }, queued) in sent {
            match queued {
                Ok(()) => {
                    report.sent += 1;
                    tracing::info!(jobId = job_id.as_str(), endpoint = recipient.as_str(), "webhook queued");
                }
                Err(error) => report.retry(vec![job], error)?,
            }
        }
        Ok(report)
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pushes the changes to open sockets.
    async fn push(&self, event: &Value) {
        let Some(sockets) = &self.sockets else { return };
        let events = stream::events(event);
        let pushed = if self.rests() {
            // Counted as failed, or the alarm would clear while nothing is pushed.
            Pushed { failed: events.values().map(Vec::len).sum(), ..Pushed::default() }
        } else {
            let begun = Instant::now();
            let pushed = sockets.tell(&events).await;
            self.note(&pushed, begun.elapsed());
            pushed
        };
        if pushed != Pushed::default() {
            self.meter.write(&Measurement::Pushed(pushed), None);
        }
    }

    fn rests(&self) -> bool {
        self.rest().until.is_some_and(|until| Instant::now() < until)
    }

    /// Starts a pause after several slow batches with failures. A batch without an open socket does not count.
    fn note(&self, pushed: &Pushed, took: Duration) {
        let mut rest = self.rest();
        if pushed.failed == 0 {
            rest.slow = if pushed.delivered > 0 { 0 } else { rest.slow };
        } else if took >= SLOW {
            rest.slow += 1;
        }
        if rest.slow >= SLOW_BATCHES {
            tracing::warn!("pushing fails slowly; no events are pushed for {REST:?}");
            *rest = Rest { slow: 0, until: Some(Instant::now() + REST) };
        }
    }
}

impl Report {
    /// Has the records of these jobs retried. Without a sequence number, only the whole batch can be retried.
    fn retry(&mut self, jobs: Vec<EndedJob>, error: CloudError) -> Result<(), Failure> {
        tracing::warn!(error = with_causes(&error), records = jobs.len(), "failed to queue webhooks; will retry");
        for job in jobs {
            let Some(item_identifier) = job.sequence_number else { return Err(error.into()) };
            let failed = FailedRecord { item_identifier };
            if !self.batch_item_failures.contains(&failed) {
                self.batch_item_failures.push(failed);
            }
        }
        Ok(())
    }
}

/// The jobs by owner, without deleted jobs: nothing is sent about those.
fn by_user(ended: Vec<EndedJob>) -> BTreeMap<UserId, Vec<EndedJob>> {
    let mut by_user = BTreeMap::<_, Vec<_>>::new();
    for job in ended.into_iter().filter(|job| !job.deleted) {
        by_user.entry(job.user.clone()).or_default().push(job);
    }
    by_user
}

impl Context {
    /// Recipients of a user's webhooks.
    async fn recipients(&self, user: &UserId) -> Result<Vec<Recipient>, CloudError> {
        let endpoints = match self.media.webhooks(user).await {
            // An error would block the rest of the stream.
            Err(error) if error.unreadable => {
                tracing::error!(
                    error = with_causes(&error),
                    "a user's endpoints are unreadable; no webhooks are sent to them"
                );
                Vec::new()
            }
            endpoints => endpoints?,
        };
        let enabled = endpoints.into_iter().filter(|endpoint| endpoint.disabled_at.is_none());
        let own = enabled.map(|endpoint| Recipient::Webhook(endpoint.webhook_id));
        Ok(self.operator.then_some(Recipient::Operator).into_iter().chain(own).collect())
    }
}
