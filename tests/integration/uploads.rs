//! Grants of uploads: valid for one content and type, once.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use smmu_tests::{
    Answer, Caller, by_request,
    caller::{Upload, hex_sha256},
    samples,
};
use std::collections::BTreeSet;

#[tokio::test]
async fn the_bucket_accepts_exactly_the_granted_file() {
    let user = Caller::user(by_request(), "ada").await;
    let file = samples::png(10, 10);
    let mut other = file.clone();
    *other.last_mut().unwrap() ^= 1;
    let upload = user.init(&file, "image/png").await;

    let refused = user.put(&upload, &other, &[]).await.status;
    assert!(refused.is_client_error(), "other bytes: {refused}");
    let refused = user.put(&upload, &[&file[..], b"more"].concat(), &[]).await.status;
    assert!(refused.is_client_error(), "more bytes: {refused}");
    for header in ["content-type", "x-amz-checksum-sha256", "if-none-match"] {
        let refused = user.put(&upload, &file, &[(header, None)]).await.status;
        assert!(refused.is_client_error(), "without {header}: {refused}");
    }
    let refused = user.put(&upload, &file, &[("content-type", Some("text/html"))]).await.status;
    assert!(refused.is_client_error(), "another type: {refused}");

    assert_eq!(user.put(&upload, &file, &[]).await.status, StatusCode::OK);
    assert_eq!(user.put(&upload, &file, &[]).await.status, StatusCode::PRECONDITION_FAILED, "a second time");
}

#[tokio::test]
async fn completing_too_early_is_refused_and_completing_twice_returns_one_job() {
    let user = Caller::user(by_request(), "ada").await;
    let file = samples::png(12, 10);
    let upload = user.init(&file, "image/png").await;

    let early = user.complete(&upload.media_id).await;
    assert_eq!((early.status, early.text_at("/code").as_str()), (StatusCode::CONFLICT, "upload_not_found"));
    assert_eq!(early.header("content-type"), "application/problem+json");
    assert!(!early.header("retry-after").is_empty());

    assert_eq!(user.put(&upload, &file, &[]).await.status, StatusCode::OK);
    let first = user.complete(&upload.media_id).await;
    let second = user.complete(&upload.media_id).await;
    assert_eq!((first.status, second.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert_eq!(first.text_at("/jobId"), second.text_at("/jobId"));
    assert_eq!(first.header("location"), format!("/jobs/{}", first.text_at("/jobId")));
    assert!(!first.header("retry-after").is_empty());
}

/// An init request with an idempotency key. Returns the status, the media ID or error code, and the answer.
async fn init_once(user: &Caller, request_body: &Value, key: &str) -> (StatusCode, String, Answer) {
    let headers = [("idempotency-key", key)];
    let answer = user.call_with(Method::POST, "/media/upload/init", Some(request_body.clone()), &headers).await;
    let names = if answer.status == StatusCode::CREATED { "/mediaId" } else { "/code" };
    (answer.status, answer.text_at(names), answer)
}

#[tokio::test]
async fn an_idempotency_key_gets_one_upload() {
    let (user, other) = (Caller::user(by_request(), "ada").await, Caller::user(by_request(), "grace").await);
    let file = samples::png(14, 11);
    let request_body = json!({
        "filename": "a.png", "contentType": "image/png", "size": file.len(), "sha256": hex_sha256(&file),
    });
    // Concurrent requests, like a client that retries on slow answers.
    let key = format!("\"{}\"", hex_sha256(user.init(&file, "image/png").await.media_id.as_bytes()));
    let once = || init_once(&user, &request_body, &key);
    let (first, second, third) = tokio::join!(once(), once(), once());
    let ids: BTreeSet<_> = [first, second, third].iter().map(|(status, id, _)| (*status, id.clone())).collect();
    let [(StatusCode::CREATED, id)] = &ids.into_iter().collect::<Vec<_>>()[..] else { panic!("one media, granted") };

    let changed = json!({"filename": "b.png", "contentType": "image/png", "size": 3, "sha256": hex_sha256(b"abc")});
    let (status, code, _) = init_once(&user, &changed, &key).await;
    assert_eq!((status, code.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch"));
    let (status, theirs, _) = init_once(&other, &request_body, &key).await;
    assert_eq!((status, &theirs == id), (StatusCode::CREATED, false), "a key belongs to its user");
    for bad in ["\"\"", &"a".repeat(256)] {
        let (status, code, _) = init_once(&user, &request_body, bad).await;
        assert_eq!((status, code.as_str()), (StatusCode::BAD_REQUEST, "invalid_request"), "{bad:?}");
    }

    // The grant of a repeated request works, and after the upload another repeat names the same job.
    let upload = |answer: &Answer| Upload { media_id: id.clone(), request: answer.json()["upload"].clone() };
    let (_, _, again) = init_once(&user, &request_body, &key).await;
    assert_eq!(user.put(&upload(&again), &file, &[]).await.status, StatusCode::OK);
    let job = user.complete(id).await.text_at("/jobId");
    let (_, same, late) = init_once(&user, &request_body, &key).await;
    assert_eq!(&same, id);
    assert_eq!(user.put(&upload(&late), &file, &[]).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(user.complete(id).await.text_at("/jobId"), job);

    // A deleted media is no longer returned.
    assert_eq!(user.call(Method::DELETE, &format!("/media/{id}"), None).await.status, StatusCode::ACCEPTED);
    let (status, new, _) = init_once(&user, &request_body, &key).await;
    assert_eq!((status, &new == id), (StatusCode::CREATED, false));
}

#[tokio::test]
async fn a_refused_request_names_its_field() {
    let user = Caller::user(by_request(), "ada").await;
    let good = json!({"filename": "a.jpg", "contentType": "image/jpeg", "size": 1, "sha256": "0".repeat(64)});
    let cases = [
        ("size", json!(0), 400, "invalid_request"),
        ("size", json!(104_857_601), 422, "media_too_large"),
        ("contentType", json!("application/pdf"), 415, "unsupported_media_type"),
        ("filename", json!("../.."), 400, "invalid_request"),
        ("sha256", json!("abc"), 400, "invalid_request"),
        ("userId", json!("somebody-else"), 400, "invalid_request"),
    ];
    for (field, value, status, code) in cases {
        let mut request_body = good.clone();
        request_body[field] = value;
        let answer = user.call(Method::POST, "/media/upload/init", Some(request_body)).await;
        assert_eq!((answer.status.as_u16(), answer.text_at("/code").as_str()), (status, code), "{field}");
        assert_eq!(answer.text_at("/pointer"), format!("/{field}"));
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn storage_keys_contain_no_user_input() {
    let user = Caller::user(by_request(), "ada").await;
    let upload = user.init(b"x", "image/jpeg").await;
    let url = upload.request["url"].as_str().unwrap();
    assert!(url.contains(&format!("uploads/{}", upload.media_id)), "{url}");
    assert!(!url.contains("sample"), "{url}");
}
