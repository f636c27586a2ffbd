//! Responses about jobs, media and the API itself.

use super::signed::SignedUrl;
use crate::{
    args::{AloneStep, ChoiceArgs},
    dollars::dollars,
    estimate::Estimate,
};
use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Map, Value};
use smmu_core::{JobId, MediaId, MicroDollars, Sha256, Status, Timestamp};
use std::time::Duration;

/// Request body of `POST /media/{mediaId}/jobs`.
#[derive(Debug, Serialize)]
pub struct RerunRequest<'a> {
    /// The profile and options of the run.
    #[serde(flatten)]
    pub choice: &'a ChoiceArgs,
    /// The steps to run. `None` runs all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<[AloneStep; 1]>,
}

/// Response of `GET /health`.
#[derive(Debug, Deserialize, Serialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// Version of the deployment.
    pub version: String,
    /// Name of the deployment.
    pub stage: String,
    /// Unknown fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Response of `GET /.well-known/oauth-protected-resource` (RFC 9728).
#[derive(Debug, Deserialize)]
pub struct SignInHint {
    /// Issuers of accepted tokens. Empty if tokens are signed with a shared secret.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// OAuth client id for signing in, if the API knows it.
    #[serde(default)]
    pub smmu_client_id: Option<String>,
}

/// A job. Serialises to the API's document without signed URLs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    pub job_id: JobId,
    /// The media that it processes.
    pub media_id: MediaId,
    pub status: Status,
    /// The furthest step reached.
    pub stage: String,
    /// In percent.
    pub progress: u8,
    /// Estimated end, from the speed of the workers so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at: Option<Timestamp>,
    /// `image`, `video` or `audio`, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Set if the job failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// Problems with the file that did not stop the job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Cost of a job that has ended, if it was metered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Expected cost and time, in the answer to a new run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Outputs that can be fetched: of a running job those that are ready, of a completed one all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<Output>>,
    /// Unknown fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Cost of a job.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// The sum.
    pub total_micro_dollars: MicroDollars,
    /// The items and the prices they were computed with.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Cost {
    /// Formats the cost for a table cell. That of a job that failed or was cancelled is a lower bound.
    #[must_use]
    pub fn cell(&self) -> String {
        let bound = if self.more.get("atLeast") == Some(&true.into()) { "≥ " } else { "" };
        format!("{bound}{}", dollars(self.total_micro_dollars))
    }
}

/// A problem with a file that did not stop the job.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Warning {
    /// Stable code.
    pub code: String,
    /// For people.
    pub message: String,
    /// For a failed step, the step and its error; and unknown fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Error of a failed job.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct JobError {
    /// Stable code.
    pub code: String,
    /// For people.
    pub message: String,
    /// The stage in which it failed.
    pub stage: String,
    /// Set if another run of the same upload can succeed.
    pub retryable: bool,
    /// What the user can do. An older API sends none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A job in a list. Serialises to the API's entry.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobEntry {
    pub job_id: JobId,
    pub status: String,
    /// `image`, `video` or `audio`, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Set if the job failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    pub created_at: Timestamp,
    /// Unknown fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A media, alone or in a list. Serialises to the API's document.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    pub media_id: MediaId,
    /// Its job, once submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Status of the upload.
    pub status: String,
    /// `image`, `video` or `audio`, once measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// File name from the upload request. Comes from the API, so it must not be used as a path.
    pub filename: String,
    /// Size in bytes.
    pub size: u64,
    /// Time at which the upload was granted.
    pub created_at: Timestamp,
    /// Unknown fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A page of `GET /jobs`.
#[derive(Debug, Deserialize)]
pub struct JobPage {
    /// The entries, newest first.
    pub jobs: Vec<JobEntry>,
    /// Cursor of the next page.
    #[serde(default)]
    pub next: Option<String>,
}

/// A page of `GET /media`.
#[derive(Debug, Deserialize)]
pub struct MediaPage {
    /// The entries, newest first.
    pub media: Vec<Media>,
    /// Cursor of the next page.
    #[serde(default)]
    pub next: Option<String>,
}

/// One file that a job made.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// File name. Comes from the API, so it must not be used as a path unchecked.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the file.
    pub sha256: Sha256,
    /// Temporary URL of the content.
    #[serde(skip_serializing)]
    pub url: SignedUrl,
    /// Read so that it is not kept in `more`; dropped together with the URL.
    #[serde(default, skip_serializing)]
    pub url_expires_at: Option<IgnoredAny>,
    /// Role, content type, dimensions and unknown fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The state of a job at one poll.
#[derive(Debug)]
pub struct JobSnapshot {
    pub job: Job,
    /// Entity tag of this state.
    pub tag: Option<HeaderValue>,
    /// Pause that the API asks for before the next poll.
    pub retry_after: Option<Duration>,
}

/// Result of a conditional poll.
#[derive(Debug)]
pub enum Poll {
    /// Another state.
    Changed(Box<JobSnapshot>),
    /// The same state.
    Unchanged {
        /// Pause that the API asks for before the next poll.
        retry_after: Option<Duration>,
    },
}
