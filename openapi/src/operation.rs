//! One operation of the document.

use crate::{Schemas, problems};
use serde_json::{Map, Value, json};
use smmu_api::{
    Described,
    describe::{Answer, Body, Content, Header, Link, Parameter, ParameterLocation, RequestBody},
};

/// Adds problems that several operations share to `responses`.
pub(crate) fn operation(endpoint: &Described, schemas: &mut Schemas, responses: &mut Map<String, Value>) -> Value {
    let told = endpoint.operation;
    let mut answers: Map<_, _> =
        told.answers.iter().map(|answer| (answer.status.to_string(), self::answer(answer, schemas))).collect();
    for (status, name, problem) in problems::answers(endpoint) {
        answers.insert(status, json!({ "$ref": format!("#/components/responses/{name}") }));
        responses.insert(name, problem);
    }
    let mut operation = json!({
        "operationId": told.id,
        "tags": [tag(endpoint.path)],
        "summary": told.summary,
        "description": told.description,
        "responses": answers,
    });
    if !told.parameters.is_empty() {
        operation["parameters"] = told.parameters.iter().map(|one| parameter(one, schemas)).collect();
    }
    if let Some(RequestBody { required, body }) = &told.request {
        let schema = (body.shape.schema)(&mut schemas.read);
        let content = json!({ "application/json": { "schema": schema, "example": example(body) } });
        operation["requestBody"] = json!({ "required": required, "content": content });
    }
    if !endpoint.wants_token {
        operation["security"] = json!([]);
    }
    operation
}

/// The tag that groups the operation.
fn tag(path: &str) -> &str {
    match path.split('/').nth(1) {
        Some("media") => "media",
        Some("jobs" | "sockets") => "jobs",
        Some("webhooks") => "webhooks",
        Some(_) | None => "service",
    }
}

fn parameter(told: &Parameter, schemas: &mut Schemas) -> Value {
    let place = match told.place {
        ParameterLocation::Path => "path",
        ParameterLocation::Query => "query",
        ParameterLocation::Header => "header",
    };
    json!({
        "in": place,
        "name": told.name,
        "description": told.description,
        "required": told.place == ParameterLocation::Path,
        "schema": (told.shape.schema)(&mut schemas.read),
    })
}

fn example(body: &Body) -> Value {
    serde_json::from_str(body.example).unwrap_or_else(|error| panic!("{error}: {}", body.example))
}

fn answer(told: &Answer, schemas: &mut Schemas) -> Value {
    let mut answer = json!({ "description": told.description });
    match &told.content {
        Content::Empty => {}
        Content::Json(body) => {
            let schema = (body.shape.schema)(&mut schemas.written);
            answer["content"] = json!({ "application/json": { "schema": schema, "example": example(body) } });
        }
        Content::Text(media_types) => {
            let text = |media_type: &&str| ((*media_type).to_owned(), json!({ "schema": { "type": "string" } }));
            answer["content"] = media_types.iter().map(text).collect::<Map<_, _>>().into();
        }
    }
    if !told.headers.is_empty() {
        answer["headers"] =
            told.headers.iter().map(|one| (one.name().to_owned(), header(*one))).collect::<Map<_, _>>().into();
    }
    if !told.links.is_empty() {
        answer["links"] =
            told.links.iter().map(|one| (one.operation.to_owned(), link(one))).collect::<Map<_, _>>().into();
    }
    answer
}

pub(crate) fn header(header: Header) -> Value {
    match header {
        Header::ETag => json!({
            "description": "The version of this response, for `If-None-Match`.",
            "required": true,
            "schema": { "type": "string" },
        }),
        Header::Location => json!({
            "description": "URL of the created resource.",
            "required": true,
            "schema": { "type": "string", "format": "uri-reference" },
        }),
        Header::PreferenceApplied => json!({
            "description": "The request's preference that was applied.",
            "schema": { "type": "string" },
        }),
        Header::RateLimit => json!({
            "description": "What is left of the user's quotas (draft-ietf-httpapi-ratelimit-headers-11), if there are any.",
            "schema": { "type": "string" },
        }),
        Header::RateLimitPolicy => json!({
            "description": "The user's quotas (draft-ietf-httpapi-ratelimit-headers-11), if there are any.",
            "schema": { "type": "string" },
        }),
        Header::RetryAfter => json!({
            "description": "Seconds to wait before the next request.",
            "schema": { "type": "integer", "minimum": 0 },
        }),
    }
}

fn link(told: &Link) -> Value {
    let mut link = json!({ "operationId": told.operation, "description": told.description });
    let object = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<Map<_, _>>()
    };
    if !told.parameters.is_empty() {
        link["parameters"] = object(told.parameters).into();
    }
    if !told.body.is_empty() {
        link["requestBody"] = object(told.body).into();
    }
    link
}
