//! Starts the light state machine for each message of the jobs queue, and keeps the message until the job has ended or
//! belongs to the Standard state machine, which is started if a light run does not end its job.

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use smmu_cloud::{
    Environment, Failure, Function, Jobs, JobsQueue, LightWorkflow, StartError, Workflow, batch::receive_count, clock,
    telemetry, workflow::Start,
};
use smmu_core::{Dispatch, ExecutionInput, Hold, Timestamp, with_causes};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

/// Time for the messages of a batch. Shorter than the function's timeout, after which the whole batch would return.
const BATCH_TIMEOUT: Duration = Duration::from_millis(1_300);
/// Further time for setting when messages return. The rest of the function's 2 s is for its answer.
const POSTPONE_TIMEOUT: Duration = Duration::from_millis(400);

pub struct Context {
    jobs: Jobs,
    light: LightWorkflow,
    workflow: Workflow,
    queue: JobsQueue,
}

impl Function for Context {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self {
            jobs: Jobs::new(sdk, environment)?,
            light: LightWorkflow::new(sdk, environment)?,
            workflow: Workflow::new(sdk, environment)?,
            queue: JobsQueue::new(sdk, environment)?,
        })
    }

    async fn connect(&self) {
        self.jobs.connect().await;
    }

    /// Handles the messages at once, and returns those that stay in the queue. A response that lists messages is not an
    /// error of the function, and Lambda does not poll the queue less for it ("Implementing partial batch responses",
    /// Lambda developer guide).
    async fn handle(&self, event: SqsEvent) -> Result<SqsBatchResponse, Failure> {
        let deadline = Instant::now() + BATCH_TIMEOUT;
        let received: Vec<_> = event.records.into_iter().map(Received::of).collect();
        let handled = join_all(received.iter().map(|one| self.handle_by(deadline, one))).await;
        let kept: Vec<_> =
            received.iter().zip(handled).filter_map(|(one, next)| Some((one, next.kept_seconds()?))).collect();
        let postponed = join_all(kept.iter().map(|(one, seconds)| self.postpone(one, *seconds)));
        if timeout_at(deadline + POSTPONE_TIMEOUT, postponed).await.is_err() {
            tracing::warn!(
                "timed out while setting when messages return; they do after the queue's visibility timeout"
            );
        }
        let mut response = SqsBatchResponse::default();
        for (one, _) in kept {
            // An empty ID makes Lambda deliver the whole batch again ("Handling errors for an SQS event source").
            response.add_failure(one.message_id.clone());
        }
        Ok(response)
    }
}

/// A received message.
struct Received {
    message_id: String,
    receipt_handle: String,
    receive_count: u32,
    body: String,
}

impl Received {
    fn of(message: SqsMessage) -> Self {
        Self {
            receive_count: receive_count(&message),
            message_id: message.message_id.unwrap_or_default(),
            receipt_handle: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
        }
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Delete,
    /// It is delivered again after this many seconds.
    Keep {
        seconds: u32,
    },
}

impl Next {
    /// Keeps a message until a hold has expired; no longer than a hold lasts, because clocks can differ.
    fn after(until: Timestamp, now: Timestamp) -> Self {
        let left = u32::try_from(until.ms_since(now).div_ceil(1000)).unwrap_or(u32::MAX);
        Self::Keep { seconds: left.min(Hold::SECONDS) + 1 }
    }

    const fn kept_seconds(self) -> Option<u32> {
        match self {
            Self::Delete => None,
            Self::Keep { seconds } => Some(seconds),
        }
    }
}

/// Seconds until a failed message is delivered again: soon at first, and so seldom later that the queue's
/// `maxReceiveCount` lasts for days.
fn retry_after_s(receive_count: u32) -> u32 {
    receive_count.saturating_mul(2).clamp(2, 600)
}

impl Context {
    /// Handles a message, unless its batch has taken too long. A failed message is kept.
    async fn handle_by(&self, deadline: Instant, one: &Received) -> Next {
        let late = |_| Failure::Transient(format!("the batch takes longer than {BATCH_TIMEOUT:?}"));
        let handled = timeout_at(deadline, self.read(one)).await.map_err(late);
        handled.and_then(|handled| handled).unwrap_or_else(|failure| {
            tracing::error!(message_id = one.message_id, %failure, "failed to dispatch the message; will retry");
            Next::Keep { seconds: retry_after_s(one.receive_count) }
        })
    }

    async fn read(&self, one: &Received) -> Result<Next, Failure> {
        let unreadable = |error| Failure::Fault(format!("not a message of this queue: {error}"));
        let input: ExecutionInput = serde_json::from_str(&one.body).map_err(unreadable)?;
        let span = telemetry::job_span(&input.job_id, input.trail.as_ref());
        self.dispatch(&input, one.receive_count).instrument(span).await
    }

    async fn dispatch(&self, input: &ExecutionInput, receive_count: u32) -> Result<Next, Failure> {
        let Some(job) = self.jobs.get(&input.job_id).await? else {
            tracing::warn!("the job of the message no longer exists");
            return Ok(Next::Delete);
        };
        match job.dispatch(receive_count, clock::now()) {
            Dispatch::StartLight => {
                self.light.start(input).await?;
                tracing::info!("light run started");
                Ok(Next::Keep { seconds: Hold::SECONDS + 1 })
            }
            Dispatch::StartStandard => {
                match self.workflow.start(input).await? {
                    Start::Started => tracing::warn!("no light run ended the job; execution started"),
                    // A light run handed the job over.
                    Start::AlreadyStarted => tracing::info!("the job has its execution"),
                }
                Ok(Next::Delete)
            }
            Dispatch::Wait(until) => Ok(Next::after(until, clock::now())),
            Dispatch::Done => {
                tracing::debug!(status = %job.status(), "the message has done its work");
                Ok(Next::Delete)
            }
        }
    }

    /// Sets when a message is delivered again.
    async fn postpone(&self, kept: &Received, seconds: u32) {
        if let Err(error) = self.queue.postpone(&kept.receipt_handle, seconds).await {
            tracing::warn!(
                error = with_causes(&error),
                "failed to set when a message returns; it does after the queue's visibility timeout"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, retry_after_s};
    use smmu_core::Timestamp;

    #[test]
    fn retries_begin_soon_and_last_for_days() {
        assert_eq!([1, 2, 3].map(retry_after_s), [2, 4, 6]);
        // maxReceiveCount of the queue in template.yaml.
        let all_s: u32 = (1..=1000).map(retry_after_s).sum();
        assert!(all_s > 5 * 86_400, "{all_s}");
    }

    #[test]
    fn a_message_returns_after_its_hold_has_expired() {
        let at = |unix_ms| Timestamp::from_unix_ms(unix_ms).unwrap();
        assert_eq!(Next::after(at(45_001), at(1)), Next::Keep { seconds: 46 });
        assert_eq!(Next::after(at(44_001), at(1)), Next::Keep { seconds: 45 });
        assert_eq!(Next::after(at(335_001), at(1)), Next::Keep { seconds: 46 }, "the holder's clock is ahead");
        assert_eq!(Next::after(at(1), at(45_001)), Next::Keep { seconds: 1 }, "the holder's clock is behind");
    }
}
