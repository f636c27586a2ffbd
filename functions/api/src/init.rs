//! `POST /media/upload/init`: from a request to an [`UploadGrant`].

mod duplicate;
mod parse;

use crate::{
    context::Context,
    describe::{
        Answer, Body as JsonBody, Content, Header, Link, Operation, Parameter, ParameterLocation, RequestBody, Shape,
        TO_MEDIA,
    },
    endpoint::{Endpoint, Handler},
    estimate, media, quota, respond,
};
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};
use parse::{RequestedSending, UploadRequest};
use serde::Serialize;
use smmu_cloud::{Creation, Known, Once, clock, uploads::PresignedUpload};
use smmu_core::{
    Estimate, Grant, IdempotencyKey, Media, MediaId, MediaState, PartPlan, PartsUpload, Problem, ProblemCode, Sending,
    Sha256, Timestamp, Used, UserId, idempotency::InvalidKey,
};
use std::collections::BTreeMap;

/// How to upload the file.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct UploadGrant {
    media_id: MediaId,
    /// Estimate for the job; absent if the media type does not tell the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Estimate>,
    #[serde(flatten)]
    how: How,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
enum How {
    /// The request that uploads the file.
    Upload(Upload),
    /// How to split the file into parts.
    Parts(PartsGrant),
}

/// How to split a file that is sent in parts.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PartsGrant {
    /// Size of every part except the last, in bytes.
    part_bytes: u64,
    /// Number of parts.
    count: u32,
    /// Time after which no part is signed.
    expires_at: Timestamp,
}

/// The one upload request that S3 accepts.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Upload {
    /// HTTP method.
    method: String,
    /// Presigned URL. Anyone who has it can upload the file, once.
    #[cfg_attr(feature = "schema", schemars(url))]
    url: String,
    /// Headers to send unchanged.
    headers: BTreeMap<String, String>,
    /// Expiry of the request.
    expires_at: Timestamp,
}

/// The `Idempotency-Key` header, which makes a request safe to retry.
pub(crate) const IDEMPOTENCY_KEY: Parameter = Parameter {
    place: ParameterLocation::Header,
    name: "Idempotency-Key",
    description: "Makes the request safe to retry: for 24 hours, the same key with the same body, byte for byte, returns \
        what the first request made. With or without quotation marks.",
    shape: Shape::of::<parse::KeyHeader>(),
};

/// A real 67-byte PNG of one white pixel, with its digest.
const EXAMPLE: &str = r#"{"filename": "pixel.png", "contentType": "image/png", "size": 67,
    "sha256": "064b66188821584121784c30ca28eadbc5f265e025c6dd9eeed64cf1ef8e1f46",
    "externalId": "order-7", "metadata": {"album": "summer"}}"#;

const GRANT_EXAMPLE: &str = r#"{"mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m",
    "estimate": {"seconds": {"low": 2, "expected": 2, "high": 2}, "pricesRegion": "us-east-1", "pricesDate": "2026-10-01",
        "microDollars": {"low": 388, "expected": 390, "high": 396}},
    "upload": {"method": "PUT",
    "url": "https://raw-media.example/uploads/01j9zq4b5c6d7e8f9g0h1j2k3m?X-Amz-Signature=5d1c",
    "headers": {"content-type": "image/png", "if-none-match": "*",
        "x-amz-checksum-sha256": "BktmGIghWEEheEwwyijq28XyZeAlxt2e7tZM8e+OH0Y="},
    "expiresAt": "2026-01-01T00:15:00.000Z"}}"#;

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::POST,
    path: "/media/upload/init",
    handler: Handler::User(|call| Box::pin(handle(call.request, call.user, call.context))),
    operation: Operation {
        id: "initUpload",
        summary: "Request an upload",
        description: "The response has the one request that S3 accepts until `upload.expiresAt`: send the file with exactly \
            this method, URL and headers, then complete the upload. With `parts`, it says how to split the file instead.\n\n\
            With `dedup`, returns 200 if this user has already uploaded the content.\n\n\
            The operator sets the size limits and accepted formats.",
        parameters: &[IDEMPOTENCY_KEY],
        request: Some(RequestBody {
            required: true,
            body: JsonBody { shape: Shape::of::<parse::UploadBody>(), example: EXAMPLE },
        }),
        answers: &[
            Answer {
                status: 201,
                description: "The upload is granted. `Location` is its URL without the signature.",
                content: Content::Json(JsonBody { shape: Shape::of::<UploadGrant>(), example: GRANT_EXAMPLE }),
                headers: &[Header::Location, Header::RateLimit, Header::RateLimitPolicy],
                links: &[
                    Link {
                        operation: "completeUpload",
                        description: "Submit the file after it was sent.",
                        parameters: &[],
                        body: &[("mediaId", "$response.body#/mediaId")],
                    },
                    TO_MEDIA,
                    media::TO_DELETE,
                ],
            },
            Answer {
                status: 200,
                description: "The content was uploaded before. No upload is needed.",
                content: Content::Json(JsonBody {
                    shape: Shape::of::<duplicate::Existing<'static>>(),
                    example: duplicate::EXAMPLE,
                }),
                headers: &[Header::RateLimit, Header::RateLimitPolicy],
                links: &[],
            },
        ],
        problems: &[
            ProblemCode::InvalidRequest,
            ProblemCode::PartsRequired,
            ProblemCode::PayloadTooLarge,
            ProblemCode::UnsupportedMediaType,
            ProblemCode::MediaTooLarge,
            ProblemCode::IdempotencyMismatch,
            ProblemCode::QuotaExceeded,
            ProblemCode::TooManyJobs,
        ],
    },
};

