//! The API, typed: what it is asked and what it answers.
//!
//! Status, ids, digests and times are the core's. Codes, stages, kinds and roles stay text, and fields
//! that this version does not know are kept, so that an older client goes on working with a newer API.

use crate::{
    args::{AloneStep, ChoiceArgs, Token},
    error::Error,
    http::{Answer, Http, retry_after},
};
use reqwest::{
    RequestBuilder, StatusCode, Url,
    header::{AUTHORIZATION, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned, de::IgnoredAny};
use serde_json::{Map, Value};
use smmu_core::{JobId, Labels, MediaId, PartPlan, Sha256, Status, Timestamp};
use std::{collections::BTreeMap, fmt, time::Duration};

/// The API of one deployment, as one user.
pub struct Api {
    /// How requests are sent.
    pub http: Http,
    base: Url,
    authorization: Option<HeaderValue>,
}

/// What `POST /media/upload/init` is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitRequest<'a> {
    /// Name of the file, without folders.
    #[serde(rename = "filename")]
    pub file_name: &'a str,
    /// Media type.
    pub content_type: &'a str,
    /// Size in bytes.
    pub size: u64,
    /// Digest of the content, which an upload in parts needs not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Whether to send the file in parts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub parts: bool,
    /// What to note on it.
    #[serde(flatten)]
    pub labels: &'a Labels,
    /// What to make of it.
    #[serde(flatten)]
    pub choice: &'a ChoiceArgs,
    /// Whether an earlier upload of the same content will do.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dedup: bool,
}

/// What `POST /media/{mediaId}/jobs` is asked.
#[derive(Debug, Serialize)]
pub struct RerunRequest<'a> {
    /// What to make.
    #[serde(flatten)]
    pub choice: &'a ChoiceArgs,
    /// The only steps to run, if not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<[AloneStep; 1]>,
}

/// What `POST /media/upload/init` answers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum InitAnswer {
    /// The file is to be sent.
    Granted(Grant),
    /// It was sent before.
    Duplicate {
        /// What is or was made of it.
        job: Box<Job>,
    },
}

/// What `POST /media/upload/init` grants.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The upload.
    pub media_id: MediaId,
    /// Where to put the bytes.
    #[serde(flatten)]
    pub how: How,
}

/// How a granted upload is made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// With one request.
    Upload(SignedUpload),
    /// In parts.
    Parts(PartsGrant),
}

/// How a file is cut.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartsGrant {
    /// Size of every part but the last, in bytes.
    pub part_bytes: u64,
}

/// A part that is to be signed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PartToSign {
    /// From 1.
    pub number: u32,
    /// Digest of its content.
    pub sha256: Sha256,
}

/// What `POST /media/{mediaId}/parts` answers.
#[derive(Deserialize)]
struct SignedParts {
    parts: Vec<SignedUpload>,
}

/// A page of `GET /media/{mediaId}/parts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartPage {
    size: u64,
    part_bytes: u64,
    parts: Vec<ArrivedPart>,
    #[serde(default)]
    next: Option<u32>,
}

#[derive(Deserialize)]
struct ArrivedPart {
    number: u32,
    #[serde(default)]
    sha256: Option<Sha256>,
}

/// A request that may be made once, with exactly these headers.
#[derive(Debug, Deserialize)]
pub struct SignedUpload {
    /// HTTP method.
    pub method: String,
    /// Where.
    pub url: SignedUrl,
    /// What is signed with it.
    pub headers: BTreeMap<String, String>,
}

/// A URL that is itself the permission. Never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct SignedUrl(String);

impl SignedUrl {
    /// The URL, for the request alone. One that cannot be parsed is an answer outside the contract.
    pub fn parse(&self) -> Result<Url, Error> {
        self.0.parse().map_err(|_| Error::Trouble("the API gave a URL that cannot be read".to_owned()))
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedUrl(…)")
    }
}

