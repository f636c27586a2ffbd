//! Responses. Caches must revalidate them: each is for one user at one time.

use crate::auth::AuthError;
use lambda_http::{
    Body, Response,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};
use serde::Serialize;
use smmu_cloud::{CloudError, SubmitError};
use smmu_core::{Problem, ProblemCode, with_causes};

/// `Retry-After` for transient errors, in seconds.
const TRY_AGAIN_S: u32 = 2;

/// Largest request body, in bytes. The largest valid one is an init with all its labels in four-byte characters, which
/// JSON can write as twelve bytes each: about 110 KiB.
pub(crate) const MAX_BODY_BYTES: usize = 128 * 1024;

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    with_body(status, "application/json", body)
}

pub(crate) fn problem(problem: &Problem) -> Response<Body> {
    let status = StatusCode::from_u16(problem.code.status()).expect("every problem code has an HTTP status");
    let mut response = with_body(status, "application/problem+json", problem);
    if problem.code.retryable() {
        response.headers_mut().insert(header::RETRY_AFTER, TRY_AGAIN_S.into());
    }
    response
}

/// A problem with the `Allow` header (RFC 9110, section 15.5.6).
pub(crate) fn method_not_allowed(allowed: &[Method]) -> Response<Body> {
    let mut response = problem(&Problem::new(ProblemCode::MethodNotAllowed));
    let allowed: Vec<_> = allowed.iter().map(Method::as_str).collect();
    let allowed = HeaderValue::from_str(&allowed.join(", ")).expect("names of methods are tokens");
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

pub(crate) fn unauthorized(error: AuthError) -> Response<Body> {
    let mut response = problem(&error.problem());
    if let Some(challenge) = error.www_authenticate() {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// 304: the client's copy is current.
pub(crate) fn not_modified() -> Response<Body> {
    empty(StatusCode::NOT_MODIFIED)
}

/// 204: success without content.
pub(crate) fn no_content() -> Response<Body> {
    empty(StatusCode::NO_CONTENT)
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    forbid_storing(response.headers_mut());
    response
}

/// A text with signed URLs. Each response has new ones, so it must not be stored.
pub(crate) fn text(content_type: &str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_str(content_type).expect("content types of outputs are ours, and ASCII");
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn with_body(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_string(body).expect("responses have string keys and finite numbers");
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    forbid_storing(response.headers_mut());
    response
}

/// Private, and revalidated on each use; an `ETag` still saves the transfer.
fn forbid_storing(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The problem for the client; the error of the service is only logged.
pub(crate) fn cloud_problem(error: &CloudError) -> Problem {
    tracing::error!(error = with_causes(error), transient = error.transient, "AWS call failed");
    Problem::new(if error.transient { ProblemCode::Unavailable } else { ProblemCode::Internal })
}

pub(crate) fn submit_problem(error: &SubmitError) -> Problem {
    match error {
        SubmitError::NotUploaded => Problem::new(ProblemCode::UploadNotFound),
        SubmitError::PartsMissing(missing) => Problem::because(ProblemCode::PartsMissing, missing.to_string()),
        SubmitError::Deleted => Problem::new(ProblemCode::NotFound),
        SubmitError::Mismatch(mismatch) => Problem::because(ProblemCode::UploadMismatch, mismatch.to_string()),
        SubmitError::Cloud(error) => cloud_problem(error),
    }
}
