//! Sends every sample event in `events/` to its function, in the order of a job's life, and compares the answer with a
//! snapshot. Those of the workers' functions are in `worker_events.rs`.
//!
//! By default the handler is called in this process. With `SMMU_INVOKER=tools/sam-invoke.sh`, the function that `sam
//! build` made runs in a container. Both must give the same answers.

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_s3::{Client as S3, primitives::ByteStream, types::ChecksumAlgorithm};
use aws_sdk_sqs::{Client as Sqs, types::QueueAttributeName};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lambda_http::{Body, Request, http};
use lambda_runtime::Diagnostic;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use smmu_cloud::{Failure, Function, Jobs, MediaTable, Uploads};
use smmu_core::{
    Artifact, Choice, Grant, Job, JobEvent, JobId, Labels, Media, MediaId, MediaState, Output, PartPlan, PartsUpload,
    Pipeline, Role, Sending, Sha256, Status, UserId, av,
};
use smmu_tests::{Stack, by_request, samples};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

const MEDIA: &str = "med_01jd0w00000000000000000001";
/// An upload in parts, none of which has arrived.
const IN_PARTS: &str = "med_01jd0w00000000000000000002";
const USER: &str = "user-1";

/// The setting of the sample events: their media, its object, and the job that they need.
struct Scene {
    stack: &'static Stack,
    jobs: Jobs,
    media: MediaTable,
    file: Vec<u8>,
    version: String,
    // Has no consumer, so the stack's dispatch does not start jobs of sample events.
    queue_url: String,
    played: BTreeSet<String>,
}

impl Scene {
    async fn set() -> Self {
        let stack = by_request();
        let environment = stack.environment(&[]);
        // The roles have no permission for this queue, but its own policy grants it.
        let all = json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Resource": "*"});
        let policy = json!({ "Version": "2012-10-17", "Statement": all }).to_string();
        let queue = Sqs::new(&stack.sdk).create_queue().queue_name("sample-events");
        let queue = queue.attributes(QueueAttributeName::Policy, policy).send().await.unwrap();
        let mut scene = Self {
            stack,
            jobs: Jobs::new(&stack.sdk, &environment).unwrap(),
            media: MediaTable::new(&stack.sdk, &environment).unwrap(),
            file: samples::png(40, 30),
            version: String::new(),
            queue_url: queue.queue_url.unwrap(),
            played: BTreeSet::new(),
        };
        let media = scene.granted();
        scene.media.create(&media).await.unwrap();
        scene.media.create(&scene.granted_in_parts().await).await.unwrap();
        let stored = S3::new(&stack.sdk)
            .put_object()
            .bucket(stack.output("RawBucketName"))
            .key(media.key())
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(ByteStream::from(scene.file.clone()))
            .send()
            .await
            .unwrap();
        stored.version_id().unwrap().clone_into(&mut scene.version);
        scene
    }

    fn sha256(&self) -> Sha256 {
        Sha256::from_bytes(<sha2::Sha256 as sha2::Digest>::digest(&self.file).into())
    }

