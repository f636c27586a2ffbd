//! Cancelling jobs.

use aws_sdk_sfn::{Client as Sfn, types::ExecutionStatus};
use reqwest::Method;
use serde_json::Value;
use smmu_cloud::Jobs;
use smmu_core::{Artifact, JobEvent, Output, Role};
use smmu_tests::{Answer, Caller, Stack, by_request, samples, until};
use std::time::Duration;

async fn cancel(user: &Caller, id: &str) -> Answer {
    user.call(Method::POST, &format!("/jobs/{id}/cancel"), None).await
}

async fn execution(stack: &Stack, job: &str) -> Option<ExecutionStatus> {
    let arn = stack.execution_arn(job);
    Sfn::new(&stack.sdk).describe_execution().execution_arn(arn).send().await.ok().map(|found| found.status)
}

#[tokio::test]
async fn cancelling_a_running_job_stops_its_worker_and_keeps_ready_outputs() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::png(5000, 3000), "image/png").await;
    until("a worker runs", async || stack.worker_of(&id).is_some()).await;
    // Whatever this worker lists later, one output is ready now.
    let jobs = Jobs::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let poster = Artifact::new("poster.jpg", Role::Poster, "image/jpeg", 3, smmu_core::Sha256::from_bytes([7; 32]));
    let ready = Output::ready(&format!("jobs/{id}/transcode/att_01jd0w00000000000000000002/"), poster);
    jobs.advance(&id.parse().unwrap(), JobEvent::Ready(vec![ready])).await.unwrap();

    let cancelled = cancel(&user, &id).await;
    assert_eq!((cancelled.status.as_u16(), cancelled.text_at("/status").as_str()), (200, "CANCELLED"));
    assert!(cancelled.header("retry-after").is_empty(), "a cancelled job needs no further request");
    until("the worker stops", async || stack.worker_of(&id).is_none()).await;
    until("the execution is stopped", async || execution(stack, &id).await == Some(ExecutionStatus::Aborted)).await;

    // The event of the stopped execution changes nothing, and cancelling again is harmless.
    let again = cancel(&user, &id).await;
    assert_eq!((again.status.as_u16(), again.text_at("/updatedAt")), (200, cancelled.text_at("/updatedAt")));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let job = user.job(&id).await.json();
    assert_eq!((&job["status"], &job["error"]), (&"CANCELLED".into(), &Value::Null));
    let names: Vec<_> = job["outputs"].as_array().unwrap().iter().map(|output| &output["name"]).collect();
    assert!(names.contains(&&Value::from("poster.jpg")), "{job}");
    let listed = user.call(Method::GET, "/jobs?status=CANCELLED", None).await.json();
    // Other tests cancel jobs of this user at the same time.
    assert!(listed["jobs"].as_array().unwrap().iter().any(|job| job["jobId"] == *id), "{listed}");
}

#[tokio::test]
async fn a_job_cancelled_in_the_queue_makes_nothing() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    // Cancelled while the message is in flight: no run exists yet, or it has just begun.
    let id = user.submit(&samples::png(36, 44), "image/png").await;
    let answer = cancel(&user, &id).await;
    match answer.status.as_u16() {
        200 => {}
        // A small image can complete before it is cancelled.
        409 => assert_eq!(answer.text_at("/code"), "job_ended"),
        other => panic!("{other}: {}", answer.text),
    }
    // Once a later job is done, dispatch has seen the message of this one.
    let later = user.submit(&samples::png(36, 45), "image/png").await;
    assert_eq!(user.ended(&later).await["status"], "COMPLETED");
    until("its run ends, if it has one", async || {
        let history = stack.history(&id).await;
        let count = |event| history.iter().filter(|one| one.event == event).count();
        count("ExecutionStarted") == count("ExecutionSucceeded")
    })
    .await;
    let job = user.job(&id).await.json();
    let made = job["outputs"].as_array().map_or(0, Vec::len);
    assert!(job["status"] == "COMPLETED" || (job["status"] == "CANCELLED" && made == 0), "{job}");
    assert_eq!(execution(stack, &id).await, None, "nothing was handed over");
}

#[tokio::test]
async fn an_ended_job_cannot_be_cancelled() {
    let user = Caller::user(by_request(), "ada").await;
    for (file, status) in [(samples::png(37, 44), "COMPLETED"), (b"\x89PNG\r\n\x1a\nand no more".to_vec(), "FAILED")] {
        let id = user.submit(&file, "image/png").await;
        assert_eq!(user.ended(&id).await["status"], status);
        let refused = cancel(&user, &id).await;
        assert_eq!((refused.status.as_u16(), refused.text_at("/code").as_str()), (409, "job_ended"));
        assert!(refused.text_at("/detail").contains(status), "{}", refused.text);
        assert_eq!(user.job(&id).await.text_at("/status"), status);
    }
}
