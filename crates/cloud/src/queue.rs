//! The queues: of jobs to start, and of deleted media to purge.

use crate::{
    config::{Environment, InvalidEnvironment},
    error::CloudError,
};
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use serde::{Deserialize, Serialize};
use smmu_core::{ExecutionInput, MediaId};

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
        send(&self.client, &self.url, "sqs:SendMessage jobs", input).await
    }
}

/// The purge queue.
#[derive(Clone)]
pub struct PurgeQueue {
    client: Client,
    url: String,
}

/// What the purge queue carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PurgeMessage {
    /// The deleted media.
    pub media_id: MediaId,
}

impl PurgeQueue {
    /// The queue at `SMMU_PURGE_QUEUE_URL`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), url: environment.require("SMMU_PURGE_QUEUE_URL")?.to_owned() })
    }

    /// Puts a deleted media on the queue. Sending it twice is harmless.
    pub async fn send(&self, media_id: &MediaId) -> Result<(), CloudError> {
        let message = PurgeMessage { media_id: media_id.clone() };
        send(&self.client, &self.url, "sqs:SendMessage purge", &message).await
    }
}

async fn send(client: &Client, url: &str, operation: &'static str, message: &impl Serialize) -> Result<(), CloudError> {
    let body = serde_json::to_string(message).map_err(|error| CloudError::unreadable(operation, error))?;
    let sent = client.send_message().queue_url(url).message_body(body).send().await;
    sent.map_err(|error| CloudError::from_sdk(operation, error))?;
    Ok(())
}
