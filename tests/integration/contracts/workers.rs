//! `ecs:runTask.sync` with the fake container engine.

use std::path::Path;
use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use smmu_local::Worker;

use super::cloud::eventually;
use super::workflow::{Execution, execute};

/// Starts an execution whose worker runs `script`, with a `$0` unique to the test.
pub(super) async fn run(state: &str, script: &str) -> Execution {
    execute(json!({"run": state, "script": script})).await
}

/// The process of the worker whose command line contains `mark`.
pub(super) async fn worker(execution: &Execution, mark: &str) -> Worker {
    eventually("the worker runs", Duration::from_secs(10), async || {
        let runs = |worker: &Worker| {
            let command = std::fs::read(format!("/proc/{}/cmdline", worker.pid)).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(mark)
        };
        execution.contracts.cloud.workers().into_iter().find(runs)
    })
    .await
}

async fn gone(worker: &Worker) {
    let process = format!("/proc/{}", worker.pid);
    eventually("the worker has ended", Duration::from_secs(10), async || (!Path::new(&process).exists()).then_some(()))
        .await;
}

async fn cause(execution: &Execution) -> Value {
    let failed = execution.end().await;
    assert_eq!((failed.status, failed.error.as_deref()), (ExecutionStatus::Failed, Some("States.TaskFailed")));
    serde_json::from_str(&failed.cause.expect("a cause")).expect("the ECS task as JSON")
}

#[tokio::test]
async fn a_worker_that_exits_with_zero_completes_its_state_with_the_ecs_task() {
    let ended = run("script", "exit 0").await.end().await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded, "{:?}", ended.cause);
    let task: Value = serde_json::from_str(&ended.output.expect("an output")).expect("the ECS task as JSON");
    assert_eq!(task["LastStatus"], "STOPPED");
    assert_eq!(task["Containers"][0]["ExitCode"], 0);
}

#[tokio::test]
async fn a_worker_that_exits_with_another_code_fails_its_state_with_that_code() {
    let task = cause(&run("script", "exit 3").await).await;
    assert_eq!(task["StopCode"], "EssentialContainerExited");
    assert_eq!(task["Containers"][0]["ExitCode"], 3);
}

#[tokio::test]
async fn a_killed_worker_fails_its_state_with_128_and_the_signal() {
    let execution = run("script", "sleep 60; : killed").await;
    let worker = worker(&execution, "killed").await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(worker.pid).expect("a pid")).expect("not zero");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kills");
    assert_eq!(cause(&execution).await["Containers"][0]["ExitCode"], 137);
}

#[tokio::test]
async fn a_missing_image_fails_the_state_as_not_started() {
    let task = cause(&run("absent image", "").await).await;
    assert_eq!(task["StopCode"], "TaskFailedToStart");
}

/// Like [`run`], on Spot with its own size, and on demand after a failure.
async fn run_on_spot(script: &str) -> Execution {
    execute(json!({"run": "script on spot", "script": script, "cpu": "512", "memory": "1024"})).await
}

#[tokio::test]
async fn a_worker_gets_the_capacity_and_size_of_its_state() {
    let ended = run_on_spot("exit 0").await.end().await;
    let task: Value = serde_json::from_str(&ended.output.expect("an output")).expect("the ECS task as JSON");
    assert_eq!(task["CapacityProviderName"], "FARGATE_SPOT");
    assert_eq!((&task["Overrides"]["Cpu"], &task["Overrides"]["Memory"]), (&"512".into(), &"1024".into()));
}

#[tokio::test]
async fn the_size_in_the_state_overrides_that_of_the_task() {
    let of_definition = run("script", "sleep 3; : of_definition").await;
    let size = worker(&of_definition, "of_definition").await.size;
    assert_eq!((size.memory_bytes, size.nano_cpus), (512 << 20, 250_000_000));
    let of_state = run_on_spot("sleep 3; : of_state").await;
    let size = worker(&of_state, "of_state").await.size;
    assert_eq!((size.memory_bytes, size.nano_cpus), (1024 << 20, 500_000_000));
}

#[tokio::test]
async fn a_failure_on_spot_is_retried_on_demand_with_the_same_input() {
    let task = cause(&run_on_spot("exit 9").await).await;
    assert_eq!(task["CapacityProviderName"], "FARGATE");
    assert_eq!(task["Overrides"]["Cpu"], "512");
    assert_eq!(task["Containers"][0]["ExitCode"], 9);
}

#[tokio::test]
async fn a_worker_beyond_the_vcpu_quota_waits_but_a_failed_one_does_not() {
    let large = async |script: &str| execute(json!({"run": "large script", "script": script})).await;
    let first = large("sleep 60; : large").await;
    let holds = worker(&first, "large").await;
    let second = large("exit 0").await;
    let refused = eventually("the second is refused", Duration::from_secs(10), async || {
        let history = second.steps.get_execution_history().execution_arn(&second.arn).send().await.expect("describes");
        history.events.into_iter().find_map(|event| event.task_failed_event_details)
    })
    .await;
    assert_eq!(refused.error.as_deref(), Some("AmazonECS.Unknown"), "{refused:?}");
    let pid = rustix::process::Pid::from_raw(i32::try_from(holds.pid).expect("a pid")).expect("not zero");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kills");
    assert_eq!(cause(&first).await["Containers"][0]["ExitCode"], 137);
    assert_eq!(second.end().await.status, ExecutionStatus::Succeeded);
}

#[tokio::test]
async fn a_timeout_is_not_retried_on_another_capacity() {
    let failed = run_on_spot("sleep 60; : spot").await.end().await;
    assert_eq!((failed.status, failed.error.as_deref()), (ExecutionStatus::Failed, Some("States.Timeout")));
}

#[tokio::test]
async fn a_state_that_times_out_stops_its_worker() {
    let execution = run("hurried script", "sleep 60; : hurried").await;
    let worker = worker(&execution, "hurried").await;
    let failed = execution.end().await;
    assert_eq!(failed.error.as_deref(), Some("States.Timeout"));
    gone(&worker).await;
}

#[tokio::test]
async fn a_stopped_execution_stops_its_worker_and_stays_aborted() {
    let execution = run("script", "sleep 60; : stopped").await;
    let worker = worker(&execution, "stopped").await;
    execution.steps.stop_execution().execution_arn(&execution.arn).send().await.expect("stops");
    gone(&worker).await;
    assert_eq!(execution.end().await.status, ExecutionStatus::Aborted);
}

#[tokio::test]
async fn a_worker_gets_the_environment_of_fargate_only() {
    let script = r#"test "$FROM_TEMPLATE" = yes || exit 11
        test "$AWS_EXECUTION_ENV" = AWS_ECS_FARGATE || exit 12
        case "$AWS_ENDPOINT_URL" in http://127.0.0.1:*) ;; *) exit 13 ;; esac
        test "$(pwd)" = "$TMPDIR" || exit 14
        test -z "$CARGO_MANIFEST_DIR$HOME" || exit 15"#;
    let ended = run("script", script).await.end().await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded, "{:?}", ended.cause);
}
