//! What happened in the executions of a job: the history of a Standard execution, and the log of Express executions.

use crate::stack::Stack;
use aws_sdk_sfn::{
    Client as Sfn,
    types::{HistoryEvent as Recorded, StateMachineType},
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// An event of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEvent {
    /// The state that it belongs to, which can be inside a Parallel state. Empty if that is not recorded: before the
    /// first state, and in the log of a state machine that logs only errors.
    pub state: String,
    /// Its type, such as `TaskStateEntered` or `ExecutionTimedOut`.
    pub event: String,
    /// The name of an error.
    pub error: Option<String>,
    /// The cause of an error.
    pub cause: Option<String>,
}

impl HistoryEvent {
    /// True if a state was entered.
    #[must_use]
    pub fn enters(&self) -> bool {
        self.event.ends_with("StateEntered")
    }

    /// True if a task failed or timed out, whatever happened after that.
    #[must_use]
    pub fn fails_task(&self) -> bool {
        ["TaskFailed", "TaskTimedOut"].contains(&self.event.as_str())
    }
}

/// An event as it is recorded.
struct Line {
    execution: String,
    id: i64,
    previous: i64,
    /// In milliseconds since 1970.
    at: i64,
    /// The state that is entered.
    enters: Option<String>,
    event: HistoryEvent,
}

impl Stack {
    /// All events of a job's executions that are recorded so far, in the order of their times. Empty if there is no
    /// execution. The last events of an Express execution can reach its log a moment after the end of its job.
    ///
    /// # Panics
    /// If they cannot be read.
    pub async fn history(&self, job: &str) -> Vec<HistoryEvent> {
        let sfn = Sfn::new(&self.sdk);
        let mut lines = history_of(&sfn, &self.execution_arn(job)).await;
        let mut machines = sfn.list_state_machines().into_paginator().items().send();
        while let Some(machine) = machines.next().await {
            let machine = machine.expect("root's calls succeed");
            if *machine.r#type() == StateMachineType::Express {
                lines.extend(self.log_of(&sfn, machine.state_machine_arn(), job).await);
            }
        }
        lines.sort_by_key(|line| line.at);
        in_states(lines)
    }

    /// The lines about a job in the log of an Express state machine.
    async fn log_of(&self, sfn: &Sfn, machine: &str, job: &str) -> Vec<Line> {
        let described = sfn.describe_state_machine().state_machine_arn(machine).send().await;
        let described = described.expect("root's calls succeed");
        let destination = described.logging_configuration().and_then(|logging| logging.destinations().first());
        let Some(group) = destination.and_then(|one| one.cloud_watch_logs_log_group()?.log_group_arn()) else {
            return Vec::new();
        };
        let name = group.split(':').nth(6).expect("the ARN of a log group");
        let lines = log_lines(self.cloud.address().endpoint(), name, job).await;
        lines.iter().map(logged).filter(|line| name_of(&line.execution) == job).collect()
    }
}

/// The lines of JSON in a log group that contain a text.
///
/// # Panics
/// If they cannot be read, or are not JSON.
pub async fn log_lines(endpoint: &str, group: &str, text: &str) -> Vec<Value> {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut asked = json!({"logGroupName": group, "filterPattern": format!("\"{text}\"")});
    let mut lines = Vec::new();
    loop {
        // One call is not worth another SDK. The emulator does not check signatures of root.
        let answer = client
            .post(endpoint)
            .header("x-amz-target", "Logs_20140328.FilterLogEvents")
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request")
            .body(asked.to_string());
        let answer = answer.send().await.expect("the emulator answers");
        assert!(answer.status().is_success(), "{asked}: {}", answer.status());
        let page: Value = answer.json().await.expect("JSON");
        let events = page["events"].as_array().expect("a list of events").iter();
        let messages = events.map(|event| event["message"].as_str().expect("a text"));
        lines.extend(messages.map(|text| serde_json::from_str::<Value>(text).expect("a line of JSON")));
        match page.get("nextToken") {
            Some(token) => asked["nextToken"] = token.clone(),
            None => return lines,
        }
    }
}

/// The name of an Express execution: `arn:aws:states:REGION:ACCOUNT:express:MACHINE:NAME:UUID`.
fn name_of(execution: &str) -> &str {
    execution.split(':').nth(7).unwrap_or_default()
}

/// The history of a Standard execution.
async fn history_of(sfn: &Sfn, execution: &str) -> Vec<Line> {
    let mut events = sfn.get_execution_history().execution_arn(execution).into_paginator().items().send();
    let mut lines = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => lines.push(recorded(execution, &event)),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_execution_does_not_exist()) => break,
            Err(error) => panic!("the history of {execution} cannot be read: {error:?}"),
        }
    }
    lines
}

fn recorded(execution: &str, event: &Recorded) -> Line {
    let errors = [
        event.task_failed_event_details().map(|details| (details.error(), details.cause())),
        event.task_timed_out_event_details().map(|details| (details.error(), details.cause())),
        event.execution_failed_event_details().map(|details| (details.error(), details.cause())),
        event.execution_timed_out_event_details().map(|details| (details.error(), details.cause())),
        event.execution_aborted_event_details().map(|details| (details.error(), details.cause())),
    ];
    let (error, cause) = errors.into_iter().flatten().next().unwrap_or_default();
    let state = event.state_exited_event_details().map(|details| details.name().to_owned());
    Line {
        execution: execution.to_owned(),
        id: event.id(),
        previous: event.previous_event_id(),
        at: event.timestamp().to_millis().expect("a time of this century"),
        enters: event.state_entered_event_details().map(|details| details.name().to_owned()),
        event: HistoryEvent {
            state: state.unwrap_or_default(),
            event: event.r#type().as_str().to_owned(),
            error: error.map(ToOwned::to_owned),
            cause: cause.map(ToOwned::to_owned),
        },
    }
}

fn logged(message: &Value) -> Line {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let number = |name: &str| text(&message[name]).and_then(|text| text.parse().ok()).expect("a number as a text");
    let (event, details) = (text(&message["type"]).expect("a type"), &message["details"]);
    let name = text(&details["name"]);
    Line {
        execution: text(&message["execution_arn"]).expect("an ARN"),
        id: number("id"),
        previous: number("previous_event_id"),
        at: number("event_timestamp"),
        enters: name.clone().filter(|_| event.ends_with("StateEntered")),
        event: HistoryEvent {
            state: name.unwrap_or_default(),
            event,
            error: text(&details["error"]),
            cause: text(&details["cause"]),
        },
    }
}

/// Events with their states. An event belongs to the state that it enters or leaves, or to that of its predecessor.
fn in_states(lines: Vec<Line>) -> Vec<HistoryEvent> {
    let mut states = HashMap::new();
    let stated = lines.into_iter().map(|mut line| {
        let before = states.get(&(line.execution.clone(), line.previous)).cloned();
        if let Some(entered) = line.enters {
            line.event.state = entered;
        } else if line.event.state.is_empty() {
            line.event.state = before.unwrap_or_default();
        }
        states.insert((line.execution, line.id), line.event.state.clone());
        line.event
    });
    stated.collect()
}
