//! Webhook endpoints of users: creation, delivery only of their own jobs, rotation, disabling, deletion, and dead
//! letters.

use crate::webhooks::verify;
use aws_sdk_sqs::{Client as Sqs, types::QueueAttributeName};
use reqwest::Method;
use serde_json::{Value, json};
use smmu_tests::{
    Answer, Caller, Stack, by_request,
    receiver::{Receiver, Reply},
    samples, until,
};
use std::{collections::BTreeSet, path::Path, process::Stdio};
use tokio::{io::AsyncWriteExt, process::Command};

async fn post(user: &Caller, path: &str, body: Option<Value>) -> Answer {
    user.call(Method::POST, path, body).await
}

async fn get(user: &Caller, path: &str) -> Answer {
    user.call(Method::GET, path, None).await
}

/// Creates an endpoint for a user. Returns its ID and secret.
async fn told_at(user: &Caller, url: &str) -> (String, String) {
    let made = post(user, "/webhooks", Some(json!({ "url": url }))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    (made.text_at("/webhookId"), made.text_at("/secret"))
}

async fn completed(user: &Caller, width: u32) -> String {
    let job = user.submit(&samples::png(width, 19), "image/png").await;
    assert_eq!(user.ended(&job).await["status"], "COMPLETED");
    job
}

#[tokio::test]
async fn endpoints_can_be_managed_and_their_secrets_are_shown_once() {
    let user = Caller::user(by_request(), "endpoints").await;
    assert_eq!(get(&user, "/webhooks").await.json(), json!({"webhooks": []}));
    let request_body = json!({"url": "https://Hooks.example.com/a", "description": "Publishes"});
    let made = post(&user, "/webhooks", Some(request_body)).await;
    let (id, secret) = (made.text_at("/webhookId"), made.text_at("/secret"));
    let path = format!("/webhooks/{id}");
    assert_eq!((made.status.as_u16(), made.header("location")), (201, path.as_str()), "{}", made.text);
    assert!(secret.starts_with("whsec_"), "{secret}");
    let shown = get(&user, &path).await.json();
    let view = json!({
        "webhookId": id, "url": "https://hooks.example.com/a", "description": "Publishes",
        "createdAt": made.json()["createdAt"],
    });
    assert_eq!(shown, view);
    assert_eq!(get(&user, "/webhooks").await.json()["webhooks"], json!([view]));
    let account = get(&user, "/account").await;
    assert_eq!(account.json()["webhooks"], json!([view]));
    assert!(!account.text.contains("whsec_"));

    let rotated = post(&user, &format!("{path}/rotate"), None).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_ne!(rotated.text_at("/secret"), secret);
    assert!(get(&user, &path).await.json()["previousSecretUntil"].is_string());

    for refused in ["http://10.0.0.1/", "http://169.254.169.254/latest", "ftp://example.com/", "x", "http://a:b@c.de/"]
    {
        let answer = post(&user, "/webhooks", Some(json!({ "url": refused }))).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text_at("/code").as_str()),
            (422, "webhook_url_refused"),
            "{refused}"
        );
        assert_eq!(answer.text_at("/pointer"), "/url");
    }
    for number in 1..5 {
        told_at(&user, &format!("https://hooks.example.com/{number}")).await;
    }
    let sixth = post(&user, "/webhooks", Some(json!({"url": "https://hooks.example.com/"}))).await;
    assert_eq!((sixth.status.as_u16(), sixth.text_at("/code").as_str()), (409, "too_many_webhooks"));
    let deleted = user.call(Method::DELETE, &path, None).await;
    assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(user.call(method, &path, None).await.status, 404);
    }
    assert_eq!(post(&user, &format!("{path}/rotate"), None).await.status, 404);
    assert_eq!(get(&user, "/webhooks").await.json()["webhooks"].as_array().unwrap().len(), 4);
    assert_eq!(user.call(Method::DELETE, "/account", None).await.status, 202);
    assert_eq!(get(&user, "/webhooks").await.json(), json!({"webhooks": []}));
}

