//! Descriptions of the endpoints, from which `openapi/` generates the OpenAPI document. The body types are those of the
//! handlers; their schemas exist only with the feature `schema`.

use smmu_core::ProblemCode;

/// Public description of one endpoint.
pub struct Operation {
    /// `operationId`; generated clients name their method after it.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Details, in Markdown.
    pub description: &'static str,
    /// Path, query and header parameters, without the token.
    pub parameters: &'static [Parameter],
    /// The request body, if it takes one.
    pub request: Option<RequestBody>,
    /// Successful responses.
    pub answers: &'static [Answer],
    /// Problems that it can return. Endpoints that require a token can also return [`USERS_PROBLEMS`].
    pub problems: &'static [ProblemCode],
}

/// Problems that every endpoint with a token can return.
pub const USERS_PROBLEMS: &[ProblemCode] =
    &[ProblemCode::Unauthorized, ProblemCode::Internal, ProblemCode::Unavailable];

/// A path, query or header parameter.
pub struct Parameter {
    /// Its location.
    pub place: ParameterLocation,
    /// Its name.
    pub name: &'static str,
    /// Its meaning.
    pub description: &'static str,
    /// The schema of its value.
    pub shape: Shape,
}

/// Location of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterLocation {
    /// A path segment; required.
    Path,
    /// The query; optional.
    Query,
    /// A header; optional.
    Header,
}

/// A JSON request body.
pub struct RequestBody {
    /// Set if a request without a body is refused.
    pub required: bool,
    /// Schema and example.
    pub body: Body,
}

/// A JSON body.
pub struct Body {
    /// Its schema.
    pub shape: Shape,
    /// An example, as JSON.
    pub example: &'static str,
}

/// A successful response.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its meaning.
    pub description: &'static str,
    /// Its body.
    pub content: Content,
    /// Headers that matter to a client.
    pub headers: &'static [Header],
    /// Follow-up operations.
    pub links: &'static [Link],
}

/// Body of a response.
pub enum Content {
    /// No body.
    Empty,
    /// JSON.
    Json(Body),
    /// Text of one of these media types.
    Text(&'static [&'static str]),
}

/// A header of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// Version of the resource.
    ETag,
    /// URL of the created resource.
    Location,
    /// The preference that was applied.
    PreferenceApplied,
    /// What remains of the user's quotas.
    RateLimit,
    /// The user's quotas.
    RateLimitPolicy,
    /// Seconds until the next request makes sense.
    RetryAfter,
}

impl Header {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ETag => "ETag",
            Self::Location => "Location",
            Self::PreferenceApplied => "Preference-Applied",
            Self::RateLimit => "RateLimit",
            Self::RateLimitPolicy => "RateLimit-Policy",
            Self::RetryAfter => "Retry-After",
        }
    }
}

/// A follow-up operation that uses values of a response.
pub struct Link {
    /// The other endpoint's [`Operation::id`]; also the link's name.
    pub operation: &'static str,
    /// Its purpose.
    pub description: &'static str,
    /// Its parameters by name, as runtime expressions (OpenAPI 3.1, section 4.8.20.3).
    pub parameters: &'static [(&'static str, &'static str)],
    /// Fields of its body, by name, as runtime expressions.
    pub body: &'static [(&'static str, &'static str)],
}

/// The schema of a type.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Generates the schema.
    #[cfg(feature = "schema")]
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

impl Shape {
    /// The schema of type `T`.
    #[cfg(feature = "schema")]
    #[must_use]
    pub const fn of<T: schemars::JsonSchema>() -> Self {
        Self { schema: |generator| generator.subschema_for::<T>() }
    }

    /// An empty placeholder: without the feature `schema`, no schema is generated.
    #[cfg(not(feature = "schema"))]
    #[must_use]
    pub const fn of<T>() -> Self {
        Self {}
    }
}

/// Path parameter: a job ID.
pub(crate) const JOB_ID: Parameter = Parameter {
    place: ParameterLocation::Path,
    name: "jobId",
    description: "The job.",
    shape: Shape::of::<smmu_core::JobId>(),
};

/// Path parameter: a media ID.
pub(crate) const MEDIA_ID: Parameter = Parameter {
    place: ParameterLocation::Path,
    name: "mediaId",
    description: "The upload.",
    shape: Shape::of::<smmu_core::MediaId>(),
};

/// The `If-None-Match` header.
pub(crate) const IF_NONE_MATCH: Parameter = Parameter {
    place: ParameterLocation::Header,
    name: "If-None-Match",
    description: "`ETag` of the client's copy; returns 304 if unchanged.",
    shape: Shape::of::<String>(),
};

/// Query parameter: the cursor of a list.
pub(crate) const fn after(shape: Shape) -> Parameter {
    Parameter { place: ParameterLocation::Query, name: "after", description: "The `next` of the previous page.", shape }
}

/// The `Prefer: wait` header, for long polling.
pub(crate) const PREFER: Parameter = Parameter {
    place: ParameterLocation::Header,
    name: "Prefer",
    description: "`wait=N`: responds when the status changes, or after N seconds, at most 20 (RFC 7240).",
    shape: Shape::of::<String>(),
};

/// Link from a response with a job ID to the job.
pub(crate) const TO_JOB: Link = Link {
    operation: "getJob",
    description: "Read the job.",
    parameters: &[("jobId", "$response.body#/jobId")],
    body: &[],
};

/// Link from a response with a media ID to the media.
pub(crate) const TO_MEDIA: Link = Link {
    operation: "getMedia",
    description: "Read the upload and its measured facts.",
    parameters: &[("mediaId", "$response.body#/mediaId")],
    body: &[],
};
