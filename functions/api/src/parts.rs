//! `/media/{mediaId}/parts`: signs the parts of an upload, and lists those that have arrived, so any client of its
//! owner can resume it.

#[cfg(feature = "schema")]
use crate::body::SHA256_PATTERN;
use crate::{
    body::{NO_DIGEST, nothing_else, object, sha256, short, whole_number},
    context::Context,
    describe::{self, Answer, Body as JsonBody, Content, MEDIA_ID, Operation, RequestBody, Shape, TO_MEDIA},
    endpoint::{Endpoint, Handler},
    init::signed_for,
    lookup, respond,
};
use lambda_http::{
    Body, Request, Response,
    aws_lambda_events::query_map::QueryMap,
    http::{Method, StatusCode},
};
use serde::Serialize;
use serde_json::Value;
use smmu_cloud::{
    clock,
    uploads::{PartPage, PresignedUpload},
};
use smmu_core::{
    ArrivedPart, Media, MediaId, MediaState, PartPlan, PartsUpload, Problem, ProblemCode, Sha256, Timestamp, UserId,
    parts::MAX_PARTS,
};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of parts in one signing request.
const MAX_SIGNED: usize = 100;

/// The body of a request to sign.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename = "SignPartsRequest", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct PartsBody {
    /// The parts, each once.
    #[schemars(length(min = 1, max = MAX_SIGNED))]
    parts: Vec<PartBody>,
}
#[cfg(not(feature = "schema"))]
type PartsBody = ();

/// A part to sign.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename = "PartToSign", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct PartBody {
    /// From 1 to the number of parts.
    #[schemars(range(min = 1, max = MAX_PARTS))]
    number: u32,
    /// SHA-256 digest of the part, in hexadecimal or Base64.
    #[schemars(regex(pattern = SHA256_PATTERN))]
    sha256: String,
}

/// The number of a part, in a query.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct AfterPart(#[schemars(range(min = 0, max = MAX_PARTS))] u32);
#[cfg(not(feature = "schema"))]
type AfterPart = ();

/// Signed requests for parts.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct SignedParts {
    media_id: MediaId,
    parts: Vec<SignedPart>,
    expires_at: Timestamp,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct SignedPart {
    number: u32,
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
}

/// Part size of an upload, and its parts that have arrived.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PartList {
    media_id: MediaId,
    size: u64,
    part_bytes: u64,
    count: u32,
    expires_at: Timestamp,
    parts: Vec<PartView>,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u32>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PartView {
    number: u32,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
}

/// A part to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RequestedPart {
    number: u32,
    bytes: u64,
    sha256: Sha256,
}

/// Signs parts. Each signature covers the length and the digest.
pub(crate) static SIGN: Endpoint = Endpoint {
    method: Method::POST,
    path: "/media/{mediaId}/parts",
    handler: Handler::User(|call| Box::pin(sign(call.request, call.parameter("mediaId"), call.user, call.context))),
    operation: Operation {
        id: "signParts",
        summary: "Sign parts of an upload",
        description: "Returns one request per part, which S3 accepts until `expiresAt`. If a part was sent wrong, sign and send \
            it again. When all parts have arrived, complete the upload.",
        parameters: &[MEDIA_ID],
        request: Some(RequestBody {
            required: true,
            body: JsonBody {
                shape: Shape::of::<PartsBody>(),
                example: r#"{"parts": [{"number": 1, "sha256": "064b66188821584121784c30ca28eadbc5f265e025c6dd9eeed64cf1ef8e1f46"}]}"#,
            },
        }),
        answers: &[Answer {
            status: 200,
            description: "The parts are signed.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<SignedParts>(),
                example: r#"{"mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "parts": [{"number": 1, "method": "PUT",
                    "url": "https://raw-media.example/uploads/01j9zq4b5c6d7e8f9g0h1j2k3m?partNumber=1",
                    "headers": {"x-amz-checksum-sha256": "BktmGIghWEEheEwwyijq28XyZeAlxt2e7tZM8e+OH0Y="}}],
                    "expiresAt": "2026-01-01T00:15:00.000Z"}"#,
            }),
            headers: &[],
            links: &[],
        }],
        problems: &[
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::PartsJoined,
            ProblemCode::NotInParts,
            ProblemCode::UploadExpired,
            ProblemCode::PayloadTooLarge,
        ],
    },
};

