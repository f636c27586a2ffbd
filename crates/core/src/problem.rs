//! Problem details for the API (RFC 9457), with a stable `code` for every way a request can fail.

use serde::{Deserialize, Serialize};

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $variant:ident => $text:literal, $status:literal, $title:literal;)*) => {
        /// A stable reason for a refused request. Codes are added, never renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

            /// The same short words for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

problem_codes! {
    /// The body is not JSON of the documented shape, or a field's value is out of its range.
    InvalidRequest => "invalid_request", 400, "The request is not valid";
    /// No token, or one that does not verify.
    Unauthorized => "unauthorized", 401, "A valid bearer token is required";
    /// There is no such thing, or it belongs to somebody else.
    NotFound => "not_found", 404, "Not found";
    /// The path exists, with other methods.
    MethodNotAllowed => "method_not_allowed", 405, "Method not allowed";
    /// The upload was granted, but no object is there yet.
    UploadNotFound => "upload_not_found", 409, "The file has not been uploaded yet";
    /// The object is there but is not what was granted.
    UploadMismatch => "upload_mismatch", 409, "The uploaded file is not the granted one";
    /// Nothing was uploaded before the grant ran out.
    UploadExpired => "upload_expired", 410, "The upload was not made in time";
    /// The body is larger than any request of this API.
    PayloadTooLarge => "payload_too_large", 413, "The request body is too large";
    /// The declared content type is not accepted.
    UnsupportedMediaType => "unsupported_media_type", 415, "The content type is not accepted";
    /// The declared size is over the limit of its kind.
    MediaTooLarge => "media_too_large", 422, "The file is too large";
    /// A fault on our side.
    Internal => "internal", 500, "Something went wrong on our side";
    /// A service behind the API did not answer; the same request can succeed later.
    Unavailable => "unavailable", 503, "Temporarily unavailable";
}

/// One problem, as the body of an `application/problem+json` response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}: {}", .code.as_str(), .detail.as_deref().unwrap_or(.code.title()))]
#[serde(into = "ProblemBody")]
pub struct Problem {
    /// What kind of problem.
    pub code: ProblemCode,
    /// What is wrong with this request, for its sender.
    pub detail: Option<String>,
    /// The request field that is wrong, as a JSON pointer (RFC 6901).
    pub pointer: Option<String>,
}

#[derive(Serialize)]
struct ProblemBody {
    #[serde(rename = "type")]
    type_uri: String,
    title: &'static str,
    status: u16,
    code: ProblemCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    retryable: bool,
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
        }
    }
}

impl ProblemCode {
    /// Whether the same request can succeed later.
    #[must_use]
    pub const fn retryable(self) -> bool {
        match self {
            Self::UploadNotFound | Self::Internal | Self::Unavailable => true,
            Self::InvalidRequest
            | Self::Unauthorized
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::UploadMismatch
            | Self::UploadExpired
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType
            | Self::MediaTooLarge => false,
        }
    }
}

impl Problem {
    /// A problem that needs no more words than its title.
    #[must_use]
    pub const fn new(code: ProblemCode) -> Self {
        Self { code, detail: None, pointer: None }
    }

    /// A problem with its explanation.
    pub fn because(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: Some(detail.into()), pointer: None }
    }

    /// A problem with one field of the request body.
    pub fn with_field(code: ProblemCode, field: &str, detail: impl Into<String>) -> Self {
        let escaped = field.replace('~', "~0").replace('/', "~1");
        Self { code, detail: Some(detail.into()), pointer: Some(format!("/{escaped}")) }
    }
}
