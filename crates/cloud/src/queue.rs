//! The jobs queue.

use crate::{
    config::{Environment, InvalidEnvironment},
    error::CloudError,
};
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use smmu_core::ExecutionInput;

/// The jobs queue.
#[derive(Clone)]
pub struct JobsQueue {
    client: Client,
    url: String,
}

impl JobsQueue {
    /// The queue at `SMMU_JOBS_QUEUE_URL`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), url: environment.require("SMMU_JOBS_QUEUE_URL")?.to_owned() })
    }

    /// Puts a job on the queue. Sending it twice is harmless.
    pub async fn send(&self, input: &ExecutionInput) -> Result<(), CloudError> {
        const OPERATION: &str = "sqs:SendMessage jobs";
        let body = serde_json::to_string(input).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(())
    }
}
