//! Messages of the webhook queue: a recipient and a job. The body is built at each attempt, so that the queue and its
//! dead letters hold only ids, and nothing is sent about a job that was deleted in the meantime.

use crate::ids::{JobId, WebhookId};
use serde::{Deserialize, Serialize};

/// Request to send the event of a job to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The job, which has ended.
    pub job_id: JobId,
    /// The endpoint to send it to.
    pub recipient: Recipient,
    /// Set for a replay, requested with `POST /webhooks/{webhookId}/deliveries`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// Recipient of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// The operator's endpoint, from the template's parameters.
    Operator,
    /// An endpoint of the job's owner.
    Webhook(WebhookId),
}

impl Recipient {
    /// The name in logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Operator => "operator",
            Self::Webhook(id) => id.as_str(),
        }
    }
}
