//! Endpoints that receive a user's webhooks.

use super::Secret;
use crate::{
    ids::{JobId, WebhookId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most endpoints per user.
pub const MAX_ENDPOINTS: usize = 5;
/// Longest description of an endpoint, in characters.
pub const MAX_DESCRIPTION: usize = 255;
/// Seconds for which the previous secret still signs after a rotation, so that receivers can switch to the new one.
pub const OVERLAP_SECONDS: i64 = 24 * 60 * 60;

/// A stored endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Public id.
    pub webhook_id: WebhookId,
    /// URL that messages are sent to; checked again at each delivery.
    pub url: String,
    /// Description by its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Secret that signs its messages.
    pub secret: Secret,
    /// Previous secret, and the time until which it signs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<(Secret, Timestamp)>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time at which it answered 410. Nothing is sent to it from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// The last failed delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<DeliveryFailure>,
}

/// A delivery that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryFailure {
    /// Time of the failure.
    pub at: Timestamp,
    /// Job that the message was about.
    pub job_id: JobId,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Reason of the failure.
    pub reason: DeliveryProblem,
    /// HTTP status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// Reason why a delivery failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryProblem {
    /// The answer had a status other than 2xx.
    Status,
    /// The answer was a redirect, which is not followed.
    Redirect,
    /// The endpoint did not answer in time.
    Timeout,
    /// The connection failed: an unknown name, a refused connection, or an invalid certificate.
    Connection,
    /// The name resolves to an address outside the public internet, or the URL is no longer allowed.
    AddressRefused,
}

impl DeliveryProblem {
    /// The name in logs and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Redirect => "redirect",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::AddressRefused => "address_refused",
        }
    }
}

impl fmt::Display for DeliveryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Endpoint {
    /// The secrets that sign at this time, the newest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let previous = self.previous.iter().filter(move |(_, until)| now < *until).map(|(secret, _)| secret);
        std::iter::once(&self.secret).chain(previous)
    }

    /// Replaces the secret. The previous one also signs for a day.
    pub fn rotate(&mut self, secret: Secret, now: Timestamp) {
        let until = now.plus_seconds(OVERLAP_SECONDS);
        self.previous = Some((std::mem::replace(&mut self.secret, secret), until));
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, OVERLAP_SECONDS, Secret};
    use crate::time::Timestamp;

    #[test]
    fn both_secrets_sign_for_a_day_after_a_rotation_and_then_only_the_new_one() {
        let [old, new, newest] = [1, 2, 3].map(|byte| Secret::from_bytes(&[byte; 32]));
        let now = Timestamp::from_unix_ms(1_800_000_000_000).unwrap();
        let mut endpoint = Endpoint {
            webhook_id: "whk_01j9zq4b5c6d7e8f9g0h1j2k3m".parse().unwrap(),
            url: "https://example.com/".into(),
            description: None,
            secret: old.clone(),
            previous: None,
            created_at: now,
            disabled_at: None,
            last_failure: None,
        };
        assert_eq!(endpoint.secrets(now).collect::<Vec<_>>(), [&old]);
        endpoint.rotate(new.clone(), now);
        let last = now.plus_seconds(OVERLAP_SECONDS - 1);
        assert_eq!(endpoint.secrets(last).collect::<Vec<_>>(), [&new, &old]);
        assert_eq!(endpoint.secrets(now.plus_seconds(OVERLAP_SECONDS)).collect::<Vec<_>>(), [&new]);
        endpoint.rotate(newest.clone(), last);
        assert_eq!(endpoint.secrets(last).collect::<Vec<_>>(), [&newest, &new], "never three");
    }
}
