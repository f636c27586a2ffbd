//! The SQS queues: jobs to start, and deleted media to purge.

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

    /// Queues a job. A duplicate message is harmless.
    pub async fn send(&self, input: &ExecutionInput) -> Result<(), CloudError> {
        send(&self.client, &self.url, "sqs:SendMessage jobs", input).await
    }

    /// Hides a received message for this many seconds, at most 12 hours.
    pub async fn postpone(&self, receipt_handle: &str, seconds: u32) -> Result<(), CloudError> {
        hide(&self.client, &self.url, "sqs:ChangeMessageVisibility jobs", receipt_handle, seconds).await
    }

    /// Approximate number of messages that no consumer has received yet.
    pub async fn approximate_length(&self) -> Result<u64, CloudError> {
        const OPERATION: &str = "sqs:GetQueueAttributes jobs";
        let asked = QueueAttributeName::ApproximateNumberOfMessages;
        let answer =
            self.client.get_queue_attributes().queue_url(&self.url).attribute_names(asked.clone()).send().await;
        let answer = answer.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let length = answer.attributes.as_ref().and_then(|all| all.get(&asked)?.parse().ok());
        length.ok_or_else(|| CloudError::unreadable(OPERATION, "the response has no number of messages"))
    }
}

/// The purge queue.
#[derive(Clone)]
pub struct PurgeQueue {
    client: Client,
    url: String,
}

/// A message on the purge queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PurgeMessage {
    /// Remove a deleted media.
    Media(MediaMessage),
    /// Delete the media of an account.
    Account(AccountMessage),
}

/// A media was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaMessage {
    /// The deleted media.
    pub media_id: MediaId,
}

/// An account is to be erased, with the progress so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountMessage {
    /// Key of the [`Erasure`](crate::media::Erasure) record.
    pub account: String,
    /// The last media that was processed. Without it the pass starts from the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<MediaId>,
    /// Set if this pass has deleted anything.
    #[serde(default)]
    pub found: bool,
}

impl PurgeQueue {
    /// The queue at `SMMU_PURGE_QUEUE_URL`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), url: environment.require("SMMU_PURGE_QUEUE_URL")?.to_owned() })
    }

    /// Queues a deleted media. A duplicate message is harmless.
    pub async fn send(&self, media_id: &MediaId) -> Result<(), CloudError> {
        let message = MediaMessage { media_id: media_id.clone() };
        send(&self.client, &self.url, "sqs:SendMessage purge", &message).await
    }

    /// Queues an account, to be processed after `delay_s` seconds (0 to 900). A duplicate message is harmless.
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

/// Hides a received message for this many seconds, at most 12 hours.
pub(crate) async fn hide(
    client: &Client,
    url: &str,
    operation: &'static str,
    receipt_handle: &str,
    seconds: u32,
) -> Result<(), CloudError> {
    let seconds = i32::try_from(seconds.min(43_200)).expect("it is within bounds");
    let change = client.change_message_visibility().queue_url(url).receipt_handle(receipt_handle);
    let changed = change.visibility_timeout(seconds).send().await;
    changed.map_err(|error| CloudError::from_sdk(operation, error))?;
    Ok(())
}
