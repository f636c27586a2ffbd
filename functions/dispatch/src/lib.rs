//! Starts one execution per message of the jobs queue.

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use smmu_cloud::{
    Environment, Failure, Function, StartError, Workflow, batch::handle_each, telemetry, workflow::Start,
};
use smmu_core::ExecutionInput;
use tracing::Instrument;

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

    /// Starts the executions and returns the messages that must be retried.
    async fn handle(&self, event: SqsEvent) -> Result<SqsBatchResponse, Failure> {
        let complaint = "failed to dispatch the message; will retry";
        Ok(handle_each(event.records, complaint, async |input| start(&input, self).await).await)
    }
}

async fn start(input: &ExecutionInput, context: &Context) -> Result<(), Failure> {
    let span = telemetry::job_span(&input.job_id, input.trail.as_ref());
    let started = context.workflow.start(input).instrument(span.clone()).await?;
    let _logged_as = span.entered();
    match started {
        Start::Started => tracing::info!("execution started"),
        Start::AlreadyStarted => tracing::info!("duplicate message"),
    }
    Ok(())
}