    fn granted(&self) -> Media {
        let sha256 = self.sha256();
        Media {
            id: MEDIA.parse().unwrap(),
            user: UserId::try_from(USER.to_owned()).unwrap(),
            file_name: "photo.png".into(),
            labels: Labels::default(),
            grant: Grant {
                content_type: "image/png".into(),
                bytes: self.file.len() as u64,
                sending: Sending::Whole { sha256 },
            },
            choice: Choice::default(),
            reruns: Vec::new(),
            state: MediaState::AwaitingUpload,
            created_at: "2026-11-23T12:00:00Z".parse().unwrap(),
            expires_at: "9999-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    async fn granted_in_parts(&self) -> Media {
        let id: MediaId = IN_PARTS.parse().unwrap();
        let uploads = Uploads::new(&self.stack.sdk, &self.stack.environment(&[])).unwrap();
        let upload_id = uploads.begin_parts(&id, "video/mp4").await.unwrap();
        let bytes = 20_000_000;
        let parts = PartsUpload { upload_id, part_bytes: PartPlan::of(bytes).part_bytes, seal: None };
        let sending = Sending::Parts { parts, declared: None };
        Media { id, grant: Grant { content_type: "video/mp4".into(), bytes, sending }, ..self.granted() }
    }

    fn job_id() -> JobId {
        JobId::of(&MEDIA.parse::<MediaId>().unwrap())
    }

    async fn job(&self) -> Option<Job> {
        self.jobs.get(&Self::job_id()).await.unwrap()
    }

    /// Resets the job to the state that an event expects.
    async fn job_after(&self, events: &[JobEvent]) {
        let job = Job::queued(
            &self.granted(),
            &smmu_core::StoredObject { version_id: self.version.clone(), bytes: 0, checksum: None },
            smmu_cloud::clock::now(),
        );
        DynamoDb::new(&self.stack.sdk)
            .put_item()
            .table_name(self.stack.output("JobsTableName"))
            .set_item(Some(serde_dynamo::to_item(&job).unwrap()))
            .send()
            .await
            .unwrap();
        for event in events {
            self.jobs.advance(&job.id, event.clone()).await.unwrap();
        }
    }

    /// Creates an endpoint with the ID in the sample events.
    async fn webhook(&self) {
        let webhook = json!({
            "webhookId": "whk_01jd0w00000000000000000001", "url": "https://hooks.example.com/",
            "secret": smmu_cloud::webhooks::new_secret(), "createdAt": "2026-11-23T12:00:00Z",
        });
        let webhook: smmu_core::webhook::Endpoint = serde_json::from_value(webhook).unwrap();
        let user = UserId::try_from(USER.to_owned()).unwrap();
        let made = self.media.change_webhooks(&user, |all| {
            all.push(webhook.clone());
            Ok::<_, std::convert::Infallible>(())
        });
        made.await.unwrap().unwrap();
    }

    /// A playable output, stored as an attempt would.
    async fn stored_playlist(&self) -> Output {
        let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n360p.m3u8\n";
        let sha256 = sha256(text.as_bytes());
        let artifact =
            Artifact::new("master.m3u8", Role::MasterPlaylist, av::hls::CONTENT_TYPE, text.len() as u64, sha256);
        let output = Output::ready(&format!("jobs/{}/transcode/a/", Self::job_id()), artifact);
        let put = S3::new(&self.stack.sdk).put_object().bucket(self.stack.output("ProcessedBucketName"));
        put.key(&output.key).body(ByteStream::from_static(text.as_bytes())).send().await.unwrap();
        output
    }

    /// A sample event, adapted to the object of this scene.
    fn event(&mut self, name: &str) -> Value {
        self.played.insert(name.to_owned());
        let path = events_folder().join(format!("{name}.json"));
        let grant = self.granted().grant;
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace("version-of-the-upload", &self.version)
            .replace("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", &self.sha256().to_string())
            .replace("\"bytes\": 4", &format!("\"bytes\": {}", grant.bytes))
            .replace("\\\"bytes\\\": 4", &format!("\\\"bytes\\\": {}", grant.bytes));
        serde_json::from_str(&text).unwrap()
    }

    /// Sends an event to a function and returns the outcome.
    async fn play(&mut self, function: &str, name: &str) -> Value {
        let event = self.event(name);
        let queue_url = self.queue_url.clone();
        let queues = [
            ("SMMU_JOBS_QUEUE_URL", queue_url.as_str()),
            ("SMMU_PURGE_QUEUE_URL", queue_url.as_str()),
            ("SMMU_WEBHOOK_QUEUE_URL", queue_url.as_str()),
        ];
        let changed = [&queues[..], &SETTINGS].concat();
        let answer = match invoker() {
            Some(program) => invoke(&program, self.stack, function, &event, &changed).await,
            // Boxed: the futures of all functions together are larger than a test's stack.
            None => Box::pin(call_handler(self.stack, function, event, &changed)).await,
        };
        self.outcome(&answer).await
    }

    /// The answer and the resulting state of the job.
    async fn outcome(&self, answer: &Value) -> Value {
        let job = self.job().await.map(|job| serde_json::to_value(job).unwrap());
        let seen = |job: &Value| {
            let names: Option<Vec<_>> =
                job["outputs"].as_array().map(|all| all.iter().map(|o| o["name"].clone()).collect());
            json!({ "status": job["status"], "stage": job["stage"], "progress": job["progress"], "kind": job["kind"], "error": job["error"], "outputs": names })
        };
        let text = json!({ "answer": answer, "job": job.as_ref().map(seen) }).to_string();
        let text = text.replace(&self.version, "[version]").replace(&self.sha256().to_string(), "[sha256]");
        serde_json::from_str(&text).unwrap()
    }
}

fn sha256(bytes: &[u8]) -> smmu_core::Sha256 {
    smmu_core::Sha256::from_bytes(<sha2::Sha256 as sha2::Digest>::digest(bytes).into())
}

/// Variables that answers depend on, set explicitly because a function invoked by SAM would otherwise use the template's
/// defaults.
const SETTINGS: [(&str, &str); 6] = [
    ("SMMU_UPLOADS_PER_DAY", "100"),
    ("SMMU_BYTES_PER_DAY", "1000000000"),
    ("SMMU_ACTIVE_JOBS_PER_USER", "50"),
    ("SMMU_RUNNING_JOBS_PER_USER", "10"),
    // Estimates contain the transcription.
    ("SMMU_TRANSCRIPTION", "true"),
    // Workers run in containers only.
    ("SMMU_WORKER_FUNCTION_MEMORY", "0"),
];

pub(crate) fn events_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events")
}

