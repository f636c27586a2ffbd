//! The faults that the emulator injects on request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client as Tables;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::Client as Objects;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_sfn::Client as Steps;
use aws_sdk_sfn::types::ExecutionStatus;
use aws_sdk_sqs::Client as Queues;
use serde_json::{Value, json};
use smmu_local::Faults;
use smmu_tests::history::log_lines;

use super::access::as_function;
use super::cloud::{Contracts, eventually, faulty_contracts};

/// Enough of each fault to see it in a few dozen calls.
async fn faulty() -> Arc<Contracts> {
    let faults = Faults {
        seed: 1,
        refused: 0.2,
        lost: 0.2,
        cut: 0.2,
        slow: 0.2,
        slow_ms: 1000,
        duplicated: 0.5,
        reordered: 1.0,
        late: 0.5,
        late_ms: 1500,
        skewed: 1.0,
        skew_s: 290,
        repeated: 0.5,
        withheld_ms: 2000,
        period_ms: 4000,
    };
    faulty_contracts(faults).await
}

/// Number of injected faults, by service and sort.
async fn injected(contracts: &Contracts) -> BTreeMap<String, u64> {
    let url = format!("{}/_smmu/faults", contracts.cloud.address().endpoint());
    let answer = reqwest::Client::builder().no_proxy().build().expect("a client").get(url).send().await;
    answer.expect("answers").json().await.expect("JSON")
}

#[tokio::test]
async fn calls_of_a_session_fail_before_they_are_carried_out_or_after_and_are_delayed() {
    let contracts = faulty().await;
    let root = Objects::new(&contracts.cloud.address().sdk_config().await);
    let sdk = as_function(&contracts).await.to_builder().retry_config(RetryConfig::disabled()).build();
    let (session, bucket) = (Objects::new(&sdk), contracts.output("BucketName"));
    let (mut refused, mut lost, mut cut, mut slowest) = (0, 0, 0, Duration::ZERO);
    let mut codes = BTreeSet::new();
    for index in 0..60 {
        let key = format!("uploads/faulty-{index}");
        let begun = Instant::now();
        let put = session.put_object().bucket(bucket).key(&key).body(vec![1].into()).send().await;
        slowest = slowest.max(begun.elapsed());
        let there = root.head_object().bucket(bucket).key(&key).send().await;
        let there = match there.map_err(|error| error.into_service_error()) {
            Ok(_) => true,
            Err(error) => {
                assert!(error.is_not_found(), "root's calls never fail: {error}");
                false
            }
        };
        match (put, there) {
            (Ok(_), there) => assert!(there, "{key} was stored"),
            (Err(error), false) => {
                refused += 1;
                codes.insert(error.code().expect("a service's error").to_owned());
            }
            (Err(error), true) if error.code().is_some() => lost += 1,
            (Err(_), true) => cut += 1,
        }
    }
    let injected = injected(&contracts).await;
    let counted = ["refused", "lost", "cut"].map(|sort| injected[&format!("s3 {sort}")]);
    assert_eq!(counted, [refused, lost, cut], "{injected:?}");
    assert!(counted.iter().all(|count| *count > 0), "{injected:?}");
    assert!(injected["s3 slow"] > 0 && slowest > Duration::from_millis(300), "{slowest:?}, {injected:?}");
    let documented = ["InternalError", "ServiceUnavailable", "SlowDown"].map(ToOwned::to_owned);
    assert!(codes.is_subset(&documented.into()), "{codes:?}");
}

#[tokio::test]
async fn throttled_and_failed_reads_of_a_table_have_its_error_codes() {
    let contracts = faulty().await;
    let sdk = as_function(&contracts).await.to_builder().retry_config(RetryConfig::disabled()).build();
    let (tables, table) = (Tables::new(&sdk), contracts.output("TableName"));
    let mut codes = BTreeSet::new();
    for _ in 0..60 {
        let get = tables.get_item().table_name(table).key("id", AttributeValue::S("nobody".to_owned())).send().await;
        codes.extend(get.err().and_then(|error| error.code().map(ToOwned::to_owned)));
    }
    let documented = ["InternalServerError", "ProvisionedThroughputExceededException"].map(ToOwned::to_owned);
    assert_eq!(codes, documented.into());
}

