//! Sends one signed request to one endpoint, with limits, and only to the address that was checked.

use crate::{
    endpoint::Destination,
    resolver::{AddressRefused, Guarded},
};
use reqwest::{Client, Response, StatusCode, header, redirect};
use smmu_cloud::{clock, webhooks::sign};
use smmu_core::{
    Timestamp,
    webhook::{self, DeliveryProblem, EventId, Reach},
};
use std::{
    error::Error,
    time::{Duration, SystemTime},
};

/// Total timeout of a request, including name resolution and handshake. Standard Webhooks recommends 15 to 30 s.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Number of bytes of a response that are read, and discarded, before the connection is closed.
const MOST_READ: usize = 64 * 1024;

const USER_AGENT: &str = concat!("smart-media-uploader/", env!("CARGO_PKG_VERSION"));

/// Sends messages.
pub(crate) struct Poster {
    client: Client,
    reach: Reach,
}

/// A failed delivery.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Undelivered {
    pub(crate) problem: DeliveryProblem,
    pub(crate) status: Option<StatusCode>,
    /// The receiver's `Retry-After`, in seconds.
    pub(crate) asked_s: Option<u32>,
}

impl Undelivered {
    const fn because(problem: DeliveryProblem) -> Self {
        Self { problem, status: None, asked_s: None }
    }
}

impl Poster {
    pub(crate) fn new(reach: Reach) -> Result<Self, reqwest::Error> {
        Self::resolving_by(Guarded::new(reach), reach, TOTAL_TIMEOUT)
    }

    fn resolving_by(resolver: Guarded, reach: Reach, total: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .dns_resolver(resolver)
            // A proxy would resolve names itself, and a redirect could lead to an unchecked address.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .https_only(reach == Reach::Public)
            // Lambda freezes the function between invocations, so an idle connection would be dead when reused.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(total)
            .user_agent(USER_AGENT)
            .build()?;
        Ok(Self { client, reach })
    }

    /// Sends a message and returns the success status of the receiver.
    pub(crate) async fn post(&self, to: &Destination, id: &EventId, body: &str) -> Result<StatusCode, Undelivered> {
        let refused = Undelivered::because(DeliveryProblem::AddressRefused);
        // Checked again: the rules may have changed since the URL was stored, and the operator's was never checked.
        let Ok(url) = webhook::target(&to.url, self.reach) else { return Err(refused) };
        let now = clock::now();
        let signatures: Vec<_> = to.secrets.iter().map(|secret| sign(secret, id.as_str(), now, body)).collect();
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id.as_str())
            .header("webhook-timestamp", now.unix_s())
            .header("webhook-signature", signatures.join(" "))
            .body(body.to_owned());
        let answer = request.send().await.map_err(|error| Undelivered::because(problem(&error)))?;
        let (status, asked_s) = (answer.status(), asked_s(&answer, now));
        drain(answer).await;
        if status.is_success() {
            return Ok(status);
        }
        let problem = if status.is_redirection() { DeliveryProblem::Redirect } else { DeliveryProblem::Status };
        Err(Undelivered { problem, status: Some(status), asked_s })
    }
}

/// Classifies a request without a response.
fn problem(error: &reqwest::Error) -> DeliveryProblem {
    let mut causes = std::iter::successors(error.source(), |&error| error.source());
    if causes.any(|cause| cause.is::<AddressRefused>()) {
        DeliveryProblem::AddressRefused
    } else if error.is_timeout() {
        DeliveryProblem::Timeout
    } else {
        DeliveryProblem::Connection
    }
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3).
fn asked_s(answer: &Response, now: Timestamp) -> Option<u32> {
    let text = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    u32::try_from(at.saturating_sub(u64::try_from(now.unix_s()).ok()?)).ok()
}

/// Reads the response up to [`MOST_READ`] bytes: some servers treat an early close as a failure. Errors are ignored,
/// because the status is already known.
async fn drain(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read >= MOST_READ {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
