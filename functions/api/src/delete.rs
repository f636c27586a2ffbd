//! `DELETE /media/{mediaId}`: hides a media and its job at once, and has everything of them removed.

use crate::{Context, media, respond};
use lambda_http::{Body, Response, http::StatusCode};
use serde::Serialize;
use smmu_core::{MediaId, Problem, ProblemCode, UserId};

/// What is under way.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deletion<'a> {
    media_id: &'a MediaId,
}

pub(crate) async fn handle(id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let found = media::find(id, user, context).await?;
    let id = found.id.clone();
    if context.eraser.delete(found).await.map_err(|error| respond::cloud_problem(&error))? {
        Ok(respond::json(StatusCode::ACCEPTED, &Deletion { media_id: &id }))
    } else {
        Err(Problem::new(ProblemCode::NotFound))
    }
}
