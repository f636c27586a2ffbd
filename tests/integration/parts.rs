//! Uploads in parts: accepted parts, missing parts, and the sealed object.

use aws_sdk_s3::Client as S3;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use smmu_cloud::{
    Attempt, Failure, Submitter, clock,
    uploads::{Joined, compose},
};
use smmu_core::{Media, Stage, Status};
use smmu_tests::{
    Caller, Stack, Upload, by_itself, by_request,
    caller::{InParts, hex_sha256},
    samples, until, with_transcription,
};
use std::collections::BTreeSet;

const MIB: usize = 1024 * 1024;

/// An image of three parts.
fn file() -> Vec<u8> {
    samples::padded_png(40, 30, 17 * MIB)
}

/// An image of one part: crashes do not depend on the number of parts.
fn small() -> Vec<u8> {
    samples::png(42, 31)
}

#[tokio::test]
async fn an_upload_in_parts_can_be_resumed_by_another_client_and_becomes_one_job() {
    let stack = by_request();
    let phone = Caller::user(stack, "ada").await;
    let file = file();
    let upload = phone.init_parts(&file, "image/png", Some(&hex_sha256(&file))).await;
    assert_eq!((upload.count, upload.part_bytes), (3, 8 * MIB));
    phone.send_part(&upload, &file, 3).await;
    phone.send_part(&upload, &file, 1).await;

    let early = phone.complete(&upload.media_id).await;
    assert_eq!((early.status, early.text_at("/code").as_str()), (StatusCode::CONFLICT, "parts_missing"));
    assert_eq!(early.text_at("/detail"), "1 of 3 parts have not arrived: 2");
    assert!(!early.header("retry-after").is_empty());

    // Another device knows only the media ID.
    let laptop = Caller::user(stack, "ada").await;
    let list = laptop.parts(&upload).await.json();
    assert_eq!((&list["size"], &list["partBytes"], &list["count"]), (&file.len().into(), &(8 * MIB).into(), &3.into()));
    assert_eq!(list["parts"][0], json!({"number": 1, "bytes": 8 * MIB, "sha256": hex_sha256(upload.part(&file, 1))}));
    assert_eq!(list["parts"][1]["number"], 3);
    let rest = laptop.call(Method::GET, &format!("{}?after=1", upload.path()), None).await.json();
    assert_eq!(rest["parts"].as_array().map(Vec::len), Some(1));
    laptop.send_part(&upload, &file, 2).await;

    let part = phone.sign_part(&upload, 2, upload.part(&file, 2)).await;
    let mut jobs = BTreeSet::new();
    for answer in [
        tokio::join!(laptop.complete(&upload.media_id), phone.complete(&upload.media_id)).into(),
        [laptop.complete(&upload.media_id).await, phone.complete(&upload.media_id).await],
    ]
    .concat()
    {
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        jobs.insert(answer.text_at("/jobId"));
    }
    let job = laptop.ended(jobs.first().unwrap()).await;
    assert_eq!((jobs.len(), &job["status"]), (1, &"COMPLETED".into()), "{job}");

    // No part can be added to a joined upload.
    assert_eq!(phone.put(&part, upload.part(&file, 2), &[]).await.status, StatusCode::NOT_FOUND);
    let body = json!({"parts": [{"number": 1, "sha256": "0".repeat(64)}]});
    for answer in [laptop.parts(&upload).await, laptop.call(Method::POST, &upload.path(), Some(body)).await] {
        assert_eq!((answer.status, answer.text_at("/code").as_str()), (StatusCode::CONFLICT, "parts_joined"));
    }
}

