//! Throttling of ECS task starts ("AWS Fargate throttling quotas" in the Amazon ECS developer guide).

use std::sync::Arc;
use std::time::Instant;

use reqwest::{Client, StatusCode, header::AUTHORIZATION};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::cloud::{Contracts, contracts};

/// Calls ECS in a region used only by this test, because quotas are per account and region. The local cloud does not
/// verify requests of its root user, so they need no signature.
async fn ecs(contracts: &Contracts, region: &str, action: &str, body: &Value) -> (StatusCode, Value) {
    let client = Client::builder().no_proxy().build().expect("a client");
    let caller = format!("AWS4-HMAC-SHA256 Credential=test/20260101/{region}/ecs/aws4_request");
    let request = client.post(contracts.cloud.address().endpoint());
    let request = request.header(AUTHORIZATION, format!("{caller}, SignedHeaders=host, Signature=0"));
    let request = request.header("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{action}"));
    let request = request.header("content-type", "application/x-amz-json-1.1").body(body.to_string());
    let answer = request.send().await.expect("answers");
    (answer.status(), answer.json().await.expect("JSON"))
}

/// Responses of `calls` concurrent calls of `RunTask`, and the maximum number of seconds over which they were counted.
async fn run_task(contracts: &Arc<Contracts>, region: &'static str, body: &Value, calls: usize) -> (Vec<Value>, usize) {
    let begun = Instant::now();
    let mut under_way = JoinSet::new();
    for _ in 0..calls {
        let (contracts, body) = (Arc::clone(contracts), body.clone());
        under_way.spawn(async move { ecs(&contracts, region, "RunTask", &body).await.1 });
    }
    let answers = under_way.join_all().await;
    (answers, usize::try_from(begun.elapsed().as_secs()).expect("few") + 1)
}

fn is_throttled(answer: &Value) -> bool {
    answer["__type"] == "ThrottlingException"
}

#[tokio::test]
async fn run_task_is_throttled_at_twenty_calls_a_second() {
    let contracts = contracts().await;
    // A failing call counts too.
    let nothing = json!({"taskDefinition": "absent"});
    let (answers, seconds) = run_task(&contracts, "eu-west-1", &nothing, 100).await;
    let passed = answers.len() - answers.iter().filter(|answer| is_throttled(answer)).count();
    assert!((20..=20 + 20 * seconds).contains(&passed), "{passed} of {} calls in {seconds} s", answers.len());
    let (status, other) = ecs(&contracts, "eu-west-2", "RunTask", &nothing).await;
    assert_eq!(
        (status, &other["__type"]),
        (StatusCode::BAD_REQUEST, &"ClientException".into()),
        "another action has its own quota"
    );
}

#[tokio::test]
async fn a_burst_of_task_starts_is_limited_to_a_hundred() {
    let contracts = contracts().await;
    let region = "eu-north-1";
    let worker = json!({"name": "worker", "image": "absent"});
    let definition = json!({"family": "many", "cpu": "256", "memory": "512", "containerDefinitions": [worker]});
    ecs(&contracts, region, "RegisterTaskDefinition", &definition).await;
    let ten = json!({"taskDefinition": "many", "launchType": "FARGATE", "count": 10});
    let (answers, seconds) = run_task(&contracts, region, &ten, 18).await;
    // Those that find no vCPU, because others of these still run, have used the burst too.
    let started = 10 * answers.iter().filter(|answer| !is_throttled(answer)).count();
    assert!((100..=100 + 20 * seconds).contains(&started), "{started} tasks in {seconds} s: {answers:?}");
    assert!(answers.iter().all(|answer| answer["tasks"].is_array() || is_throttled(answer)), "{answers:?}");
}
