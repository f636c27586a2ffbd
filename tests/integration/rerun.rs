//! Reruns: one job at a time, earlier outputs stay until the new job completes, and a deletion removes all of them.

use aws_sdk_dynamodb::{Client as DynamoDb, types::AttributeValue};
use aws_sdk_s3::Client as S3;
use aws_sdk_sqs::Client as Sqs;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use smmu_cloud::Submitter;
use smmu_core::{Choice, ErrorCode, JobEvent, MediaKind, Pipeline, Refusal, Rerun, Stage};
use smmu_tests::{Answer, Caller, Stack, by_request, samples, until, with_transcription};
use std::collections::{BTreeSet, HashMap};

async fn rerun(user: &Caller, media: &str, body: Option<Value>) -> Answer {
    user.call(Method::POST, &format!("/media/{media}/jobs"), body).await
}

async fn media(user: &Caller, id: &str) -> Value {
    user.call(Method::GET, &format!("/media/{id}"), None).await.json()
}

/// Number of stored objects of a job.
async fn stored(stack: &Stack, job: &str) -> usize {
    let bucket = stack.output("ProcessedBucketName");
    let prefix = format!("jobs/{job}/");
    let listed = S3::new(&stack.sdk).list_object_versions().bucket(bucket).prefix(prefix).send().await.unwrap();
    listed.versions().len()
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.text_at("/code"))
}