#[tokio::test]
async fn the_bucket_accepts_exactly_the_signed_parts() {
    let user = Caller::user(by_request(), "ada").await;
    let file = file();
    let upload = user.init_parts(&file, "image/png", None).await;
    let content = upload.part(&file, 3);
    let signed = user.sign_part(&upload, 3, content).await;
    let headers: Vec<_> = signed.request["headers"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(headers, ["x-amz-checksum-sha256"]);
    let mut other = content.to_vec();
    other[7] ^= 1;
    assert_eq!(user.put(&signed, &other, &[]).await.status, StatusCode::BAD_REQUEST, "other bytes");
    let longer = [content, b"more"].concat();
    assert!(user.put(&signed, &longer, &[]).await.status.is_client_error(), "more bytes");
    let unsigned = user.put(&signed, content, &[("x-amz-checksum-sha256", None)]).await.status;
    assert!(unsigned.is_client_error(), "missing digest: {unsigned}");
    assert_eq!(user.arrived(&upload).await, [0; 0]);
    assert_eq!(user.put(&signed, content, &[]).await.status, StatusCode::OK);
    assert_eq!(user.put(&signed, content, &[]).await.status, StatusCode::OK, "a part can be sent again");
    assert_eq!(user.arrived(&upload).await, [3]);
    // The URL of a part is valid only for that part.
    let url = signed.request["url"].as_str().unwrap();
    for (from, to) in
        [("partNumber=3", "partNumber=2"), ("uploadId=", "noUploadId="), ("x-id=UploadPart", "x-id=PutObject")]
    {
        assert!(url.contains(from), "{url}");
        let mut forged = signed.clone();
        forged.request["url"] = url.replace(from, to).into();
        assert_eq!(user.put(&forged, content, &[]).await.status, StatusCode::FORBIDDEN, "{to}");
    }
}

#[tokio::test]
async fn a_wrong_digest_of_the_whole_file_is_refused_even_if_all_parts_match() {
    let user = Caller::user(by_request(), "ada").await;
    let file = file();
    let upload = user.init_parts(&file, "image/png", Some(&hex_sha256(b"another file"))).await;
    for number in 1..=upload.count {
        user.send_part(&upload, &file, number).await;
    }
    let id = user.complete(&upload.media_id).await.text_at("/jobId");
    let job = user.ended(&id).await;
    assert_eq!((&job["status"], &job["error"]["code"]), (&"FAILED".into(), &"source_changed".into()), "{job}");
    assert_eq!((&job["error"]["retryable"], job.get("outputs")), (&false.into(), None), "{job}");
}

#[tokio::test]
async fn invalid_requests_for_parts_are_refused() {
    let user = Caller::user(by_request(), "ada").await;
    let request_body = json!({"filename": "a.mp4", "contentType": "video/mp4", "size": 5_368_709_120_u64 + 1});
    let answer = user.call(Method::POST, "/media/upload/init", Some(request_body)).await;
    assert_eq!(answer.text_at("/pointer"), "/sha256");

    let whole = user.init(&small(), "image/png").await;
    for method in [Method::GET, Method::POST] {
        let body = (method == Method::POST).then(|| json!({"parts": [{"number": 1, "sha256": "0".repeat(64)}]}));
        let answer = user.call(method, &format!("/media/{}/parts", whole.media_id), body).await;
        assert_eq!((answer.status, answer.text_at("/code").as_str()), (StatusCode::CONFLICT, "not_in_parts"));
    }

    let upload = user.init_parts(&small(), "image/png", None).await;
    let body = json!({"parts": [{"number": 2, "sha256": "0".repeat(64)}]});
    let answer = user.call(Method::POST, &upload.path(), Some(body)).await;
    assert_eq!((answer.status, answer.text_at("/pointer")), (StatusCode::BAD_REQUEST, "/parts/0/number".to_owned()));
    let view = user.call(Method::GET, &format!("/media/{}", upload.media_id), None).await.json();
    assert_eq!((view.get("sha256"), &view["partBytes"]), (None, &(8 * MIB).into()));
    assert!(!view.to_string().contains("uploadId"), "{view}");
}

#[tokio::test]
async fn an_idempotency_key_gets_one_upload_in_parts() {
    let user = Caller::user(by_request(), "ada").await;
    let file = small();
    let key = hex_sha256(user.init(&file, "image/png").await.media_id.as_bytes());
    let request_body = json!({"filename": "a.png", "contentType": "image/png", "size": file.len(), "parts": true});
    let headers = [("idempotency-key", key.as_str())];
    let once = || user.call_with(Method::POST, "/media/upload/init", Some(request_body.clone()), &headers);
    let (first, second) = tokio::join!(once(), once());
    assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.text, second.text);
    let media_id = first.text_at("/mediaId");
    assert_eq!(first.header("location"), format!("/media/{media_id}/parts"));
    let upload = InParts { media_id, part_bytes: 8 * MIB, count: 1 };
    user.send_part(&upload, &file, 1).await;
    let job = user.complete(&upload.media_id).await.text_at("/jobId");
    assert_eq!(once().await.text_at("/mediaId"), upload.media_id);
    assert_eq!(user.ended(&job).await["status"], "COMPLETED");
}

/// The upload in the product's own types.
async fn seen(stack: &Stack, upload: &InParts) -> (Submitter, Media) {
    let submitter = Submitter::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let media = submitter.media.get(&upload.media_id.parse().unwrap()).await.unwrap().unwrap();
    (submitter, media)
}

