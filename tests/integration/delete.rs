//! Deleting media: hidden at once, files removed soon, records removed when no more data can arrive.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_dynamodb::{Client as DynamoDb, types::AttributeValue};
use aws_sdk_s3::Client as S3;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use smmu_cloud::{Eraser, MediaTable};
use smmu_tests::{Answer, Caller, Stack, by_itself, by_request, samples, until};
use std::time::Duration;

async fn delete(user: &Caller, media: &str) -> Answer {
    user.call(Method::DELETE, &format!("/media/{media}"), None).await
}

/// Every stored version and delete marker of a media and its job.
async fn stored(stack: &Stack, media: &str) -> Vec<String> {
    let job = media.replace("med_", "job_");
    let raw = stack.output("RawBucketName");
    let processed = stack.output("ProcessedBucketName");
    let mut found = Vec::new();
    for (bucket, prefix) in
        [(raw, format!("uploads/{media}")), (processed, format!("jobs/{job}/")), (processed, format!("working/{job}/"))]
    {
        let listed = S3::new(&stack.sdk).list_object_versions().bucket(bucket).prefix(prefix).send().await.unwrap();
        found.extend(listed.versions().iter().map(|version| version.key().unwrap().to_owned()));
        found.extend(listed.delete_markers().iter().map(|marker| marker.key().unwrap().to_owned()));
    }
    found
}

/// The status in a media's record, hidden or not.
async fn status(stack: &Stack, media: &str) -> Option<String> {
    let (tables, table) = (DynamoDb::new(&stack.sdk), stack.output("MediaTableName"));
    let read = tables.get_item().table_name(table).key("mediaId", AttributeValue::S(media.into())).send().await;
    Some(read.unwrap().item?["status"].as_s().unwrap().clone())
}

async fn has_job_record(stack: &Stack, media: &str) -> bool {
    let (tables, table) = (DynamoDb::new(&stack.sdk), stack.output("JobsTableName"));
    let key = AttributeValue::S(media.replace("med_", "job_"));
    tables.get_item().table_name(table).key("jobId", key).send().await.unwrap().item.is_some()
}

async fn reconcile(stack: &Stack, patience: &[(&str, &str)]) -> smmu_reconcile::Report {
    stack.call::<smmu_reconcile::Context>("reconcile", Value::Null, patience).await.unwrap()
}

#[tokio::test]
async fn a_deleted_media_is_hidden_at_once_and_all_its_versions_are_removed() {
    let stack = by_request();
    let user = Caller::user(stack, "deletes").await;
    let kept = user.submit(&samples::png(38, 44), "image/png").await;
    let id = user.submit(&samples::png(39, 44), "image/png").await;
    let (_, job) = (user.ended(&kept).await, user.ended(&id).await);
    let media = id.replace("job_", "med_");
    // An older version of an output, and a leftover of a worker.
    let (s3, bucket) = (S3::new(&stack.sdk), stack.output("ProcessedBucketName"));
    for key in [format!("jobs/{id}/transcode/a/poster.jpg"), format!("working/{id}/transcribe/checkpoint")] {
        for body in [b"one".as_slice(), b"two"] {
            s3.put_object().bucket(bucket).key(&key).body(body.to_vec().into()).send().await.unwrap();
        }
        s3.delete_object().bucket(bucket).key(&key).send().await.unwrap();
    }
    assert!(stored(stack, &media).await.len() > 6);

    let answer = delete(&user, &media).await;
    assert_eq!((answer.status, answer.text_at("/mediaId")), (StatusCode::ACCEPTED, media.clone()));
    assert_eq!(user.job(&id).await.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(&user, &media).await.status, StatusCode::NOT_FOUND);
    for list in ["/jobs", "/media", "/media?kind=image"] {
        let page = user.call(Method::GET, list, None).await.text;
        assert!(!page.contains(&media) && page.contains(&kept.replace("job_", "med_")), "{list}: {page}");
    }

    until("every version is removed", async || stored(stack, &media).await.is_empty()).await;
    until("that is recorded", async || status(stack, &media).await.as_deref() == Some("PURGED")).await;
    let url = job["outputs"][0]["url"].as_str().unwrap();
    // Not 404: the role of api, which signed it, cannot list the bucket.
    assert_eq!(reqwest::get(url).await.unwrap().status(), StatusCode::FORBIDDEN, "a link outlives its file");
    assert!(!stored(stack, &kept.replace("job_", "med_")).await.is_empty(), "another media is untouched");
}

