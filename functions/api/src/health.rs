//! `GET /health`: whether the function answers, without a token.

use crate::{Context, respond};
use lambda_http::{Body, Response, http::StatusCode};
use serde_json::json;

pub(crate) fn handle(context: &Context) -> Response<Body> {
    let body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "stage": context.stage });
    respond::json(StatusCode::OK, &body)
}