/// Records the seal, as if crashing afterwards.
async fn seal(stack: &Stack, upload: &InParts) {
    let (submitter, media) = seen(stack, upload).await;
    let parts = submitter.uploads.arrived_parts(&media, media.grant.parts().unwrap()).await.unwrap().unwrap();
    let composite = compose(media.grant.plan().unwrap(), &parts).unwrap();
    let sealed = media.sealed(composite, clock::now()).unwrap();
    assert!(submitter.media.seal(&media, &sealed).await.unwrap());
    assert!(!submitter.media.seal(&media, &sealed).await.unwrap(), "the record has changed since it was read");
}

/// Records the seal and joins the parts, as if crashing afterwards.
async fn join(stack: &Stack, upload: &InParts) {
    seal(stack, upload).await;
    let (submitter, media) = seen(stack, upload).await;
    let grant = media.grant.parts().unwrap();
    let parts = submitter.uploads.arrived_parts(&media, grant).await.unwrap().unwrap();
    let composite = compose(media.grant.plan().unwrap(), &parts).unwrap();
    let joined = submitter.uploads.join_parts(&media, grant, &parts, composite).await.unwrap();
    assert_eq!(joined, Joined::Now);
    let again = submitter.uploads.join_parts(&media, grant, &parts, composite).await.unwrap();
    assert!(matches!(again, Joined::Now | Joined::Before), "{again:?}");
}

/// Records the job too, as if crashing before its message is sent.
async fn record(stack: &Stack, upload: &InParts) {
    let missing = format!("{}-missing", stack.output("JobsQueueUrl"));
    let submitter = Submitter::new(&stack.sdk, &stack.environment(&[("SMMU_JOBS_QUEUE_URL", &missing)])).unwrap();
    let (_, media) = seen(stack, upload).await;
    let job = submitter.complete(&media, None).await.expect("the record counts, not the message");
    assert_eq!(job.status(), Status::Queued);
}

#[tokio::test]
async fn after_a_crash_at_any_step_completing_again_succeeds() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let file = small();
    for step in ["parts", "seal", "join"] {
        let upload = user.send_in_parts(&file, "image/png").await;
        match step {
            "seal" => seal(stack, &upload).await,
            "join" => join(stack, &upload).await,
            _ => {}
        }
        let answer = user.complete(&upload.media_id).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{step}: {}", answer.text);
        assert_eq!(user.ended(&answer.text_at("/jobId")).await["status"], "COMPLETED", "{step}");
    }
}

#[tokio::test]
async fn after_a_crash_the_s3_event_completes_the_upload() {
    let stack = by_itself();
    let user = Caller::user(stack, "ada").await;
    let upload = user.send_in_parts(&small(), "image/png").await;
    join(stack, &upload).await;
    let id = upload.media_id.replace("med_", "job_");
    until("the event starts a job", async || user.job(&id).await.status == StatusCode::OK).await;
    assert_eq!(user.ended(&id).await["status"], "COMPLETED");
}

async fn reconcile(stack: &Stack, patience: &[(&str, &str)]) -> smmu_reconcile::Report {
    stack.call::<smmu_reconcile::Context>("reconcile", Value::Null, patience).await.unwrap()
}

/// Number of unfinished multipart uploads of a media in S3.
async fn unfinished(stack: &Stack, upload: &InParts) -> usize {
    let list = S3::new(&stack.sdk).list_multipart_uploads().bucket(stack.output("RawBucketName"));
    let listed = list.prefix(format!("uploads/{}", upload.media_id)).send().await.unwrap();
    listed.uploads().len()
}

/// One test on a stack without other uploads in parts, because treating them all as a week old would end those of other
/// tests.
#[tokio::test]
async fn after_a_crash_reconcile_completes_uploads_and_aborts_unsent_ones() {
    let stack = with_transcription();
    let user = Caller::user(stack, "ada").await;
    let file = small();
    let mut uploads = Vec::new();
    for step in ["parts", "seal", "join", "record"] {
        let upload = user.send_in_parts(&file, "image/png").await;
        match step {
            "seal" => seal(stack, &upload).await,
            "join" => join(stack, &upload).await,
            "record" => record(stack, &upload).await,
            _ => {}
        }
        uploads.push((step, upload));
    }
    let abandoned = user.init_parts(&samples::padded_png(20, 20, 9 * MIB), "image/png", None).await;
    user.send_part(&abandoned, &samples::padded_png(20, 20, 9 * MIB), 1).await;
    assert_eq!(unfinished(stack, &abandoned).await, 1);

    let patience = [("SMMU_PATIENCE_UNGRANTED_SECONDS", "-1000000"), ("SMMU_PATIENCE_UNSENT_SECONDS", "0")];
    let report = reconcile(stack, &patience).await;
    assert!(report.submitted >= 3 && report.expired >= 1 && report.errors == 0, "{report:?}");
    for (step, upload) in &uploads {
        let job = user.ended(&upload.media_id.replace("med_", "job_")).await;
        assert_eq!(job["status"], "COMPLETED", "{step}: {job}");
    }
    assert_eq!(unfinished(stack, &abandoned).await, 0);
    let body = json!({"parts": [{"number": 1, "sha256": "0".repeat(64)}]});
    for answer in [
        user.parts(&abandoned).await,
        user.call(Method::POST, &abandoned.path(), Some(body)).await,
        user.complete(&abandoned.media_id).await,
    ] {
        assert_eq!((answer.status, answer.text_at("/code").as_str()), (StatusCode::GONE, "upload_expired"));
    }
}