/// What `GET /health` answers.
#[derive(Debug, Deserialize, Serialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// Version of the deployment.
    pub version: String,
    /// Name of the deployment.
    pub stage: String,
    /// What else there is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A job. Written again as JSON, it is the API's document without signed URLs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// The job.
    pub job_id: JobId,
    /// The upload.
    pub media_id: MediaId,
    /// Where it stands.
    pub status: Status,
    /// The furthest step reached.
    pub stage: String,
    /// In percent.
    pub progress: u8,
    /// When its workers will be through, by their speed so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at: Option<Timestamp>,
    /// `image`, `video` or `audio`, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// What is not as it should be with the file, of a job that completed all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What can be read: of a running job what is ready, of a completed one everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<Output>>,
    /// What else there is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What is not as it should be with a file.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Warning {
    /// Stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Why a job failed.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct JobError {
    /// Stable code.
    pub code: String,
    /// For people.
    pub message: String,
    /// Where in the journey.
    pub stage: String,
    /// Whether uploading the same file again can succeed.
    pub retryable: bool,
    /// What its reader can do; an older API tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A job in a list. Written again as JSON, it is the API's entry.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobEntry {
    /// The job.
    pub job_id: JobId,
    /// Where it stands.
    pub status: String,
    /// `image`, `video` or `audio`, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What else there is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An upload, by itself or in a list. Written again as JSON, it is the API's document.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// The upload.
    pub media_id: MediaId,
    /// Its job, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Where the upload stands.
    pub status: String,
    /// `image`, `video` or `audio`, once measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name that was given; of the API, so not to be trusted as a path.
    pub filename: String,
    /// Size in bytes.
    pub size: u64,
    /// When the upload was granted.
    pub created_at: Timestamp,
    /// What else there is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A page of `GET /jobs`.
#[derive(Debug, Deserialize)]
pub struct JobPage {
    /// The entries, newest first.
    pub jobs: Vec<JobEntry>,
    /// Where the next page begins.
    #[serde(default)]
    pub next: Option<String>,
}

/// A page of `GET /media`.
#[derive(Debug, Deserialize)]
pub struct MediaPage {
    /// The entries, newest first.
    pub media: Vec<Media>,
    /// Where the next page begins.
    #[serde(default)]
    pub next: Option<String>,
}

/// One file that a job made.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// File name; of the API, so not to be trusted as a path.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the file.
    pub sha256: Sha256,
    /// Where to fetch it, for a while.
    #[serde(skip_serializing)]
    pub url: SignedUrl,
    /// Until when. Dropped with the URL.
    #[serde(default, skip_serializing)]
    pub url_expires_at: Option<IgnoredAny>,
    /// Role, content type, dimensions and what else there is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A job as one look at it found it.
#[derive(Debug)]
pub struct JobSnapshot {
    /// The job.
    pub job: Job,
    /// Names this state of the job.
    pub tag: Option<HeaderValue>,
    /// When the API wants to be asked again.
    pub retry_after: Option<Duration>,
}

/// What another look found.
#[derive(Debug)]
pub enum Poll {
    /// Another state.
    Changed(Box<JobSnapshot>),
    /// The same state.
    Unchanged {
        /// When the API wants to be asked again.
        retry_after: Option<Duration>,
    },
}

