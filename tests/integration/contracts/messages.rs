//! Queues, streams, and the events of executions.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client as Tables;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use aws_sdk_sqs::Client;
use serde_json::{Value, json};

use super::cloud::{contracts, eventually};
use super::workflow::execute;

/// Receives and deletes up to ten messages.
async fn receive(queues: &Client, url: &str) -> Vec<String> {
    let received = queues.receive_message().queue_url(url).max_number_of_messages(10).send().await.expect("receives");
    let mut bodies = Vec::new();
    for message in received.messages.unwrap_or_default() {
        let handle = message.receipt_handle.expect("a handle");
        queues.delete_message().queue_url(url).receipt_handle(handle).send().await.expect("deletes");
        bodies.extend(message.body);
    }
    bodies
}

#[tokio::test]
async fn only_the_failed_message_of_a_batch_is_retried_and_dead_lettered() {
    let contracts = contracts().await;
    let queues = Client::new(&contracts.cloud.address().sdk_config().await);
    for body in ["good", "fail", "fine"] {
        queues.send_message().queue_url(contracts.output("QueueUrl")).message_body(body).send().await.expect("sends");
    }
    let dead = eventually("the failed message is a dead letter", Duration::from_secs(30), async || {
        let dead = receive(&queues, contracts.output("DeadLettersUrl")).await;
        (!dead.is_empty()).then_some(dead)
    })
    .await;
    assert_eq!(dead, ["fail"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(receive(&queues, contracts.output("DeadLettersUrl")).await.is_empty(), "the others are not dead letters");
    assert!(receive(&queues, contracts.output("QueueUrl")).await.is_empty(), "nothing is left");
}

#[tokio::test]
async fn a_batch_of_a_stream_is_retried_from_its_failed_record_on() {
    let contracts = contracts().await;
    let tables = Tables::new(&contracts.cloud.address().sdk_config().await);
    // One transaction, so that the records are in one batch or in two that follow each other.
    let put = |id: &str| {
        let put = Put::builder().table_name(contracts.output("StreamedTableName"));
        let put = put.item("id", AttributeValue::S(id.to_owned())).build().expect("complete");
        TransactWriteItem::builder().put(put).build()
    };
    let puts = ["before", "fail", "after"].map(put).to_vec();
    tables.transact_write_items().set_transact_items(Some(puts)).send().await.expect("writes");
    let url = format!("{}/batches", contracts.cloud.address().api_url().expect("an API"));
    let delivered = eventually("the failed record is retried", Duration::from_secs(30), async || {
        // Seldom: a request during an invocation would be answered by another process.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let answer = reqwest::Client::builder().no_proxy().build().expect("a client").get(&url).send().await;
        let batches: Vec<Vec<String>> = answer.expect("answers").json().await.expect("JSON");
        let delivered = batches.concat();
        (delivered.iter().filter(|id| *id == "fail").count() > 1 && delivered.last()? == "after").then_some(delivered)
    })
    .await;
    let of = |wanted: &str| delivered.iter().filter(|id| *id == wanted).count();
    assert_eq!((of("before"), of("fail")), (1, 2), "only records from the failed one on are retried: {delivered:?}");
}

#[tokio::test]
async fn failed_and_stopped_executions_send_events() {
    let failed = execute(json!({"run": "failing function", "type": "Other"})).await;
    let stopped = execute(json!({"run": "script", "script": "sleep 60"})).await;
    stopped.steps.stop_execution().execution_arn(&stopped.arn).send().await.expect("stops");
    let queues = Client::new(&failed.contracts.cloud.address().sdk_config().await);
    let mut wanted = BTreeSet::from([(failed.arn.clone(), "FAILED"), (stopped.arn.clone(), "ABORTED")]);
    eventually("both events arrive", Duration::from_secs(20), async || {
        for body in receive(&queues, failed.contracts.output("EndedQueueUrl")).await {
            let event: Value = serde_json::from_str(&body).expect("JSON");
            let detail = &event["detail"];
            assert_eq!(event["source"], "aws.states");
            assert!(detail["input"].is_string(), "{detail}");
            wanted.retain(|(arn, status)| detail["executionArn"] != **arn || detail["status"] != **status);
        }
        wanted.is_empty().then_some(())
    })
    .await;
    let closed = receive(&queues, failed.contracts.output("ClosedQueueUrl")).await;
    assert!(closed.is_empty(), "its policy denies sending: {closed:?}");
}
