//! Skips an upload if the same user has uploaded the same content before, with the same choices.

use super::parse::{RequestedSending, UploadRequest};
use crate::{
    context::Context,
    job::{self, JobView},
    respond,
};
use lambda_http::{Body, Response, http::StatusCode};
use serde::Serialize;
use smmu_core::{Choice, Job, JobId, Media, MediaId, Problem, Sha256, Status, UserId};

/// Response if no upload is needed.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Duplicate"))]
#[serde(rename_all = "camelCase")]
pub(super) struct Existing<'a> {
    media_id: &'a MediaId,
    /// Always true.
    duplicate: bool,
    job: JobView<'a>,
}

pub(super) const EXAMPLE: &str = r#"{"mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "duplicate": true,
    "job": {"jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m", "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "status": "RUNNING",
        "stage": "validate", "progress": 0, "filename": "pixel.png", "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:01.000Z"}}"#;

/// The job of an earlier upload that can be reused: completed, running or queued.
pub(super) async fn find(user: &UserId, request: &UploadRequest, context: &Context) -> Result<Option<Job>, Problem> {
    let table = &context.submitter.media;
    let (RequestedSending::Whole(sha256) | RequestedSending::Parts(Some(sha256))) = request.sending else {
        return Ok(None);
    };
    let known = table.same_content(user, sha256, request.bytes).await;
    let Some(id) = known.map_err(|error| respond::cloud_problem(&error))? else { return Ok(None) };
    let media = table.get(&id).await.map_err(|error| respond::cloud_problem(&error))?;
    let Some(standing) = media.as_ref().and_then(|media| standing(media, user, sha256, request)) else {
        return Ok(None);
    };
    let job = context.submitter.jobs.get(standing).await.map_err(|error| respond::cloud_problem(&error))?;
    Ok(job.filter(|job| will_do(job, &request.choice)))
}

/// The job of a media, if the media has the requested content.
fn standing<'a>(media: &'a Media, user: &UserId, sha256: Sha256, request: &UploadRequest) -> Option<&'a JobId> {
    let same_content = media.grant.declared_sha256() == Some(sha256) && media.grant.bytes == request.bytes;
    media.standing_job().filter(|_| media.user == *user && same_content)
}

/// Returns whether the job makes what is requested. The media's own choice can already be that of a later job.
fn will_do(job: &Job, choice: &Choice) -> bool {
    let promising = match job.status() {
        Status::Queued | Status::Running | Status::Completed => true,
        Status::Failed | Status::Cancelled => false,
    };
    promising && job.choice == *choice && job.deleted_at.is_none()
}

pub(super) async fn show(job: &Job, context: &Context) -> Result<Response<Body>, Problem> {
    tracing::info!(mediaId = %job.media_id, "upload not needed: the content exists");
    let view = job::view(job, context).await?;
    Ok(respond::json(StatusCode::OK, &Existing { media_id: &job.media_id, duplicate: true, job: view }))
}
