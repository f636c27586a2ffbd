//! Duplicates are harmless: one job, one execution, one set of outputs.

use aws_sdk_s3::Client as S3;
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sqs::Client as Sqs;
use smmu_cloud::MediaTable;
use smmu_tests::{Caller, Stack, by_itself, by_request, samples};
use std::collections::BTreeSet;

/// Number of Standard executions of a job. Names are unique, so a second one would have another name.
async fn executions(stack: &Stack, job: &str) -> usize {
    let mut pages = Sfn::new(&stack.sdk)
        .list_executions()
        .state_machine_arn(stack.output("StateMachineArn"))
        .into_paginator()
        .items()
        .send();
    let mut count = 0;
    while let Some(execution) = pages.next().await {
        count += usize::from(execution.unwrap().name().contains(job));
    }
    count
}

/// Prefixes of attempts that stored objects for a job.
async fn attempts(stack: &Stack, job: &str) -> BTreeSet<String> {
    let mut pages = S3::new(&stack.sdk)
        .list_objects_v2()
        .bucket(stack.output("ProcessedBucketName"))
        .prefix(format!("jobs/{job}/"))
        .into_paginator()
        .send();
    let mut prefixes = BTreeSet::new();
    while let Some(page) = pages.next().await {
        for object in page.unwrap().contents() {
            prefixes.insert(object.key().unwrap().rsplit_once('/').unwrap().0.to_owned());
        }
    }
    prefixes
}

#[tokio::test]
async fn the_s3_event_and_complete_together_start_one_job() {
    let stack = by_itself();
    let user = Caller::user(stack, "ada").await;
    let file = samples::png(50, 40);
    let upload = user.init(&file, "image/png").await;
    assert_eq!(user.put(&upload, &file, &[]).await.status, 200);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (user, media_id) = (user.clone(), upload.media_id.clone());
            tokio::spawn(async move { user.complete(&media_id).await })
        })
        .collect();
    let mut jobs = BTreeSet::new();
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text);
        jobs.insert(answer.text_at("/jobId"));
    }
    assert_eq!(jobs.len(), 1);
    let id = jobs.pop_first().unwrap();
    assert_eq!(user.ended(&id).await["status"], "COMPLETED");
    assert_eq!(executions(stack, &id).await, 0, "a light run did it");
    assert_eq!(attempts(stack, &id).await.len(), 1);
}

#[tokio::test]
async fn fifty_duplicate_and_reordered_messages_start_five_jobs() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let mut ids = Vec::new();
    for size in 0..5 {
        ids.push(user.submit(&samples::png(40 + size, 40), "image/png").await);
    }
    let media = MediaTable::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let jobs = smmu_cloud::Jobs::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let mut bodies = Vec::new();
    for id in &ids {
        let job = jobs.get(&id.parse().unwrap()).await.unwrap().unwrap();
        let of_job = media.get(&job.media_id).await.unwrap().unwrap();
        bodies.push(serde_json::to_string(&of_job.execution_input(&job)).unwrap());
    }
    let sqs = Sqs::new(&stack.sdk);
    for turn in 0..50 {
        // 7 and 5 have no common factor, so each job gets ten messages, never two in a row.
        let body = &bodies[turn * 7 % bodies.len()];
        sqs.send_message().queue_url(stack.output("JobsQueueUrl")).message_body(body).send().await.unwrap();
    }
    for id in &ids {
        assert_eq!(user.ended(id).await["status"], "COMPLETED");
        assert_eq!(executions(stack, id).await, 1);
        assert_eq!(attempts(stack, id).await.len(), 1);
    }
    // A message after the end changes nothing. This compares records, because the ETag of an answer also changes with
    // the lifetime of its links.
    let first = ids[0].parse().unwrap();
    let before = jobs.get(&first).await.unwrap().unwrap();
    let input = bodies[0].clone();
    sqs.send_message().queue_url(stack.output("JobsQueueUrl")).message_body(input).send().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(jobs.get(&first).await.unwrap().unwrap(), before);
}