async fn handle(request: &Request, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let once = once(request, user, "")?;
    let request = parse::upload_request(request.body(), &context.policy)?;
    if request.dedup
        && let Some(found) = duplicate::find(user, &request, context).await?
    {
        let mut response = duplicate::show(&found, context).await?;
        quota::tell(&mut response, quota::look(user, context).await?, &context.quotas);
        return Ok(response);
    }
    if let Some(once) = &once
        && let Some(media) = granted_before(once, context).await?
    {
        return answer(media, quota::look(user, context).await?, context).await;
    }
    let bytes = request.bytes;
    let used = match quota::count(user, bytes, context).await? {
        Ok(used) => used,
        Err(refused) => return Ok(refused),
    };
    match record(request, user, once.as_ref(), context).await {
        Ok((media, true)) => answer(media, used, context).await,
        // Another request with the same key was faster and has counted the upload.
        Ok((media, false)) => {
            quota::take_back(user, bytes, context).await;
            answer(media, quota::look(user, context).await?, context).await
        }
        Err(problem) => {
            quota::take_back(user, bytes, context).await;
            Err(problem)
        }
    }
}

/// Records the media of a request. Returns it, or the one recorded before under the same key, and whether it is new.
async fn record(
    request: UploadRequest,
    user: &UserId,
    once: Option<&Once>,
    context: &Context,
) -> Result<(Media, bool), Problem> {
    let media = media(request, user.clone(), context).await?;
    let Some(once) = once else {
        context.submitter.media.create(&media).await.map_err(|error| respond::cloud_problem(&error))?;
        return Ok((media, true));
    };
    let id = media.id.clone();
    let recorded = granted_once(media, once, context).await?;
    let new = recorded.id == id;
    Ok((recorded, new))
}

async fn answer(media: Media, used: Used, context: &Context) -> Result<Response<Body>, Problem> {
    let (how, location) = match (&media.grant.sending, media.grant.plan()) {
        (Sending::Parts { .. }, None) => return Err(Problem::new(ProblemCode::Internal)),
        (Sending::Parts { .. }, Some(plan)) => {
            let (part_bytes, count) = (plan.part_bytes, plan.count());
            let parts = PartsGrant { part_bytes, count, expires_at: media.expires_at };
            (How::Parts(parts), format!("/media/{}/parts", media.id))
        }
        (Sending::Whole { sha256 }, _) => {
            let upload = upload(&media, *sha256, clock::now(), context).await?;
            // The resource that a 201 created is the upload itself (RFC 9110, section 10.2.2).
            let location = upload.url.split('?').next().unwrap_or_default().to_owned();
            (How::Upload(upload), location)
        }
    };
    tracing::info!(mediaId = %media.id, bytes = media.grant.bytes, parts = media.grant.parts().is_some(), "upload granted");
    let estimate = estimate::of_upload(&media, context);
    let mut response = respond::json(StatusCode::CREATED, &UploadGrant { media_id: media.id, estimate, how });
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    quota::tell(&mut response, used, &context.quotas);
    Ok(response)
}

/// The media to record. For an upload in parts, the multipart upload then exists in S3. If the record is not written,
/// the lifecycle rule removes it.
async fn media(request: UploadRequest, user: UserId, context: &Context) -> Result<Media, Problem> {
    let (id, now) = (clock::new_media_id(), clock::now());
    let UploadRequest { file_name, labels, choice, content_type, bytes, sending, dedup: _ } = request;
    let (sending, seconds) = match sending {
        RequestedSending::Whole(sha256) => (Sending::Whole { sha256 }, context.policy.grant_seconds),
        RequestedSending::Parts(declared) => {
            let begun = context.submitter.uploads.begin_parts(&id, &content_type).await;
            let upload_id = begun.map_err(|error| respond::cloud_problem(&error))?;
            let parts = PartsUpload { upload_id, part_bytes: PartPlan::of(bytes).part_bytes, seal: None };
            (Sending::Parts { parts, declared }, context.policy.parts_seconds)
        }
    };
    Ok(Media {
        id,
        user,
        file_name,
        labels,
        grant: Grant { content_type, bytes, sending },
        choice,
        reruns: Vec::new(),
        state: MediaState::AwaitingUpload,
        created_at: now,
        expires_at: now.plus_seconds(seconds.into()),
    })
}