/// The program that invokes functions instead of this process. Its arguments are a function's name, an event file and
/// an environment file, and it prints the answer.
pub(crate) fn invoker() -> Option<PathBuf> {
    let program = std::env::var_os("SMMU_INVOKER").filter(|name| !name.is_empty())?;
    Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(program))
}

pub(crate) async fn invoke(
    program: &Path,
    stack: &Stack,
    function: &str,
    event: &Value,
    changed: &[(&str, &str)],
) -> Value {
    let mut variables = stack.variables(changed);
    let endpoint = stack.cloud.address().endpoint_for_containers().expect("SMMU_BRIDGE=1 goes with SMMU_INVOKER");
    variables.insert("AWS_ENDPOINT_URL".into(), endpoint.into());
    let folder = tempfile::tempdir().unwrap();
    let [event_file, environment] = ["event.json", "environment.json"].map(|name| folder.path().join(name));
    std::fs::write(&event_file, event.to_string()).unwrap();
    std::fs::write(&environment, json!({ "Parameters": variables }).to_string()).unwrap();
    // Show progress: each invocation takes seconds.
    eprintln!("{function} is invoked by {}", program.display());
    let run = tokio::process::Command::new(program).arg(function).args([&event_file, &environment]).output();
    let ran = run.await.unwrap();
    let (answer, told) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let last = answer.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {answer}\n{told}"))
}

async fn call_handler(stack: &Stack, function: &str, event: Value, changed: &[(&str, &str)]) -> Value {
    match function {
        "on-upload" => answered::<smmu_on_upload::Context>(stack, function, event, changed).await,
        "validate-input" => answered::<smmu_validate_input::Context>(stack, function, event, changed).await,
        "detect-type" => answered::<smmu_detect_type::Context>(stack, function, event, changed).await,
        "render-image" => answered::<smmu_render_image::Context>(stack, function, event, changed).await,
        "update-status" => answered::<smmu_update_status::Context>(stack, function, event, changed).await,
        "reconcile" => answered::<smmu_reconcile::Context>(stack, function, event, changed).await,
        "dispatch" => answered::<smmu_dispatch::Context>(stack, function, event, changed).await,
        "notify" => Box::pin(answered::<smmu_notify::Context>(stack, function, event, changed)).await,
        "deliver" => answered::<smmu_deliver::Context>(stack, function, event, changed).await,
        "sockets" => Box::pin(answered::<smmu_sockets::Context>(stack, function, event, changed)).await,
        "purge" => answered::<smmu_purge::Context>(stack, function, event, changed).await,
        "api" => {
            let Ok(response) = stack.call::<smmu_api::Context>(function, request(&event), changed).await;
            let headers: BTreeMap<_, _> =
                response.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            let body = std::str::from_utf8(response.body().as_ref()).unwrap();
            json!({ "statusCode": response.status().as_u16(), "headers": headers, "body": body })
        }
        other => panic!("there is no function {other}"),
    }
}

/// A function's answer in the form that Lambda returns.
async fn answered<F>(stack: &Stack, name: &str, event: Value, changed: &[(&str, &str)]) -> Value
where
    F: Function<Event: DeserializeOwned, Answer: Serialize, Error = Failure>,
{
    match stack.call::<F>(name, serde_json::from_value(event).unwrap(), changed).await {
        Ok(answer) => serde_json::to_value(answer).unwrap(),
        Err(failure) => {
            let Diagnostic { error_type, error_message } = failure.into();
            json!({ "errorType": error_type, "errorMessage": error_message })
        }
    }
}

