//! `POST /media/upload/init`: from a request to an [`UploadGrant`].

mod parse;

pub(crate) use parse::{nothing_else, object, text};

use crate::{Context, respond};
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, StatusCode, header},
};
use serde::Serialize;
use smmu_cloud::{clock, uploads::PresignedUpload};
use smmu_core::{Media, MediaId, MediaState, Problem, Timestamp, UserId};
use std::collections::BTreeMap;

/// What the client gets: where to put the file, and how.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UploadGrant {
    media_id: MediaId,
    upload: Upload,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Upload {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    expires_at: Timestamp,
}

pub(crate) async fn handle(request: &Request, user: UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let request = parse::upload_request(request.body(), &context.policy)?;
    let now = clock::now();
    let seconds = context.policy.grant_seconds;
    let media = Media {
        id: clock::new_media_id(),
        user,
        file_name: request.file_name,
        labels: request.labels,
        grant: request.grant,
        state: MediaState::AwaitingUpload,
        created_at: now,
        expires_at: now.plus_seconds(seconds.into()),
    };
    let PresignedUpload { method, url, headers } =
        context.submitter.uploads.presign(&media, seconds).await.map_err(|error| respond::cloud_problem(&error))?;
    context.submitter.media.create(&media).await.map_err(|error| respond::cloud_problem(&error))?;
    tracing::info!(media_id = %media.id, bytes = media.grant.bytes, "upload granted");

    let upload = Upload { method, url, headers, expires_at: media.expires_at };
    // What a 201 created is the place of the upload itself (RFC 9110, section 10.2.2).
    let location = HeaderValue::from_str(upload.url.split('?').next().unwrap_or_default());
    let mut response = respond::json(StatusCode::CREATED, &UploadGrant { media_id: media.id, upload });
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}