fn names(job: &Value) -> BTreeSet<&str> {
    job["outputs"].as_array().unwrap().iter().map(|output| output["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn outputs_stay_until_a_rerun_completes_and_a_deletion_removes_both() {
    let stack = by_request();
    let user = Caller::user(stack, "rerun").await;
    let first = user.submit(&samples::png(2000, 1500), "image/png").await;
    let before = user.ended(&first).await;
    let id = first.replace("job_", "med_");

    let answer = rerun(&user, &id, None).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let second = answer.text_at("/jobId");
    assert_ne!(second, first);
    // Three megapixels, as they were measured.
    let expected = &answer.json()["estimate"]["microDollars"];
    assert!(
        expected["low"].as_u64() <= expected["expected"].as_u64() && expected["low"].as_u64() > Some(0),
        "{expected}"
    );
    assert_eq!(answer.header("location"), format!("/jobs/{second}"));
    assert_eq!(answer.text_at("/mediaId"), id);
    let running = media(&user, &id).await;
    assert_eq!(running["runs"], json!([first, second]));
    if user.job(&second).await.text_at("/status") != "COMPLETED" {
        assert_eq!(running["jobId"], json!(first), "the first job is current while the second runs");
    }
    let after = user.ended(&second).await;
    assert_eq!(after["status"], "COMPLETED", "{after}");
    assert_eq!(names(&after), names(&before));
    assert_eq!(media(&user, &id).await["jobId"], json!(second));
    // The facts that the worker measured are still there.
    assert_eq!(media(&user, &id).await["facts"]["image"]["width"], 2000);
    // `complete` returns the newest job and starts none.
    assert_eq!(user.complete(&id).await.text_at("/jobId"), second);
    let url = user.job(&first).await.json()["outputs"][0]["url"].as_str().unwrap().to_owned();
    assert!(!user.download(&url).await.is_empty(), "the earlier job keeps its outputs");
    let listed = user.call(Method::GET, "/jobs?limit=2", None).await.json();
    let listed: Vec<_> = listed["jobs"].as_array().unwrap().iter().map(|job| &job["jobId"]).collect();
    assert_eq!(listed, [&json!(second), &json!(first)]);

    assert_eq!(user.call(Method::DELETE, &format!("/media/{id}"), None).await.status, StatusCode::ACCEPTED);
    for job in [&first, &second] {
        assert_eq!(user.job(job).await.status, StatusCode::NOT_FOUND);
        until("its outputs are removed", async || stored(stack, job).await == 0).await;
    }
    assert_eq!(rerun(&user, &id, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(user.call(Method::GET, "/jobs?limit=2", None).await.text, r#"{"jobs":[]}"#);
}

#[tokio::test]
async fn concurrent_reruns_start_one_job() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let first = user.submit(&samples::png(3000, 2000), "image/png").await;
    user.ended(&first).await;
    let id = first.replace("job_", "med_");
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let (user, id) = (user.clone(), id.clone());
            tokio::spawn(async move { rerun(&user, &id, None).await })
        })
        .collect();
    let mut made = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        match answer.status {
            StatusCode::ACCEPTED => made.push(answer.text_at("/jobId")),
            _ => assert_eq!(code(&answer), (409, "job_running".to_owned()), "{}", answer.text),
        }
    }
    assert_eq!(made.len(), 1);
    assert_eq!(media(&user, &id).await["runs"], json!([first, made[0]]));
    // No other run starts until this one is cancelled.
    assert_eq!(user.call(Method::POST, &format!("/jobs/{}/cancel", made[0]), None).await.status, StatusCode::OK);
    assert_eq!(media(&user, &id).await["jobId"], json!(first), "a cancelled run replaces nothing");
    let third = rerun(&user, &id, None).await.text_at("/jobId");
    assert_eq!(user.ended(&third).await["status"], "COMPLETED");
    assert_eq!(media(&user, &id).await["jobId"], json!(third));
}

#[tokio::test]
async fn a_repeated_rerun_with_a_key_starts_one_job() {
    let user = Caller::user(by_request(), "ada").await;
    let first = user.submit(&samples::png(42, 31), "image/png").await;
    user.ended(&first).await;
    let path = format!("/media/{}/jobs", first.replace("job_", "med_"));
    let send =
        async |body: Value| user.call_with(Method::POST, &path, Some(body), &[("idempotency-key", "again-1")]).await;
    let made = send(json!({})).await.text_at("/jobId");
    user.ended(&made).await;
    let again = send(json!({})).await;
    assert_eq!((again.status, again.text_at("/jobId")), (StatusCode::ACCEPTED, made));
    assert_eq!(code(&send(json!({"profile": "default"})).await), (422, "idempotency_mismatch".to_owned()));
}

#[tokio::test]
async fn an_impossible_rerun_is_refused_with_its_reason() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    // Not uploaded.
    let file = samples::png(43, 31);
    let granted = user.init(&file, "image/png").await;
    assert_eq!(code(&rerun(&user, &granted.media_id, None).await), (409, "upload_not_found".to_owned()));
    // A failed job can be rerun, and is replaced at once.
    let failed = user.submit(b"\x89PNG\r\n\x1a\nand no more of it", "image/png").await;
    assert_eq!(user.ended(&failed).await["status"], "FAILED");
    let id = failed.replace("job_", "med_");
    let again = rerun(&user, &id, Some(json!({}))).await.text_at("/jobId");
    assert_eq!(user.ended(&again).await["error"]["code"], "corrupt_media");
    assert_eq!(media(&user, &id).await["jobId"], json!(again));
    for (body, pointer) in [
        (json!({"profile": "large"}), "/profile"),
        (json!({"language": "klingon"}), "/language"),
        (json!({"steps": ["transcode"]}), "/steps"),
        (json!({"step": ["transcribe"]}), "/step"),
    ] {
        let refused = rerun(&user, &id, Some(body)).await;
        assert_eq!((refused.status.as_u16(), refused.text_at("/pointer").as_str()), (400, pointer));
    }
    let text = rerun(&user, &id, Some(json!({"steps": ["transcribe"]}))).await;
    assert_eq!(code(&text), (409, "step_unavailable".to_owned()), "this stack has no transcription");
    // The file is deleted.
    let raw = stack.output("RawBucketName");
    S3::new(&stack.sdk).delete_object().bucket(raw).key(format!("uploads/{id}")).send().await.unwrap();
    assert_eq!(code(&rerun(&user, &id, None).await), (410, "source_missing".to_owned()));
}

/// Resets a completed job to the state after a failed transcription.
async fn without_text(stack: &Stack, job: &str) {
    let (tables, table) = (DynamoDb::new(&stack.sdk), stack.output("JobsTableName"));
    let key = AttributeValue::S(job.to_owned());
    let mut item = tables.get_item().table_name(table).key("jobId", key).send().await.unwrap().item.unwrap();
    let of_text = |output: &AttributeValue| output.as_m().unwrap()["key"].as_s().unwrap().contains("/transcribe/");
    let AttributeValue::L(outputs) = item.get_mut("outputs").unwrap() else { panic!("outputs are a list") };
    // The master playlist that lists captions is stored with them.
    outputs.retain(|output| !of_text(output));
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let warning = HashMap::from([
        ("code".to_owned(), text("step_failed")),
        ("message".to_owned(), text("the step transcribe failed")),
        ("step".to_owned(), text("transcribe")),
        ("errorCode".to_owned(), text("worker_failed")),
        ("retryable".to_owned(), AttributeValue::Bool(true)),
    ]);
    item.insert("warnings".to_owned(), AttributeValue::L(vec![AttributeValue::M(warning)]));
    tables.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}

