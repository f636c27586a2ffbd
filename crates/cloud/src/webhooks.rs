//! Webhook operations that need randomness, a key or a queue.

use crate::{
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    queue::hide,
};
use aws_config::SdkConfig;
use aws_lc_rs::{hmac, rand};
use aws_sdk_sqs::Client;
use base64::{Engine, prelude::BASE64_STANDARD};
use smmu_core::{
    Timestamp,
    webhook::{Message, Reach, Secret},
};

/// The `webhook-signature` of a message (Standard Webhooks 1.0.0, "Signature scheme").
#[must_use]
pub fn sign(secret: &Secret, id: &str, at: Timestamp, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.key());
    let signed = format!("{id}.{}.{body}", at.unix_s());
    format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes())))
}

/// Generates a random secret.
#[must_use]
pub fn new_secret() -> Secret {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).expect("the system provides randomness");
    Secret::from_bytes(&bytes)
}

/// Allowed webhook targets, from `SMMU_WEBHOOK_TARGETS`. `local` has an effect only in the local cloud, whose services
/// have an address of their own. In an account, it would let users reach hosts that only a function can reach.
#[must_use]
pub fn webhook_reach(environment: &Environment) -> Reach {
    let is_emulated = environment.get("AWS_ENDPOINT_URL").is_some();
    if is_emulated && environment.get("SMMU_WEBHOOK_TARGETS") == Some("local") { Reach::Local } else { Reach::Public }
}

/// The queue of webhooks to deliver.
#[derive(Clone)]
pub struct WebhookQueue {
    client: Client,
    url: String,
}

impl WebhookQueue {
    /// The queue at `SMMU_WEBHOOK_QUEUE_URL`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), url: environment.require("SMMU_WEBHOOK_QUEUE_URL")?.to_owned() })
    }

    /// Queues a message. A duplicate is harmless: receivers recognise it.
    pub async fn send(&self, message: &Message) -> Result<(), CloudError> {
        const OPERATION: &str = "sqs:SendMessage webhooks";
        let body = serde_json::to_string(message).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        // A fair queue ("Amazon SQS fair queues"): an endpoint that hangs does not delay the others.
        let group = message.recipient.as_str();
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).message_group_id(group).send();
        sent.await.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(())
    }

    /// Hides a received message for this many seconds, at most 12 hours.
    pub async fn postpone(&self, receipt_handle: &str, seconds: u32) -> Result<(), CloudError> {
        hide(&self.client, &self.url, "sqs:ChangeMessageVisibility webhooks", receipt_handle, seconds).await
    }
}

#[cfg(test)]
mod tests {
    use super::{new_secret, sign};
    use smmu_core::{Timestamp, webhook::Secret};

    /// The test vector of the reference libraries (github.com/standard-webhooks/standard-webhooks).
    #[test]
    fn signatures_match_the_reference_libraries() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let at = Timestamp::from_unix_ms(1_614_265_330_000).unwrap();
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_unique() {
        assert_ne!(new_secret(), new_secret());
    }
}
