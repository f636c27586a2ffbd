//! `GET /account` and `DELETE /account`: everything that a user has, to take along or to be gone.

use crate::{
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Operation, Shape, after},
    endpoint::{Endpoint, Handler},
    job, list,
    media::MediaView,
    respond,
};
use lambda_http::{
    Body, Request, Response,
    http::{Method, StatusCode},
};
use serde::Serialize;
use serde_json::{Value, json};
use smmu_core::{DescribedMedia, Job, MediaId, MediaListing, Problem, ProblemCode, Timestamp, UserId};

/// The most text of one answer. Lambda passes 6 MB on, escapes included ("Lambda quotas").
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A page of what a user has.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Export<'a> {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    user_id: &'a UserId,
    /// Each with its jobs, and these with signed links to their outputs.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<serde_json::Map<String, Value>>"))]
    media: Vec<Value>,
    /// What to send as `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<MediaId>,
}

/// What is under way.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Erasure {
    /// What was uploaded before this is deleted.
    deleted_before: Timestamp,
}

pub(crate) static EXPORT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/account",
    handler: Handler::User(|call| Box::pin(export(call.request, call.user, call.context))),
    operation: Operation {
        id: "exportAccount",
        summary: "Export everything that the user has",
        description: "Newest first, a page at a time. Each entry is a media as `getMedia` answers it, with its `jobs` as \
            `getJob` answers them, oldest first. Where a page becomes too large, a job has its `path` in the place of its \
            outputs.",
        parameters: &[list::LIMIT, after(Shape::of::<MediaId>())],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "A page of what the user has.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<Export<'static>>(),
                example: r#"{"userId": "user-1", "media": []}"#,
            }),
            headers: &[],
            links: &[],
        }],
        problems: &[ProblemCode::InvalidRequest],
    },
};

pub(crate) static ERASE: Endpoint = Endpoint {
    method: Method::DELETE,
    path: "/account",
    handler: Handler::User(|call| Box::pin(erase(call.user, call.context))),
    operation: Operation {
        id: "deleteAccount",
        summary: "Delete everything that the user has",
        description: "Deletes every upload that was made before, as `deleteMedia` does with one. It cannot be undone.",
        parameters: &[],
        request: None,
        answers: &[Answer {
            status: 202,
            description: "It is being deleted.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<Erasure>(),
                example: r#"{"deletedBefore": "2026-01-01T00:00:00.000Z"}"#,
            }),
            headers: &[],
            links: &[],
        }],
        problems: &[],
    },
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
    let document = json!(job::view_at(job, None, context).await?);
    *room = room.saturating_sub(document.to_string().len());
    Ok(document)
}

/// Has everything deleted that the user has.
async fn erase(user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let deleted_before = context.eraser.delete_account(user).await.map_err(|error| respond::cloud_problem(&error))?;
    Ok(respond::json(StatusCode::ACCEPTED, &Erasure { deleted_before }))
}
