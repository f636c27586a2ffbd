//! A user's account: export with links, and erasure.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_s3::Client as S3;
use aws_sdk_sqs::Client as Sqs;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use smmu_cloud::{Eraser, MediaTable, clock};
use smmu_core::{Timestamp, UserId};
use smmu_tests::{Answer, Caller, Stack, by_request, samples, until};

async fn get(user: &Caller, path: &str) -> Answer {
    user.call(Method::GET, path, None).await
}

/// Keys of all stored objects of some media and jobs.
async fn stored(stack: &Stack, ids: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (bucket, prefix) in [("RawBucketName", "uploads/"), ("ProcessedBucketName", "jobs/")] {
        let bucket = stack.output(bucket);
        let listed = S3::new(&stack.sdk).list_object_versions().bucket(bucket).prefix(prefix).send().await.unwrap();
        found.extend(listed.versions().iter().map(|version| version.key().unwrap().to_owned()));
    }
    found.retain(|key| ids.iter().any(|id| key.contains(id.as_str())));
    found
}

/// True if any record of a table contains a text.
async fn held(stack: &Stack, table: &str, text: &str) -> bool {
    let mut pages = DynamoDb::new(&stack.sdk).scan().table_name(stack.output(table)).into_paginator().items().send();
    while let Some(item) = pages.next().await {
        if format!("{:?}", item.unwrap()).contains(text) {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn an_account_is_exported_with_jobs_and_links_in_pages() {
    let user = Caller::user(by_request(), "exports").await;
    assert_eq!(get(&user, "/account").await.json()["media"], json!([]));
    let first = user.submit(&samples::png(45, 31), "image/png").await;
    user.ended(&first).await;
    let media = first.replace("job_", "med_");
    let again = user.call(Method::POST, &format!("/media/{media}/jobs"), None).await.text_at("/jobId");
    user.ended(&again).await;
    let granted = user.init(&samples::png(46, 31), "image/png").await.media_id;

    let all = get(&user, "/account").await;
    assert_eq!((all.status, all.json().get("next")), (StatusCode::OK, None), "{}", all.text);
    let entries = all.json()["media"].as_array().unwrap().clone();
    let ids: Vec<_> = entries.iter().map(|entry| entry["mediaId"].as_str().unwrap()).collect();
    assert_eq!(ids, [&granted, &media]);
    assert_eq!(entries[0]["jobs"], json!([]));
    let jobs = entries[1]["jobs"].as_array().unwrap();
    assert_eq!(jobs.iter().map(|job| &job["jobId"]).collect::<Vec<_>>(), [&json!(first), &json!(again)]);
    assert_eq!(entries[1]["filename"], "sample");
    for job in jobs {
        assert!(!user.download(job["outputs"][0]["url"].as_str().unwrap()).await.is_empty());
    }

    let page = get(&user, "/account?limit=1").await.json();
    assert_eq!((&page["media"][0]["mediaId"], &page["next"]), (&json!(granted), &json!(granted)));
    let page = get(&user, &format!("/account?limit=1&after={granted}")).await.json();
    assert_eq!((&page["media"][0]["mediaId"], page.get("next")), (&json!(media), None));
    assert_eq!(get(&user, "/account?limit=0").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn erasing_an_account_deletes_everything_of_it_and_nothing_else() {
    let stack = by_request();
    let (user, other) = (Caller::user(stack, "leaves").await, Caller::user(stack, "stays").await);
    let kept = other.submit(&samples::png(47, 31), "image/png").await;
    let mut jobs = vec![user.submit(&samples::png(5000, 3000), "image/png").await];
    jobs.push(user.submit(&samples::png(47, 31), "image/png").await);
    user.ended(&jobs[1]).await;
    other.ended(&kept).await;
    let in_flight = user.init(&samples::png(48, 31), "image/png").await;
    let media = |job: &String| job.replace("job_", "med_");
    let mut ids: Vec<_> = jobs.iter().flat_map(|job| [job.clone(), media(job)]).collect();
    ids.push(in_flight.media_id.clone());
    assert!(!stored(stack, &ids).await.is_empty());

    let answer = user.call(Method::DELETE, "/account", None).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let before: Timestamp = answer.text_at("/deletedBefore").parse().unwrap();
    assert!(clock::now().ms_since(before) < 60_000);
    assert_eq!(user.call(Method::DELETE, "/account", None).await.status, StatusCode::ACCEPTED, "a repeat is harmless");

    until("nothing is listed", async || {
        let lists = [get(&user, "/media").await.text, get(&user, "/jobs").await.text];
        lists == [r#"{"media":[]}"#, r#"{"jobs":[]}"#] && get(&user, "/account").await.json()["media"] == json!([])
    })
    .await;
    for job in &jobs {
        assert_eq!(user.job(job).await.status, StatusCode::NOT_FOUND);
    }
    until("its worker stops", async || stack.worker_of(&jobs[0]).is_none()).await;
    until("every file is removed", async || stored(stack, &ids[2..]).await.is_empty()).await;
    // An upload that was in progress is no longer submitted.
    user.put(&in_flight, &samples::png(48, 31), &[]).await;
    assert_eq!(user.complete(&in_flight.media_id).await.status, StatusCode::NOT_FOUND);

    // New uploads of the same user are kept, and other users have lost nothing.
    let new = user.submit(&samples::png(49, 31), "image/png").await;
    assert_eq!(user.ended(&new).await["status"], "COMPLETED");
    assert_eq!(get(&user, "/jobs").await.json()["jobs"].as_array().unwrap().len(), 1);
    let job = other.job(&kept).await.json();
    assert!(!other.download(job["outputs"][0]["url"].as_str().unwrap()).await.is_empty());
}

async fn purge(stack: &Stack, body: &Value, changed: &[(&str, &str)]) {
    let mut message = SqsMessage::default();
    message.body = Some(body.to_string());
    let mut event = SqsEvent::default();
    // Twice: SQS can deliver a message again.
    event.records = vec![message.clone(), message];
    let answer = stack.call::<smmu_purge::Context>("purge", event, changed).await.unwrap();
    assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn a_lost_erasure_message_is_resent_and_its_record_is_deleted_last() {
    let stack = by_request();
    let user = Caller::user(stack, "lost").await;
    let job = user.submit(&samples::png(52, 31), "image/png").await;
    user.ended(&job).await;
    // The user ID as given by the pool.
    let jobs = smmu_cloud::Jobs::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let owner: UserId = jobs.get(&job.parse().unwrap()).await.unwrap().unwrap().user_id;
    let missing = format!("{}-missing", stack.output("PurgeQueueUrl"));
    let eraser = Eraser::new(&stack.sdk, &stack.environment(&[("SMMU_PURGE_QUEUE_URL", &missing)])).unwrap();
    eraser.delete_account(&owner).await.unwrap();
    assert_eq!(user.job(&job).await.status, StatusCode::OK, "the message was lost");

    // reconcile sends it once it is old enough.
    let table = MediaTable::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let open = table.erasures_since(clock::now().plus_seconds(1), 100).await.unwrap();
    assert!(!open.is_empty());
    let patience = [("SMMU_PATIENCE_UNPURGED_SECONDS", "-10")];
    let report = stack.call::<smmu_reconcile::Context>("reconcile", Value::Null, &patience).await.unwrap();
    assert!(report.purged >= open.len());
    until("it is gone", async || user.job(&job).await.status == StatusCode::NOT_FOUND).await;
    assert!(held(stack, "MediaTableName", "ERASING").await, "the record is kept until the indexes have settled");

    // As if a minute had passed. Messages go to a queue without a consumer.
    let queue = Sqs::new(&stack.sdk).create_queue().queue_name("settled-purges").send().await.unwrap();
    let settled = [("SMMU_PATIENCE_SETTLE_SECONDS", "-10"), ("SMMU_PURGE_QUEUE_URL", queue.queue_url().unwrap())];
    for account in &open {
        purge(stack, &json!({ "account": account }), &settled).await;
        assert_eq!(table.erasure(account).await.unwrap(), None);
    }
}