#[tokio::test]
async fn each_user_receives_only_their_own_jobs_signed_with_both_secrets_of_a_rotation() {
    let stack = by_request();
    let (ada, eve) = (Caller::user(stack, "hooks-ada").await, Caller::user(stack, "hooks-eve").await);
    let (for_ada, for_eve) =
        (Receiver::answering(|_, _| Reply::Status(204)), Receiver::answering(|_, _| Reply::Status(200)));
    let (id, old) = told_at(&ada, &for_ada.url("a=1")).await;
    told_at(&eve, &for_eve.url("e=1")).await;
    let (hers, other) = (completed(&ada, 61).await, completed(&eve, 62).await);
    until("both receive their events", async || !for_ada.heard(&hers).is_empty() && !for_eve.heard(&other).is_empty())
        .await;
    assert_eq!((for_ada.heard("").len(), for_eve.heard("").len()), (1, 1));
    let first = for_ada.heard(&hers).remove(0);
    verify(&first, &old);
    let data = first.json()["data"].clone();
    assert_eq!(data, json!({"jobId": hers, "mediaId": hers.replace("job_", "med_"), "status": "COMPLETED"}));

    let new = post(&ada, &format!("/webhooks/{id}/rotate"), None).await.text_at("/secret");
    let path = format!("/webhooks/{id}/deliveries");
    let again = post(&ada, &path, Some(json!({ "jobId": hers }))).await;
    assert_eq!((again.status.as_u16(), again.text_at("/eventId")), (202, first.header("webhook-id").to_owned()));
    until("it is replayed", async || for_ada.heard(&hers).len() == 2).await;
    let second = for_ada.heard(&hers).remove(1);
    verify(&second, &old);
    verify(&second, &new);
    assert_eq!((second.header("webhook-id"), &second.body), (first.header("webhook-id"), &first.body));
    // Only ended jobs of the same user can be replayed.
    assert_eq!(post(&ada, &path, Some(json!({ "jobId": other }))).await.status, 404);
    assert_eq!(post(&eve, &path, Some(json!({ "jobId": other }))).await.status, 404);
    let large = ada.submit(&samples::png(4000, 3000), "image/png").await;
    let early = post(&ada, &path, Some(json!({ "jobId": large }))).await;
    assert_eq!((early.status.as_u16(), early.text_at("/code").as_str()), (409, "job_not_ended"));
    let cancelled = post(&ada, &format!("/jobs/{large}/cancel"), None).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    until("the cancellation is delivered", async || !for_ada.heard(&large).is_empty()).await;
    assert_eq!(for_ada.heard(&large)[0].json()["type"], "job.cancelled");
}

#[tokio::test]
async fn an_endpoint_that_answers_410_is_disabled_and_a_deleted_one_receives_nothing() {
    let user = Caller::user(by_request(), "hooks-gone").await;
    let gone = Receiver::answering(|_, _| Reply::Status(410));
    let (id, _) = told_at(&user, &gone.url("")).await;
    let job = completed(&user, 63).await;
    let path = format!("/webhooks/{id}");
    until("it is disabled", async || get(&user, &path).await.json()["disabledAt"].is_string()).await;
    let again = post(&user, &format!("{path}/deliveries"), Some(json!({ "jobId": job }))).await;
    assert_eq!((again.status.as_u16(), again.text_at("/code").as_str()), (409, "webhook_disabled"));
    let receiver = Receiver::answering(|_, _| Reply::Status(200));
    told_at(&user, &receiver.url("")).await;
    // It fails once, and is deleted before the retry.
    let failing = Receiver::answering(|_, _| Reply::Status(503));
    let (failing_id, _) = told_at(&user, &failing.url("")).await;
    let next = completed(&user, 64).await;
    until("it is delivered", async || !receiver.heard(&next).is_empty() && !failing.heard(&next).is_empty()).await;
    assert_eq!(user.call(Method::DELETE, &format!("/webhooks/{failing_id}"), None).await.status, 204);
    let last = completed(&user, 65).await;
    until("the next is delivered", async || !receiver.heard(&last).is_empty()).await;
    assert_eq!((gone.heard("").len(), failing.heard(&last).len()), (1, 0));
}

/// Approximate number of messages in a queue.
async fn length(stack: &Stack, queue: &str) -> u32 {
    let asked = QueueAttributeName::ApproximateNumberOfMessages;
    let answer =
        Sqs::new(&stack.sdk).get_queue_attributes().queue_url(stack.output(queue)).attribute_names(asked.clone());
    answer.send().await.unwrap().attributes.unwrap()[&asked].parse().unwrap()
}

