//! `GET /account` and `DELETE /account`: exports or deletes all data of the user.

use crate::{
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Operation, Shape, after},
    endpoint::{Endpoint, Handler},
    job, list,
    media::MediaView,
    respond,
    webhooks::{self, WebhookView},
};
use lambda_http::{
    Body, Request, Response,
    http::{Method, StatusCode},
};
use serde::Serialize;
use serde_json::{Value, json};
use smmu_core::{DescribedMedia, Job, MediaId, MediaListing, Problem, ProblemCode, Timestamp, UserId};

/// Maximum text of one response, in bytes. Lambda's limit is 6 MB with escapes ("Lambda quotas").
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A page of the user's data.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Export<'a> {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    user_id: &'a UserId,
    /// The user's media with their jobs, which have signed links to their outputs.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<serde_json::Map<String, Value>>"))]
    media: Vec<Value>,
    /// The user's webhooks.
    webhooks: Vec<WebhookView>,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<MediaId>,
}

/// An account deletion in progress.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Erasure {
    /// Everything uploaded before this time is deleted.
    deleted_before: Timestamp,
}

pub(crate) static EXPORT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/account",
    handler: Handler::User(|call| Box::pin(export(call.request, call.user, call.context))),
    operation: Operation {
        id: "exportAccount",
        summary: "Export all data of the user",
        description: "Newest first, a page at a time. Each entry is a media as returned by `getMedia`, with its `jobs` as \
            returned by `getJob`, oldest first. If a page grows too large, jobs have `path` instead of outputs.",
        parameters: &[list::MEDIA_STATUS, list::KIND, list::LIMIT, after(Shape::of::<MediaId>())],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "A page of the user's data.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<Export<'static>>(),
                example: r#"{"userId": "user-1", "media": [], "webhooks": []}"#,
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
        summary: "Delete all data of the user",
        description: "Deletes every webhook and, as `deleteMedia` does, every upload made before the request. This cannot be \
            undone.",
        parameters: &[],
        request: None,
        answers: &[Answer {
            status: 202,
            description: "The deletion has started.",
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

/// Returns a page of the user's data, newest first.
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
    Ok(respond::json(
        StatusCode::OK,
        &Export { user_id: user, media, webhooks: webhooks::views(user, context).await?, next },
    ))
}

/// A media with its jobs, oldest first. Subtracts its size in bytes from `room`, down to 0.
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

/// A job with its outputs or, if no room is left, with the path to read it at.
async fn document(job: &Job, room: &mut usize, context: &Context) -> Result<Value, Problem> {
    if *room == 0 {
        return Ok(json!({"jobId": job.id, "status": job.status(), "path": format!("/jobs/{}", job.id)}));
    }
    let document = json!(job::view_at(job, None, context).await?);
    *room = room.saturating_sub(document.to_string().len());
    Ok(document)
}

/// Starts the deletion of all data of the user.
async fn erase(user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let deleted_before = context.eraser.delete_account(user).await.map_err(|error| respond::cloud_problem(&error))?;
    Ok(respond::json(StatusCode::ACCEPTED, &Erasure { deleted_before }))
}