#[tokio::test]
async fn messages_arrive_late_in_another_order_and_again_after_their_deletion() {
    let contracts = faulty().await;
    let queues = Queues::new(&contracts.cloud.address().sdk_config().await);
    let url = contracts.output("DeadLettersUrl");
    let sent: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    for body in &sent {
        queues.send_message().queue_url(url).message_body(body).send().await.expect("sends");
    }
    let (mut received, mut batches, mut quiet) = (Vec::new(), Vec::new(), Instant::now());
    // Longer than any delay; whole seconds of delay are rounded up.
    while quiet.elapsed() < Duration::from_secs(4) {
        let batch = queues.receive_message().queue_url(url).max_number_of_messages(10).send().await.expect("receives");
        let batch = batch.messages.unwrap_or_default();
        if batch.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        quiet = Instant::now();
        batches.push(batch.len());
        for message in batch {
            let handle = message.receipt_handle.expect("a handle");
            queues.delete_message().queue_url(url).receipt_handle(handle).send().await.expect("deletes");
            received.push(message.body.expect("a body"));
        }
    }
    assert!(received.len() > sent.len(), "some are repeated: {received:?}");
    assert_eq!(received.iter().collect::<BTreeSet<_>>(), sent.iter().collect(), "none is lost");
    let in_time: usize = batches.iter().take_while(|size| **size == 10).sum();
    assert!(in_time < sent.len(), "some are late: {batches:?}");
    let first = &received[..batches[0]];
    let mut in_order = first.to_vec();
    in_order.sort_by_key(|body| body.parse::<u32>().expect("a number"));
    assert_ne!(first, in_order, "in another order");
}

/// Error and cause of an execution, empty if it succeeded.
async fn outcome(contracts: &Contracts, input: Value) -> (String, String) {
    let steps = Steps::new(&contracts.cloud.address().sdk_config().await);
    let machine = contracts.output("StateMachineArn");
    let started = steps.start_execution().state_machine_arn(machine).input(input.to_string()).send().await;
    let arn = started.expect("starts").execution_arn;
    eventually("the execution ends", Duration::from_mins(1), async || {
        let found = steps.describe_execution().execution_arn(&arn).send().await.expect("describes");
        let ended = found.status != ExecutionStatus::Running;
        ended.then(|| (found.error.unwrap_or_default(), found.cause.unwrap_or_default()))
    })
    .await
}

