//! `GET /account` and `DELETE /account`: everything that a user has, to take along or to be gone.

use crate::{
    Context, job, list,
    media::MediaView,
    respond,
    routes::{Endpoint, Handler},
};
use lambda_http::{
    Body, Request, Response,
    http::{Method, StatusCode},
};
use serde::Serialize;
use serde_json::{Value, json};
use smmu_core::{DescribedMedia, Job, MediaId, MediaListing, Problem, Timestamp, UserId};

/// The most text of one answer. Lambda passes 6 MB on, escapes included ("Lambda quotas").
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Export<'a> {
    user_id: &'a UserId,
    /// Each with its jobs, and these with signed links to their outputs.
    media: Vec<Value>,
    /// What to send as `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<MediaId>,
}

/// What is under way.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Erasure {
    /// What was uploaded before this is deleted.
    deleted_before: Timestamp,
}

pub(crate) static EXPORT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/account",
    handler: Handler::User(|call| Box::pin(export(call.request, call.user, call.context))),
};

pub(crate) static ERASE: Endpoint = Endpoint {
    method: Method::DELETE,
    path: "/account",
    handler: Handler::User(|call| Box::pin(erase(call.user, call.context))),
};

/// Answers a page of what the user has, newest first.
async fn export(request: &Request, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let listing: MediaListing = list::listing(request)?;
    let page = context.submitter.media.of_user(user, &listing).await;
    let page = page.map_err(|error| respond::cloud_problem(&error))?;
    let (mut media, mut room, mut next) = (Vec::new(), MAX_ANSWER_BYTES, page.next);
    let mut entries = page.entries.iter().peekable();
    while let Some(entry) = entries.next() {
        let found = context.submitter.media.get_described(&entry.media_id).await;
        let found = found.map_err(|error| respond::cloud_problem(&error))?;
        // The index may be behind the table.
        if let Some(found) = found.filter(|found| found.media.state.deleted_at().is_none() && found.media.user == *user)
        {
            media.push(whole(&found, &mut room, context).await?);
        }
        if room == 0 && entries.peek().is_some() {
            next = Some(entry.media_id.clone());
            break;
        }
    }
    Ok(respond::json(StatusCode::OK, &Export { user_id: user, media, next }))
}

/// A media with its jobs, oldest first. `room` says how much text is still left, and is 0 from then on.
async fn whole(found: &DescribedMedia, room: &mut usize, context: &Context) -> Result<Value, Problem> {
    let mut jobs = Vec::new();
    for id in found.media.runs() {
        let job = context.submitter.jobs.get(&id).await.map_err(|error| respond::cloud_problem(&error))?;
        if let Some(job) = job.filter(|job| job.deleted_at.is_none()) {
            jobs.push(document(&job, room, context).await?);
        }
    }
    let mut media = json!(MediaView::from(found));
    *room = room.saturating_sub(media.to_string().len());
    media["jobs"] = jobs.into();
    Ok(media)
}

/// A job with its outputs, or, where there is no more room, with the path at which they are listed.
async fn document(job: &Job, room: &mut usize, context: &Context) -> Result<Value, Problem> {
    if *room == 0 {
        return Ok(json!({"jobId": job.id, "status": job.status(), "path": format!("/jobs/{}", job.id)}));
    }
    let document = json!(job::view(job, context).await?);
    *room = room.saturating_sub(document.to_string().len());
    Ok(document)
}

/// Has everything deleted that the user has.
async fn erase(user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let deleted_before = context.eraser.delete_account(user).await.map_err(|error| respond::cloud_problem(&error))?;
    Ok(respond::json(StatusCode::ACCEPTED, &Erasure { deleted_before }))
}
