//! `GET /health`: whether the function answers, without a token.

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

/// That the API answers, and which one it is.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Health<'a> {
    status: HealthStatus,
    /// Version of the software.
    version: &'a str,
    /// Name of the deployment.
    stage: &'a str,
}

/// An API that is not well does not answer.
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
        summary: "Whether the API answers",
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
