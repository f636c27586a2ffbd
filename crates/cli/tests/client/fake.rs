//! In-memory fake of the API and the store for one test. As strict as the real ones about requests, with faults that
//! the test chooses.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

pub(crate) mod parts;
mod webhooks;

/// The token that the API accepts.
pub(crate) const TOKEN: &str = "t0ken.t0ken.t0ken";
/// The secret part of every signed URL.
pub(crate) const SIGNATURE: &str = "X-Amz-Signature=s3cr3t";
/// Path prefix of the API, as in an emulator.
const PREFIX: &str = "/restapis/fake";

/// An output of every completed job.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) name: &'static str,
    /// The content that the job describes.
    pub(crate) said: Vec<u8>,
    /// The content in the store.
    pub(crate) stored: Vec<u8>,
}

/// The first request that starts with this text gets this status, these header fields and this body.
pub(crate) type Instead = (&'static str, StatusCode, Vec<(&'static str, &'static str)>, String);

/// Behaviour of the server.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// Answers that replace the usual ones.
    pub(crate) instead: Vec<Instead>,
    /// The answer to the first upload is lost, though the upload is stored.
    pub(crate) loses_answer: bool,
    /// Jobs end as `FAILED`.
    pub(crate) fails: bool,
    /// Jobs never end.
    pub(crate) never_ends: bool,
    /// Outputs of completed jobs.
    pub(crate) outputs: Vec<Output>,
    /// If set, every upload in parts has ended with this problem code.
    pub(crate) parts_ended: Option<&'static str>,
    /// Number of jobs and media in the lists. Every third job has failed.
    pub(crate) listed: usize,
    /// The API's sign-in metadata. `None` acts as an API too old to have it.
    pub(crate) sign_in: Option<Value>,
}

pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    pub(crate) behaviour: Mutex<Behaviour>,
    /// Uploads in parts, by media.
    pub(crate) in_parts: Mutex<BTreeMap<String, parts::InParts>>,
    /// Grants and objects, by media.
    granted: Mutex<BTreeMap<String, Value>>,
    pub(crate) objects: Mutex<BTreeMap<String, Bytes>>,
    looks: Mutex<BTreeMap<String, usize>>,
    seen: Mutex<Vec<String>>,
    /// Idempotency keys and bodies of the requests for uploads.
    keys: Mutex<Vec<String>>,
    requests: Mutex<Vec<Value>>,
}

/// A running server. Ends with the test's runtime.
pub(crate) struct Server(Arc<Fake>);

impl Server {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Arc::new(Fake {
            address: listener.local_addr().unwrap(),
            behaviour: Mutex::new(behaviour),
            in_parts: Mutex::default(),
            granted: Mutex::default(),
            objects: Mutex::default(),
            looks: Mutex::default(),
            seen: Mutex::default(),
            keys: Mutex::default(),
            requests: Mutex::default(),
        });
        let api = Router::new()
            .route("/health", get(async || Json(json!({"status": "ok", "version": "1.2.3", "stage": "test"}))))
            .route("/.well-known/oauth-protected-resource", get(sign_in))
            .route("/media/upload/init", post(init))
            .route("/media/upload/complete", post(complete))
            .route("/jobs", get(list_jobs))
            .route("/jobs/{job}", get(job))
            .route("/jobs/{job}/cancel", post(cancel))
            .route("/media", get(list_media))
            .route("/media/{media}", get(media).delete(delete))
            .route("/media/{media}/jobs", post(rerun))
            .route("/media/{media}/parts", get(parts::list).post(parts::sign))
            .route("/webhooks", get(webhooks::list).post(webhooks::add))
            .route("/webhooks/{webhook}", axum::routing::delete(webhooks::delete))
            .route("/webhooks/{webhook}/rotate", post(webhooks::rotate))
            .route("/webhooks/{webhook}/deliveries", post(webhooks::deliver))
            .route("/account", get(account).delete(delete_account));
        let app = Router::new()
            .nest(PREFIX, api)
            .route("/raw/{media}", put(store))
            .route("/parts/{media}/{number}", put(parts::store))
            .route("/processed/{index}", get(fetch))
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn_with_state(Arc::clone(&fake), watch))
            .with_state(Arc::clone(&fake));
        tokio::spawn(async { axum::serve(listener, app).await });
        Self(fake)
    }

    /// The API's address, under a `localhost` name that needs no resolver.
    pub(crate) fn api(&self) -> String {
        format!("http://fake.execute-api.localhost:{}{PREFIX}/", self.0.address.port())
    }

    /// Number of requests so far that start with `start`, such as `PUT /raw`.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.0.seen.lock().unwrap().iter().filter(|request| request.starts_with(start)).count()
    }

    /// Idempotency keys of the requests for uploads.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.keys.lock().unwrap().clone()
    }

    /// Bodies of the requests for uploads and reruns.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.0.requests.lock().unwrap().clone()
    }

    /// Replaces the behaviour.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.0.behaviour.lock().unwrap() = behaviour;
    }

    /// Number of times that each part was stored, by media.
    pub(crate) fn stored_parts(&self) -> Vec<Vec<usize>> {
        self.0.in_parts.lock().unwrap().values().map(parts::InParts::times_stored).collect()
    }

    /// Sizes of the uploaded objects.
    pub(crate) fn object_sizes(&self) -> Vec<usize> {
        self.0.objects.lock().unwrap().values().map(Bytes::len).collect()
    }
}

