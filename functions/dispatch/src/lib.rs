//! Starts one execution per message of the jobs queue.

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use smmu_cloud::{
    Environment, Failure, Function, JobsQueue, StartError, Workflow,
    batch::{handle_each, receive_count},
    telemetry,
    workflow::Start,
};
use smmu_core::{ExecutionInput, with_causes};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

/// Time for the executions of a batch. Shorter than the function's timeout, after which the whole batch would return.
const BATCH_TIMEOUT: Duration = Duration::from_millis(1_300);
/// Further time for setting when failed messages return. The rest of the function's 2 s is for its answer.
const POSTPONE_TIMEOUT: Duration = Duration::from_millis(400);

pub struct Context {
    workflow: Workflow,
    queue: JobsQueue,
}

impl Function for Context {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { workflow: Workflow::new(sdk, environment)?, queue: JobsQueue::new(sdk, environment)? })
    }

    /// Starts the executions and returns the messages that must be retried.
    async fn handle(&self, event: SqsEvent) -> Result<SqsBatchResponse, Failure> {
        let deadline = Instant::now() + BATCH_TIMEOUT;
        let received: Vec<_> = event.records.iter().map(Received::of).collect();
        let complaint = "failed to dispatch the message; will retry";
        let start = async |input| self.start_by(deadline, &input).await;
        let response = handle_each(event.records, complaint, start).await;
        let is_failed = |one: &&Received| {
            let mut failures = response.batch_item_failures.iter();
            failures.any(|failure| failure.item_identifier == one.message_id)
        };
        let postponed = async {
            for one in received.iter().filter(is_failed) {
                self.postpone(one).await;
            }
        };
        if timeout_at(deadline + POSTPONE_TIMEOUT, postponed).await.is_err() {
            tracing::warn!(
                "timed out while setting the retry time; failed messages return after the queue's visibility timeout"
            );
        }
        Ok(response)
    }
}

/// A received message.
struct Received {
    message_id: String,
    receipt_handle: String,
    receive_count: u32,
}

impl Received {
    fn of(message: &SqsMessage) -> Self {
        Self {
            message_id: message.message_id.clone().unwrap_or_default(),
            receipt_handle: message.receipt_handle.clone().unwrap_or_default(),
            receive_count: receive_count(message),
        }
    }
}

/// Seconds until a failed message is delivered again: soon at first, and so seldom later that the queue's
/// `maxReceiveCount` lasts for days.
fn retry_after_s(receive_count: u32) -> u32 {
    receive_count.saturating_mul(2).clamp(2, 600)
}

impl Context {
    /// Starts an execution, unless its batch has taken too long.
    async fn start_by(&self, deadline: Instant, input: &ExecutionInput) -> Result<(), Failure> {
        let late = |_| Failure::Transient(format!("the batch takes longer than {BATCH_TIMEOUT:?}"));
        timeout_at(deadline, self.start(input)).await.map_err(late)?
    }

    async fn start(&self, input: &ExecutionInput) -> Result<(), Failure> {
        let span = telemetry::job_span(&input.job_id, input.trail.as_ref());
        let started = self.workflow.start(input).instrument(span.clone()).await?;
        let _logged_as = span.entered();
        match started {
            Start::Started => tracing::info!("execution started"),
            Start::AlreadyStarted => tracing::info!("duplicate message"),
        }
        Ok(())
    }

    /// Sets when a failed message is delivered again.
    async fn postpone(&self, failed: &Received) {
        let seconds = retry_after_s(failed.receive_count);
        if let Err(error) = self.queue.postpone(&failed.receipt_handle, seconds).await {
            tracing::warn!(
                error = with_causes(&error),
                "failed to set the time of the retry; the message returns after the queue's visibility timeout"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::retry_after_s;

    #[test]
    fn retries_begin_soon_and_last_for_days() {
        assert_eq!([1, 2, 3].map(retry_after_s), [2, 4, 6]);
        // maxReceiveCount of the queue in template.yaml.
        let all_s: u32 = (1..=1000).map(retry_after_s).sum();
        assert!(all_s > 5 * 86_400, "{all_s}");
    }
}
