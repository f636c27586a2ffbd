//! `GET /health`: whether the function answers, without a token.

use crate::{
    Context, respond,
    routes::{Endpoint, Handler},
};
use lambda_http::{
    Body, Response,
    http::{Method, StatusCode},
};
use serde_json::json;

pub(crate) static ENDPOINT: Endpoint =
    Endpoint { method: Method::GET, path: "/health", handler: Handler::Open(|_, context| handle(context)) };

fn handle(context: &Context) -> Response<Body> {
    let body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "stage": context.stage });
    respond::json(StatusCode::OK, &body)
}