pub(crate) static LIST: Endpoint = Endpoint {
    method: Method::GET,
    path: "/media/{mediaId}/parts",
    handler: Handler::User(|call| Box::pin(list(call.request, call.parameter("mediaId"), call.user, call.context))),
    operation: Operation {
        id: "listParts",
        summary: "List the parts that have arrived",
        description: "The part size, and the parts that S3 has. Any client of the owner can resume the upload.",
        parameters: &[MEDIA_ID, describe::after(Shape::of::<AfterPart>())],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "A page of the parts, in order.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<PartList>(),
                example: r#"{"mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "size": 20000000, "partBytes": 8388608, "count": 3,
                    "expiresAt": "2026-01-08T00:00:00.000Z", "parts": [{"number": 1, "bytes": 8388608,
                    "sha256": "064b66188821584121784c30ca28eadbc5f265e025c6dd9eeed64cf1ef8e1f46"}]}"#,
            }),
            headers: &[],
            links: &[TO_MEDIA],
        }],
        problems: &[
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::PartsJoined,
            ProblemCode::NotInParts,
            ProblemCode::UploadExpired,
        ],
    },
};

async fn sign(request: &Request, id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let media = lookup::media(id, user, context).await?;
    let now = clock::now();
    let (upload, plan) = awaited(&media, now)?;
    let wanted = requested(request.body(), plan)?;
    let (seconds, _) = signed_for(&media, now, context.policy.grant_seconds);
    let mut parts = Vec::with_capacity(wanted.len());
    for RequestedPart { number, bytes, sha256 } in wanted {
        let signed = context.submitter.uploads.presign_part(&media, upload, (number, bytes, sha256), seconds).await;
        let PresignedUpload { method, url, headers } = signed.map_err(|error| respond::cloud_problem(&error))?;
        parts.push(SignedPart { number, method, url, headers });
    }
    let expires_at = now.plus_seconds(seconds.into());
    Ok(respond::json(StatusCode::OK, &SignedParts { media_id: media.id, parts, expires_at }))
}

/// A page of the parts that have arrived.
async fn list(request: &Request, id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let media = lookup::media(id, user, context).await?;
    let (upload, plan) = unjoined(&media)?;
    let after = after(request)?;
    let uploads = &context.submitter.uploads;
    let page = uploads.page_of_parts(&media, upload, after).await.map_err(|error| respond::cloud_problem(&error))?;
    let Some(PartPage { parts, next }) = page else {
        let object = uploads.find(&media.key()).await.map_err(|error| respond::cloud_problem(&error))?;
        return Err(Problem::new(if object.is_some() { ProblemCode::PartsJoined } else { ProblemCode::UploadExpired }));
    };
    let parts = parts.into_iter().map(|ArrivedPart { number, bytes, sha256, .. }| PartView { number, bytes, sha256 });
    let list = PartList {
        parts: parts.collect(),
        next,
        size: plan.bytes,
        part_bytes: plan.part_bytes,
        count: plan.count(),
        expires_at: media.expires_at,
        media_id: media.id,
    };
    Ok(respond::json(StatusCode::OK, &list))
}

/// The upload in parts of a media, unless it has already ended.
fn unjoined(media: &Media) -> Result<(&PartsUpload, PartPlan), Problem> {
    let (Some(upload), Some(plan)) = (media.grant.parts(), media.grant.plan()) else {
        return Err(Problem::new(ProblemCode::NotInParts));
    };
    match media.state {
        MediaState::AwaitingUpload => Ok((upload, plan)),
        MediaState::Submitted { .. } => Err(Problem::new(ProblemCode::PartsJoined)),
        MediaState::Expired => Err(Problem::new(ProblemCode::UploadExpired)),
        MediaState::Deleted { .. } | MediaState::Purged { .. } => Err(Problem::new(ProblemCode::NotFound)),
    }
}

/// Like [`unjoined`], but only while parts can be added: before all have arrived, and before the grant expires.
fn awaited(media: &Media, now: Timestamp) -> Result<(&PartsUpload, PartPlan), Problem> {
    let (upload, plan) = unjoined(media)?;
    if upload.seal.is_some() {
        return Err(Problem::new(ProblemCode::PartsJoined));
    }
    if now > media.expires_at {
        return Err(Problem::new(ProblemCode::UploadExpired));
    }
    Ok((upload, plan))
}