/// Records every request, applies the test's replacement answers, and rejects requests without the token.
async fn watch(State(fake): State<Arc<Fake>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let what = format!("{} {}", request.method(), path.strip_prefix(PREFIX).unwrap_or(&path));
    fake.seen.lock().unwrap().push(what.clone());
    if let Some(key) = request.headers().get("idempotency-key") {
        fake.keys.lock().unwrap().push(key.to_str().unwrap().to_owned());
    }
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    assert_eq!(agent, Some(concat!("smmu/", env!("CARGO_PKG_VERSION"))));
    let instead = {
        let mut behaviour = fake.behaviour.lock().unwrap();
        let place = behaviour.instead.iter().position(|(start, ..)| what.starts_with(start));
        place.map(|place| behaviour.instead.remove(place))
    };
    if let Some((_, status, fields, body)) = instead {
        // As S3 does: closing while the client still sends would reset the connection and lose the answer.
        axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
        let response =
            fields.iter().fold(Response::builder().status(status), |r, (name, value)| r.header(*name, *value));
        return response.body(Body::from(body)).unwrap();
    }
    let authorization = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let open = path.ends_with("/health") || path.contains("/.well-known/");
    let to_api = path.starts_with(PREFIX) && !open;
    match authorization {
        Some(value) if to_api && value == format!("Bearer {TOKEN}") => next.run(request).await,
        None if !to_api => next.run(request).await,
        None | Some(_) if to_api => {
            (StatusCode::UNAUTHORIZED, Json(json!({"message": "Unauthorized"}))).into_response()
        }
        None | Some(_) => panic!("the token went to {what}"),
    }
}

async fn sign_in(State(fake): State<Arc<Fake>>) -> Response {
    let told = fake.behaviour.lock().unwrap().sign_in.clone();
    told.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |told| Json(told).into_response())
}

async fn init(State(fake): State<Arc<Fake>>, Json(request): Json<Value>) -> (StatusCode, Json<Value>) {
    fake.requests.lock().unwrap().push(request.clone());
    if request["dedup"] == true {
        let job = view(&fake, "job_01j00000000000000000000000", 2);
        return (StatusCode::OK, Json(json!({"mediaId": job["mediaId"], "duplicate": true, "job": job})));
    }
    let mut granted = fake.granted.lock().unwrap();
    let media = format!("med_01j{:023}", granted.len());
    if request["parts"] == true {
        granted.insert(media.clone(), Value::Null);
        let grant = parts::grant(&fake, &media, &request);
        return (StatusCode::CREATED, Json(grant));
    }
    let digest: smmu_core::Sha256 = request["sha256"].as_str().unwrap().parse().unwrap();
    let headers = json!({
        "content-type": request["contentType"],
        "x-amz-checksum-sha256": BASE64.encode(digest.as_bytes()),
        "if-none-match": "*",
    });
    let url = format!("http://raw.s3.localhost:{}/raw/{media}?{SIGNATURE}", fake.address.port());
    let grant = json!({
        "mediaId": media,
        "estimate": {"seconds": {"low": 5, "expected": 12, "high": 40},
            "microDollars": {"low": 396, "expected": 439, "high": 1210}, "pricesRegion": "us-east-1"},
        "upload": {"method": "PUT", "url": url, "headers": headers, "expiresAt": "2026-01-01T00:15:00.000Z"},
    });
    granted.insert(media, headers);
    (StatusCode::CREATED, Json(grant))
}

async fn rerun(
    State(fake): State<Arc<Fake>>,
    Path(media): Path<String>,
    Json(request): Json<Value>,
) -> impl IntoResponse {
    fake.requests.lock().unwrap().push(request);
    let mut job = view(&fake, &media.replace("med_", "job_").replace("job_01j0", "job_01j1"), 0);
    job["mediaId"] = media.into();
    (StatusCode::ACCEPTED, [("retry-after", "0")], Json(job))
}

