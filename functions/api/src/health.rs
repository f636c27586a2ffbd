//! `GET /health`: health check, without a token.

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

/// Status and identity of the API.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Health<'a> {
    status: HealthStatus,
    /// Version of the software.
    version: &'a str,
    /// Name of the deployment.
    stage: &'a str,
}

/// Always `ok`: an API that is down does not answer.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum HealthStatus {
    Ok,
}

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/health",
    handler: Handler::Open(|_, context| handle(context)),
    operation: Operation {
        id: "getHealth",
        summary: "Check that the API is up",
        description: "For uptime monitors.",
        parameters: &[],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "It answers.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<Health<'static>>(),
                example: r#"{"status": "ok", "version": "0.1.0", "stage": "dev"}"#,
            }),
            headers: &[],
            links: &[],
        }],
        problems: &[],
    },
};

fn handle(context: &Context) -> Response<Body> {
    let health = Health { status: HealthStatus::Ok, version: env!("CARGO_PKG_VERSION"), stage: &context.stage };
    respond::json(StatusCode::OK, &health)
}