/// The parts requested in a body.
fn requested(body: &Body, plan: PartPlan) -> Result<Vec<RequestedPart>, Problem> {
    let mut fields = object(body)?;
    let of_array = || {
        let detail = format!("must be an array of 1 to {MAX_SIGNED} parts");
        Problem::with_field(ProblemCode::InvalidRequest, "parts", detail)
    };
    let Some(Value::Array(parts)) = fields.remove("parts") else { return Err(of_array()) };
    nothing_else(&fields)?;
    if !(1..=MAX_SIGNED).contains(&parts.len()) {
        return Err(of_array());
    }
    let parts: Vec<_> =
        parts.into_iter().enumerate().map(|(at, part)| requested_part(at, part, plan)).collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    match parts.iter().position(|part| !seen.insert(part.number)) {
        Some(at) => Err(invalid(at, "number", "is given twice")),
        None => Ok(parts),
    }
}

fn requested_part(at: usize, part: Value, plan: PartPlan) -> Result<RequestedPart, Problem> {
    let Value::Object(mut fields) = part else { return Err(invalid(at, "", "must be an object")) };
    let number = fields.remove("number").as_ref().and_then(whole_number).and_then(|number| u32::try_from(number).ok());
    let planned = number.and_then(|number| Some((number, plan.bytes_of(number)?)));
    let (number, bytes) =
        planned.ok_or_else(|| invalid(at, "number", &format!("must be a whole number from 1 to {}", plan.count())))?;
    let digest = fields.remove("sha256");
    let digest = digest.as_ref().and_then(Value::as_str).and_then(sha256);
    let sha256 = digest.ok_or_else(|| invalid(at, "sha256", NO_DIGEST))?;
    match fields.keys().next() {
        Some(name) => {
            let name = short(name).replace('~', "~0").replace('/', "~1");
            Err(invalid(at, &name, "is not a field of a part"))
        }
        None => Ok(RequestedPart { number, bytes, sha256 }),
    }
}

/// A problem with a field of the part at index `at`.
fn invalid(at: usize, field: &str, detail: &str) -> Problem {
    let field = if field.is_empty() { String::new() } else { format!("/{field}") };
    let detail = Some(detail.to_owned());
    Problem { code: ProblemCode::InvalidRequest, detail, pointer: Some(format!("/parts/{at}{field}")) }
}

