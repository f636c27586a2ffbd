//! Problem details for the API (RFC 9457), with a stable `code` for every way a request can fail.

use serde::{Deserialize, Serialize};

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $variant:ident => $text:literal, $status:literal, $title:literal, $remedy:literal;)*) => {
        /// A stable reason for a refused request. Codes are added, never renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum ProblemCode { $($(#[$doc])* $variant,)* }

        impl ProblemCode {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// Short text, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What the reader can do about it, in one sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

problem_codes! {
    /// The body is not JSON of the documented shape, or a value is out of range.
    InvalidRequest => "invalid_request", 400, "The request is not valid",
        "Correct what the detail names, then send the request again.";
    /// The token is missing or invalid.
    Unauthorized => "unauthorized", 401, "A valid bearer token is required",
        "Sign in again and send the new token as `Authorization: Bearer`.";
    /// It does not exist, or belongs to another user.
    NotFound => "not_found", 404, "Not found",
        "Check the address and the id, and that the token belongs to the owner.";
    /// The path exists, but not with this method.
    MethodNotAllowed => "method_not_allowed", 405, "Method not allowed",
        "Use one of the methods in the `Allow` header.";
    /// The upload was granted, but no object exists yet.
    UploadNotFound => "upload_not_found", 409, "The file has not been uploaded yet",
        "Send the file to the upload URL first, then complete the upload again.";
    /// The uploaded object is not the granted one.
    UploadMismatch => "upload_mismatch", 409, "The uploaded file is not the one that was announced",
        "Start a new upload with the size and SHA-256 of the file that you want to send.";
    /// Some parts of the upload have not arrived.
    PartsMissing => "parts_missing", 409, "Parts of the file have not been uploaded yet",
        "Send the parts that the detail names, then complete the upload again.";
    /// The parts were joined, so none can be added or listed.
    PartsJoined => "parts_joined", 409, "The parts of the file have already been joined",
        "Complete the upload to get its job.";
    /// The upload is made with one request, not in parts.
    NotInParts => "not_in_parts", 409, "The upload is not made in parts",
        "Send the file to the upload URL, or start a new upload with `parts: true`.";
    /// The job is COMPLETED or FAILED, so it cannot be cancelled.
    JobEnded => "job_ended", 409, "The job has ended already",
        "Read the job to see how it ended; to remove what it made, delete its media.";
    /// The job is not COMPLETED, FAILED or CANCELLED, so there is no end to report.
    JobNotEnded => "job_not_ended", 409, "The job has not ended yet",
        "Wait until the job has ended, then send the request again.";
    /// The operator disabled push.
    PushDisabled => "push_disabled", 404, "Push is disabled",
        "Poll the job instead, or ask the operator to enable push.";
    /// The user has reached the limit of open sockets.
    TooManySockets => "too_many_sockets", 409, "Too many sockets are open",
        "Close a socket that you do not need, then send the request once more.";
    /// The user has reached the limit of webhooks.
    TooManyWebhooks => "too_many_webhooks", 409, "Too many webhooks",
        "Delete a webhook that you do not need, then send the request once more.";
    /// The endpoint answered 410, so nothing is sent to it.
    WebhookDisabled => "webhook_disabled", 409, "The webhook is disabled since it answered 410",
        "Delete the webhook and create a new one.";
    /// A job of the media has not ended, and only one runs at a time.
    JobRunning => "job_running", 409, "A job of this media is running",
        "Wait until the running job has ended, or cancel it, then send the request again.";
    /// The requested step cannot be run on this media.
    StepUnavailable => "step_unavailable", 409, "The step cannot be run on this media",
        "Leave out `steps` to run the whole media, or name a step that applies to it.";
    /// The media has reached the limit of runs.
    TooManyRuns => "too_many_runs", 409, "The media has reached its limit of runs",
        "Upload the file in a new upload and delete this media.";
    /// The uploaded file no longer exists.
    SourceMissing => "source_missing", 410, "The uploaded file is no longer there",
        "Upload the file again in a new upload; this one's was removed.";
    /// Nothing was uploaded before the grant expired.
    UploadExpired => "upload_expired", 410, "The upload has expired",
        "Start a new upload and send the file before its `expiresAt`.";
    /// The request body is larger than this API accepts.
    PayloadTooLarge => "payload_too_large", 413, "The request body is too large",
        "Send a smaller body; the file itself goes to the upload URL.";
    /// The declared content type is not accepted.
    UnsupportedMediaType => "unsupported_media_type", 415, "The content type is not accepted",
        "Send an image, a video or an audio file in a supported format.";
    /// The declared size is over the limit of its kind.
    MediaTooLarge => "media_too_large", 422, "The file is too large",
        "Send a smaller file, or ask the operator to raise the limit.";
    /// The file is too large for one request.
    PartsRequired => "parts_required", 422, "The file is too large for one request",
        "Start the upload with `parts: true` and send the file in parts.";
    /// The URL is not allowed for a webhook.
    WebhookUrlRefused => "webhook_url_refused", 422, "The URL is not allowed for a webhook",
        "Use a public https URL without credentials, on port 443 or a port from 1024 on.";
    /// The idempotency key was used with another request.
    IdempotencyMismatch => "idempotency_mismatch", 422, "The idempotency key was used for another request",
        "Send another `Idempotency-Key`, or the request that this one was first sent with.";
    /// The user has used up the daily quota.
    QuotaExceeded => "quota_exceeded", 429, "The daily quota is used up",
        "Send the request again after the seconds in `Retry-After`, or ask the operator for a larger quota.";
    /// The user has reached the limit of active jobs.
    TooManyJobs => "too_many_jobs", 429, "Too many active jobs",
        "Wait until some of your jobs have ended, or cancel some, then send the request again.";
    /// A fault on our side.
    Internal => "internal", 500, "Something went wrong on our side",
        "Send the request again later; if it fails again, tell the operator when it failed.";
    /// A service behind the API did not answer; the same request can succeed later.
    Unavailable => "unavailable", 503, "Temporarily unavailable",
        "Send the same request again after the seconds in `Retry-After`.";
}

/// One problem, as the body of an `application/problem+json` response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[error("{}: {}", .code.as_str(), .detail.as_deref().unwrap_or(.code.title()))]
#[serde(into = "ProblemBody")]
pub struct Problem {
    /// Kind of problem.
    pub code: ProblemCode,
    /// Details of this request, for its sender.
    pub detail: Option<String>,
    /// The invalid request field, as a JSON pointer (RFC 6901).
    pub pointer: Option<String>,
}

/// Problem details (RFC 9457).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Problem"))]
struct ProblemBody {
    /// `urn:smmu:problem:` followed by the code.
    #[serde(rename = "type")]
    type_uri: String,
    /// Short text, the same for every occurrence.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    code: ProblemCode,
    /// Details of this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The invalid field of the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// True if the same request can succeed later.
    retryable: bool,
    /// What the reader can do about it, in one sentence.
    remedy: &'static str,
}

impl From<Problem> for ProblemBody {
    fn from(Problem { code, detail, pointer }: Problem) -> Self {
        Self {
            type_uri: format!("urn:smmu:problem:{}", code.as_str()),
            title: code.title(),
            status: code.status(),
            code,
            detail,
            pointer,
            retryable: code.retryable(),
            remedy: code.remedy(),
        }
    }
}

impl ProblemCode {
    /// Returns whether the same request can succeed later.
    #[must_use]
    pub const fn retryable(self) -> bool {
        match self {
            Self::UploadNotFound
            | Self::PartsMissing
            | Self::JobRunning
            | Self::JobNotEnded
            | Self::QuotaExceeded
            | Self::TooManyJobs
            | Self::Internal
            | Self::Unavailable => true,
            Self::InvalidRequest
            | Self::Unauthorized
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::UploadMismatch
            | Self::PartsJoined
            | Self::NotInParts
            | Self::JobEnded
            | Self::PushDisabled
            | Self::TooManySockets
            | Self::TooManyWebhooks
            | Self::WebhookDisabled
            | Self::WebhookUrlRefused
            | Self::StepUnavailable
            | Self::TooManyRuns
            | Self::SourceMissing
            | Self::UploadExpired
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType
            | Self::MediaTooLarge
            | Self::PartsRequired
            | Self::IdempotencyMismatch => false,
        }
    }
}

impl Problem {
    /// A problem without a detail.
    #[must_use]
    pub const fn new(code: ProblemCode) -> Self {
        Self { code, detail: None, pointer: None }
    }

    /// A problem with a detail.
    pub fn because(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: Some(detail.into()), pointer: None }
    }

    /// A problem with one field of the request body.
    pub fn with_field(code: ProblemCode, field: &str, detail: impl Into<String>) -> Self {
        let escaped = field.replace('~', "~0").replace('/', "~1");
        Self { code, detail: Some(detail.into()), pointer: Some(format!("/{escaped}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::ProblemCode;
    use crate::error::ErrorCode;
    use std::{collections::BTreeSet, fmt::Write};

    #[test]
    fn every_remedy_is_one_sentence_that_fits_its_code() {
        let problems = ProblemCode::ALL.iter().map(|code| (code.as_str(), code.remedy(), code.retryable()));
        let errors = ErrorCode::ALL.iter().map(|code| (code.as_str(), code.remedy(), code.retryable()));
        let mut seen = BTreeSet::new();
        for (code, remedy, retryable) in problems.chain(errors) {
            assert!(remedy.ends_with('.') && remedy.matches(". ").count() == 0, "{code}: {remedy}");
            assert!((20..=100).contains(&remedy.len()), "{code}: {remedy}");
            assert!(remedy.starts_with(char::is_uppercase), "{code}: {remedy}");
            assert!(!retryable || remedy.contains("again"), "{code} can succeed later: {remedy}");
            seen.insert((code, remedy));
        }
        assert_eq!(seen.len(), ProblemCode::ALL.len() + ErrorCode::ALL.len());
    }

    /// docs/API.md must contain exactly the tables built here.
    #[test]
    fn the_api_page_lists_every_code_with_its_remedy() {
        let mut tables = String::from("| problem | status | remedy |\n|---|---|---|\n");
        for code in ProblemCode::ALL {
            writeln!(tables, "| `{}` | {} | {} |", code.as_str(), code.status(), code.remedy()).unwrap();
        }
        tables += "\n| job error | again? | remedy |\n|---|---|---|\n";
        for code in ErrorCode::ALL {
            let again = if code.retryable() { "yes" } else { "no" };
            writeln!(tables, "| `{}` | {again} | {} |", code.as_str(), code.remedy()).unwrap();
        }
        let page = include_str!("../../../docs/API.md");
        let begin = "<!-- codes: written by crates/core/src/problem.rs -->\n";
        let (_, rest) = page.split_once(begin).expect("the page has a place for the codes");
        let (found, _) = rest.split_once("<!-- end of codes -->").expect("and an end of it");
        assert!(found == tables, "docs/API.md must have between the marks:\n{tables}");
    }
}
