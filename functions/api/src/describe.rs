//! What an endpoint tells of itself, from which the API's document is made (`openapi/`). The types are those that handlers
//! read and write; their schemas are there with the feature `schema` only.

use smmu_core::ProblemCode;

/// One endpoint, as its users know it.
pub struct Operation {
    /// By what name generated clients call it.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What else there is to know, in Markdown.
    pub description: &'static str,
    /// What goes into address and headers, but for the token.
    pub parameters: &'static [Parameter],
    /// The body that it wants.
    pub request: Option<Body>,
    /// What it answers when all is well.
    pub answers: &'static [Answer],
    /// What can be wrong with a request or with what it is about. Every user's endpoint can also answer
    /// [`USERS_PROBLEMS`].
    pub problems: &'static [ProblemCode],
}

/// What every endpoint that wants a token can answer.
pub const USERS_PROBLEMS: &[ProblemCode] =
    &[ProblemCode::Unauthorized, ProblemCode::Internal, ProblemCode::Unavailable];

/// A part of an address, or a header of a request.
pub struct Parameter {
    /// Where it goes.
    pub place: Place,
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// What it may be.
    pub shape: Shape,
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A segment of the path; always there.
    Path,
    /// The query; may be left out.
    Query,
    /// A header; may be left out.
    Header,
}

/// A JSON body.
pub struct Body {
    /// Its type.
    pub shape: Shape,
    /// One, as JSON.
    pub example: &'static str,
}

/// One way to answer a request.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// When it is given.
    pub description: &'static str,
    /// What it carries.
    pub content: Content,
    /// Headers that matter to a client.
    pub headers: &'static [Header],
    /// What can be asked next.
    pub links: &'static [Link],
}

/// What an answer carries.
pub enum Content {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Body),
    /// Text of one of these media types.
    Text(&'static [&'static str]),
}

/// A header of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// The version of what was answered.
    ETag,
    /// Where it is.
    Location,
    /// The preference that was followed.
    PreferenceApplied,
    /// What is left of the user's quotas.
    RateLimit,
    /// The user's quotas.
    RateLimitPolicy,
    /// Seconds until it is worth asking again.
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

/// What can be asked next, with what an answer says.
pub struct Link {
    /// The other endpoint's [`Operation::id`]; also the link's name.
    pub operation: &'static str,
    /// Why one would.
    pub description: &'static str,
    /// Its parameters by name, as runtime expressions (OpenAPI 3.1, section 4.8.20.3).
    pub parameters: &'static [(&'static str, &'static str)],
    /// Its body, by fields.
    pub body: &'static [(&'static str, &'static str)],
}

/// The schema of a type.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Writes it.
    #[cfg(feature = "schema")]
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

impl Shape {
    /// The schema of a type.
    #[cfg(feature = "schema")]
    #[must_use]
    pub const fn of<T: schemars::JsonSchema>() -> Self {
        Self { schema: |generator| generator.subschema_for::<T>() }
    }

    /// No schema, of whatever type: nobody asks for it.
    #[cfg(not(feature = "schema"))]
    #[must_use]
    pub const fn of<T>() -> Self {
        Self {}
    }
}

/// The id of a job, in a path.
pub(crate) const JOB_ID: Parameter =
    Parameter { place: Place::Path, name: "jobId", description: "The job.", shape: Shape::of::<smmu_core::JobId>() };

/// The id of a media, in a path.
pub(crate) const MEDIA_ID: Parameter = Parameter {
    place: Place::Path,
    name: "mediaId",
    description: "The upload.",
    shape: Shape::of::<smmu_core::MediaId>(),
};

/// The version that the client has.
pub(crate) const IF_NONE_MATCH: Parameter = Parameter {
    place: Place::Header,
    name: "If-None-Match",
    description: "The `ETag` of the answer that the client has: the answer is 304 while that is current.",
    shape: Shape::of::<String>(),
};

/// Where a page of a list begins.
pub(crate) const fn after(shape: Shape) -> Parameter {
    Parameter { place: Place::Query, name: "after", description: "The `next` of the page before.", shape }
}

/// How long the client would rather wait than ask again.
pub(crate) const PREFER: Parameter = Parameter {
    place: Place::Header,
    name: "Prefer",
    description: "`wait=N`: the answer comes when the status has changed, or after N seconds, at most 20 (RFC 7240).",
    shape: Shape::of::<String>(),
};

/// From something that names a job to the job.
pub(crate) const TO_JOB: Link = Link {
    operation: "getJob",
    description: "How the job stands.",
    parameters: &[("jobId", "$response.body#/jobId")],
    body: &[],
};

/// From something that names a media to the media.
pub(crate) const TO_MEDIA: Link = Link {
    operation: "getMedia",
    description: "The upload, and what was measured of it.",
    parameters: &[("mediaId", "$response.body#/mediaId")],
    body: &[],
};