/// Two media per page.
async fn account(State(fake): State<Arc<Fake>>, Query(parameters): Query<BTreeMap<String, String>>) -> Json<Value> {
    let listed = fake.behaviour.lock().unwrap().listed;
    let mut asked = BTreeMap::from([("limit".to_owned(), "2".to_owned())]);
    asked.extend(parameters);
    let (entries, next) = page(&asked, listed, "med_01j");
    let entries = entries.into_iter().map(|number| {
        let id = format!("med_01j{number:023}");
        let mut media = media_view(&id);
        media["jobs"] = json!([view(&fake, &id.replace("med_", "job_"), 2)]);
        media
    });
    Json(json!({"userId": "user-1", "media": entries.collect::<Vec<_>>(), "next": next}))
}

async fn delete_account() -> (StatusCode, Json<Value>) {
    (StatusCode::ACCEPTED, Json(json!({"deletedBefore": "2026-01-01T00:00:00.000Z"})))
}

async fn store(
    State(fake): State<Arc<Fake>>,
    Path(media): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let signed = fake.granted.lock().unwrap()[&media].clone();
    for (name, value) in signed.as_object().unwrap() {
        assert_eq!(headers.get(name).map(|v| v.to_str().unwrap()), value.as_str(), "{name}");
    }
    assert_eq!(headers[header::CONTENT_LENGTH], body.len().to_string());
    assert_eq!(signed["x-amz-checksum-sha256"], BASE64.encode(Sha256::digest(&body)));
    let mut objects = fake.objects.lock().unwrap();
    if objects.contains_key(&media) {
        return StatusCode::PRECONDITION_FAILED;
    }
    objects.insert(media, body);
    let lost = std::mem::take(&mut fake.behaviour.lock().unwrap().loses_answer);
    if lost { StatusCode::BAD_GATEWAY } else { StatusCode::OK }
}

async fn complete(State(fake): State<Arc<Fake>>, Json(body): Json<Value>) -> Response {
    let media = body["mediaId"].as_str().unwrap();
    if let Some(refused) = parts::join(&fake, media) {
        return refused;
    }
    if !fake.objects.lock().unwrap().contains_key(media) {
        return (StatusCode::CONFLICT, Json(json!({"code": "upload_not_found"}))).into_response();
    }
    let job = media.replace("med_", "job_");
    (StatusCode::ACCEPTED, [("retry-after", "0")], Json(view(&fake, &job, 0))).into_response()
}

async fn job(State(fake): State<Arc<Fake>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    // Queued when submitted; the first two polls see it running, and the third sees its end.
    let look = {
        let mut looks = fake.looks.lock().unwrap();
        let look = looks.entry(id.clone()).or_insert(0);
        *look += 1;
        *look
    };
    let (state, tag) = match look {
        1 | 2 => (1, "W/\"1\""),
        _ if fake.behaviour.lock().unwrap().never_ends => (1, "W/\"1\""),
        _ => (2, "W/\"2\""),
    };
    let fields = [("etag", tag), ("retry-after", "0")];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag) {
        return (StatusCode::NOT_MODIFIED, fields).into_response();
    }
    (fields, Json(view(&fake, &id, state))).into_response()
}

async fn cancel(State(fake): State<Arc<Fake>>, Path(id): Path<String>) -> Response {
    if id.ends_with('9') {
        let problem = json!({"code": "job_ended", "title": "T", "detail": "the job is COMPLETED"});
        return (StatusCode::CONFLICT, Json(problem)).into_response();
    }
    let mut job = view(&fake, &id, 0);
    job["status"] = "CANCELLED".into();
    Json(job).into_response()
}

/// A page of ULIDs, newest first, and the cursor of the next page. As strict as the API about its parameters.
fn page(parameters: &BTreeMap<String, String>, listed: usize, prefix: &str) -> (Vec<usize>, Option<String>) {
    assert!(parameters.keys().all(|name| ["limit", "after", "status", "kind"].contains(&name.as_str())));
    let limit: usize = parameters.get("limit").map_or(20, |limit| limit.parse().unwrap());
    assert!((1..=100).contains(&limit), "{limit}");
    let before = parameters.get("after").map_or(listed, |id| id.strip_prefix(prefix).unwrap().parse().unwrap());
    let entries: Vec<_> = (0..before).rev().take(limit).collect();
    let next = entries.last().filter(|last| **last > 0).map(|last| format!("{prefix}{last:023}"));
    (entries, next)
}

