//! Starts one execution for each message of the jobs queue.

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use smmu_cloud::{Environment, Failure, Function, StartError, Workflow, telemetry, workflow::Start};
use smmu_core::ExecutionInput;
use tracing::Instrument;

/// What the function needs, made once.
pub struct Context {
    workflow: Workflow,
}

impl Function for Context {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { workflow: Workflow::new(sdk, environment)? })
    }

    /// Starts what can be started and names the messages that must come again.
    async fn handle(&self, event: SqsEvent) -> Result<SqsBatchResponse, Failure> {
        let mut failed = Vec::new();
        for message in event.records {
            let Some(message_id) = message.message_id.clone() else {
                return Err(Failure::unexpected(
                    "a message without an id cannot be reported, so the batch must come again",
                ));
            };
            if let Err(failure) = start(&message, self).await {
                tracing::error!(%message_id, %failure, "the message could not be dispatched");
                failed.push(message_id);
            }
        }
        let failures = failed.into_iter().map(|item_identifier| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = item_identifier;
            failure
        });
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failures.collect();
        Ok(response)
    }
}

async fn start(message: &SqsMessage, context: &Context) -> Result<(), Failure> {
    let body = message.body.as_deref().unwrap_or_default();
    let input: ExecutionInput =
        serde_json::from_str(body).map_err(|error| Failure::Fault(format!("not a job message: {error}")))?;
    let span = telemetry::job_span(&input.job_id, input.trail.as_ref());
    let started = context.workflow.start(&input).instrument(span.clone()).await?;
    let _logged_as = span.entered();
    match started {
        Start::Started => tracing::info!("execution started"),
        Start::AlreadyStarted => tracing::info!("duplicate message"),
    }
    Ok(())
}
