//! Every sample event in `events/` through its handler, in the order of a job's life: fixture in, snapshot out.

use aws_sdk_dynamodb::{Client as DynamoDb, types::AttributeValue};
use aws_sdk_s3::{Client as S3, primitives::ByteStream, types::ChecksumAlgorithm};
use aws_sdk_sqs::Client as Sqs;
use lambda_http::{Body, Request, http};
use lambda_runtime::Diagnostic;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use smmu_cloud::{Failure, Jobs, MediaTable};
use smmu_core::{Grant, Job, JobEvent, JobId, Media, MediaId, MediaState, Pipeline, UserId};
use smmu_tests::{Stack, by_request, samples};
use std::{collections::BTreeSet, path::PathBuf};

const MEDIA: &str = "med_01jd0w00000000000000000001";
const USER: &str = "user-1";

/// A stage on which the sample events happen: their media, its object, and whichever job they need.
struct Scene {
    stack: &'static Stack,
    jobs: Jobs,
    media: MediaTable,
    file: Vec<u8>,
    version: String,
    // Nobody reads it: the stack's own dispatch must not start what a sample event submits.
    queue_url: String,
    played: BTreeSet<String>,
}

impl Scene {
    async fn set() -> Self {
        let stack = by_request();
        let environment = stack.environment(&[]);
        let queue = Sqs::new(&stack.sdk).create_queue().queue_name("sample-events").send().await.unwrap();
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

    fn granted(&self) -> Media {
        let digest: [u8; 32] =
            sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &self.file))
                .into();
        let sha256 = smmu_core::Sha256::from_bytes(digest);
        Media {
            id: MEDIA.parse().unwrap(),
            user: UserId::try_from(USER.to_owned()).unwrap(),
            file_name: "photo.png".into(),
            grant: Grant { content_type: "image/png".into(), bytes: self.file.len() as u64, sha256 },
            state: MediaState::AwaitingUpload,
            created_at: "2026-11-23T12:00:00Z".parse().unwrap(),
            expires_at: "9999-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn job_id() -> JobId {
        JobId::of(&MEDIA.parse::<MediaId>().unwrap())
    }

    async fn job(&self) -> Option<Job> {
        self.jobs.get(&Self::job_id()).await.unwrap()
    }

    /// Puts the job back to where an event expects it.
    async fn job_after(&self, events: &[JobEvent]) {
        let job = Job::queued(
            &self.granted(),
            &smmu_core::StoredObject { version_id: self.version.clone(), bytes: 0, sha256: None },
            smmu_cloud::clock::now(),
        );
        DynamoDb::new(&self.stack.sdk)
            .put_item()
            .table_name(self.stack.output("JobsTableName"))
            .set_item(Some(serde_dynamo_item(&job)))
            .send()
            .await
            .unwrap();
        for event in events {
            self.jobs.advance(&job.id, event.clone()).await.unwrap();
        }
    }

    /// A sample event, aimed at the object that this scene has.
    fn event(&mut self, name: &str) -> Value {
        self.played.insert(name.to_owned());
        let path = events_folder().join(format!("{name}.json"));
        let grant = self.granted().grant;
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace("version-of-the-upload", &self.version)
            .replace("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", &grant.sha256.to_string())
            .replace("\"bytes\": 4", &format!("\"bytes\": {}", grant.bytes))
            .replace("\\\"bytes\\\": 4", &format!("\\\"bytes\\\": {}", grant.bytes));
        serde_json::from_str(&text).unwrap()
    }

    fn typed<T: DeserializeOwned>(&mut self, name: &str) -> T {
        serde_json::from_value(self.event(name)).unwrap()
    }

    /// What an event led to: the answer, and how the job stands then.
    async fn outcome<T: Serialize>(&self, answer: Result<T, Failure>) -> Value {
        let answer = match answer {
            Ok(answer) => serde_json::to_value(answer).unwrap(),
            Err(failure) => {
                let Diagnostic { error_type, error_message } = failure.into();
                json!({ "errorType": error_type, "errorMessage": error_message })
            }
        };
        let job = self.job().await.map(|job| serde_json::to_value(job).unwrap());
        let seen = |job: &Value| {
            let names: Option<Vec<_>> =
                job["outputs"].as_array().map(|all| all.iter().map(|o| o["name"].clone()).collect());
            json!({ "status": job["status"], "stage": job["stage"], "progress": job["progress"], "kind": job["kind"], "error": job["error"], "outputs": names })
        };
        let text = json!({ "answer": answer, "job": job.as_ref().map(seen) }).to_string();
        let text =
            text.replace(&self.version, "[version]").replace(&self.granted().grant.sha256.to_string(), "[sha256]");
        serde_json::from_str(&text).unwrap()
    }
}

fn events_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events")
}

fn serde_dynamo_item(job: &Job) -> std::collections::HashMap<String, AttributeValue> {
    let Value::Object(fields) = serde_json::to_value(job).unwrap() else { unreachable!("a job is an object") };
    let attribute = |value: Value| match value {
        Value::String(text) => AttributeValue::S(text),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        other => unreachable!("a queued job has texts and numbers only, not {other}"),
    };
    fields.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

/// An API Gateway event as the handler sees it, with a token of this user's own.
fn request(event: &Value, token: &str) -> Request {
    let method = event["requestContext"]["http"]["method"].as_str().unwrap();
    let mut request = http::Request::builder().method(method).uri(event["rawPath"].as_str().unwrap());
    for (name, value) in event["headers"].as_object().unwrap() {
        let value =
            if name == "authorization" { format!("Bearer {token}") } else { value.as_str().unwrap().to_owned() };
        request = request.header(name, value);
    }
    let body = event["body"].as_str().map_or(Body::Empty, Body::from);
    Request::from(request.body(body).unwrap())
}

/// A token of `USER`, signed with a secret of the test's own (RFC 7515, appendix A.1).
fn token(secret: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    let part = |value: Value| BASE64.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(json!({"alg": "HS256", "typ": "JWT"})),
        part(json!({"sub": USER, "exp": 4_000_000_000_u64}))
    );
    let tag = hmac_sha256(secret.as_bytes(), signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(tag))
}

