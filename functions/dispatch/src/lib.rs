//! Starts one execution for each message of the jobs queue.

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use smmu_cloud::{
    Environment, Failure, Function, StartError, Workflow, batch::handle_each, telemetry, workflow::Start,
};
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
        let complaint = "the message could not be dispatched";
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
