//! Error responses of the engine.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// An error response: a status code with `{"message"}`.
#[derive(Debug)]
pub(super) struct Rejection(StatusCode, String);

impl Rejection {
    pub(super) fn new(status: StatusCode, message: String) -> Self {
        Self(status, message)
    }

    pub(super) fn no_such_image(image: &str) -> Self {
        Self(
            StatusCode::NOT_FOUND,
            format!("No such image: {image}; this engine runs only the workers of this workspace"),
        )
    }

    pub(super) fn no_such_container(id: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("No such container: {id}"))
    }

    pub(super) fn conflict(message: String) -> Self {
        Self(StatusCode::CONFLICT, message)
    }

    pub(super) fn failed(message: String) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        (self.0, Json(serde_json::json!({ "message": self.1 }))).into_response()
    }
}