#[tokio::test]
async fn a_failing_endpoint_gets_a_redrivable_dead_letter_and_a_hanging_one_a_retry() {
    let stack = by_request();
    let user = Caller::user(stack, "hooks-dead").await;
    let dead = Receiver::answering(|_, before| Reply::Status(if before < 13 { 500 } else { 200 }));
    let (id, secret) = told_at(&user, &dead.url("")).await;
    let hangs = Receiver::answering(|_, before| if before == 0 { Reply::Hang } else { Reply::Status(200) });
    let (hanging, _) = told_at(&user, &hangs.url("")).await;
    let job = completed(&user, 66).await;
    for _ in 0..3 {
        if dead.heard(&job).len() < 13 {
            tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        }
    }
    until("it is a dead letter", async || length(stack, "WebhookDlqUrl").await > 0).await;
    assert_eq!(dead.heard(&job).len(), 13);
    let ids: BTreeSet<_> = dead.heard(&job).iter().map(|one| one.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 1);
    let shown = get(&user, &format!("/webhooks/{id}")).await.json()["lastFailure"].clone();
    // The first failure within this minute is recorded.
    let expected = json!({"at": shown["at"], "jobId": job, "attempt": 1, "reason": "status", "status": 500});
    assert_eq!(shown, expected);
    until("the hanging endpoint gets a retry", async || hangs.heard(&job).len() == 2).await;
    assert_eq!(get(&user, &format!("/webhooks/{hanging}")).await.json()["lastFailure"]["reason"], "timeout");

    // Replaces `start-message-move-task` of docs/RUNBOOK.md, which the emulator lacks.
    let (sqs, letters) = (Sqs::new(&stack.sdk), stack.output("WebhookDlqUrl"));
    let received = sqs.receive_message().queue_url(letters).max_number_of_messages(10).send().await.unwrap();
    for letter in received.messages() {
        let queue = stack.output("WebhookQueueUrl");
        sqs.send_message().queue_url(queue).message_body(letter.body().unwrap()).send().await.unwrap();
        let handle = letter.receipt_handle().unwrap();
        sqs.delete_message().queue_url(letters).receipt_handle(handle).send().await.unwrap();
    }
    until("the letter is delivered", async || dead.heard(&job).len() == 14).await;
    verify(&dead.heard(&job)[13], &secret);
    until("no letter is left", async || length(stack, "WebhookDlqUrl").await == 0).await;
}

#[tokio::test]
async fn the_snippet_of_the_api_page_accepts_a_message_and_rejects_a_forged_one() {
    const PAGE: &str = include_str!("../../docs/API.md");
    let (_, section) = PAGE.split_once("\n## Webhooks\n").expect("the page has the section");
    let (_, rest) = section.split_once("```python\n").expect("the section has a snippet");
    let (snippet, _) = rest.split_once("```").expect("the snippet ends");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let venv = std::env::var_os("SMMU_WEBHOOKS").map_or_else(|| root.join(".local/webhooks"), Into::into);
    assert!(venv.exists(), "{} is missing: run `tools/setup.sh test`, which installs it", venv.display());

    let user = Caller::user(by_request(), "hooks-page").await;
    let receiver = Receiver::answering(|_, _| Reply::Status(200));
    let (_, secret) = told_at(&user, &receiver.url("")).await;
    let job = completed(&user, 67).await;
    until("it is delivered", async || !receiver.heard(&job).is_empty()).await;
    let heard = receiver.heard(&job).remove(0);
    let script = format!(
        "import json, sys\n{snippet}\ngiven = json.load(sys.stdin)\nprint(json.dumps(event_of(given['body'].encode(), given['headers'])))\n"
    );
    for (body, genuine) in [(heard.body.clone(), true), (heard.body.replace("COMPLETED", "FAILED"), false)] {
        let mut python = Command::new(venv.join("bin/python"));
        python.arg("-c").arg(&script).env("WEBHOOK_SECRET", &secret).stdin(Stdio::piped());
        let mut python = python.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let given = json!({"body": body, "headers": heard.headers}).to_string();
        python.stdin.take().unwrap().write_all(given.as_bytes()).await.unwrap();
        let ended = python.wait_with_output().await.unwrap();
        assert_eq!(ended.status.success(), genuine, "{}", String::from_utf8_lossy(&ended.stderr));
        if genuine {
            assert_eq!(serde_json::from_slice::<Value>(&ended.stdout).unwrap(), heard.json());
        }
    }
}
