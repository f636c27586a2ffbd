//! Error responses by status: the service's own problems, and API Gateway's errors.

use crate::operation::header;
use serde_json::{Map, Value, json};
use smmu_api::{
    Described,
    describe::{Header, ParameterLocation, USERS_PROBLEMS},
};
use smmu_core::{Problem, ProblemCode};
use std::collections::BTreeMap;

/// Every error status, with a component name and the response, which operations with equal problems share.
pub(crate) fn answers(endpoint: &Described) -> impl Iterator<Item = (String, String, Value)> {
    let mut codes: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    let users = if endpoint.wants_token { USERS_PROBLEMS } else { &[] };
    for code in endpoint.operation.problems.iter().chain(users) {
        codes.entry(code.status()).or_default().push(*code);
    }
    let gateway = gateway(endpoint);
    let mut statuses: Vec<u16> = codes.keys().chain(gateway.keys()).copied().collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses.into_iter().map(move |status| {
        let codes = codes.get(&status).map_or(&[][..], Vec::as_slice);
        let message = gateway.get(&status).copied();
        let parts = codes.iter().map(|code| code.as_str()).chain(message.map(|_| "gateway"));
        let name = parts.fold(status.to_string(), |name, part| name + "." + part);
        (status.to_string(), name, answer(status, codes, message))
    })
}

/// API Gateway's messages, by status. It responds before the function is called, or when the function does not respond.
fn gateway(endpoint: &Described) -> BTreeMap<u16, &'static str> {
    let mut messages =
        BTreeMap::from([(429, "Too Many Requests"), (500, "Internal Server Error"), (503, "Service Unavailable")]);
    if endpoint.wants_token {
        messages.insert(401, "Unauthorized");
    }
    if endpoint.operation.request.is_some() {
        messages.insert(413, "Request Entity Too Large");
    }
    // A parameter can change the path to one without a route, for example if it is empty.
    if endpoint.operation.parameters.iter().any(|one| one.place == ParameterLocation::Path) {
        messages.insert(404, "Not Found");
    }
    messages
}

/// The body of API Gateway's own errors.
pub(crate) fn gateway_message() -> Value {
    json!({
        "type": "object",
        "description": "An error from API Gateway itself.",
        "properties": { "message": { "type": "string" } },
        "required": ["message"],
    })
}

fn answer(status: u16, codes: &[ProblemCode], gateway: Option<&str>) -> Value {
    let mut content = Map::new();
    if !codes.is_empty() {
        let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
        let example = |code: &ProblemCode| (code.as_str().to_owned(), json!({ "value": Problem::new(*code) }));
        content.insert("application/problem+json".into(), json!({
            "schema": {
                "allOf": [
                    { "$ref": "#/components/schemas/Problem" },
                    { "type": "object", "properties": { "status": { "const": status }, "code": { "enum": names } } },
                ],
            },
            "examples": codes.iter().map(example).collect::<Map<_, _>>(),
        }));
    }
    if let Some(message) = gateway {
        let schema = json!({ "$ref": "#/components/schemas/GatewayMessage" });
        content.insert("application/json".into(), json!({ "schema": schema, "example": { "message": message } }));
    }
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    let description = if titles.is_empty() { gateway.unwrap_or_default().to_owned() } else { titles.join("; ") };
    let mut answer = json!({ "description": format!("{description}."), "content": content });
    let mut headers = Map::new();
    if codes.iter().any(|code| code.retryable()) {
        headers.insert(Header::RetryAfter.name().into(), header(Header::RetryAfter));
    }
    if codes.iter().any(|code| matches!(code, ProblemCode::QuotaExceeded | ProblemCode::TooManyJobs)) {
        for told in [Header::RateLimit, Header::RateLimitPolicy] {
            headers.insert(told.name().into(), header(told));
        }
    }
    if status == 401 {
        headers.insert(
            "WWW-Authenticate".into(),
            json!({
                "description": "The problem with the token (RFC 6750).",
                "schema": { "type": "string" },
            }),
        );
    }
    if !headers.is_empty() {
        answer["headers"] = headers.into();
    }
    answer
}
