//! Typed API client: requests and responses.
//!
//! Status, ids, digests and times are core types. Codes, stages, kinds and roles stay text, and unknown fields are
//! kept, so an older client keeps working with a newer API.

mod job;
mod signed;
mod upload;

pub use job::{
    Cost, Health, Job, JobEntry, JobError, JobPage, JobSnapshot, Media, MediaPage, Output, Poll, RerunRequest,
    SignInHint, Warning,
};
pub use signed::SignedUrl;
pub use upload::{Grant, How, InitAnswer, InitRequest, PartToSign, PartsGrant, SignedUpload};

use crate::{
    args::Cli,
    error::Error,
    http::{Answer, Http, outside_contract, retry_after, sender},
    session::Access,
    show::Show,
};
use reqwest::{
    Client, RequestBuilder, StatusCode, Url,
    header::{AUTHORIZATION, ETAG, HeaderValue, IF_NONE_MATCH},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use smmu_core::{JobId, MediaId, PartPlan, Sha256, WebhookId};
use std::collections::BTreeMap;
use upload::{PartPage, SignedParts};

/// The API of one deployment, called as one user.
pub struct Api {
    /// Sends the requests.
    pub http: Http,
    base: Url,
    access: Access,
}

impl Api {
    /// A client for the API at `base`. Sends nothing yet.
    #[must_use]
    pub fn new(http: Http, base: Url, access: Access) -> Self {
        Self { http, base, access }
    }

    /// The API that the command line names, with the user's token.
    pub fn signed_in(cli: &Cli, show: &Show) -> Result<Self, Error> {
        let base = cli.api()?;
        let access = Access::of(cli, &base, show)?;
        Ok(Self::new(sender(&base, show)?, base, access))
    }

    /// The API that the command line names, without a token.
    pub fn open(cli: &Cli, show: &Show) -> Result<Self, Error> {
        let base = cli.api()?;
        Ok(Self::new(sender(&base, show)?, base, Access::Open))
    }

    /// `GET /health`.
    pub async fn health(&self) -> Result<Health, Error> {
        let url = self.url(&["health"]);
        self.http.exchange(|| self.http.client().get(url.clone())).await?.json()
    }

    /// The issuer of the API's tokens (RFC 9728). `None` if the API is too old to say.
    pub async fn sign_in_hint(&self) -> Result<Option<SignInHint>, Error> {
        let url = self.url(&[".well-known", "oauth-protected-resource"]);
        match self.http.exchange(|| self.http.client().get(url.clone())).await {
            Ok(answer) => answer.json().map(Some),
            // API Gateway and the function both answer an unknown route with 404.
            Err(Error::Refused(refused)) if refused.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Requests an upload. A retry after a lost answer gets the same upload.
    pub async fn init(&self, request: &InitRequest<'_>) -> Result<InitAnswer, Error> {
        let url = self.url(&["media", "upload", "init"]);
        let key = new_key();
        self.exchange(|client| client.post(url.clone()).header("idempotency-key", &key).json(request)).await?.json()
    }

    /// Processes a media again. A retry after a lost answer gets the same job.
    pub async fn rerun(&self, id: &MediaId, request: &RerunRequest<'_>) -> Result<JobSnapshot, Error> {
        let url = self.url(&["media", id.as_str(), "jobs"]);
        let key = new_key();
        snapshot(&self.exchange(|client| client.post(url.clone()).header("idempotency-key", &key).json(request)).await?)
    }

    /// Signs one part of an upload.
    pub async fn sign_part(&self, media_id: &MediaId, part: PartToSign) -> Result<SignedUpload, Error> {
        let url = self.url(&["media", media_id.as_str(), "parts"]);
        let body = serde_json::json!({ "parts": [part] });
        let mut signed: SignedParts = self.exchange(|client| client.post(url.clone()).json(&body)).await?.json()?;
        signed.parts.pop().ok_or_else(|| outside_contract("no signed part"))
    }

    /// The part sizes of an upload, and the digests of the parts that have arrived.
    pub async fn parts(&self, media_id: &MediaId) -> Result<(PartPlan, BTreeMap<u32, Sha256>), Error> {
        let (mut arrived, mut after) = (BTreeMap::new(), None);
        loop {
            let mut url = self.url(&["media", media_id.as_str(), "parts"]);
            if let Some(after) = after {
                url.query_pairs_mut().append_pair("after", &u32::to_string(&after));
            }
            let page = self.exchange(|client| client.get(url.clone())).await?;
            let PartPage { size, part_bytes, parts, next } = page.json()?;
            arrived.extend(parts.into_iter().filter_map(|part| Some((part.number, part.sha256?))));
            // A cursor that does not advance would loop forever.
            if next.is_none() || next <= after {
                return Ok((PartPlan { bytes: size, part_bytes }, arrived));
            }
            after = next;
        }
    }

    /// The API's address.
    #[must_use]
    pub fn base(&self) -> &str {
        self.base.as_str()
    }

    /// Submits an upload for processing. Idempotent: returns the same job.
    pub async fn complete(&self, media_id: &MediaId) -> Result<JobSnapshot, Error> {
        let url = self.url(&["media", "upload", "complete"]);
        let body = serde_json::json!({ "mediaId": media_id });
        snapshot(&self.exchange(|client| client.post(url.clone()).json(&body)).await?)
    }

    /// Polls a job. `known` is the entity tag of the state that the caller has.
    pub async fn job(&self, id: &JobId, known: Option<&HeaderValue>) -> Result<Poll, Error> {
        let url = self.url(&["jobs", id.as_str()]);
        let request = |client: &Client| {
            known.iter().fold(client.get(url.clone()), |request, tag| request.header(IF_NONE_MATCH, *tag))
        };
        let answer = self.exchange(request).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(Poll::Unchanged { retry_after: retry_after(&answer.headers) });
        }
        Ok(Poll::Changed(Box::new(snapshot(&answer)?)))
    }

    /// The current state of the job, with newly signed URLs.
    pub async fn job_now(&self, id: &JobId) -> Result<JobSnapshot, Error> {
        match self.job(id, None).await? {
            Poll::Changed(snapshot) => Ok(*snapshot),
            Poll::Unchanged { .. } => Err(outside_contract("an unexpected 304")),
        }
    }

    /// A page of the user's jobs.
    pub async fn jobs(&self, parameters: &[(&str, &str)]) -> Result<JobPage, Error> {
        self.list("jobs", parameters).await
    }

    /// A page of the user's media.
    pub async fn media_list(&self, parameters: &[(&str, &str)]) -> Result<MediaPage, Error> {
        self.list("media", parameters).await
    }

    /// One upload.
    pub async fn media(&self, id: &MediaId) -> Result<Media, Error> {
        let url = self.url(&["media", id.as_str()]);
        self.exchange(|client| client.get(url.clone())).await?.json()
    }

    /// Deletes an upload and everything made from it. A retry after a lost answer gets 404.
    pub async fn delete(&self, id: &MediaId) -> Result<(), Error> {
        let url = self.url(&["media", id.as_str()]);
        self.exchange(|client| client.delete(url.clone())).await.map(drop)
    }

    async fn list<T: DeserializeOwned>(&self, what: &str, parameters: &[(&str, &str)]) -> Result<T, Error> {
        let mut url = self.url(&[what]);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        self.exchange(|client| client.get(url.clone())).await?.json()
    }

    /// A page of everything the user has: an object with `media` and, if more follows, `next`.
    pub async fn account(&self, after: Option<&str>) -> Result<Map<String, Value>, Error> {
        let parameters: Vec<_> = after.map(|after| ("after", after)).into_iter().collect();
        self.list("account", &parameters).await
    }

    /// Deletes everything the user has. The answer says up to which creation time. Idempotent.
    pub async fn delete_account(&self) -> Result<Map<String, Value>, Error> {
        let url = self.url(&["account"]);
        self.exchange(|client| client.delete(url.clone())).await?.json()
    }

    /// The user's webhooks, the oldest first.
    pub async fn webhooks(&self) -> Result<Vec<Map<String, Value>>, Error> {
        #[derive(Deserialize)]
        struct Webhooks {
            webhooks: Vec<Map<String, Value>>,
        }
        Ok(self.list::<Webhooks>("webhooks", &[]).await?.webhooks)
    }

    /// Registers a URL that is notified of ended jobs. Never retried: the answer carries the secret, so after a lost
    /// answer the first request would leave an endpoint with an unknown secret.
    pub async fn add_webhook(&self, url: &str, description: Option<&str>) -> Result<Map<String, Value>, Error> {
        let body = serde_json::json!({ "url": url, "description": description });
        self.post_once(&["webhooks"], Some(&body)).await
    }

    /// Deletes a webhook. A retry after a lost answer gets 404.
    pub async fn delete_webhook(&self, id: &WebhookId) -> Result<(), Error> {
        let url = self.url(&["webhooks", id.as_str()]);
        self.exchange(|client| client.delete(url.clone())).await.map(drop)
    }

    /// Rotates the secret of a webhook and returns the new one. Never retried: a second rotation would invalidate the
    /// secret that the receiver knows.
    pub async fn rotate_webhook(&self, id: &WebhookId) -> Result<Map<String, Value>, Error> {
        self.post_once(&["webhooks", id.as_str(), "rotate"], None).await
    }

    /// Sends the event of a job to a webhook again.
    pub async fn deliver_again(&self, id: &WebhookId, job: &JobId) -> Result<Map<String, Value>, Error> {
        let body = serde_json::json!({ "jobId": job });
        self.post_once(&["webhooks", id.as_str(), "deliveries"], Some(&body)).await
    }

    async fn post_once(&self, path: &[&str], body: Option<&Value>) -> Result<Map<String, Value>, Error> {
        let authorization = self.access.authorization().await?;
        let request = self.http.client().post(self.url(path));
        let request = body.iter().fold(request, |request, body| request.json(body));
        let request = authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, value.clone()));
        self.http.exchange_once(request).await?.json()
    }

    /// Requests the URL of a socket. It is secret and opens once; a repeated request gets another URL.
    pub async fn socket_url(&self) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Ticket {
            url: String,
        }
        let url = self.url(&["sockets"]);
        Ok(self.exchange(|client| client.post(url.clone())).await?.json::<Ticket>()?.url)
    }

    /// Cancels a job. Idempotent.
    pub async fn cancel(&self, id: &JobId) -> Result<JobSnapshot, Error> {
        let url = self.url(&["jobs", id.as_str(), "cancel"]);
        snapshot(&self.exchange(|client| client.post(url.clone())).await?)
    }

    /// Sends a request with the token. Only the API gets the token: a signed URL already authorises its request, and S3
    /// rejects a request with both.
    async fn exchange(&self, request: impl Fn(&Client) -> RequestBuilder) -> Result<Answer, Error> {
        let authorization = self.access.authorization().await?;
        let with_token = || {
            let request = request(self.http.client());
            authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, value.clone()))
        };
        self.http.exchange(with_token).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("http URLs have paths").pop_if_empty().extend(path);
        url
    }
}