/// An API Gateway event as the handler sees it.
fn request(event: &Value) -> Request {
    let method = event["requestContext"]["http"]["method"].as_str().unwrap();
    // As lambda_http builds it from the event of API Gateway.
    let [host, path, query] =
        ["/headers/host", "/rawPath", "/rawQueryString"].map(|at| event.pointer(at).unwrap().as_str().unwrap());
    let uri = format!("https://{host}{path}?{query}");
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in event["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    let body = event["body"].as_str().map_or(Body::Empty, Body::from);
    Request::from(request.body(body).unwrap())
}

/// A token of `USER`, signed with the test's own secret.
fn token(secret: &str) -> String {
    let claims = json!({"sub": USER, "exp": 4_000_000_000_u64});
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

async fn api_answer(scene: &mut Scene, name: &str) -> Value {
    use base64::{Engine, prelude::BASE64_STANDARD};
    const SECRET: &str = "a secret of thirty-two bytes or more";
    let mut event = scene.event(name);
    if let Some(header) = event.pointer_mut("/headers/authorization") {
        *header = format!("Bearer {}", token(SECRET)).into();
    }
    let own = [
        ("SMMU_JOBS_QUEUE_URL", scene.queue_url.as_str()),
        ("SMMU_PURGE_QUEUE_URL", scene.queue_url.as_str()),
        ("SMMU_WEBHOOK_QUEUE_URL", scene.queue_url.as_str()),
        ("SMMU_AUTH_ALGORITHM", "HS256"),
        ("SMMU_AUTH_SECRET", SECRET),
        ("SMMU_AUTH_ISSUER", ""),
        ("SMMU_AUTH_AUDIENCE", ""),
    ];
    let changed = [&own[..], &SETTINGS].concat();
    let answer = match invoker() {
        Some(program) => invoke(&program, scene.stack, "api", &event, &changed).await,
        None => call_handler(scene.stack, "api", event, &changed).await,
    };
    let mut body = answer["body"].as_str().unwrap().to_owned();
    // The runtime encodes unknown content types, such as playlists, in base64; API Gateway decodes them.
    if answer["isBase64Encoded"] == true {
        body = String::from_utf8(BASE64_STANDARD.decode(&body).unwrap()).unwrap();
    }
    // A body that is not JSON is kept as text.
    let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| body.into());
    json!({ "status": answer["statusCode"], "headers": answer["headers"], "body": body })
}

/// Compares an answer with its snapshot, with values that differ between runs redacted.
fn assert_played(name: &str, answer: &Value) {
    let mut answer = answer.clone();
    // The number of outputs listed before the commit depends on timing.
    if answer["job"]["status"] == "RUNNING" && answer["job"]["outputs"].is_array() {
        answer["job"]["outputs"] = Value::Null;
    }
    insta::with_settings!({
        filters => vec![
            (r"med_[0-9a-z]{26}", "[media]"),
            (r"job_[0-9a-z]{26}", "[job]"),
            (r"whk_[0-9a-z]{26}", "[webhook]"),
            (r"whsec_[0-9A-Za-z+/=]+", "[secret]"),
            (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[time]"),
            (r"(http|ws)://[0-9.]+:\d+/[^\x22]*", "[url]"),
            (r"\b\d+\.\d+\.\d+\b", "[semver]"),
            (r";t=\d+", ";t=[seconds]"),
            (r"-\d+-before", "-[minute]-before"),
            (r#""\\"[0-9a-f]{16}\\"""#, r#""[hash]""#),
        ],
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_json_snapshot!(name, answer) });
}

async fn play_socket_events(scene: &mut Scene) {
    let answer = api_answer(scene, "api-create-socket-ticket").await;
    assert_played("api-create-socket-ticket", &answer);
    // The sample's ticket was never issued.
    for name in ["sockets-connect", "sockets-message", "sockets-disconnect"] {
        let answer = scene.play("sockets", name).await;
        assert_played(name, &answer);
    }
}

#[tokio::test]
async fn every_sample_event_is_answered_as_recorded() {
    let mut scene = Scene::set().await;
    let render = [JobEvent::Started, JobEvent::Detected(smmu_core::MediaKind::Image)];

    for name in [
        "api-health",
        "api-protected-resource",
        "api-init",
        "api-init-parts",
        "api-sign-parts",
        "api-parts",
        "api-complete",
        "api-job",
        "api-jobs",
        "api-media-list",
        "api-media",
    ] {
        let answer = api_answer(&mut scene, name).await;
        assert_played(name, &answer);
    }

    let mut answer = api_answer(&mut scene, "api-openapi").await;
    let document = std::fs::read_to_string(events_folder().join("../docs/openapi.json")).unwrap();
    assert_eq!(answer["body"].take(), serde_json::from_str::<Value>(&document).unwrap());
    assert_played("api-openapi", &answer);

    let answer = scene.play("on-upload", "on-upload-created").await;
    assert_played("on-upload-created", &answer);

    scene.job_after(&[JobEvent::Sent]).await;
    for (function, name) in [
        ("validate-input", "validate-input-job"),
        ("detect-type", "detect-type-job"),
        ("render-image", "render-image-job"),
    ] {
        let answer = scene.play(function, name).await;
        assert_played(name, &answer);
    }
    let job = scene.job().await.unwrap();
    let smmu_core::JobState::Running { committed, .. } = &job.state else { panic!("rendering completes no job") };
    assert!(committed.contains_key(&Pipeline::Transcode), "the manifest is committed");

    for (name, before) in [
        ("update-status-half-done", None),
        ("update-status-given-up", None),
        ("update-status-complete", None),
        ("update-status-refused", Some(&render[..])),
        ("update-status-worker-failed", Some(&render[..])),
        ("update-status-timed-out", Some(&render[..])),
        ("update-status-dead-letters", Some(&[][..])),
    ] {
        if let Some(events) = before {
            scene.job_after(events).await;
        }
        let answer = scene.play("update-status", name).await;
        assert_played(name, &answer);
    }
    for name in ["api-rerun", "api-account"] {
        let answer = api_answer(&mut scene, name).await;
        assert_played(name, &answer);
    }

    scene.webhook().await;
    for name in ["api-create-webhook", "api-webhooks", "api-webhook", "api-rotate-webhook", "api-deliver-again"] {
        let answer = api_answer(&mut scene, name).await;
        assert_played(name, &answer);
    }
    let answer = scene.play("notify", "notify-ended").await;
    assert_played("notify-ended", &answer);
    let answer = api_answer(&mut scene, "api-delete-webhook").await;
    assert_played("api-delete-webhook", &answer);
    // The endpoint is deleted by now, so the message is dropped: a container cannot reach a receiver in this test.
    let answer = scene.play("deliver", "deliver-messages").await;
    assert_played("deliver-messages", &answer);

    play_socket_events(&mut scene).await;

    // Nothing in this stack is old enough, so it has nothing to do.
    let answer = scene.play("reconcile", "reconcile-tick").await;
    assert_played("reconcile-tick", &answer);
    // The user has no other job that could take the turn.
    let answer = scene.play("reconcile", "reconcile-ended").await;
    assert_played("reconcile-ended", &answer);

    // dispatch would start a real run. For a job that has ended it starts nothing.
    scene.job_after(&[JobEvent::Cancelled]).await;
    let answer = scene.play("dispatch", "dispatch-messages").await;
    assert_played("dispatch-messages", &answer);

    let playlist = scene.stored_playlist().await;
    scene.job_after(&[&render[..], &[JobEvent::Ready(vec![playlist])]].concat()).await;
    let answer = api_answer(&mut scene, "api-playback").await;
    assert_played("api-playback", &answer);

    scene.job_after(&render).await;
    let answer = api_answer(&mut scene, "api-cancel").await;
    assert_played("api-cancel", &answer);
    assert_eq!(scene.job().await.unwrap().status(), Status::Cancelled);

    let answer = api_answer(&mut scene, "api-delete").await;
    assert_played("api-delete", &answer);
    let answer = scene.play("purge", "purge-messages").await;
    assert_played("purge-messages", &answer);
    let answer = api_answer(&mut scene, "api-delete-account").await;
    assert_played("api-delete-account", &answer);
    let answer = scene.play("purge", "purge-account").await;
    assert_played("purge-account", &answer);

    let all: BTreeSet<_> = std::fs::read_dir(events_folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    scene.played.extend(crate::worker_events::EVENTS.map(|(_, name)| name.to_owned()));
    assert_eq!(scene.played, all, "every file in events/ is played");
}
