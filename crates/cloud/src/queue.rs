//! The queues: of jobs to start, and of deleted media to purge.

use crate::{
    config::{Environment, InvalidEnvironment},
    error::CloudError,
};
use aws_config::SdkConfig;
use aws_sdk_sqs::{Client, types::QueueAttributeName};
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

    /// About how many messages nobody has received yet.
    pub async fn approximate_length(&self) -> Result<u64, CloudError> {
        const OPERATION: &str = "sqs:GetQueueAttributes jobs";
        let asked = QueueAttributeName::ApproximateNumberOfMessages;
        let answer =
            self.client.get_queue_attributes().queue_url(&self.url).attribute_names(asked.clone()).send().await;
        let answer = answer.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let length = answer.attributes.as_ref().and_then(|all| all.get(&asked)?.parse().ok());
        length.ok_or_else(|| CloudError::unreadable(OPERATION, "there is no number of messages"))
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
#[serde(untagged)]
pub enum PurgeMessage {
    /// Remove a deleted media.
    Media(MediaMessage),
    /// Delete the media of an account.
    Account(AccountMessage),
}

/// That a media was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaMessage {
    /// The deleted media.
    pub media_id: MediaId,
}

/// That everything of a user is to be erased, and how far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountMessage {
    /// Key of the record that says whose.
    pub account: String,
    /// The media that was looked at last; from the newest on without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<MediaId>,
    /// Whether there was anything to delete since this look began.
    #[serde(default)]
    pub found: bool,
}

impl PurgeQueue {
    /// The queue at `SMMU_PURGE_QUEUE_URL`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), url: environment.require("SMMU_PURGE_QUEUE_URL")?.to_owned() })
    }

    /// Puts a deleted media on the queue. Sending it twice is harmless.
    pub async fn send(&self, media_id: &MediaId) -> Result<(), CloudError> {
        let message = MediaMessage { media_id: media_id.clone() };
        send(&self.client, &self.url, "sqs:SendMessage purge", &message).await
    }

    /// Puts an account on the queue, to be looked at after `delay_s` (0 to 900). Sending it twice is harmless.
    pub async fn send_account(&self, message: &AccountMessage, delay_s: i64) -> Result<(), CloudError> {
        const OPERATION: &str = "sqs:SendMessage purge";
        let body = serde_json::to_string(message).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let delay_s = i32::try_from(delay_s.clamp(0, 900)).expect("it is within bounds");
        let sent =
            self.client.send_message().queue_url(&self.url).message_body(body).delay_seconds(delay_s).send().await;
        sent.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(())
    }
}

async fn send(client: &Client, url: &str, operation: &'static str, message: &impl Serialize) -> Result<(), CloudError> {
    let body = serde_json::to_string(message).map_err(|error| CloudError::unreadable(operation, error))?;
    let sent = client.send_message().queue_url(url).message_body(body).send().await;
    sent.map_err(|error| CloudError::from_sdk(operation, error))?;
    Ok(())
}