async fn upload(media: &Media, sha256: Sha256, now: Timestamp, context: &Context) -> Result<Upload, Problem> {
    let (seconds, expires_at) = signed_for(media, now, context.policy.grant_seconds);
    let signed = context.submitter.uploads.presign(media, sha256, seconds).await;
    let PresignedUpload { method, url, headers } = signed.map_err(|error| respond::cloud_problem(&error))?;
    Ok(Upload { method, url, headers, expires_at })
}

/// How many times recording a grant under a key is tried when other requests with the same key are faster.
const ROUNDS: usize = 4;

/// A grant with fewer seconds left is not returned again.
const LEAST_SECONDS: i64 = 30;

/// The idempotency key, if any, bound to the body and to `place`, the route: all routes share the user's key space.
pub(crate) fn once(request: &Request, user: &UserId, place: &str) -> Result<Option<Once>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let invalid = |error: InvalidKey| Problem::because(ProblemCode::InvalidRequest, error.to_string());
    let key = IdempotencyKey::parse(value.to_str().unwrap_or_default()).map_err(invalid)?;
    // Byte for byte: a client that retries sends the same bytes.
    Ok(Some(Once::new(user, key.as_str(), &[place.as_bytes(), request.body()].concat())))
}

/// Records the media, or returns the one that was granted before under the same key, if it is still usable.
async fn granted_once(media: Media, once: &Once, context: &Context) -> Result<Media, Problem> {
    let table = &context.submitter.media;
    let mut replaced = None;
    for _ in 0..ROUNDS {
        let created = table.create_once(&media, once, replaced.as_ref()).await;
        match created.map_err(|error| respond::cloud_problem(&error))? {
            Creation::Recorded => return Ok(media),
            Creation::Known(known) => match usable(&known, context).await? {
                (_, Some(found)) => return Ok(found),
                (made, None) => replaced = Some(made),
            },
            Creation::Contended => {}
        }
    }
    Err(Problem::new(ProblemCode::Unavailable))
}

/// The media that the same request was granted before, if it is still usable.
async fn granted_before(once: &Once, context: &Context) -> Result<Option<Media>, Problem> {
    let known = context.submitter.media.known(once).await.map_err(|error| respond::cloud_problem(&error))?;
    match known {
        Some(known) => Ok(usable(&known, context).await?.1),
        None => Ok(None),
    }
}

/// The media ID bound to a key, and the media if it is still usable.
async fn usable(known: &Known, context: &Context) -> Result<(MediaId, Option<Media>), Problem> {
    let mismatch = || Problem::new(ProblemCode::IdempotencyMismatch);
    if !known.same_request {
        return Err(mismatch());
    }
    // The ID is not a media's if the key was used with another endpoint.
    let made: MediaId = known.made.parse().map_err(|_| mismatch())?;
    let found = context.submitter.media.get(&made).await.map_err(|error| respond::cloud_problem(&error))?;
    Ok((made, found.filter(|found| is_usable(found, clock::now()))))
}

/// Returns whether the earlier grant can still be used.
fn is_usable(media: &Media, now: Timestamp) -> bool {
    match media.state {
        // A sealed upload has all its parts and only has to be completed.
        MediaState::AwaitingUpload => {
            let sealed = media.grant.parts().is_some_and(|parts| parts.seal.is_some());
            sealed || media.expires_at > now.plus_seconds(LEAST_SECONDS)
        }
        // S3 answers 412 if the file is sent again, and `complete` returns the job.
        MediaState::Submitted { .. } => true,
        MediaState::Expired | MediaState::Deleted { .. } | MediaState::Purged { .. } => false,
    }
}

/// Seconds for which an upload is signed, and the time at which that ends.
pub(crate) fn signed_for(media: &Media, now: Timestamp, grant_seconds: u32) -> (u32, Timestamp) {
    match media.state {
        MediaState::AwaitingUpload => {
            let left = media.expires_at.ms_since(now) / 1000;
            (u32::try_from(left).unwrap_or(grant_seconds).clamp(1, grant_seconds), media.expires_at)
        }
        MediaState::Submitted { .. } | MediaState::Expired | MediaState::Deleted { .. } | MediaState::Purged { .. } => {
            (grant_seconds, now.plus_seconds(grant_seconds.into()))
        }
    }
}