/// Replaces the only part of an upload with other content, bypassing the API.
async fn replace(stack: &Stack, user: &Caller, upload: &InParts, content: &[u8]) {
    let (submitter, media) = seen(stack, upload).await;
    let part = (1, content.len() as u64, hex_sha256(content).parse().unwrap());
    let signed = submitter.uploads.presign_part(&media, media.grant.parts().unwrap(), part, 60).await.unwrap();
    let request = json!({"method": signed.method, "url": signed.url, "headers": signed.headers});
    let signed = Upload { media_id: upload.media_id.clone(), request };
    assert_eq!(user.put(&signed, content, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_part_replaced_after_the_seal_is_sealed_again() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let upload = user.send_in_parts(&small(), "image/png").await;
    seal(stack, &upload).await;
    let (_, before) = seen(stack, &upload).await;
    let mut other = small();
    other[9] ^= 1;
    replace(stack, &user, &upload, &other).await;
    let answer = user.complete(&upload.media_id).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let (_, after) = seen(stack, &upload).await;
    assert_ne!(before.grant.checksum(), after.grant.checksum());
}

#[tokio::test]
async fn an_object_of_unsealed_parts_is_refused() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let upload = user.send_in_parts(&small(), "image/png").await;
    seal(stack, &upload).await;
    let mut other = small();
    other[9] ^= 1;
    replace(stack, &user, &upload, &other).await;
    // Unlike the product, joins the parts without sealing them.
    let (submitter, media) = seen(stack, &upload).await;
    let grant = media.grant.parts().unwrap();
    let parts = submitter.uploads.arrived_parts(&media, grant).await.unwrap().unwrap();
    let composite = compose(media.grant.plan().unwrap(), &parts).unwrap();
    assert_ne!(Some(composite.sha256), grant.seal);
    assert_eq!(submitter.uploads.join_parts(&media, grant, &parts, composite).await.unwrap(), Joined::Now);
    let refused = user.complete(&upload.media_id).await;
    assert_eq!((refused.status, refused.text_at("/code").as_str()), (StatusCode::CONFLICT, "upload_mismatch"));
}

#[tokio::test]
async fn deleting_a_media_aborts_its_upload() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let file = file();
    let upload = user.init_parts(&file, "image/png", None).await;
    user.send_part(&upload, &file, 1).await;
    let signed = user.sign_part(&upload, 2, upload.part(&file, 2)).await;
    let deleted = user.call(Method::DELETE, &format!("/media/{}", upload.media_id), None).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    assert_eq!(user.parts(&upload).await.status, StatusCode::NOT_FOUND);
    until("the parts are gone", async || unfinished(stack, &upload).await == 0).await;
    assert_eq!(user.put(&signed, upload.part(&file, 2), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_source_that_changed_since_validation_is_refused() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let upload = user.send_in_parts(&file(), "image/png").await;
    record(stack, &upload).await;
    let (submitter, media) = seen(stack, &upload).await;
    let job = submitter.jobs.get(&smmu_core::JobId::of(&media.id)).await.unwrap().unwrap();
    for event in [smmu_core::JobEvent::Started, smmu_core::JobEvent::Detected(smmu_core::MediaKind::Image)] {
        submitter.jobs.advance(&job.id, event).await.unwrap();
    }
    let mut work = serde_json::to_value(media.execution_input(&job)).unwrap();
    let detected = json!({ "kind": "image", "contentType": "image/png", "branch": "transcode_image" });
    work.as_object_mut().unwrap().extend(detected.as_object().unwrap().clone());
    work["source"]["composite"]["sha256"] = "0".repeat(64).into();
    let work = serde_json::from_value(work).unwrap();
    let attempt = Attempt::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let made =
        attempt.run(&work, Stage::Transcode, std::future::pending(), |_| panic!("the maker must not start")).await;
    let Err(Failure::Transient(told)) = made else { panic!("{made:?}") };
    assert!(told.contains("do not match their checksum"), "{told}");
}
