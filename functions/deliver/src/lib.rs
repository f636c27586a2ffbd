//! Delivers webhooks, one per message of the queue. Failed deliveries are retried with growing pauses, and become dead
//! letters after about three days.

mod endpoint;
mod post;
mod resolver;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use endpoint::Operator;
use post::{Poster, Undelivered};
use reqwest::StatusCode;
use smmu_cloud::{
    Environment, Failure, Function, InvalidEnvironment, Jobs, MediaTable, Meter, StartError, WebhookQueue,
    batch::receive_count, clock, telemetry, webhooks::webhook_reach,
};
use smmu_core::{
    DeliveryOutcome, Job, Measurement, Subject,
    webhook::{self, Audience, Event, LAST_ATTEMPT, Message, Recipient},
    with_causes,
};
use tracing::Instrument;

pub struct Context {
    jobs: Jobs,
    media: MediaTable,
    queue: WebhookQueue,
    poster: Poster,
    operator: Result<Option<Operator>, InvalidEnvironment>,
    /// Divisor of all pauses: 1, except in the local cloud.
    haste: u32,
    meter: Meter,
}

/// Outcome of a message.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The message can be deleted.
    Done,
    /// The message is retried. The value is the receiver's `Retry-After` in seconds, if any.
    Again(Option<u32>),
}

impl Function for Context {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        let reach = webhook_reach(environment);
        // An invalid operator's endpoint must not stop the users' webhooks.
        let operator = Operator::from_environment(environment, reach).inspect_err(|error| {
            tracing::error!(%error, "the operator's endpoint cannot be used; its messages become dead letters");
        });
        Ok(Self {
            jobs: Jobs::new(sdk, environment)?,
            media: MediaTable::new(sdk, environment)?,
            queue: WebhookQueue::new(sdk, environment)?,
            poster: Poster::new(reach)?,
            operator,
            haste: environment.parse_or("SMMU_WEBHOOK_HASTE", 1)?,
            meter: Meter::new(environment)?,
        })
    }

    async fn connect(&self) {
        self.jobs.connect().await;
    }

    /// Delivers the messages and returns those that must be retried.
    async fn handle(&self, event: SqsEvent) -> Result<SqsBatchResponse, Failure> {
        let mut response = SqsBatchResponse::default();
        for record in event.records {
            let attempt = receive_count(&record);
            match self.attempt(record.body.as_deref().unwrap_or_default(), attempt).await {
                Ok(Outcome::Done) => continue,
                Ok(Outcome::Again(asked_s)) => self.postpone(&record, attempt, asked_s).await,
                // Backoff is for receivers. Our own faults are retried after the queue's visibility timeout.
                Err(failure) => tracing::error!(attempt, %failure, "not delivered, will retry within minutes"),
            }
            // If a failed message has no ID, Lambda delivers the whole batch again.
            response.add_failure(record.message_id.unwrap_or_default());
        }
        Ok(response)
    }
}

impl Context {
    /// Parses a message and attempts its delivery.
    async fn attempt(&self, message: &str, attempt: u32) -> Result<Outcome, Failure> {
        let message: Message = serde_json::from_str(message)
            .map_err(|error| Failure::unexpected(format!("not a message of this queue: {error}")))?;
        let Some(job) = self.jobs.get(&message.job_id).await? else {
            tracing::info!(jobId = message.job_id.as_str(), "dropped: the job is gone");
            return Ok(Outcome::Done);
        };
        let span = telemetry::job_span(&job.id, job.trail.as_ref());
        self.tell(&message, &job, attempt).instrument(span).await
    }

    async fn tell(&self, message: &Message, job: &Job, attempt: u32) -> Result<Outcome, Failure> {
        let endpoint = message.recipient.as_str();
        let audience = match message.recipient {
            Recipient::Operator => Audience::Operator,
            Recipient::Webhook(_) => Audience::Owner,
        };
        let Some((id, event)) = Event::of(job, audience) else {
            tracing::info!(endpoint, "dropped: the job was deleted");
            return Ok(Outcome::Done);
        };
        let Some(known) = self.endpoint(&message.recipient, &job.user_id).await? else {
            tracing::info!(endpoint, "dropped: the endpoint is deleted or disabled");
            return Ok(Outcome::Done);
        };
        let body = serde_json::to_string(&event).expect("events have string keys and finite numbers");
        let failed = match self.poster.post(&known, &id, &body).await {
            Ok(status) => {
                tracing::info!(endpoint, attempt, status = status.as_u16(), "webhook delivered");
                let since_end_ms = (!message.replay).then(|| clock::now().ms_since(job.updated_at));
                self.measure(DeliveryOutcome::Delivered(since_end_ms), job);
                return Ok(Outcome::Done);
            }
            Err(failed) => failed,
        };
        self.measure(DeliveryOutcome::Failed, job);
        let Undelivered { problem, status, asked_s } = failed;
        let number = status.map(|status| status.as_u16());
        if let (Some(StatusCode::GONE), Recipient::Webhook(webhook)) = (status, &message.recipient) {
            self.disable(webhook, &job.user_id).await?;
            tracing::warn!(endpoint, attempt, status = number, "the endpoint answered 410, so it is disabled");
            return Ok(Outcome::Done);
        }
        tracing::warn!(endpoint, attempt, status = number, %problem, replay = message.replay, "webhook not delivered");
        if let Recipient::Webhook(webhook) = &message.recipient {
            self.note_failure(webhook, job, attempt, problem, number).await;
        }
        // A replay is attempted once; its owner sees the result and can ask again. Retries of replays could fill the
        // queue, which allows 120,000 messages in flight.
        Ok(if message.replay { Outcome::Done } else { Outcome::Again(asked_s) })
    }

    fn measure(&self, outcome: DeliveryOutcome, job: &Job) {
        let subject = Subject { job: &job.id, trail: job.trail.as_ref() };
        self.meter.write(&Measurement::DeliveryEnded(outcome), Some(subject));
    }

    /// Hides the message until its next attempt. After the last attempt it becomes visible at once, and a dead letter.
    async fn postpone(&self, record: &SqsMessage, attempt: u32, asked_s: Option<u32>) {
        let wait_s = webhook::retry_after_s(attempt, asked_s, fastrand::u32(0..=100));
        if attempt >= LAST_ATTEMPT {
            tracing::error!(attempt, "webhook failed after all attempts and becomes a dead letter");
        }
        let handle = record.receipt_handle.as_deref().unwrap_or_default();
        if let Err(error) = self.queue.postpone(handle, wait_s.unwrap_or_default() / self.haste.max(1)).await {
            // The message then reappears after the queue's visibility timeout.
            tracing::error!(
                error = with_causes(&error),
                "failed to delay the next attempt, will retry after the visibility timeout"
            );
        }
    }
}