#[tokio::test]
async fn deleting_a_media_stops_its_running_worker() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::png(5000, 3000), "image/png").await;
    until("a worker runs", async || stack.worker_of(&id).is_some()).await;
    let media = id.replace("job_", "med_");
    assert_eq!(delete(&user, &media).await.status, StatusCode::ACCEPTED);
    until("the worker stops", async || stack.worker_of(&id).is_none()).await;
    until("everything is removed", async || {
        // Objects stored during the purge are removed later: here as if an hour had passed.
        reconcile(stack, &[("SMMU_PATIENCE_LATE_SECONDS", "-100000")]).await;
        status(stack, &media).await.as_deref() == Some("PURGED") && stored(stack, &media).await.is_empty()
    })
    .await;
    assert_eq!(user.job(&id).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_upload_after_the_deletion_starts_no_job_and_is_removed() {
    // On this stack an upload starts its job.
    let stack = by_itself();
    let user = Caller::user(stack, "ada").await;
    let file = samples::png(40, 44);
    let upload = user.init(&file, "image/png").await;
    let media = upload.media_id.as_str();
    assert_eq!(delete(&user, media).await.status, StatusCode::ACCEPTED);
    until("it is purged", async || status(stack, media).await.as_deref() == Some("PURGED")).await;
    // The grant has not expired.
    assert_eq!(user.put(&upload, &file, &[]).await.status, StatusCode::OK);
    assert_eq!(user.complete(media).await.status, StatusCode::NOT_FOUND);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!has_job_record(stack, media).await, "the event of S3 starts nothing");
    assert_eq!(stored(stack, media).await.len(), 1);

    // As if an hour had passed since the end of the grant: reconcile requests another purge.
    let late = [("SMMU_PATIENCE_LATE_SECONDS", "-100000")];
    let report = reconcile(stack, &late).await;
    assert!(report.purged >= 1, "{report:?}");
    until("the late upload is removed", async || stored(stack, media).await.is_empty()).await;
    // Unlike the deployed function, this one does not wait for that hour.
    let mut message = SqsMessage::default();
    message.body = Some(json!({ "mediaId": media }).to_string());
    let mut event = SqsEvent::default();
    // Twice: SQS can deliver a message again.
    event.records = vec![message.clone(), message];
    let answer = stack.call::<smmu_purge::Context>("purge", event, &late).await.unwrap();
    assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
    assert_eq!(status(stack, media).await, None);
}

#[tokio::test]
async fn a_lost_deletion_message_is_resent_and_live_media_are_not_purged() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::png(41, 44), "image/png").await;
    user.ended(&id).await;
    let media_id = id.replace("job_", "med_");
    let before = stored(stack, &media_id).await;

    let environment = stack.environment(&[("SMMU_PATIENCE_LATE_SECONDS", "-100000")]);
    let purger = smmu_cloud::Purger::new(&stack.sdk, &environment).unwrap();
    assert_eq!(purger.purge(&media_id.parse().unwrap()).await.unwrap(), smmu_cloud::Purge::Live);
    assert_eq!(stored(stack, &media_id).await, before);

    let missing = format!("{}-missing", stack.output("PurgeQueueUrl"));
    let eraser = Eraser::new(&stack.sdk, &stack.environment(&[("SMMU_PURGE_QUEUE_URL", &missing)])).unwrap();
    let table = MediaTable::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let media = table.get(&media_id.parse().unwrap()).await.unwrap().unwrap();
    assert!(eraser.delete(media).await.unwrap(), "the tombstone counts, not the message");
    assert_eq!(status(stack, &media_id).await.as_deref(), Some("DELETED"));
    assert_eq!(stored(stack, &media_id).await, before);

    let report = reconcile(stack, &[("SMMU_PATIENCE_UNPURGED_SECONDS", "-10")]).await;
    assert!(report.purged >= 1, "{report:?}");
    until("everything is removed", async || stored(stack, &media_id).await.is_empty()).await;
    // The record of the job is removed before the tombstone.
    assert!(has_job_record(stack, &media_id).await);
    let forgotten = purger.purge(&media_id.parse().unwrap()).await.unwrap();
    assert_eq!(forgotten, smmu_cloud::Purge::Forgotten(0));
    assert!(!has_job_record(stack, &media_id).await);
    assert_eq!(purger.purge(&media_id.parse().unwrap()).await.unwrap(), smmu_cloud::Purge::Missing);
}

#[tokio::test]
async fn concurrent_deletions_and_completions_leave_nothing_behind() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    for side in 50..54 {
        let file = samples::png(side, 44);
        let upload = user.init(&file, "image/png").await;
        assert_eq!(user.put(&upload, &file, &[]).await.status, StatusCode::OK);
        let (completed, deleted, again) = tokio::join!(
            user.complete(&upload.media_id),
            delete(&user, &upload.media_id),
            delete(&user, &upload.media_id)
        );
        assert!(matches!(completed.status.as_u16(), 202 | 404), "{}", completed.text);
        let mut deletions = [deleted.status.as_u16(), again.status.as_u16()];
        deletions.sort_unstable();
        assert_eq!(deletions, [202, 404], "one of them deletes it");
        let job = upload.media_id.replace("med_", "job_");
        assert_eq!(user.job(&job).await.status, StatusCode::NOT_FOUND);
        until("everything is removed", async || {
            status(stack, &upload.media_id).await.as_deref() == Some("PURGED")
                && stored(stack, &upload.media_id).await.is_empty()
        })
        .await;
    }
}
