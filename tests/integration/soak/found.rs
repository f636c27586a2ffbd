//! Reads what a soak has left behind, as the account's root.

use super::verdict::{Found, RecordedJob};
use aws_sdk_dynamodb::{Client as DynamoDb, types::AttributeValue};
use aws_sdk_s3::Client as S3;
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sqs::{Client as Sqs, types::QueueAttributeName};
use smmu_core::{Job, JobState, Role, Status, manifest::BilledManifest};
use smmu_tests::{HistoryEvent, Stack};
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

/// All queues of the template, without the stage in their names. The last three hold dead letters.
const QUEUES: [&str; 6] = ["jobs-queue", "purge-queue", "webhook-queue", "jobs-dlq", "webhook-dlq", "notify-dlq"];
/// Longer than a message can be invisible after its function was killed.
const SETTLE: Duration = Duration::from_mins(4);

type Item = HashMap<String, AttributeValue>;

/// Status of a job; `None` if it is not recorded.
pub(super) async fn status(tables: &DynamoDb, stack: &Stack, job: &str) -> Option<String> {
    let read = tables.get_item().table_name(stack.output("JobsTableName")).consistent_read(true);
    let read = read.key("jobId", AttributeValue::S(job.to_owned())).projection_expression("#s");
    let item = read.expression_attribute_names("#s", "status").send().await.expect("root's calls succeed").item?;
    item.get("status")?.as_s().ok().cloned()
}

/// True if a job with this status has ended.
pub(super) fn is_final(status: &str) -> bool {
    let terminal = [Status::Completed, Status::Failed, Status::Cancelled];
    terminal.iter().any(|terminal| terminal.to_string() == status)
}

/// Waits for the queues to be empty, and reads everything except what only clients know.
pub(super) async fn read(stack: &Stack) -> Found {
    let messages = settled(stack).await;
    let processed = objects(stack, "ProcessedBucketName").await;
    let mut jobs = Vec::new();
    for item in scan(stack, "JobsTableName").await {
        // The table also has a record of turns for each user.
        if item.contains_key("inputKey") {
            let job: Job = serde_dynamo::from_item(item).expect("a job as it was written");
            jobs.push(recorded(stack, job).await);
        }
    }
    let media = scan(stack, "MediaTableName").await.into_iter();
    let media = media.filter_map(|mut item| item.remove("mediaId")?.as_s().ok().cloned());
    Found {
        jobs,
        // The table also has records of users and of idempotency keys, whose ids are none of a media.
        media: media.filter(|id| id.starts_with("med_")).collect(),
        executions: executions(stack).await,
        raw: objects(stack, "RawBucketName").await.into_keys().collect(),
        processed,
        messages,
        ..Found::default()
    }
}

async fn scan(stack: &Stack, table: &str) -> Vec<Item> {
    let scan = DynamoDb::new(&stack.sdk).scan().table_name(stack.output(table)).consistent_read(true);
    let mut pages = scan.into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.expect("root's calls succeed"));
    }
    items
}

async fn objects(stack: &Stack, bucket: &str) -> BTreeMap<String, u64> {
    let mut pages = S3::new(&stack.sdk).list_objects_v2().bucket(stack.output(bucket)).into_paginator().send();
    let mut objects = BTreeMap::new();
    while let Some(page) = pages.next().await {
        for object in page.expect("root's calls succeed").contents() {
            let bytes = object.size().and_then(|bytes| u64::try_from(bytes).ok()).expect("a size");
            objects.insert(object.key().expect("a key").to_owned(), bytes);
        }
    }
    objects
}

async fn executions(stack: &Stack) -> Vec<String> {
    let list = Sfn::new(&stack.sdk).list_executions().state_machine_arn(stack.output("StateMachineArn"));
    let mut pages = list.into_paginator().items().send();
    let mut names = Vec::new();
    while let Some(execution) = pages.next().await {
        names.push(execution.expect("root's calls succeed").name);
    }
    names
}

async fn recorded(stack: &Stack, job: Job) -> RecordedJob {
    let status = job.status().to_string();
    let (mut outputs, mut manifests, mut error) = (BTreeMap::new(), BTreeMap::new(), None);
    match job.state {
        JobState::Completed { outputs: listed, .. } => {
            for output in listed {
                if output.artifact.role == Role::Manifest {
                    let manifest = manifest(stack, &output.key).await;
                    manifests.insert(output.key.clone(), manifest);
                }
                outputs.insert(output.key, output.artifact.bytes);
            }
        }
        JobState::Failed { error: failed, .. } => {
            error = Some((failed.code.as_str().to_owned(), failed.retryable));
        }
        JobState::Queued { .. } | JobState::Running { .. } | JobState::Cancelled { .. } => {}
    }
    RecordedJob { id: job.id.to_string(), media: job.media_id.to_string(), status, error, outputs, manifests }
}

/// Keys and sizes of a manifest's artifacts. Empty if it cannot be read, which shows as outputs that it does not list.
async fn manifest(stack: &Stack, key: &str) -> BTreeMap<String, u64> {
    let get = S3::new(&stack.sdk).get_object().bucket(stack.output("ProcessedBucketName")).key(key).send().await;
    let Ok(object) = get else { return BTreeMap::new() };
    let bytes = object.body.collect().await.expect("root's calls succeed").into_bytes();
    let Ok(stored) = serde_json::from_slice::<BilledManifest>(&bytes) else { return BTreeMap::new() };
    let (prefix, _) = key.rsplit_once('/').expect("it is under its attempt's prefix");
    let artifacts = stored.manifest.artifacts.into_iter();
    artifacts.map(|artifact| (format!("{prefix}/{}", artifact.name), artifact.bytes)).collect()
}

/// Messages by queue, once all queues are empty or `SETTLE` has passed. Dead letters do not go away.
async fn settled(stack: &Stack) -> BTreeMap<String, u64> {
    let queues = Sqs::new(&stack.sdk);
    let begun = Instant::now();
    loop {
        let mut messages = BTreeMap::new();
        for queue in QUEUES {
            messages.insert(queue.to_owned(), count(&queues, stack, queue).await);
        }
        if messages.values().all(|count| *count == 0) || begun.elapsed() > SETTLE {
            return messages;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Messages in a queue: visible, received and delayed ones.
async fn count(queues: &Sqs, stack: &Stack, queue: &str) -> u64 {
    let name = format!("smmu-{}-{queue}", stack.stage);
    let found = queues.get_queue_url().queue_name(name).send().await.expect("the template has it");
    let read = queues.get_queue_attributes().queue_url(found.queue_url().expect("a URL"));
    let read = read.attribute_names(QueueAttributeName::All).send().await.expect("root's calls succeed");
    let counts = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let attributes = read.attributes.expect("they were asked for");
    counts.iter().map(|count| attributes[count].parse::<u64>().expect("a number")).sum()
}

/// The failures of a job's states, with the start of their causes: the functions' logs are not kept.
pub(super) async fn failures(stack: &Stack, job: &str) -> Vec<String> {
    let failed = stack.history(job).await.into_iter().filter(HistoryEvent::fails_task);
    let failures = failed.map(|event| {
        let cause: String = event.cause.unwrap_or_default().chars().take(300).collect();
        format!("{job} failed in {}: {} {cause}", event.state, event.error.unwrap_or_default())
    });
    failures.collect()
}
