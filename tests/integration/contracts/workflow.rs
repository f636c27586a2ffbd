//! Executions: start, describe and stop.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};

use super::cloud::{Contracts, contracts, eventually};

/// An execution of the contract state machine.
pub(crate) struct Execution {
    pub(crate) contracts: Arc<Contracts>,
    pub(crate) steps: Client,
    pub(crate) arn: String,
}

/// Starts an execution.
pub(crate) async fn execute(input: Value) -> Execution {
    let contracts = contracts().await;
    let steps = Client::new(&contracts.cloud.address().sdk_config().await);
    let machine = contracts.output("StateMachineArn");
    let started = steps.start_execution().state_machine_arn(machine).input(input.to_string()).send().await;
    let arn = started.expect("starts").execution_arn;
    Execution { contracts, steps, arn }
}

impl Execution {
    /// Waits for its end and returns the description.
    pub(crate) async fn end(&self) -> DescribeExecutionOutput {
        eventually("the execution ends", Duration::from_secs(30), async || {
            let found = self.steps.describe_execution().execution_arn(&self.arn).send().await.expect("describes");
            (found.status != ExecutionStatus::Running).then_some(found)
        })
        .await
    }
}

#[tokio::test]
async fn the_name_of_an_execution_cannot_be_reused_and_its_start_can_be_repeated_while_it_runs() {
    let contracts = contracts().await;
    let steps = Client::new(&contracts.cloud.address().sdk_config().await);
    let start = async |script: &str| {
        let input = json!({"run": "script", "script": script}).to_string();
        let machine = contracts.output("StateMachineArn");
        steps.start_execution().state_machine_arn(machine).name("once").input(input).send().await
    };
    let first = start("sleep 5").await.expect("starts").execution_arn;
    let again = start("sleep 5").await.expect("the same input, while it runs").execution_arn;
    assert_eq!(again, first);
    let refused = start("false").await.expect_err("the name is taken");
    assert!(refused.as_service_error().expect("an answer").is_execution_already_exists(), "{refused:?}");
    eventually("the first ends", Duration::from_mins(1), async || {
        let found = steps.describe_execution().execution_arn(&first).send().await.expect("describes");
        (found.status == ExecutionStatus::Succeeded).then_some(())
    })
    .await;
    let refused = start("sleep 5").await.expect_err("the name stays taken");
    assert!(refused.as_service_error().expect("an answer").is_execution_already_exists(), "{refused:?}");
}

#[tokio::test]
async fn the_error_type_of_a_function_is_what_catch_matches() {
    let caught = execute(json!({"run": "failing function", "type": "Lasting"})).await.end().await;
    assert_eq!(caught.status, ExecutionStatus::Succeeded);
    let failed = execute(json!({"run": "failing function", "type": "Other"})).await.end().await;
    assert_eq!((failed.status, failed.error.as_deref()), (ExecutionStatus::Failed, Some("Other")));
}

#[tokio::test]
async fn retry_matches_the_error_type_of_a_function_and_waits_its_interval() {
    let execution = execute(json!({"run": "failing function", "type": "Transient"})).await;
    let failed = execution.end().await;
    assert_eq!(failed.error.as_deref(), Some("Transient"));
    let (started, stopped) = (failed.start_date, failed.stop_date.expect("ended"));
    assert!(stopped.as_secs_f64() - started.as_secs_f64() >= 1.0, "one retry after a second");
}

#[tokio::test]
async fn a_function_whose_process_ends_at_its_start_fails_with_an_exit_error() {
    let failed = execute(json!({"run": "crashing function"})).await.end().await;
    assert_eq!((failed.status, failed.error.as_deref()), (ExecutionStatus::Failed, Some("Runtime.ExitError")));
}
