//! Deduplication: a client can skip the upload of a known file.

use reqwest::{Method, StatusCode};
use serde_json::json;
use smmu_tests::{Answer, Caller, by_request, caller::init_request, samples, until};

async fn init(user: &Caller, file: &[u8], more: &[(&str, serde_json::Value)]) -> Answer {
    let mut request_body = init_request(file);
    for (name, value) in more {
        request_body[*name] = value.clone();
    }
    user.call(Method::POST, "/media/upload/init", Some(request_body)).await
}

#[tokio::test]
async fn with_dedup_a_known_file_returns_its_job() {
    let user = Caller::user(by_request(), "ada").await;
    let file = samples::png(61, 33);
    let ask = ("dedup", json!(true));
    // A grant alone does not count as an upload.
    let granted = init(&user, &file, std::slice::from_ref(&ask)).await;
    assert_eq!(granted.status, StatusCode::CREATED);
    let job = user.submit(&file, "image/png").await;
    let media = job.replace("job_", "med_");

    // While the job runs, and after it has completed.
    let early = init(&user, &file, std::slice::from_ref(&ask)).await;
    assert_eq!((early.status, early.text_at("/mediaId")), (StatusCode::OK, media.clone()), "{}", early.text);
    user.ended(&job).await;
    let known = init(&user, &file, std::slice::from_ref(&ask)).await;
    assert_eq!((known.status, &known.json()["duplicate"]), (StatusCode::OK, &json!(true)));
    assert_eq!((known.text_at("/job/jobId"), known.text_at("/job/status")), (job.clone(), "COMPLETED".to_owned()));
    assert!(!user.download(&known.text_at("/job/outputs/0/url")).await.is_empty());

    // Not without `dedup`, not for other content, and not with other options.
    let other = samples::png(62, 33);
    for (file, more) in [
        (&file, vec![]),
        (&file, vec![("dedup", json!(false))]),
        (&other, vec![ask.clone()]),
        (&file, vec![ask.clone(), ("profile", json!("tiny"))]),
        (&file, vec![ask.clone(), ("language", json!("de"))]),
    ] {
        assert_eq!(init(&user, file, &more).await.status, StatusCode::CREATED, "{more:?}");
    }

    assert_eq!(user.call(Method::DELETE, &format!("/media/{media}"), None).await.status, StatusCode::ACCEPTED);
    let gone = async || init(&user, &file, std::slice::from_ref(&ask)).await.status == StatusCode::CREATED;
    assert!(gone().await, "a deleted media is not found");
    until("it is not found after the purge either", gone).await;
}

#[tokio::test]
async fn a_file_whose_job_failed_is_sent_again() {
    let user = Caller::user(by_request(), "ada").await;
    let broken = b"\x89PNG\r\n\x1a\nand no more of this one".to_vec();
    let job = user.submit(&broken, "image/png").await;
    assert_eq!(user.ended(&job).await["status"], "FAILED");
    assert_eq!(init(&user, &broken, &[("dedup", json!(true))]).await.status, StatusCode::CREATED);
}
