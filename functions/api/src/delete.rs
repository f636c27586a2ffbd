//! `DELETE /media/{mediaId}`: hides a media and its jobs at once, and queues the removal of their files and records.

use crate::{
    context::Context,
    describe::{Answer, Body as JsonBody, Content, MEDIA_ID, Operation, Shape},
    endpoint::{Endpoint, Handler},
    lookup, respond,
};
use lambda_http::{
    Body, Response,
    http::{Method, StatusCode},
};
use serde::Serialize;
use smmu_core::{MediaId, Problem, ProblemCode, UserId};

/// A deletion in progress.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Deletion<'a> {
    media_id: &'a MediaId,
}

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::DELETE,
    path: "/media/{mediaId}",
    handler: Handler::User(|call| Box::pin(handle(call.parameter("mediaId"), call.user, call.context))),
    operation: Operation {
        id: "deleteMedia",
        summary: "Delete an upload and its outputs",
        description: "From then on, the upload and its jobs return 404. A job that has not ended is cancelled. Files are removed \
            within seconds, and then signed links stop working. This cannot be undone.",
        parameters: &[MEDIA_ID],
        request: None,
        answers: &[Answer {
            status: 202,
            description: "The upload is deleted. Its files are being removed.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<Deletion<'static>>(),
                example: r#"{"mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m"}"#,
            }),
            headers: &[],
            links: &[],
        }],
        problems: &[ProblemCode::NotFound],
    },
};

async fn handle(id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let found = lookup::media(id, user, context).await?;
    let id = found.id.clone();
    if context.eraser.delete(found).await.map_err(|error| respond::cloud_problem(&error))? {
        Ok(respond::json(StatusCode::ACCEPTED, &Deletion { media_id: &id }))
    } else {
        Err(Problem::new(ProblemCode::NotFound))
    }
}
