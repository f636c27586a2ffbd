//! Files that go all the way.

use serde_json::Value;
use smmu_tests::{Caller, Stack, by_itself, by_request, caller::hex_sha256, samples};

/// Uploads an image, waits, and checks every output by downloading it.
async fn image_journey(stack: &Stack, file: &[u8], content_type: &str) -> Value {
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(file, content_type).await;
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    assert_eq!((&job["progress"], &job["stage"], &job["kind"]), (&100.into(), &"finish".into(), &"image".into()));
    let outputs = job["outputs"].as_array().unwrap();
    assert!(!outputs.is_empty());
    for output in outputs {
        let bytes = user.download(output["url"].as_str().unwrap()).await;
        assert_eq!(output["bytes"], bytes.len());
        assert_eq!(output["sha256"], hex_sha256(&bytes));
        if output["role"] == "manifest" {
            let manifest: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(manifest["artifacts"].as_array().unwrap().len(), outputs.len() - 1);
            continue;
        }
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!(output["width"], picture.width());
        assert_eq!(output["height"], picture.height());
        assert!(output.get("key").is_none(), "keys are ours");
    }
    job
}

fn widths(job: &Value, content_type: &str) -> Vec<u64> {
    let of_type = |output: &&Value| output["contentType"] == content_type && output["role"] == "rendition";
    let mut widths: Vec<_> = job["outputs"].as_array().unwrap().iter().filter(of_type).collect();
    widths.sort_by_key(|output| output["width"].as_u64());
    widths.iter().map(|output| output["width"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_image_is_rendered_by_the_function() {
    let before = by_itself().cloud.workers().len();
    let job = image_journey(by_itself(), &samples::jpeg(1500, 1000), "image/jpeg").await;
    for content_type in ["image/jpeg", "image/webp"] {
        let widths = widths(&job, content_type);
        assert!(widths.starts_with(&[160, 320, 640, 1280]), "{content_type}: {widths:?}");
        assert!(widths.iter().all(|width| *width <= 1500), "{content_type}: {widths:?}");
    }
    assert_eq!(by_itself().cloud.workers().len(), before, "no worker was needed");
}

#[tokio::test]
async fn an_image_is_rendered_by_the_worker() {
    let job = image_journey(by_request(), &samples::png(700, 500), "image/png").await;
    assert!(widths(&job, "image/webp").starts_with(&[160, 320, 640]), "{job}");
}

#[tokio::test]
async fn an_upload_alone_starts_its_job_where_the_trigger_is_on() {
    let stack = by_itself();
    let user = Caller::user(stack, "ada").await;
    let file = samples::png(64, 48);
    let upload = user.init(&file, "image/png").await;
    assert_eq!(user.put(&upload, &file, &[]).await.status, 200);
    let id = upload.media_id.replace("med_", "job_");
    assert_eq!(user.ended(&id).await["status"], "COMPLETED");
}

#[tokio::test]
async fn content_decides_the_type_not_the_declaration() {
    let job = image_journey(by_itself(), &samples::png(80, 60), "image/jpeg").await;
    assert_eq!(job["kind"], "image");
}

#[tokio::test]
async fn video_and_audio_are_refused_by_the_worker_itself() {
    let user = Caller::user(by_itself(), "ada").await;
    for (file, content_type, kind) in
        [(samples::mp4_head(), "video/mp4", "video"), (samples::flac_head(), "audio/flac", "audio")]
    {
        let id = user.submit(&file, content_type).await;
        let job = user.ended(&id).await;
        assert_eq!((&job["status"], &job["kind"]), (&"FAILED".into(), &kind.into()), "{job}");
        assert_eq!(job["error"]["code"], "unsupported_media", "{job}");
        assert_eq!(job["error"]["retryable"], false, "{job}");
    }
}

#[tokio::test]
async fn a_broken_image_fails_with_a_code_that_its_sender_understands() {
    for stack in [by_itself(), by_request()] {
        let user = Caller::user(stack, "ada").await;
        let mut broken = samples::jpeg(400, 300);
        broken.truncate(broken.len() / 2);
        let id = user.submit(&broken, "image/jpeg").await;
        let job = user.ended(&id).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&"FAILED".into(), &"corrupt_media".into()), "{job}");
        assert_eq!(job["error"]["retryable"], false);
        assert!(job.get("outputs").is_none(), "nothing half-made is visible: {job}");
    }
}

#[tokio::test]
async fn what_is_no_media_is_refused_by_name() {
    let user = Caller::user(by_itself(), "ada").await;
    let id = user.submit(b"#!/bin/sh\necho not a photo\n", "image/jpeg").await;
    let job = user.ended(&id).await;
    assert_eq!((&job["error"]["code"], &job["error"]["stage"]), (&"unsupported_media".into(), &"detect".into()));
}