#[tokio::test]
async fn a_states_call_of_a_function_fails_before_or_after_the_function_ran() {
    let contracts = faulty().await;
    let mut causes = BTreeSet::new();
    eventually("all outcomes happen", Duration::from_mins(3), async || {
        // The function's own error is caught.
        let (error, cause) = outcome(&contracts, json!({"run": "failing function", "type": "Lasting"})).await;
        let names = ["", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException"];
        assert!(names.contains(&error.as_str()), "{error}: {cause}");
        causes.insert(cause);
        (causes.len() == 3).then_some(())
    })
    .await;
    let all = ["", "injected after the call", "injected before the call"].map(ToOwned::to_owned);
    assert_eq!(causes, all.into());
}

/// The types of events in the log of Express executions with a name, by execution.
async fn runs(contracts: &Contracts, name: &str) -> BTreeMap<String, Vec<String>> {
    let group = "/aws/vendedlogs/states/contracts-express";
    let lines = log_lines(contracts.cloud.address().endpoint(), group, &format!(":{name}:")).await;
    let mut runs = BTreeMap::<_, Vec<_>>::new();
    for line in lines {
        let text = |member: &str| line[member].as_str().expect("a text").to_owned();
        runs.entry(text("execution_arn")).or_default().push(text("type"));
    }
    runs
}

/// The number of events of a type.
fn count(runs: &BTreeMap<String, Vec<String>>, event: &str) -> usize {
    runs.values().flatten().filter(|one| *one == event).count()
}

#[tokio::test]
async fn an_express_execution_runs_again_at_the_same_time_under_its_arn_or_another() {
    let contracts = faulty().await;
    let steps = Steps::new(&contracts.cloud.address().sdk_config().await);
    let before = injected(&contracts).await.get("express repeated").copied().unwrap_or_default();
    for _ in 0..40 {
        let start = steps.start_execution().state_machine_arn(contracts.output("ExpressArn")).name("repeated");
        start.input(r#"{"run": "tell"}"#).send().await.expect("starts");
    }
    let again = usize::try_from(injected(&contracts).await["express repeated"] - before).expect("few");
    let runs = eventually("all have ended", Duration::from_mins(1), async || {
        let runs = runs(&contracts, "repeated").await;
        (count(&runs, "ExecutionSucceeded") == 40 + again).then_some(runs)
    })
    .await;
    assert_eq!(count(&runs, "ExecutionStarted"), 40 + again);
    let under_one_arn =
        runs.values().filter(|events| events.iter().filter(|one| *one == "ExecutionStarted").count() == 2);
    let under_one_arn = under_one_arn.count();
    assert!(under_one_arn > 0 && under_one_arn < again, "{under_one_arn} of {again}");
    assert_eq!(runs.len(), 40 + again - under_one_arn);
}

#[tokio::test]
async fn a_planned_fault_lets_an_express_execution_run_twice_or_vanish() {
    let contracts = faulty().await;
    let session = Steps::new(&as_function(&contracts).await);
    let start = async |name: &str, fault: Value| {
        let mut planned = json!({"service": "states", "contains": name, "times": 1});
        planned.as_object_mut().expect("an object").extend(fault.as_object().expect("an object").clone());
        let url = format!("{}/_smmu/faults", contracts.cloud.address().endpoint());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        client.post(url).body(planned.to_string()).send().await.expect("is planned");
        // Another call with the name does not use it up.
        let arn = format!("arn:aws:states:us-east-1:000000000000:execution:contracts-nested:{name}");
        session.describe_execution().execution_arn(arn).send().await.expect_err("it may not");
        let start = session.start_execution().state_machine_arn(contracts.output("ExpressArn")).name(name);
        start.input(r#"{"run": "tell"}"#).send().await.expect("starts");
    };
    start("planned-vanishes", json!({"sort": "vanishes", "state": "Tell"})).await;
    start("planned-twice", json!({"sort": "twice"})).await;
    start("planned-repeated", json!({"sort": "repeated"})).await;
    let ended = async |name: &str| {
        eventually("both have ended", Duration::from_mins(1), async || {
            let runs = runs(&contracts, name).await;
            (count(&runs, "ExecutionSucceeded") == 2).then_some(runs)
        })
        .await
    };
    assert_eq!((ended("planned-twice").await.len(), ended("planned-repeated").await.len()), (2, 1));
    let vanished: Vec<_> = runs(&contracts, "planned-vanishes").await.into_values().collect();
    assert_eq!(vanished, [["ExecutionStarted", "ChoiceStateEntered", "ChoiceStateExited"]]);
}

#[tokio::test]
async fn the_clock_of_a_function_is_off() {
    let contracts = faulty().await;
    let url = format!("{}/credentials", contracts.cloud.address().api_url().expect("an API"));
    let answer = reqwest::Client::builder().no_proxy().build().expect("a client").get(url).send().await;
    let told: f64 =
        answer.expect("answers").json::<Value>().await.expect("JSON")["unixSeconds"].as_f64().expect("a time");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    assert!(((told - now).abs() - 290.0).abs() < 60.0, "{told} at {now}");
}

#[tokio::test]
async fn capacity_is_withheld_for_a_part_of_each_period() {
    let contracts = faulty().await;
    let mut seen = BTreeSet::new();
    eventually("both happen", Duration::from_mins(3), async || {
        let (error, cause) = outcome(&contracts, json!({"run": "script", "script": "exit 0"})).await;
        assert!(error.is_empty() || cause.contains("Capacity is unavailable"), "{error}: {cause}");
        seen.insert(error);
        (seen.len() == 2).then_some(())
    })
    .await;
    assert_eq!(seen, ["", "AmazonECS.Unknown"].map(ToOwned::to_owned).into());
    assert!(injected(&contracts).await["ecs withheld"] > 0);
}
