//! Webhooks received and verified with the reference library of Standard Webhooks.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use smmu_core::Timestamp;
use smmu_tests::{
    Caller, Stack, by_request,
    caller::init_request,
    receiver::{Heard, Receiver, Reply},
    samples, told, until,
};
use standardwebhooks::Webhook;
use std::{collections::BTreeSet, time::SystemTime};

/// Panics unless the reference library accepts the message at the current time.
pub(crate) fn verify(heard: &Heard, secret: &str) {
    let mut headers = HeaderMap::new();
    for (name, value) in &heard.headers {
        headers.insert(name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap());
    }
    Webhook::new(secret).unwrap().verify(heard.body.as_bytes(), &headers).unwrap_or_else(|error| panic!("{error}"));
}

/// Uploads a file with an external id and returns its job's id.
async fn submit(user: &Caller, file: &[u8], external_id: &str) -> String {
    let mut wish = init_request(file);
    wish["contentType"] = "image/png".into();
    wish["externalId"] = external_id.into();
    wish["metadata"] = json!({"lot": "a"});
    let upload = user.granted(wish).await;
    assert_eq!(user.put(&upload, file, &[]).await.status, 200);
    user.complete(&upload.media_id).await.text_at("/jobId")
}

async fn heard(receiver: &Receiver, job: &str, times: usize) -> Vec<Heard> {
    until("the endpoint is told", async || receiver.heard(job).len() >= times).await;
    receiver.heard(job)
}

