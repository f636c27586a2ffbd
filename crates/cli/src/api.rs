//! The API, typed: what it is asked and what it answers.
//!
//! Status, ids, digests and times are the core's. Codes, stages, kinds and roles stay text, and fields
//! that this version does not know are kept, so that an older client goes on working with a newer API.

mod job;
mod upload;

pub use job::{
    Health, Job, JobEntry, JobError, JobPage, JobSnapshot, Media, MediaPage, Output, Poll, RerunRequest, SignInHint,
    Warning,
};
pub use upload::{Grant, How, InitAnswer, InitRequest, PartToSign, PartsGrant, SignedUpload, SignedUrl};

use crate::{
    error::Error,
    http::{Answer, Http, retry_after},
    session::Access,
};
use reqwest::{
    Client, RequestBuilder, StatusCode, Url,
    header::{AUTHORIZATION, ETAG, HeaderValue, IF_NONE_MATCH},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use smmu_core::{JobId, MediaId, PartPlan, Sha256};
use std::collections::BTreeMap;
use upload::{PartPage, SignedParts};

/// The API of one deployment, as one user.
pub struct Api {
    /// How requests are sent.
    pub http: Http,
    base: Url,
    access: Access,
}

impl Api {
    /// The API at `base`. Nothing is sent yet.
    #[must_use]
    pub fn new(http: Http, base: Url, access: Access) -> Self {
        Self { http, base, access }
    }

    /// Whether it answers.
    pub async fn health(&self) -> Result<Health, Error> {
        let url = self.url(&["health"]);
        read(&self.http.exchange(|| self.http.client().get(url.clone())).await?)
    }

    /// Where its tokens come from (RFC 9728), or nothing where it is too old to say.
    pub async fn sign_in_hint(&self) -> Result<Option<SignInHint>, Error> {
        let url = self.url(&[".well-known", "oauth-protected-resource"]);
        match self.http.exchange(|| self.http.client().get(url.clone())).await {
            Ok(answer) => read(&answer).map(Some),
            // API Gateway answers a route that is not there with 404, and so does the function.
            Err(Error::Refused(refused)) if refused.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for an upload. Sent again after a lost answer, it is granted the same one.
    pub async fn init(&self, wish: &InitRequest<'_>) -> Result<InitAnswer, Error> {
        let url = self.url(&["media", "upload", "init"]);
        let key = new_key();
        read(&self.exchange(|client| client.post(url.clone()).header("idempotency-key", &key).json(wish)).await?)
    }

    /// Runs a media again. Sent again after a lost answer, it is the same job.
    pub async fn rerun(&self, id: &MediaId, wish: &RerunRequest<'_>) -> Result<JobSnapshot, Error> {
        let url = self.url(&["media", id.as_str(), "jobs"]);
        let key = new_key();
        snapshot(&self.exchange(|client| client.post(url.clone()).header("idempotency-key", &key).json(wish)).await?)
    }

    /// Signs one part of an upload.
    pub async fn sign_part(&self, media_id: &MediaId, part: PartToSign) -> Result<SignedUpload, Error> {
        let url = self.url(&["media", media_id.as_str(), "parts"]);
        let body = serde_json::json!({ "parts": [part] });
        let mut signed: SignedParts = read(&self.exchange(|client| client.post(url.clone()).json(&body)).await?)?;
        signed.parts.pop().ok_or_else(|| outside_contract("no part that it signed"))
    }

    /// How an upload is cut, and the digests of the parts that have arrived.
    pub async fn parts(&self, media_id: &MediaId) -> Result<(PartPlan, BTreeMap<u32, Sha256>), Error> {
        let (mut arrived, mut after) = (BTreeMap::new(), None);
        loop {
            let mut url = self.url(&["media", media_id.as_str(), "parts"]);
            if let Some(after) = after {
                url.query_pairs_mut().append_pair("after", &u32::to_string(&after));
            }
            let page = self.exchange(|client| client.get(url.clone())).await?;
            let PartPage { size, part_bytes, parts, next } = read(&page)?;
            arrived.extend(parts.into_iter().filter_map(|part| Some((part.number, part.sha256?))));
            // A cursor that does not move would never end.
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

    /// Submits what was uploaded. Twice is the same job.
    pub async fn complete(&self, media_id: &MediaId) -> Result<JobSnapshot, Error> {
        let url = self.url(&["media", "upload", "complete"]);
        let body = serde_json::json!({ "mediaId": media_id });
        snapshot(&self.exchange(|client| client.post(url.clone()).json(&body)).await?)
    }

    /// Looks at a job; `known` is the tag of the state that the caller has.
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

    /// The job as it is now, its URLs freshly signed.
    pub async fn job_now(&self, id: &JobId) -> Result<JobSnapshot, Error> {
        match self.job(id, None).await? {
            Poll::Changed(snapshot) => Ok(*snapshot),
            Poll::Unchanged { .. } => Err(outside_contract("a 304 that nobody asked for")),
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
        read(&self.exchange(|client| client.get(url.clone())).await?)
    }

    /// Deletes an upload and everything of it. Sent again after a lost answer, it is answered as one that is not there.
    pub async fn delete(&self, id: &MediaId) -> Result<(), Error> {
        let url = self.url(&["media", id.as_str()]);
        self.exchange(|client| client.delete(url.clone())).await.map(drop)
    }

    async fn list<T: DeserializeOwned>(&self, what: &str, parameters: &[(&str, &str)]) -> Result<T, Error> {
        let mut url = self.url(&[what]);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        read(&self.exchange(|client| client.get(url.clone())).await?)
    }

    /// A page of everything that the user has: an object with `media` and, where there is more, `next`.
    pub async fn account(&self, after: Option<&str>) -> Result<Map<String, Value>, Error> {
        let parameters: Vec<_> = after.map(|after| ("after", after)).into_iter().collect();
        self.list("account", &parameters).await
    }

    /// Has everything deleted that the user has, and answers what says until when. Twice is the same.
    pub async fn delete_account(&self) -> Result<Map<String, Value>, Error> {
        let url = self.url(&["account"]);
        read(&self.exchange(|client| client.delete(url.clone())).await?)
    }

    /// Cancels a job. Twice is the same.
    pub async fn cancel(&self, id: &JobId) -> Result<JobSnapshot, Error> {
        let url = self.url(&["jobs", id.as_str(), "cancel"]);
        snapshot(&self.exchange(|client| client.post(url.clone())).await?)
    }

    /// Sends a request with the token, which goes to the API alone: a signed URL is its own permission, and S3 refuses two.
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

/// A name for a request, by which the API knows it when it is sent again.
fn new_key() -> String {
    format!("\"{:032x}\"", fastrand::u128(..))
}

fn snapshot(answer: &Answer) -> Result<JobSnapshot, Error> {
    let job = read(answer)?;
    Ok(JobSnapshot { job, tag: answer.headers.get(ETAG).cloned(), retry_after: retry_after(&answer.headers) })
}

pub(crate) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    // serde_json's messages can quote the content, signed URLs and all: only the place is told.
    serde_json::from_slice(&answer.body).map_err(|error| {
        outside_contract(&format!("a body of another shape (line {}, column {})", error.line(), error.column()))
    })
}

fn outside_contract(what: &str) -> Error {
    Error::Trouble(format!("the API answered with {what}; is this its address, and is this client new enough?"))
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
    fn a_path_prefix_is_kept_with_or_without_its_last_slash() {
        for base in ["http://127.0.0.1:1/restapis/x", "http://127.0.0.1:1/restapis/x/"] {
            assert_eq!(api(base).url(&["health"]).as_str(), "http://127.0.0.1:1/restapis/x/health");
        }
        assert_eq!(api("http://a.localhost:1").url(&["jobs", "b"]).as_str(), "http://a.localhost:1/jobs/b");
    }

    #[test]
    fn a_job_of_a_newer_api_is_read_and_keeps_what_is_new_but_not_its_urls() {
        let job: Job = serde_json::from_value(json!({
            "jobId": "job_01j00000000000000000000000", "mediaId": "med_01j00000000000000000000000",
            "status": "COMPLETED", "stage": "polish", "progress": 100, "kind": "hologram", "cost": 3,
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:02.500Z",
            "warnings": [{"code": "step_failed", "message": "m", "step": "transcribe", "retryable": true}],
            "outputs": [{
                "name": "a.jpg", "role": "relief", "contentType": "image/jpeg", "bytes": 1, "sha256": "0".repeat(64),
                "state": "ready", "url": "http://x/?X-Amz-Signature=s3cr3t", "urlExpiresAt": "2026-01-01T01:00:00.000Z",
            }],
        }))
        .unwrap();
        let text = serde_json::to_string(&job).unwrap();
        for kept in ["\"cost\":3", "\"role\":\"relief\"", "\"step\":\"transcribe\""] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        assert!(!text.contains("url") && !text.contains("s3cr3t"), "{text}");
        assert!(!format!("{job:?}").contains("s3cr3t"));
    }
}
