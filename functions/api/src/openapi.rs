//! `GET /openapi.json`: this API's own description, without a token.

use crate::{
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Header, IF_NONE_MATCH, Operation, Shape},
    endpoint::{Endpoint, Handler},
    job,
    request::header_text,
};
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hasher},
    sync::LazyLock,
};

/// Written by openapi/, from this crate's table of endpoints.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    hasher.write(DOCUMENT.as_bytes());
    HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).expect("hexadecimal digits in quotation marks")
});

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/openapi.json",
    handler: Handler::Open(handle),
    operation: Operation {
        id: "getOpenApi",
        summary: "This document",
        description: "The OpenAPI 3.1 description of the API that answers. It may be kept for an hour.",
        parameters: &[IF_NONE_MATCH],
        request: None,
        answers: &[
            Answer {
                status: 200,
                description: "The document.",
                content: Content::Json(JsonBody {
                    shape: Shape::of::<BTreeMap<String, serde_json::Value>>(),
                    example: r#"{"openapi": "3.1.0"}"#,
                }),
                headers: &[Header::ETag],
                links: &[],
            },
            Answer {
                status: 304,
                description: "The client's copy is current.",
                content: Content::Empty,
                headers: &[Header::ETag],
                links: &[],
            },
        ],
        problems: &[],
    },
};

fn handle(request: &Request, _: &Context) -> Response<Body> {
    let tag = TAG.to_str().expect("it was made of ASCII");
    let known = header_text(request, header::IF_NONE_MATCH).is_some_and(|known| job::matches(known, tag));
    let mut response = Response::new(if known { Body::Empty } else { Body::from(DOCUMENT) });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ETAG, TAG.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
