//! Sends the sample events of the workers' functions in `events/` to them, about an upload of this test, and reads what
//! they have made as a client does.
//!
//! By default the functions are those that the local cloud runs. With `SMMU_INVOKER=tools/sam-invoke.sh`, SAM runs their
//! images.

use crate::{
    attempts::running,
    events::{events_folder, invoke, invoker},
};
use serde_json::{Value, json};
use smmu_core::{Detected, Pipeline, speech::wer::word_error_rate};
use smmu_tests::{Caller, Stack, caller::hex_sha256, in_functions, samples};
use std::collections::BTreeMap;

/// Each function with its sample event.
pub(crate) const EVENTS: [(&str, &str); 2] = [("transcode", "transcode-job"), ("transcribe", "transcribe-job")];

/// A sample event about the upload of a job.
fn about(name: &str, job: &Detected) -> Value {
    let text = std::fs::read(events_folder().join(format!("{name}.json"))).unwrap();
    let mut event: Value = serde_json::from_slice(&text).unwrap();
    let of_job = serde_json::to_value(job).unwrap();
    for member in ["jobId", "mediaId", "userId", "source"] {
        event["work"][member] = of_job[member].clone();
    }
    event
}

/// Calls a function and returns its answer.
async fn called(stack: &Stack, function: &str, event: &Value) -> Value {
    if let Some(program) = invoker() {
        return invoke(&program, stack, function, event, &[]).await;
    }
    let name = format!("smmu-{}-{function}", stack.stage);
    let url = format!("{}/2015-03-31/functions/{name}/invocations", stack.cloud.address().endpoint());
    // The emulator does not check signatures of root.
    let root = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request";
    let call = reqwest::Client::builder().no_proxy().build().unwrap().post(url).header("authorization", root);
    call.json(event).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn the_workers_functions_do_the_work_of_their_sample_events() {
    let stack = in_functions();
    let user = Caller::user(stack, "ada").await;
    let (job, jobs) = running(stack, &user, &samples::spoken_clip(samples::SENTENCES)).await;
    let id = &job.input.job_id;
    for (function, name) in EVENTS {
        assert_eq!(called(stack, function, &about(name, &job)).await, json!({}), "{function}");
    }
    let after = jobs.get(id).await.unwrap().unwrap();
    for pipeline in [Pipeline::Transcode, Pipeline::Transcribe] {
        assert!(after.has_committed(pipeline), "{pipeline:?}: {after:?}");
    }

    // What the state machine does next.
    let complete = json!({ "action": "complete", "jobId": id, "branch": "transcode_and_transcribe" });
    let complete = serde_json::from_value(complete).unwrap();
    stack.call::<smmu_update_status::Context>("update-status", complete, &[]).await.unwrap();
    let ended = user.job(id.as_str()).await.json();
    assert_eq!((&ended["status"], ended.get("warnings")), (&"COMPLETED".into(), None), "{ended}");
    assert!(ended["cost"]["computeMicroDollars"].as_u64().unwrap() > 0, "{ended}");

    let mut made = BTreeMap::new();
    for output in ended["outputs"].as_array().unwrap() {
        let content = user.download(output["url"].as_str().unwrap()).await;
        assert_eq!(output["sha256"], hex_sha256(&content), "{output}");
        made.insert(output["name"].as_str().unwrap(), content);
    }
    let text = |name: &str| String::from_utf8(made[name].clone()).unwrap();
    assert!(text("master.m3u8").contains("TYPE=SUBTITLES"), "{ended}");
    assert!(text("captions.vtt").starts_with("WEBVTT\n"));
    let transcript = text("transcript.txt");
    assert!(word_error_rate(samples::SENTENCES, &transcript) <= 0.25, "{transcript}");
    let image = image::load_from_memory(&made["poster.jpg"]).unwrap();
    assert_eq!((image.width(), image.height()), (320, 180));
}