#[tokio::test]
async fn the_operator_gets_a_verifiable_message_for_each_job_end() {
    let operator = told();
    let user = Caller::user(operator.stack, "told").await;
    let completed = submit(&user, &samples::png(33, 20), "order-7").await;
    assert_eq!(user.ended(&completed).await["status"], "COMPLETED");
    let mut broken = samples::png(34, 20);
    broken.truncate(60);
    let failed = submit(&user, &broken, "order-8").await;
    assert_eq!(user.ended(&failed).await["status"], "FAILED");

    for (job, kind, status, label) in
        [(&completed, "job.completed", "COMPLETED", "order-7"), (&failed, "job.failed", "FAILED", "order-8")]
    {
        let [one] = &heard(&operator.receiver, job, 1).await[..] else { panic!("told once") };
        verify(one, &operator.secret);
        let shown = user.job(job).await.json();
        let mut expected = json!({
            "type": kind,
            "timestamp": shown["updatedAt"],
            "data": {
                "jobId": job, "mediaId": shown["mediaId"], "status": status, "externalId": label,
                "metadata": {"lot": "a"}, "userId": one.json()["data"]["userId"],
            },
        });
        if status == "FAILED" {
            expected["data"]["error"] = json!({"code": shown["error"]["code"]});
        }
        assert_eq!(one.json(), expected);
        assert!(one.json()["data"]["userId"].is_string());
        assert_eq!(one.header("webhook-id"), format!("evt_{}_{}", &job[4..], status.to_lowercase()));
        assert_eq!(one.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_failed_delivery_is_retried_with_the_same_id_until_received() {
    let operator = told();
    let user = Caller::user(operator.stack, "tries").await;
    let job = submit(&user, &samples::png(35, 20), "500-500-200").await;
    let attempts = heard(&operator.receiver, &job, 3).await;
    for attempt in &attempts {
        verify(attempt, &operator.secret);
    }
    let said: BTreeSet<_> = attempts.iter().map(|one| (one.header("webhook-id"), &one.body)).collect();
    assert_eq!((attempts.len(), said.len()), (3, 1));
    // Nothing is sent after the successful attempt.
    let other = submit(&user, &samples::png(36, 20), "later").await;
    heard(&operator.receiver, &other, 1).await;
    assert_eq!(operator.receiver.heard(&job).len(), 3);
}

#[tokio::test]
async fn no_message_is_lost_when_every_third_delivery_fails_once() {
    let operator = told();
    let count = std::env::var("SMMU_WEBHOOK_JOBS").ok().and_then(|count| count.parse().ok()).unwrap_or(9);
    let user = Caller::user(operator.stack, "many-told").await;
    let (mut at_once, mut retried) = (Vec::new(), Vec::new());
    for number in 0..count {
        let fails = number % 3 == 2;
        let job = submit(&user, &samples::png(40 + number, 21), if fails { "500-200" } else { "200" }).await;
        let ended: Timestamp = user.ended(&job).await["updatedAt"].as_str().unwrap().parse().unwrap();
        let attempts = heard(&operator.receiver, &job, if fails { 2 } else { 1 }).await;
        assert_eq!(attempts.len(), if fails { 2 } else { 1 }, "{job}");
        let received = attempts.last().unwrap().at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let waited_ms = i64::try_from(received).unwrap() - ended.unix_ms();
        if fails { retried.push(waited_ms) } else { at_once.push(waited_ms) }
    }
    for (what, mut waits) in [("at once", at_once), ("at the second attempt", retried)] {
        waits.sort_unstable();
        let at = |percent: usize| waits[(waits.len() * percent / 100).min(waits.len() - 1)];
        eprintln!("{} received {what}: p50 {} ms, p95 {} ms after the job's end", waits.len(), at(50), at(95));
    }
}

#[tokio::test]
async fn records_whose_webhooks_cannot_be_queued_are_reported_for_a_retry() {
    let stack = by_request();
    let missing = format!("{}-missing", stack.output("WebhookQueueUrl"));
    let record = |job: u8, number: Option<&str>, deleted: bool| {
        let mut image = json!({
            "jobId": {"S": format!("job_01jd0w0000000000000000000{job}")}, "userId": {"S": "nobody"},
            "status": {"S": "COMPLETED"},
        });
        if deleted {
            image["deletedAt"] = json!({"S": "2026-01-01T00:00:00.000Z"});
        }
        json!({"dynamodb": {"NewImage": image, "SequenceNumber": number}})
    };
    let call = async |records: &[Value], changed: &[(&str, &str)]| {
        stack.call::<smmu_notify::Context>("notify", json!({ "Records": records }), changed).await
    };
    let records = [record(1, Some("100"), true), record(2, Some("200"), false), record(3, Some("300"), false)];
    let unsendable = [("SMMU_WEBHOOK_QUEUE_URL", missing.as_str()), ("SMMU_OPERATOR_WEBHOOK", "true")];
    let mut answer = json!(call(&records, &unsendable).await.unwrap());
    answer["batchItemFailures"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    let failed = json!([{"itemIdentifier": "200"}, {"itemIdentifier": "300"}]);
    assert_eq!(answer, json!({"sent": 0, "batchItemFailures": failed}));
    assert_eq!(json!(call(&records, &[]).await.unwrap()), json!({"sent": 0, "batchItemFailures": []}), "no endpoints");
    assert!(call(&[record(2, None, false)], &unsendable).await.is_err(), "it can only be retried with its batch");
}

/// A queue message as Lambda delivers it, with this receive count.
fn message(body: &Value, attempt: u32) -> SqsEvent {
    let mut message = SqsMessage::default();
    (message.message_id, message.body) = (Some("m".into()), Some(body.to_string()));
    message.attributes.insert("ApproximateReceiveCount".into(), attempt.to_string());
    let mut event = SqsEvent::default();
    event.records = vec![message];
    event
}

/// Returns whether the message was processed, not left for a retry.
async fn delivered(stack: &Stack, body: &Value, changed: &[(&str, &str)]) -> bool {
    let answer = stack.call::<smmu_deliver::Context>("deliver", message(body, 1), changed).await.unwrap();
    answer.batch_item_failures.is_empty()
}

#[tokio::test]
async fn redirects_and_refused_addresses_fail_and_deleted_jobs_send_nothing() {
    let stack = by_request();
    let user = Caller::user(stack, "redirects").await;
    let job = user.submit(&samples::png(37, 20), "image/png").await;
    user.ended(&job).await;
    let there = Receiver::answering(|_, _| Reply::Status(200));
    let to = there.url("");
    let here = Receiver::answering(move |_, _| Reply::Redirect(to.clone()));
    let secret = format!("whsec_{}", "A".repeat(32));
    let body = json!({"jobId": job, "recipient": "operator"});
    let try_at = async |url: &str, targets: &str| {
        let operator = [("SMMU_WEBHOOK_URL", url), ("SMMU_WEBHOOK_SECRET", &secret), ("SMMU_WEBHOOK_TARGETS", targets)];
        delivered(stack, &body, &operator).await
    };
    assert!(!try_at(&here.url(""), "local").await, "a redirect is no success");
    assert_eq!((here.heard(&job).len(), there.heard(&job).len()), (1, 0), "and is not followed");
    // Outside the local cloud, http and local addresses are refused.
    assert!(!try_at(&there.url(""), "public").await);
    assert!(!try_at(&there.url("").replace("http:", "https:"), "public").await);
    assert_eq!(there.heard(&job).len(), 0);
    assert!(try_at(&there.url(""), "local").await);
    assert_eq!(there.heard(&job).len(), 1);

    let answer = user.call(reqwest::Method::DELETE, &format!("/media/{}", job.replace("job_", "med_")), None).await;
    assert_eq!(answer.status, 202);
    assert!(try_at(&there.url(""), "local").await, "the message is dropped");
    assert_eq!(there.heard(&job).len(), 1);
}
