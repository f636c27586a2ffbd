//! Long polling with `Prefer: wait`.

use reqwest::{Method, StatusCode};
use smmu_tests::{Answer, Caller, by_request, samples};
use std::time::{Duration, Instant};

async fn wait(user: &Caller, id: &str, preference: &str) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = user.call_with(Method::GET, &format!("/jobs/{id}"), None, &[("prefer", preference)]).await;
    (answer, began.elapsed())
}

#[tokio::test]
async fn a_request_waits_for_a_new_status() {
    let user = Caller::user(by_request(), "ada").await;
    let id = user.submit(&samples::png(4000, 3000), "image/png").await;
    let (mut requests, mut status) = (0, "QUEUED".to_owned());
    while !matches!(status.as_str(), "COMPLETED" | "FAILED") {
        let (answer, lasted) = wait(&user, &id, "wait=20").await;
        assert_eq!((answer.status, answer.header("preference-applied")), (StatusCode::OK, "wait=20"));
        let now = answer.text_at("/status");
        assert!(now != status || requests == 0 || lasted > Duration::from_secs(15), "{now} after {lasted:?}");
        status = now;
        requests += 1;
        assert!(requests < 12, "each answer has a new status or is late");
    }
    assert_eq!(status, "COMPLETED");
    // An ended job is returned at once, and an invalid preference is ignored.
    let (ended, lasted) = wait(&user, &id, "wait=20").await;
    assert!(lasted < Duration::from_secs(5) && ended.header("retry-after").is_empty(), "{lasted:?}");
    assert_eq!(wait(&user, &id, "wait=soon").await.0.header("preference-applied"), "");
    let missing = "job_01j0000000000000000000000x";
    assert_eq!(wait(&user, missing, "wait=20").await.0.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wait_ends_after_the_given_seconds() {
    let user = Caller::user(by_request(), "ada").await;
    let id = user.submit(&samples::png(5000, 3200), "image/png").await;
    let status = user.until(&id, "run", |job| job["status"] == "RUNNING").await;
    let (answer, lasted) = wait(&user, &id, "wait=1").await;
    if answer.text_at("/status") == status["status"] {
        assert!(lasted >= Duration::from_secs(1), "{lasted:?}");
    }
    assert!(lasted < Duration::from_secs(8), "{lasted:?}");
    // A current copy is not sent again after the wait.
    user.ended(&id).await;
    let known = user.job(&id).await;
    let headers = [("prefer", "wait=5"), ("if-none-match", known.header("etag"))];
    let again = user.call_with(Method::GET, &format!("/jobs/{id}"), None, &headers).await;
    assert_eq!((again.status, again.header("preference-applied")), (StatusCode::NOT_MODIFIED, "wait=5"));
}
