//! Jobs, media and the API itself, as they are answered.

use super::upload::SignedUrl;
use crate::args::{AloneStep, ChoiceArgs};
use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Map, Value};
use smmu_core::{JobId, MediaId, Sha256, Status, Timestamp};
use std::time::Duration;

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

/// What `GET /.well-known/oauth-protected-resource` answers (RFC 9728).
#[derive(Debug, Deserialize)]
pub struct SignInHint {
    /// Issuers of accepted tokens; none where whoever has the shared secret signs them.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// The client by which users sign in, where the API knows it.
    #[serde(default)]
    pub smmu_client_id: Option<String>,
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
    /// The step and its error, of a step that failed, and what else there is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
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
    /// Whether another run of the same upload can succeed.
    pub retryable: bool,
    /// What its reader can do; an older API tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What else there is.
    #[serde(flatten)]
    pub more: Map<String, Value>,
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