#[tokio::test]
async fn rerunning_one_step_adds_its_outputs() {
    let stack = with_transcription();
    let user = Caller::user(stack, "ada").await;
    let first = user.submit(&samples::spoken_clip(samples::SENTENCES), "video/mp4").await;
    let whole = user.ended(&first).await;
    assert_eq!(whole["status"], "COMPLETED", "{whole}");
    without_text(stack, &first).await;
    let without = user.job(&first).await.json();
    assert_eq!(without["warnings"][0]["code"], "step_failed", "{without}");
    assert!(!names(&without).contains("captions.vtt"));

    let id = first.replace("job_", "med_");
    let answer = rerun(&user, &id, Some(json!({"steps": ["transcribe"], "language": "en-GB"}))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    assert_eq!((answer.json()["steps"].clone(), answer.text_at("/language")), (json!(["transcribe"]), "en".to_owned()));
    let second = answer.text_at("/jobId");
    let after = user.ended(&second).await;
    assert_eq!((&after["status"], &after["warnings"]), (&json!("COMPLETED"), &Value::Null), "{after}");
    assert_eq!(names(&after), names(&whole), "the renditions are those of the first job");
    assert!(stored(stack, &second).await < stored(stack, &first).await, "nothing was re-encoded");
    let master = after["outputs"].as_array().unwrap().iter().find(|output| output["name"] == "master.m3u8").unwrap();
    let master = String::from_utf8(user.download(master["url"].as_str().unwrap()).await).unwrap();
    assert_eq!(master.matches("TYPE=SUBTITLES").count(), 1, "{master}");
    assert_eq!(media(&user, &id).await["jobId"], json!(second));

    // A further run replaces the captions instead of adding them.
    let third = rerun(&user, &id, Some(json!({"steps": ["transcribe"]}))).await.text_at("/jobId");
    let again = user.ended(&third).await;
    assert_eq!(names(&again), names(&whole), "{again}");
    // An image has no such step.
    let image = user.submit(&samples::png(44, 31), "image/png").await;
    user.ended(&image).await;
    let refused = rerun(&user, &image.replace("job_", "med_"), Some(json!({"steps": ["transcribe"]}))).await;
    assert_eq!(code(&refused), (409, "step_unavailable".to_owned()));
}

#[tokio::test]
async fn a_rerun_step_that_fails_only_fails_its_own_job() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let first = user.submit(&samples::sound_in_mp4(), "audio/mp4").await;
    let before = user.ended(&first).await;
    assert_eq!((&before["status"], &before["kind"]), (&json!("COMPLETED"), &json!("audio")), "{before}");
    let id = first.replace("job_", "med_");

    // This stack has no transcription, so the test reports in place of the workers. The queue has no consumer.
    let queue = Sqs::new(&stack.sdk).create_queue().queue_name("step-that-fails").send().await.unwrap();
    let changed = [("SMMU_JOBS_QUEUE_URL", queue.queue_url().unwrap())];
    let submitter = Submitter::new(&stack.sdk, &stack.environment(&changed)).unwrap();
    let rerun = Rerun { choice: Choice::default(), step: Some(Pipeline::Transcribe) };
    let job = submitter.run_again(&id.parse().unwrap(), &rerun, None, None).await.unwrap();
    let error = Refusal::new(ErrorCode::WorkerFailed, "the worker failed after all retries").at(Stage::Transcribe);
    for event in
        [JobEvent::Started, JobEvent::Detected(MediaKind::Audio), JobEvent::GivenUp(Pipeline::Transcribe, error)]
    {
        submitter.jobs.advance(&job.id, event).await.unwrap();
    }
    let complete = json!({"action": "complete", "jobId": job.id, "branch": "transcribe"});
    let complete = serde_json::from_value(complete).unwrap();
    let answer = stack.call::<smmu_update_status::Context>("update-status", complete, &changed).await.unwrap();
    assert_eq!(serde_json::to_value(answer).unwrap(), json!({"status": "FAILED", "retryable": true}));

    let after = user.job(job.id.as_str()).await.json();
    assert_eq!((&after["status"], &after["error"]["code"]), (&json!("FAILED"), &json!("worker_failed")));
    assert_eq!(media(&user, &id).await["jobId"], json!(first), "the first job stays current");
    assert_eq!(names(&user.job(&first).await.json()), names(&before));
}