async fn list_jobs(State(fake): State<Arc<Fake>>, Query(parameters): Query<BTreeMap<String, String>>) -> Json<Value> {
    let listed = fake.behaviour.lock().unwrap().listed;
    let (entries, next) = page(&parameters, listed, "job_01j");
    let failed = |number: &usize| number.is_multiple_of(3);
    let wanted = |number: &usize| match parameters.get("status").map(String::as_str) {
        Some("FAILED") => failed(number),
        Some(other) => panic!("the client sent {other}"),
        None => true,
    };
    let entries = entries.into_iter().filter(wanted).map(|number| {
        let mut job = json!({
            "jobId": format!("job_01j{number:023}"), "mediaId": format!("med_01j{number:023}"),
            "status": "COMPLETED", "kind": "image", "createdAt": "2026-01-01T00:00:00.000Z",
        });
        if failed(&number) {
            job["status"] = "FAILED".into();
            job["error"] = json!({"code": "corrupt_media", "message": "m", "stage": "render", "retryable": false});
        }
        job
    });
    Json(json!({"jobs": entries.collect::<Vec<_>>(), "next": next}))
}

async fn list_media(State(fake): State<Arc<Fake>>, Query(parameters): Query<BTreeMap<String, String>>) -> Json<Value> {
    let listed = fake.behaviour.lock().unwrap().listed;
    let (entries, next) = page(&parameters, listed, "med_01j");
    let entries: Vec<_> = entries.into_iter().map(|number| media_view(&format!("med_01j{number:023}"))).collect();
    Json(json!({"media": entries, "next": next}))
}

async fn delete(State(fake): State<Arc<Fake>>, Path(id): Path<String>) -> Response {
    let listed = fake.behaviour.lock().unwrap().listed;
    if id.strip_prefix("med_01j").unwrap().parse::<usize>().unwrap() < listed {
        (StatusCode::ACCEPTED, Json(json!({ "mediaId": id }))).into_response()
    } else {
        (StatusCode::NOT_FOUND, Json(json!({"code": "not_found", "title": "Not found"}))).into_response()
    }
}

async fn media(State(fake): State<Arc<Fake>>, Path(id): Path<String>) -> Response {
    let listed = fake.behaviour.lock().unwrap().listed;
    if id.strip_prefix("med_01j").unwrap().parse::<usize>().unwrap() < listed {
        Json(media_view(&id)).into_response()
    } else {
        (StatusCode::NOT_FOUND, Json(json!({"code": "not_found", "title": "Not found"}))).into_response()
    }
}

fn media_view(id: &str) -> Value {
    json!({
        "mediaId": id, "jobId": id.replace("med_", "job_"), "status": "SUBMITTED", "kind": "image",
        "filename": "photo\u{1b}[2J.jpg", "size": 3_000_000, "createdAt": "2026-01-01T00:00:00.000Z",
    })
}

fn view(fake: &Fake, id: &str, state: usize) -> Value {
    let behaviour = fake.behaviour.lock().unwrap();
    let mut job = json!({
        "jobId": id, "mediaId": id.replace("job_", "med_"),
        "status": "QUEUED", "stage": "queue", "progress": 0,
        "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:02.540Z",
    });
    let changes = match state {
        0 => json!({}),
        1 => {
            // The first output is ready before the others; it may still be replaced.
            let first = behaviour.outputs.len().min(1);
            let ready = outputs(fake.address, &behaviour.outputs[..first]);
            json!({"status": "RUNNING", "stage": "render", "progress": 40, "kind": "image", "outputs": ready})
        }
        _ if behaviour.fails => json!({"status": "FAILED", "stage": "render", "kind": "image", "error": {
            "code": "corrupt_media", "message": "it ends too early", "stage": "render", "retryable": false,
            "remedy": "Export it again.",
        }}),
        _ => json!({"status": "COMPLETED", "stage": "finish", "progress": 100, "kind": "image",
            "cost": {"totalMicroDollars": 313, "pricesRegion": "us-east-1"},
            "outputs": outputs(fake.address, &behaviour.outputs)}),
    };
    job.as_object_mut().unwrap().append(&mut changes.as_object().unwrap().clone());
    job
}

fn outputs(address: SocketAddr, outputs: &[Output]) -> Vec<Value> {
    let list = outputs.iter().enumerate().map(|(index, output)| {
        let digest = smmu_core::Sha256::from_bytes(Sha256::digest(&output.said).into());
        json!({
            "name": output.name, "role": "rendition", "contentType": "image/jpeg",
            "bytes": output.said.len(), "sha256": digest, "width": 2, "height": 1, "state": "ready",
            "url": format!("http://{address}/processed/{index}?{SIGNATURE}"),
            "urlExpiresAt": "2026-01-01T01:00:00.000Z",
        })
    });
    list.collect()
}

async fn fetch(State(fake): State<Arc<Fake>>, Path(index): Path<usize>) -> Vec<u8> {
    fake.behaviour.lock().unwrap().outputs[index].stored.clone()
}