/// RFC 2104 over SHA-256, for keys of at most one block.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    let pad = |byte: u8| (0..64).map(move |i| key.get(i).copied().unwrap_or(0) ^ byte).collect::<Vec<u8>>();
    let inner = sha2::Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    sha2::Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

async fn api_answer(scene: &mut Scene, name: &str) -> Value {
    const SECRET: &str = "a secret of thirty-two bytes or more";
    let environment = scene.stack.environment(&[
        ("SMMU_JOBS_QUEUE_URL", &scene.queue_url),
        ("SMMU_AUTH_ALGORITHM", "HS256"),
        ("SMMU_AUTH_SECRET", SECRET),
        ("SMMU_AUTH_ISSUER", ""),
        ("SMMU_AUTH_AUDIENCE", ""),
    ]);
    let context = smmu_api::Context::new(&scene.stack.sdk, &environment).unwrap();
    let event = scene.event(name);
    let response = smmu_api::handle(request(&event, &token(SECRET)), &context).await;
    let body: Value = serde_json::from_slice(response.body().as_ref()).unwrap();
    let headers: std::collections::BTreeMap<_, _> =
        response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    json!({ "status": response.status().as_u16(), "headers": headers, "body": body })
}

/// Compares an answer with its recording; what differs in every run is named instead.
fn assert_played(name: &str, answer: &Value) {
    insta::with_settings!({
        filters => vec![
            (r"med_[0-9a-z]{26}", "[media]"),
            (r"job_[0-9a-z]{26}", "[job]"),
            (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[time]"),
            (r"http://127\.0\.0\.1:\d+/[^\x22]*", "[url]"),
            (r"\b\d+\.\d+\.\d+\b", "[semver]"),
        ],
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_json_snapshot!(name, answer) });
}

#[tokio::test]
async fn every_sample_event_is_answered_as_recorded() {
    let mut scene = Scene::set().await;
    let sdk = scene.stack.sdk.clone();
    let environment = scene.stack.environment(&[("SMMU_JOBS_QUEUE_URL", &scene.queue_url)]);
    let render = [JobEvent::Started, JobEvent::Detected(smmu_core::MediaKind::Image)];

    for name in ["api-health", "api-init", "api-complete", "api-job"] {
        let answer = api_answer(&mut scene, name).await;
        assert_played(name, &answer);
    }

    let context = smmu_on_upload::Context::new(&sdk, &environment).unwrap();
    let event = scene.typed("on-upload-created");
    let answer = scene.outcome(smmu_on_upload::handle(event, &context).await).await;
    assert_played("on-upload-created", &answer);

    scene.job_after(&[JobEvent::Sent]).await;
    let context = smmu_validate_input::Context::new(&sdk, &environment).unwrap();
    let event = scene.typed("validate-input-job");
    let answer = scene.outcome(smmu_validate_input::handle(event, &context).await).await;
    assert_played("validate-input-job", &answer);

    let context = smmu_detect_type::Context::new(&sdk, &environment).unwrap();
    let event = scene.typed("detect-type-job");
    let answer = scene.outcome(smmu_detect_type::handle(event, &context).await).await;
    assert_played("detect-type-job", &answer);

    let context = smmu_render_image::Context::new(&sdk, &environment).unwrap();
    let event = scene.typed("render-image-job");
    let answer = scene.outcome(smmu_render_image::handle(event, &context).await).await;
    assert_played("render-image-job", &answer);
    let job = scene.job().await.unwrap();
    let smmu_core::JobState::Running { committed, .. } = &job.state else { panic!("rendering completes no job") };
    assert!(committed.contains_key(&Pipeline::Transcode), "the manifest is committed");

    let context = smmu_update_status::Context::new(&sdk, &environment).unwrap();
    for (name, before) in [
        ("update-status-half-done", None),
        ("update-status-complete", None),
        ("update-status-refused", Some(&render[..])),
        ("update-status-worker-failed", Some(&render[..])),
        ("update-status-timed-out", Some(&render[..])),
        ("update-status-dead-letters", Some(&[][..])),
    ] {
        if let Some(events) = before {
            scene.job_after(events).await;
        }
        let event = scene.typed(name);
        let answer = scene.outcome(smmu_update_status::handle(event, &context).await).await;
        assert_played(name, &answer);
    }

    // Nothing in this stack is old enough for it, so it has nothing to do.
    let context = smmu_reconcile::Context::new(&sdk, &environment).unwrap();
    let event = scene.typed("reconcile-tick");
    let answer = scene.outcome(smmu_reconcile::handle(event, &context).await).await;
    assert_played("reconcile-tick", &answer);

    let context = smmu_dispatch::Context::new(&sdk, &environment).unwrap();
    let event = scene.typed("dispatch-messages");
    let answer = scene.outcome(smmu_dispatch::handle(event, &context).await).await;
    assert_played("dispatch-messages", &answer);

    let all: BTreeSet<_> = std::fs::read_dir(events_folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(scene.played, all, "every file in events/ is played");
}
