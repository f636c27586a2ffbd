//! A client that asks whether its file is there already need not send it again.

use reqwest::{Method, StatusCode};
use serde_json::json;
use smmu_tests::{Answer, Caller, by_request, caller::init_request, samples, until};

async fn init(user: &Caller, file: &[u8], more: &[(&str, serde_json::Value)]) -> Answer {
    let mut wish = init_request(file);
    for (name, value) in more {
        wish[*name] = value.clone();
    }
    user.call(Method::POST, "/media/upload/init", Some(wish)).await
}

#[tokio::test]
async fn a_file_that_was_sent_before_is_answered_by_its_job_where_that_is_asked_for() {
    let user = Caller::user(by_request(), "ada").await;
    let file = samples::png(61, 33);
    let ask = ("dedup", json!(true));
    // Granted is not sent.
    let granted = init(&user, &file, std::slice::from_ref(&ask)).await;
    assert_eq!(granted.status, StatusCode::CREATED);
    let job = user.submit(&file, "image/png").await;
    let media = job.replace("job_", "med_");

    // At once, while it is under way, and when it is done.
    let early = init(&user, &file, std::slice::from_ref(&ask)).await;
    assert_eq!((early.status, early.text_at("/mediaId")), (StatusCode::OK, media.clone()), "{}", early.text);
    user.ended(&job).await;
    let known = init(&user, &file, std::slice::from_ref(&ask)).await;
    assert_eq!((known.status, &known.json()["duplicate"]), (StatusCode::OK, &json!(true)));
    assert_eq!((known.text_at("/job/jobId"), known.text_at("/job/status")), (job.clone(), "COMPLETED".to_owned()));
    assert!(!user.download(&known.text_at("/job/outputs/0/url")).await.is_empty());

    // Not unasked, not for something else, not to have something else made of it.
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
    assert!(gone().await, "what was deleted is not there");
    until("that holds after the purge, too", gone).await;
}

#[tokio::test]
async fn a_file_whose_job_failed_is_sent_again() {
    let user = Caller::user(by_request(), "ada").await;
    let broken = b"\x89PNG\r\n\x1a\nand no more of this one".to_vec();
    let job = user.submit(&broken, "image/png").await;
    assert_eq!(user.ended(&job).await["status"], "FAILED");
    assert_eq!(init(&user, &broken, &[("dedup", json!(true))]).await.status, StatusCode::CREATED);
}