/// The `after` parameter: the page begins after this part number.
fn after(request: &Request) -> Result<Option<u32>, Problem> {
    let parameters: QueryMap = request.uri().query().unwrap_or_default().parse().unwrap_or_default();
    let mut found = None;
    for (name, value) in parameters.iter() {
        let refused = |detail: &str| {
            let detail = format!("the parameter `{}` {detail}", short(name));
            Problem::because(ProblemCode::InvalidRequest, detail)
        };
        match (name, found) {
            ("after", None) => {
                let after = value.parse().ok().filter(|after| *after <= MAX_PARTS);
                found = Some(after.ok_or_else(|| refused("must be the `next` of an earlier page"))?);
            }
            ("after", Some(_)) => return Err(refused("is given twice")),
            _ => return Err(refused("is not a parameter of this list")),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{after, awaited, requested, unjoined};
    use lambda_http::{Body, Request, http};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use smmu_core::{Media, PartPlan, ProblemCode, Timestamp};

    const PLAN: PartPlan = PartPlan { bytes: 25, part_bytes: 10 };

    fn pointer_of(body: &Value) -> Option<String> {
        requested(&Body::Text(body.to_string()), PLAN).err().map(|problem| problem.pointer.unwrap_or_default())
    }

    #[test]
    fn a_part_is_signed_with_its_planned_length() {
        let digests = ["0".repeat(64), "A".repeat(43) + "="];
        let body = json!({"parts": [{"number": 3, "sha256": digests[0]}, {"number": 1.0, "sha256": digests[1]}]});
        let parts = requested(&Body::Text(body.to_string()), PLAN).unwrap();
        let seen: Vec<_> = parts.iter().map(|part| (part.number, part.bytes, *part.sha256.as_bytes())).collect();
        assert_eq!(seen, [(3, 5, [0; 32]), (1, 10, [0; 32])]);
    }

    #[test]
    fn a_hundred_parts_fit_in_a_body_in_any_layout() {
        let plan = PartPlan { bytes: 100_000, part_bytes: 10 };
        let part = |number| json!({"number": number, "sha256": "0".repeat(64)});
        let body = json!({"parts": (9901..=10_000).map(part).collect::<Vec<_>>()});
        let body = serde_json::to_string_pretty(&body).unwrap();
        assert_eq!(requested(&Body::Text(body), plan).unwrap().len(), 100);
    }

    #[test]
    fn a_refusal_names_its_part_and_field() {
        let good = json!({"number": 1, "sha256": "0".repeat(64)});
        let with = |field: &str, value: Value| {
            let mut part = good.clone();
            part[field] = value;
            json!({"parts": [{"number": 2, "sha256": "0".repeat(64)}, part]})
        };
        for (body, pointer) in [
            (json!({}), "/parts"),
            (json!({"parts": []}), "/parts"),
            (json!({"parts": {}}), "/parts"),
            (json!({"parts": vec![good.clone(); 101]}), "/parts"),
            (json!({"parts": [good], "more": 1}), "/more"),
            (json!({"parts": [7]}), "/parts/0"),
            (with("number", json!(0)), "/parts/1/number"),
            (with("number", json!(4)), "/parts/1/number"),
            (with("number", json!(1.5)), "/parts/1/number"),
            (with("number", json!("1")), "/parts/1/number"),
            (with("number", json!(2)), "/parts/1/number"),
            (with("number", json!(u64::MAX)), "/parts/1/number"),
            (with("sha256", json!("0".repeat(63))), "/parts/1/sha256"),
            (with("sha256", json!(7)), "/parts/1/sha256"),
            (with("a/b", json!(7)), "/parts/1/a~1b"),
        ] {
            assert_eq!(pointer_of(&body).as_deref(), Some(pointer), "{body}");
        }
    }

    #[test]
    fn parts_are_signed_until_the_grant_ends_and_listed_until_joined() {
        let media = |change: Value| -> Media {
            let mut record = json!({
                "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "userId": "user-1", "fileName": "a.mp4",
                "contentType": "video/mp4", "bytes": 25, "parts": {"uploadId": "u", "partBytes": 10},
                "status": "AWAITING_UPLOAD", "createdAt": "2026-01-01T00:00:00Z", "expiresAt": "2026-01-08T00:00:00Z",
            });
            record.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            serde_json::from_value(record).unwrap()
        };
        let sealed = json!({"parts": {"uploadId": "u", "partBytes": 10, "seal": "0".repeat(64)}});
        let submitted =
            json!({"status": "SUBMITTED", "jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m", "inputVersionId": "v"});
        let (joined, expired) = (Some(ProblemCode::PartsJoined), Some(ProblemCode::UploadExpired));
        for (change, at, sign, list) in [
            (json!({}), "2026-01-08T00:00:00Z", None, None),
            (json!({}), "2026-01-08T00:00:01Z", expired, None),
            (sealed, "2026-01-02T00:00:00Z", joined, None),
            (submitted, "2026-01-02T00:00:00Z", joined, joined),
            (json!({"status": "EXPIRED"}), "2026-01-09T00:00:00Z", expired, expired),
        ] {
            let (media, now): (_, Timestamp) = (media(change), at.parse().unwrap());
            assert_eq!(awaited(&media, now).err().map(|problem| problem.code), sign, "{media:?}");
            assert_eq!(unjoined(&media).err().map(|problem| problem.code), list, "{media:?}");
        }
    }

    #[test]
    fn a_page_begins_after_a_part_number() {
        let request = |query: &str| -> Request {
            http::Request::builder().uri(format!("https://api.example/media/a/parts{query}")).body(Body::Empty).unwrap()
        };
        assert_eq!(after(&request("")), Ok(None));
        assert_eq!(after(&request("?after=10000")), Ok(Some(10_000)));
        for bad in ["?after=", "?after=-1", "?after=x", "?after=1&after=2", "?limit=3"] {
            assert!(after(&request(bad)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in any::<Vec<u8>>(), number in any::<i64>()) {
            let _any_verdict = requested(&Body::Binary(body), PLAN);
            let body = json!({"parts": [{"number": number, "sha256": "0".repeat(64)}]});
            let granted = requested(&Body::Text(body.to_string()), PLAN).is_ok();
            prop_assert_eq!(granted, (1..=3).contains(&number));
        }
    }
}
