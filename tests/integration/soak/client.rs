//! A client that repeats every call until it is answered, as docs/API.md asks of clients.

use super::plan::Planned;
use reqwest::{Client as Http, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use smmu_tests::{Stack, caller::init_request};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Time limit for one call with all its repetitions.
const PATIENCE: Duration = Duration::from_mins(3);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// Longer than API Gateway waits for a function.
const TIMEOUT: Duration = Duration::from_secs(40);

/// All users of one stack.
pub(super) struct Client<'a> {
    stack: &'a Stack,
    http: Http,
    api: String,
    retries: AtomicU64,
}

/// A submitted upload.
#[derive(Debug, Clone)]
pub(super) struct Submitted {
    pub(super) media_id: String,
    pub(super) job_id: String,
    /// The begin of the first call of `/complete`.
    pub(super) at: Instant,
}

/// The last answer to a repeated call.
struct Answer {
    status: StatusCode,
    text: String,
    /// Earlier tries.
    retries: u32,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    fn text_at(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

impl<'a> Client<'a> {
    pub(super) fn new(stack: &'a Stack) -> Self {
        let http = Http::builder().no_proxy().timeout(TIMEOUT).build().expect("a client");
        let api = stack.cloud.address().api_url().expect("the stack has an API");
        Self { stack, http, api, retries: AtomicU64::new(0) }
    }

    /// Calls that had to be repeated, so far.
    pub(super) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Uploads a file and submits it. `key` names the upload: the same one twice is one upload.
    ///
    /// Fails with what a client would complain about.
    pub(super) async fn submit(&self, planned: &Planned, key: &str) -> Result<Submitted, String> {
        let token = self.stack.token(planned.user).await;
        let mut wanted = init_request(&planned.bytes);
        wanted["contentType"] = planned.content_type.into();
        let call = |path: &str, body: &Value| {
            self.http.request(Method::POST, format!("{}{path}", self.api)).bearer_auth(&token).json(body)
        };
        let granted =
            self.insist("init", || call("/media/upload/init", &wanted).header("Idempotency-Key", key)).await?;
        if granted.status != StatusCode::CREATED {
            return Err(format!("init answered {}: {}", granted.status, granted.text));
        }
        let (media_id, grant) = (granted.text_at("/mediaId"), granted.json()["upload"].clone());

        let put = self.insist("upload", || self.put(&grant, &planned.bytes)).await?;
        // After a try whose answer was lost, the file is there.
        let there = put.status == StatusCode::PRECONDITION_FAILED && put.retries > 0;
        if put.status != StatusCode::OK && !there {
            return Err(format!("the upload was answered with {}: {}", put.status, put.text));
        }

        let at = Instant::now();
        let complete = json!({ "mediaId": media_id });
        let completed = self.insist("complete", || call("/media/upload/complete", &complete)).await?;
        if completed.status != StatusCode::ACCEPTED {
            return Err(format!("complete answered {}: {}", completed.status, completed.text));
        }
        Ok(Submitted { media_id, job_id: completed.text_at("/jobId"), at })
    }

    /// The status of a job, as its owner sees it.
    pub(super) async fn status(&self, user: &str, job: &str) -> Result<String, String> {
        let token = self.stack.token(user).await;
        let url = format!("{}/jobs/{job}", self.api);
        let answer = self.insist("get job", || self.http.get(&url).bearer_auth(&token)).await?;
        if answer.status != StatusCode::OK {
            return Err(format!("GET /jobs/{job} answered {}: {}", answer.status, answer.text));
        }
        Ok(answer.text_at("/status"))
    }

    fn put(&self, grant: &Value, bytes: &[u8]) -> RequestBuilder {
        let url = grant["url"].as_str().expect("the grant has a URL");
        let headers = grant["headers"].as_object().expect("the grant has headers");
        let named = |request: RequestBuilder, (name, value): (&String, &Value)| {
            request.header(name, value.as_str().expect("header values are text"))
        };
        headers.iter().fold(self.http.put(url).body(bytes.to_vec()), named)
    }

    /// Repeats a call until its answer is complete and neither a failure of the service nor a request to wait.
    async fn insist(&self, what: &str, request: impl Fn() -> RequestBuilder) -> Result<Answer, String> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        for retries in 0.. {
            let why = match request().send().await {
                Err(error) => error.to_string(),
                Ok(response) => {
                    let status = response.status();
                    match response.text().await {
                        Err(error) => error.to_string(),
                        Ok(text) if status.is_server_error() || is_wait(status) => format!("{status}: {text}"),
                        Ok(text) => return Ok(Answer { status, text, retries }),
                    }
                }
            };
            if begun.elapsed() > PATIENCE {
                return Err(format!("{what}: given up after {retries} retries, the last answer was {why}"));
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        unreachable!("the loop has no end")
    }
}

/// An answer that asks the client to call again later.
fn is_wait(status: StatusCode) -> bool {
    [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
}
