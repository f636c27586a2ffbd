//! Queues, and the events of executions.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::Client;
use serde_json::{Value, json};

use super::cloud::{contracts, eventually};
use super::workflow::execute;

/// Receives and deletes what is there.
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
async fn of_a_batch_only_the_failed_message_comes_again_and_ends_in_the_dead_letter_queue() {
    let contracts = contracts().await;
    let queues = Client::new(&contracts.cloud.address().sdk_config().await);
    for body in ["good", "fail", "fine"] {
        queues.send_message().queue_url(contracts.output("QueueUrl")).message_body(body).send().await.expect("sends");
    }
    let dead = eventually("the failed message is given up", Duration::from_secs(30), async || {
        let dead = receive(&queues, contracts.output("DeadLettersUrl")).await;
        (!dead.is_empty()).then_some(dead)
    })
    .await;
    assert_eq!(dead, ["fail"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(receive(&queues, contracts.output("DeadLettersUrl")).await.is_empty(), "the others were not given up");
    assert!(receive(&queues, contracts.output("QueueUrl")).await.is_empty(), "nothing is left");
}

#[tokio::test]
async fn executions_that_fail_or_are_stopped_are_told_as_events() {
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
    assert!(closed.is_empty(), "its policy lets nobody send: {closed:?}");
}
