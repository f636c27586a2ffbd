//! `DELETE /media/{mediaId}`: hides a media and its job at once, and has everything of them removed.

use crate::{
    Context, media, respond,
    routes::{Endpoint, Handler},
};
use lambda_http::{
    Body, Response,
    http::{Method, StatusCode},
};
use serde::Serialize;
use smmu_core::{MediaId, Problem, ProblemCode, UserId};

/// What is under way.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deletion<'a> {
    media_id: &'a MediaId,
}

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::DELETE,
    path: "/media/{mediaId}",
    handler: Handler::User(|call| Box::pin(handle(call.parameter("mediaId"), call.user, call.context))),
};

async fn handle(id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let found = media::find(id, user, context).await?;
    let id = found.id.clone();
    if context.eraser.delete(found).await.map_err(|error| respond::cloud_problem(&error))? {
        Ok(respond::json(StatusCode::ACCEPTED, &Deletion { media_id: &id }))
    } else {
        Err(Problem::new(ProblemCode::NotFound))
    }
}
