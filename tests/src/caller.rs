//! A client of the API that gives tests the raw statuses, headers and bodies.

use crate::Stack;
use reqwest::{Client, Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

mod parts;

pub use parts::InParts;

/// A caller of the API.
#[derive(Clone)]
pub struct Caller {
    http: Client,
    api: String,
    token: Option<String>,
}

/// A response of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub text: String,
}

impl Answer {
    /// The body as JSON, or null.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A member of the body as text, or an empty one.
    #[must_use]
    pub fn text_at(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A header as text, or an empty one.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A granted upload.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The media.
    pub media_id: String,
    /// The presigned request, as granted.
    pub request: Value,
}

/// Time limit of a job on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

impl Caller {
    /// A signed-in user of a stack.
    ///
    /// # Panics
    /// If the stack's pool gives no token.
    pub async fn user(stack: &Stack, name: &str) -> Self {
        Self::with_token(stack, Some(stack.token(name).await))
    }

    /// A caller with any token, or none.
    #[must_use]
    pub fn with_token(stack: &Stack, token: Option<String>) -> Self {
        Self { http: Client::new(), api: stack.cloud.address().api_url().expect("the stack has an API"), token }
    }

    /// Sends one request.
    ///
    /// # Panics
    /// If there is no answer at all.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call_with(method, path, body, &[]).await
    }

    /// Sends one request with further headers.
    ///
    /// # Panics
    /// If there is no answer at all.
    pub async fn call_with(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.api));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("the API answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.expect("the answer is text") }
    }

    /// Sends one request with a raw JSON body.
    ///
    /// # Panics
    /// If there is no answer at all.
    pub async fn call_raw(&self, method: Method, path: &str, body: &str) -> Answer {
        let request = self.http.request(method, format!("{}{path}", self.api));
        let request = request.header("content-type", "application/json").body(body.to_owned());
        let request = self.token.iter().fold(request, |request, token| request.bearer_auth(token));
        let response = request.send().await.expect("the API answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.expect("the answer is text") }
    }

    /// Requests an upload of these bytes.
    ///
    /// # Panics
    /// If it is not granted.
    pub async fn init(&self, bytes: &[u8], content_type: &str) -> Upload {
        let mut request_body = init_request(bytes);
        request_body["contentType"] = content_type.into();
        self.granted(request_body).await
    }

    /// Requests an upload with a custom body.
    ///
    /// # Panics
    /// If it is not granted.
    pub async fn granted(&self, request_body: Value) -> Upload {
        let answer = self.call(Method::POST, "/media/upload/init", Some(request_body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        Upload { media_id: answer.text_at("/mediaId"), request: answer.json()["upload"].clone() }
    }

    /// Makes a granted upload, with some headers changed or (`None`) omitted.
    ///
    /// # Panics
    /// If there is no answer at all.
    pub async fn put(&self, upload: &Upload, bytes: &[u8], changed: &[(&str, Option<&str>)]) -> Answer {
        let url = upload.request["url"].as_str().expect("the grant has a URL");
        let mut request = self.http.put(url).body(bytes.to_vec());
        for (name, value) in upload.request["headers"].as_object().expect("the grant has headers") {
            match changed.iter().find(|(changed, _)| changed.eq_ignore_ascii_case(name)) {
                Some((_, None)) => {}
                Some((_, Some(other))) => request = request.header(name, *other),
                None => request = request.header(name, value.as_str().expect("header values are text")),
            }
        }
        let response = request.send().await.expect("the bucket answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap_or_default() }
    }

    /// Completes an upload.
    pub async fn complete(&self, media_id: &str) -> Answer {
        self.call(Method::POST, "/media/upload/complete", Some(json!({ "mediaId": media_id }))).await
    }

    /// Uploads and completes. Returns the job's ID.
    ///
    /// # Panics
    /// If any step is refused.
    pub async fn submit(&self, bytes: &[u8], content_type: &str) -> String {
        let upload = self.init(bytes, content_type).await;
        self.send(&upload, bytes).await
    }

    /// Makes a granted upload and completes it. Returns the job's ID.
    ///
    /// # Panics
    /// If any step is refused.
    pub async fn send(&self, upload: &Upload, bytes: &[u8]) -> String {
        let put = self.put(upload, bytes, &[]).await;
        assert_eq!(put.status, StatusCode::OK, "{}", put.text);
        let completed = self.complete(&upload.media_id).await;
        assert_eq!(completed.status, StatusCode::ACCEPTED, "{}", completed.text);
        completed.text_at("/jobId")
    }

    /// Reads a job.
    pub async fn job(&self, id: &str) -> Answer {
        self.call(Method::GET, &format!("/jobs/{id}"), None).await
    }

    /// Waits for a job to end and returns it.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn ended(&self, id: &str) -> Value {
        let ended = |job: &Value| matches!(job["status"].as_str(), Some("COMPLETED" | "FAILED" | "CANCELLED"));
        self.until(id, "end", ended).await
    }

    /// Waits until a job satisfies `wanted`, and returns it. `what` completes "the job did not …".
    ///
    /// # Panics
    /// If that does not happen.
    pub async fn until(&self, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let job = self.job(id).await.json();
            if wanted(&job) {
                return job;
            }
            assert!(since.elapsed() < PATIENCE, "the job did not {what}: {job}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Downloads from a signed URL.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn download(&self, url: &str) -> Vec<u8> {
        let response = self.http.get(url).send().await.expect("the bucket answers");
        assert_eq!(response.status(), StatusCode::OK);
        response.bytes().await.expect("a body").to_vec()
    }
}

/// Body of an init request for these bytes.
#[must_use]
pub fn init_request(bytes: &[u8]) -> Value {
    json!({"filename": "sample", "size": bytes.len(), "sha256": hex_sha256(bytes)})
}

/// SHA-256 in hexadecimal, as the API writes it.
#[must_use]
pub fn hex_sha256(bytes: &[u8]) -> String {
    smmu_core::Sha256::from_bytes(Sha256::digest(bytes).into()).to_string()
}
