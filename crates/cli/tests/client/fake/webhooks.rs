//! Webhooks: a working one, a failing one and a disabled one.

use axum::{Json, extract::Path, http::StatusCode};
use serde_json::{Value, json};

fn webhook(number: u8) -> Value {
    json!({
        "webhookId": format!("whk_0000000000000000000000000{number}"), "url": format!("https://hooks.example.com/{number}"),
        "createdAt": "2026-01-01T00:00:00.000Z",
    })
}

pub(super) async fn list() -> Json<Value> {
    let (mut failing, mut disabled) = (webhook(2), webhook(3));
    failing["lastFailure"] = json!({
        "at": "2026-01-02T00:00:00.000Z", "jobId": "job_01j00000000000000000000000", "attempt": 2,
        "reason": "status", "status": 503,
    });
    disabled["disabledAt"] = "2026-01-03T00:00:00.000Z".into();
    Json(json!({"webhooks": [webhook(1), failing, disabled]}))
}

pub(super) async fn add(Json(request_body): Json<Value>) -> (StatusCode, Json<Value>) {
    let mut made = webhook(4);
    (made["url"], made["secret"]) = (request_body["url"].clone(), "whsec_new".into());
    (StatusCode::CREATED, Json(made))
}

pub(super) async fn rotate(Path(id): Path<String>) -> Json<Value> {
    let mut rotated = webhook(1);
    rotated["webhookId"] = id.into();
    rotated["secret"] = "whsec_newer".into();
    rotated["previousSecretUntil"] = "2026-01-02T00:00:00.000Z".into();
    Json(rotated)
}

pub(super) async fn delete(Path(_): Path<String>) -> StatusCode {
    StatusCode::NO_CONTENT
}

pub(super) async fn deliver(Path(id): Path<String>, Json(request_body): Json<Value>) -> (StatusCode, Json<Value>) {
    let event = format!("{}_completed", request_body["jobId"].as_str().unwrap().replace("job_", "evt_"));
    (StatusCode::ACCEPTED, Json(json!({"webhookId": id, "jobId": request_body["jobId"], "eventId": event})))
}
