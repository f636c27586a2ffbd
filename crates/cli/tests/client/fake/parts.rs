//! Uploads in parts of a thousand bytes.

use super::{Fake, SIGNATURE};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc};

pub(crate) const PART_BYTES: usize = 1000;
/// Parts per page of the list.
const PAGE: usize = 2;

/// One upload.
pub(crate) struct InParts {
    size: usize,
    /// Content, and number of times stored, by part number.
    parts: BTreeMap<usize, (Bytes, usize)>,
}

impl InParts {
    fn count(&self) -> usize {
        self.size.div_ceil(PART_BYTES)
    }

    pub(crate) fn times_stored(&self) -> Vec<usize> {
        (1..=self.count()).map(|number| self.parts.get(&number).map_or(0, |(_, times)| *times)).collect()
    }
}

pub(crate) fn grant(fake: &Fake, media: &str, request: &Value) -> Value {
    assert_eq!(request.get("sha256"), None);
    let upload = InParts { size: request["size"].as_u64().unwrap().try_into().unwrap(), parts: BTreeMap::new() };
    let count = upload.count();
    fake.in_parts.lock().unwrap().insert(media.to_owned(), upload);
    json!({"mediaId": media, "parts": {"partBytes": PART_BYTES, "count": count, "expiresAt": "2026-01-08T00:00:00.000Z"}})
}

/// The problem response if the upload has ended or does not exist.
fn ended(fake: &Fake, media: &str) -> Option<Response> {
    let code = fake.behaviour.lock().unwrap().parts_ended;
    let code = code.or_else(|| (!fake.in_parts.lock().unwrap().contains_key(media)).then_some("not_found"))?;
    let status = match code {
        "parts_joined" => StatusCode::CONFLICT,
        "upload_expired" => StatusCode::GONE,
        _ => StatusCode::NOT_FOUND,
    };
    Some((status, Json(json!({"code": code, "title": "T"}))).into_response())
}

pub(crate) async fn sign(
    State(fake): State<Arc<Fake>>,
    Path(media): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    if let Some(ended) = ended(&fake, &media) {
        return ended;
    }
    let uploads = fake.in_parts.lock().unwrap();
    let upload = &uploads[&media];
    let signed = body["parts"].as_array().unwrap().iter().map(|part| {
        let number = usize::try_from(part["number"].as_u64().unwrap()).unwrap();
        assert!((1..=upload.count()).contains(&number));
        let digest: smmu_core::Sha256 = part["sha256"].as_str().unwrap().parse().unwrap();
        let digest = BASE64.encode(digest.as_bytes());
        let bytes = PART_BYTES.min(upload.size - (number - 1) * PART_BYTES);
        // This store checks only the signed values that are in the URL.
        let url =
            format!("http://raw.s3.localhost:{}/parts/{media}/{number}?{SIGNATURE}&bytes={bytes}", fake.address.port());
        let headers = json!({"content-length": bytes.to_string(), "x-amz-checksum-sha256": digest});
        json!({"number": number, "method": "PUT", "url": url, "headers": headers})
    });
    let signed: Vec<_> = signed.collect();
    Json(json!({"mediaId": media, "parts": signed, "expiresAt": "2026-01-01T00:15:00.000Z"})).into_response()
}

pub(crate) async fn list(
    State(fake): State<Arc<Fake>>,
    Path(media): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response {
    if let Some(ended) = ended(&fake, &media) {
        return ended;
    }
    let uploads = fake.in_parts.lock().unwrap();
    let upload = &uploads[&media];
    let after = parameters.get("after").map_or(0, |after| after.parse().unwrap());
    let view = |(number, (content, _)): (&usize, &(Bytes, usize))| {
        let digest = smmu_core::Sha256::from_bytes(Sha256::digest(content).into());
        json!({"number": number, "bytes": content.len(), "sha256": digest})
    };
    let rest: Vec<_> = upload.parts.range(after + 1..).collect();
    let next = rest.get(PAGE - 1).filter(|_| rest.len() > PAGE).map(|(number, _)| **number);
    let parts: Vec<_> = rest.into_iter().take(PAGE).map(view).collect();
    let mut list = json!({
        "mediaId": media, "size": upload.size, "partBytes": PART_BYTES, "count": upload.count(), "parts": parts,
        "expiresAt": "2026-01-08T00:00:00.000Z",
    });
    if let Some(next) = next {
        list["next"] = next.into();
    }
    Json(list).into_response()
}

pub(crate) async fn store(
    State(fake): State<Arc<Fake>>,
    Path((media, number)): Path<(String, usize)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    assert_eq!(headers["x-amz-checksum-sha256"], BASE64.encode(Sha256::digest(&body)));
    assert_eq!(headers["content-length"], body.len().to_string());
    let mut uploads = fake.in_parts.lock().unwrap();
    let stored = uploads.get_mut(&media).unwrap().parts.entry(number).or_insert((Bytes::new(), 0));
    *stored = (body, stored.1 + 1);
    StatusCode::OK
}

/// Joins the parts of a media into an object. Returns a refusal if parts are missing, `None` otherwise.
pub(crate) fn join(fake: &Fake, media: &str) -> Option<Response> {
    let uploads = fake.in_parts.lock().unwrap();
    let upload = uploads.get(media)?;
    if upload.parts.len() < upload.count() {
        return Some((StatusCode::CONFLICT, Json(json!({"code": "parts_missing"}))).into_response());
    }
    let whole: Vec<u8> = upload.parts.values().flat_map(|(content, _)| content.to_vec()).collect();
    fake.objects.lock().unwrap().insert(media.to_owned(), whole.into());
    None
}