impl Api {
    /// The API at `base`. Nothing is sent yet.
    pub fn new(http: Http, base: Url, token: Option<&Token>) -> Result<Self, Error> {
        let header = |token: &Token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
                .map_err(|_| Error::usage("the token contains invalid characters"))?;
            value.set_sensitive(true);
            Ok(value)
        };
        Ok(Self { http, base, authorization: token.map(header).transpose()? })
    }

    /// Whether it answers.
    pub async fn health(&self) -> Result<Health, Error> {
        let url = self.url(&["health"]);
        read(&self.http.exchange(|| self.http.client().get(url.clone())).await?)
    }

    /// Asks for an upload. Sent again after a lost answer, it is granted the same one.
    pub async fn init(&self, wish: &InitRequest<'_>) -> Result<InitAnswer, Error> {
        let url = self.url(&["media", "upload", "init"]);
        let key = new_key();
        let request = || {
            let request = self.authorized(self.http.client().post(url.clone()));
            request.header("idempotency-key", &key).json(wish)
        };
        read(&self.http.exchange(request).await?)
    }

    /// Runs a media again. Sent again after a lost answer, it is the same job.
    pub async fn rerun(&self, id: &MediaId, wish: &RerunRequest<'_>) -> Result<JobSnapshot, Error> {
        let url = self.url(&["media", id.as_str(), "jobs"]);
        let key = new_key();
        let request = || {
            let request = self.authorized(self.http.client().post(url.clone()));
            request.header("idempotency-key", &key).json(wish)
        };
        snapshot(&self.http.exchange(request).await?)
    }

    /// Signs one part of an upload.
    pub async fn sign_part(&self, media_id: &MediaId, part: PartToSign) -> Result<SignedUpload, Error> {
        let url = self.url(&["media", media_id.as_str(), "parts"]);
        let body = serde_json::json!({ "parts": [part] });
        let request = || self.authorized(self.http.client().post(url.clone())).json(&body);
        let mut signed: SignedParts = read(&self.http.exchange(request).await?)?;
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
            let page = self.http.exchange(|| self.authorized(self.http.client().get(url.clone()))).await?;
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
        snapshot(&self.http.exchange(|| self.authorized(self.http.client().post(url.clone())).json(&body)).await?)
    }

    /// Looks at a job; `known` is the tag of the state that the caller has.
    pub async fn job(&self, id: &JobId, known: Option<&HeaderValue>) -> Result<Poll, Error> {
        let url = self.url(&["jobs", id.as_str()]);
        let request = || {
            let request = self.authorized(self.http.client().get(url.clone()));
            known.iter().fold(request, |request, tag| request.header(IF_NONE_MATCH, *tag))
        };
        let answer = self.http.exchange(request).await?;
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
        read(&self.http.exchange(|| self.authorized(self.http.client().get(url.clone()))).await?)
    }

    /// Deletes an upload and everything of it. Sent again after a lost answer, it is answered as one that is not there.
    pub async fn delete(&self, id: &MediaId) -> Result<(), Error> {
        let url = self.url(&["media", id.as_str()]);
        self.http.exchange(|| self.authorized(self.http.client().delete(url.clone()))).await.map(drop)
    }

    async fn list<T: DeserializeOwned>(&self, what: &str, parameters: &[(&str, &str)]) -> Result<T, Error> {
        let mut url = self.url(&[what]);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        read(&self.http.exchange(|| self.authorized(self.http.client().get(url.clone()))).await?)
    }

    /// A page of everything that the user has: an object with `media` and, where there is more, `next`.
    pub async fn account(&self, after: Option<&str>) -> Result<Map<String, Value>, Error> {
        let parameters: Vec<_> = after.map(|after| ("after", after)).into_iter().collect();
        self.list("account", &parameters).await
    }

    /// Has everything deleted that the user has. Twice is the same.
    pub async fn delete_account(&self) -> Result<(), Error> {
        let url = self.url(&["account"]);
        self.http.exchange(|| self.authorized(self.http.client().delete(url.clone()))).await.map(drop)
    }

    /// Cancels a job. Twice is the same.
    pub async fn cancel(&self, id: &JobId) -> Result<JobSnapshot, Error> {
        let url = self.url(&["jobs", id.as_str(), "cancel"]);
        snapshot(&self.http.exchange(|| self.authorized(self.http.client().post(url.clone()))).await?)
    }

    /// The token goes to the API alone: a signed URL is its own permission, and S3 refuses two.
    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        self.authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, value.clone()))
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("http URLs have paths").pop_if_empty().extend(path);
        url
    }
}

impl SignedUpload {
    /// The request without its body, with exactly the signed headers.
    pub fn request(&self, http: &Http) -> Result<RequestBuilder, Error> {
        let unreadable = |what| outside_contract(&format!("an upload whose {what} cannot be read"));
        let method = self.method.parse().map_err(|_| unreadable("method"))?;
        let mut request = http.client().request(method, self.url.parse()?);
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().map_err(|_| unreadable("headers"))?;
            let value: HeaderValue = value.parse().map_err(|_| unreadable("headers"))?;
            request = request.header(name, value);
        }
        Ok(request)
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

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
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
    use crate::http::{Http, Timeouts};
    use reqwest::Url;
    use serde_json::json;

    fn api(base: &str) -> Api {
        let base: Url = base.parse().unwrap();
        Api::new(Http::new(&base, Timeouts::default(), |_| ()).unwrap(), base, None).unwrap()
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
            "outputs": [{
                "name": "a.jpg", "role": "relief", "contentType": "image/jpeg", "bytes": 1, "sha256": "0".repeat(64),
                "state": "ready", "url": "http://x/?X-Amz-Signature=s3cr3t", "urlExpiresAt": "2026-01-01T01:00:00.000Z",
            }],
        }))
        .unwrap();
        let text = serde_json::to_string(&job).unwrap();
        assert!(text.contains("\"cost\":3") && text.contains("\"role\":\"relief\""), "{text}");
        assert!(!text.contains("url") && !text.contains("s3cr3t"), "{text}");
        assert!(!format!("{job:?}").contains("s3cr3t"));
    }
}
