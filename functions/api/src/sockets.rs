//! `POST /sockets`: a ticket for a socket that receives events of the user's jobs.

use crate::{
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Operation, Shape},
    endpoint::{Endpoint, Handler},
    respond,
};
use lambda_http::{
    Body, Response,
    http::{Method, StatusCode},
};
use serde::Serialize;
use smmu_core::{Problem, ProblemCode, Timestamp, UserId, push::MAX_SOCKETS};

/// Ticket that opens a socket.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SocketTicket"))]
#[serde(rename_all = "camelCase")]
struct TicketView {
    /// URL of the WebSocket. It contains a secret that works once.
    #[cfg_attr(feature = "schema", schemars(url))]
    url: String,
    /// Time at which `url` expires; an open socket stays open.
    expires_at: Timestamp,
}

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::POST,
    path: "/sockets",
    handler: Handler::User(|call| Box::pin(create(call.user, call.context))),
    operation: Operation {
        id: "createSocketTicket",
        summary: "Get a ticket for push events",
        description: "Returns the URL of a WebSocket, which can be opened once, within a minute. The socket receives events of all \
            jobs of the user: `{\"type\": \"job\", \"jobId\", \"mediaId\", \"revision\", \"status\", \"stage\", \"progress\", \
            \"outputsReady\", \"updatedAt\"}`, or `{\"type\": \"deleted\", \"jobId\", \"mediaId\", \"revision\"}`. An event \
            whose `revision` is not above the last of its job is out of date. Events can be lost: read a job after \
            opening the socket, and from time to time.",
        parameters: &[],
        request: None,
        answers: &[Answer {
            status: 201,
            description: "The URL to open.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<TicketView>(),
                example: r#"{"url": "wss://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/live?ticket=kPq3vLw8yZr1xN5c",
                    "expiresAt": "2026-01-01T00:01:00.000Z"}"#,
            }),
            headers: &[],
            links: &[],
        }],
        problems: &[ProblemCode::PushDisabled, ProblemCode::TooManySockets],
    },
};

async fn create(user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let sockets = context.sockets.as_ref().ok_or(Problem::new(ProblemCode::PushDisabled))?;
    let ticket = sockets.ticket(user).await.map_err(|error| respond::cloud_problem(&error))?;
    let Some(ticket) = ticket else {
        let detail = format!("the user has {MAX_SOCKETS} sockets open, and no more are allowed");
        return Err(Problem::because(ProblemCode::TooManySockets, detail));
    };
    Ok(respond::json(StatusCode::CREATED, &TicketView { url: ticket.url, expires_at: ticket.expires_at }))
}