/// An idempotency key, by which the API recognises a repeated request.
fn new_key() -> String {
    format!("\"{:032x}\"", fastrand::u128(..))
}

fn snapshot(answer: &Answer) -> Result<JobSnapshot, Error> {
    let job = answer.json()?;
    Ok(JobSnapshot { job, tag: answer.headers.get(ETAG).cloned(), retry_after: retry_after(&answer.headers) })
}

#[cfg(test)]
mod tests {
    use super::{Api, Job};
    use crate::{
        http::{Http, Timeouts},
        session::Access,
    };
    use reqwest::Url;
    use serde_json::json;

    fn api(base: &str) -> Api {
        let base: Url = base.parse().unwrap();
        Api::new(Http::new(&base, Timeouts::default(), |_| ()).unwrap(), base, Access::Open)
    }

    #[test]
    fn a_path_prefix_is_kept_with_or_without_a_trailing_slash() {
        for base in ["http://127.0.0.1:1/restapis/x", "http://127.0.0.1:1/restapis/x/"] {
            assert_eq!(api(base).url(&["health"]).as_str(), "http://127.0.0.1:1/restapis/x/health");
        }
        assert_eq!(api("http://a.localhost:1").url(&["jobs", "b"]).as_str(), "http://a.localhost:1/jobs/b");
    }

    #[test]
    fn a_job_of_a_newer_api_keeps_unknown_fields_but_drops_urls() {
        let job: Job = serde_json::from_value(json!({
            "jobId": "job_01j00000000000000000000000", "mediaId": "med_01j00000000000000000000000",
            "status": "COMPLETED", "stage": "polish", "progress": 100, "kind": "hologram", "depth": 3,
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:02.500Z",
            "warnings": [{"code": "step_failed", "message": "m", "step": "transcribe", "retryable": true}],
            "outputs": [{
                "name": "a.jpg", "role": "relief", "contentType": "image/jpeg", "bytes": 1, "sha256": "0".repeat(64),
                "state": "ready", "url": "http://x/?X-Amz-Signature=s3cr3t", "urlExpiresAt": "2026-01-01T01:00:00.000Z",
            }],
        }))
        .unwrap();
        let text = serde_json::to_string(&job).unwrap();
        for kept in ["\"depth\":3", "\"role\":\"relief\"", "\"step\":\"transcribe\""] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        assert!(!text.contains("url") && !text.contains("s3cr3t"), "{text}");
        assert!(!format!("{job:?}").contains("s3cr3t"));
    }
}
