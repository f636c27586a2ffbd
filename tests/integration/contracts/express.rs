//! Express executions: what they refuse, how they end, and their log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{
    CloudWatchLogsLogGroup, HistoryEventType, LogDestination, LogLevel, LoggingConfiguration, StateMachineType,
};
use aws_sdk_sqs::Client as Queues;
use serde_json::{Value, json};
use smmu_tests::history::log_lines;

use super::access::{not_made, role};
use super::cloud::{Contracts, EXPRESS_SECONDS, contracts, eventually};

/// Enough for an execution and its log on a busy machine.
const SOON: Duration = Duration::from_mins(2);
const GROUP: &str = "/aws/vendedlogs/states/contracts-express";
const ENDS: [&str; 4] = ["ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"];

/// The Express state machine of the template.
struct Express {
    contracts: Arc<Contracts>,
    steps: Client,
}

async fn express() -> Express {
    let contracts = contracts().await;
    let steps = Client::new(&contracts.cloud.address().sdk_config().await);
    Express { contracts, steps }
}

impl Express {
    async fn start(&self, name: &str, input: Value) -> String {
        self.start_of(self.contracts.output("ExpressArn"), name, input).await
    }

    async fn start_of(&self, machine: &str, name: &str, input: Value) -> String {
        let start = self.steps.start_execution().state_machine_arn(machine).name(name).input(input.to_string());
        start.send().await.expect("starts").execution_arn
    }

    /// The lines of an execution in the log.
    async fn lines(&self, execution: &str) -> Vec<Value> {
        let lines = log_lines(self.contracts.cloud.address().endpoint(), GROUP, execution).await;
        lines.into_iter().filter(|line| line["execution_arn"] == execution).collect()
    }

    /// Waits for the end of an execution and returns its lines.
    async fn ended(&self, execution: &str) -> Vec<Value> {
        eventually("the execution ends", SOON, async || {
            let lines = self.lines(execution).await;
            ENDS.iter().any(|end| lines.last().is_some_and(|last| last["type"] == *end)).then_some(lines)
        })
        .await
    }

    /// Makes an Express state machine with this definition that logs at a level.
    async fn machine(&self, name: &str, level: LogLevel, data: bool, definition: Value) -> String {
        let group = CloudWatchLogsLogGroup::builder().log_group_arn(self.contracts.output("ExpressLogsArn")).build();
        let destination = LogDestination::builder().cloud_watch_logs_log_group(group).build();
        let logging = LoggingConfiguration::builder().level(level).include_execution_data(data);
        let create = self
            .steps
            .create_state_machine()
            .name(name)
            .role_arn(self.contracts.output("ExpressRoleArn"))
            .r#type(StateMachineType::Express)
            .logging_configuration(logging.destinations(destination).build())
            .definition(definition.to_string());
        create.send().await.expect("creates").state_machine_arn
    }
}

/// The types of events, in order.
fn types(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["type"].as_str().expect("a type")).collect()
}

/// The output of an execution that succeeded.
fn output(lines: &[Value]) -> Value {
    let last = lines.last().expect("an end");
    assert_eq!(last["type"], "ExecutionSucceeded", "{lines:?}");
    serde_json::from_str(last["details"]["output"].as_str().expect("an output")).expect("JSON")
}

#[tokio::test]
async fn a_name_can_be_used_again_at_the_same_time_and_each_execution_has_its_own_arn() {
    let express = express().await;
    let (first, second) =
        tokio::join!(express.start("again", json!({"run": "tell"})), express.start("again", json!({"run": "tell"})));
    assert_ne!(first, second);
    for execution in [&first, &second] {
        let prefix = "arn:aws:states:us-east-1:000000000000:express:contracts-express:again:";
        let unique = execution.strip_prefix(prefix).unwrap_or_else(|| panic!("{execution}"));
        assert_eq!(unique.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "a UUID: {execution}");
        let told = output(&express.ended(execution).await);
        assert_eq!(told, json!({"id": execution, "name": "again"}), "the context object has the ARN");
    }
}

#[tokio::test]
async fn an_express_execution_cannot_be_described_listed_or_stopped_and_has_no_history() {
    let express = express().await;
    let (arn, steps) = (express.start("hidden", json!({"run": "wait"})).await, &express.steps);
    let described = steps.describe_execution().execution_arn(&arn).send().await.expect_err("no description");
    let machine = steps.describe_state_machine_for_execution().execution_arn(&arn).send().await.expect_err("none");
    let history = steps.get_execution_history().execution_arn(&arn).send().await.expect_err("no history");
    let stopped = steps.stop_execution().execution_arn(&arn).send().await.expect_err("runs on");
    let codes = [described.code(), machine.code(), history.code(), stopped.code()];
    assert_eq!(codes, [Some("InvalidArn"); 4]);
    assert_eq!(stopped.message(), Some("Invalid Arn: 'Resource type not valid in this context: express'"));
    let listed = steps.list_executions().state_machine_arn(express.contracts.output("ExpressArn")).send().await;
    assert_eq!(listed.expect_err("no list").code(), Some("StateMachineTypeNotSupported"));
    // Its name does not make it a Standard execution either.
    let standard = "arn:aws:states:us-east-1:000000000000:execution:contracts-express:hidden";
    let described = steps.describe_execution().execution_arn(standard).send().await.expect_err("there is none");
    assert_eq!(described.code(), Some("ExecutionDoesNotExist"));
}

#[tokio::test]
async fn only_an_express_state_machine_can_be_waited_for() {
    let express = express().await;
    let call = async |machine: &str, input: Value| {
        let body = json!({"stateMachineArn": machine, "input": input.to_string()}).to_string();
        // The SDK would call another host name.
        let answer = reqwest::Client::builder().no_proxy().build().expect("a client");
        let answer = answer
            .post(express.contracts.cloud.address().endpoint())
            .header("x-amz-target", "AWSStepFunctions.StartSyncExecution")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/aws4_request")
            .body(body);
        answer.send().await.expect("answers").json::<Value>().await.expect("JSON")
    };
    let told = call(express.contracts.output("ExpressArn"), json!({"run": "tell"})).await;
    assert_eq!(told["status"], "SUCCEEDED", "{told}");
    assert!(told["output"].as_str().expect("an output").contains(told["executionArn"].as_str().expect("an ARN")));
    let failed = call(express.contracts.output("ExpressArn"), json!({"run": "failing branch"})).await;
    assert_eq!((&failed["status"], &failed["error"]), (&"FAILED".into(), &"Caught".into()), "{failed}");
    let refused = call(express.contracts.output("NestedArn"), json!({})).await;
    assert_eq!(refused["__type"], "StateMachineTypeNotSupported", "{refused}");
}

#[tokio::test]
async fn an_express_execution_times_out_after_the_longest_time_or_that_of_its_definition() {
    let express = express().await;
    let states = json!({
        "Pause": {"Type": "Wait", "Seconds": 4, "Next": "Both"},
        "Both": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "Never", "States": {"Never": {"Type": "Pass", "End": true}}}
        ]}
    });
    let hurried = json!({"StartAt": "Pause", "TimeoutSeconds": 2, "States": states});
    let hurried = express.machine("contracts-hurried", LogLevel::All, true, hurried).await;
    let hurried = express.start_of(&hurried, "hurried", json!({})).await;
    let longest = express.start("longest", json!({"run": "wait"})).await;
    for (execution, state, seconds) in [(&hurried, "Pause", 2), (&longest, "Wait", EXPRESS_SECONDS)] {
        let lines = express.ended(execution).await;
        assert_eq!(types(&lines).last(), Some(&"ExecutionTimedOut"), "{lines:?}");
        let at = |line: &Value| line["event_timestamp"].as_str().expect("a time").parse::<u64>().expect("a number");
        let took = at(lines.last().expect("an end")) - at(&lines[0]);
        assert!(took >= u64::from(seconds) * 1000, "{took} ms");
        let entered = lines.iter().rfind(|line| line["type"] == "WaitStateEntered").expect("it waited");
        assert_eq!(entered["details"]["name"], state);
        assert_eq!(lines.last().expect("an end")["previous_event_id"], entered["id"]);
    }
    // The first state has ended by now. Nothing follows it.
    let lines = express.lines(&hurried).await;
    assert_eq!(types(&lines), ["ExecutionStarted", "WaitStateEntered", "ExecutionTimedOut"]);
}

#[tokio::test]
async fn names_inputs_and_outputs_have_limits() {
    let express = express().await;
    let start = async |name: &str, input: String| {
        let machine = express.contracts.output("ExpressArn");
        let started = express.steps.start_execution().state_machine_arn(machine).name(name).input(input).send().await;
        started.map_err(|error| error.code().expect("an answer").to_owned()).map(|started| started.execution_arn)
    };
    let text = |bytes: usize| json!({"run": "large", "text": "é".repeat(bytes / 2)}).to_string();
    assert_eq!(start("a/b", "{}".to_owned()).await, Err("InvalidName".to_owned()));
    assert_eq!(start(&"a".repeat(81), "{}".to_owned()).await, Err("InvalidName".to_owned()));
    assert_eq!(start("limits", "{".to_owned()).await, Err("InvalidExecutionInput".to_owned()));
    assert_eq!(start("limits", text(256 * 1024)).await, Err("ValidationException".to_owned()));
    // A small one, to see that it is the size that ends the other.
    let small = express.ended(&start("small", text(1024)).await.expect("starts")).await;
    assert_eq!(output(&small)[0]["again"].as_str().map(str::len), Some(1024));
    let large = express.ended(&start("large", text(200 * 1024)).await.expect("starts")).await;
    let end = large.last().expect("an end");
    assert_eq!(
        (&end["type"], &end["details"]["error"]),
        (&json!("ExecutionFailed"), &json!("States.DataLimitExceeded"))
    );
    let states: BTreeSet<_> = large.iter().filter_map(|line| line["details"]["name"].as_str()).collect();
    assert!(states.contains("Repeat") && !states.contains("Tell"), "not caught: {states:?}");
}

/// A definition with a state that has this resource, in a branch.
fn definition_with(resource: &str) -> Value {
    let branch = json!({"StartAt": "Run", "States": {"Run": {"Type": "Task", "Resource": resource, "End": true}}});
    json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [branch], "End": true}}})
}

#[tokio::test]
async fn an_express_state_machine_cannot_wait_for_jobs_tokens_or_activities() {
    let express = express().await;
    let refused = [
        ("arn:aws:states:::ecs:runTask.sync", "'.sync' service integration"),
        ("arn:aws:states:::states:startExecution.sync:2", "'.sync' service integration"),
        ("arn:aws:states:::lambda:invoke.waitForTaskToken", "'.waitForTaskToken' service integration"),
        ("arn:aws:states:us-east-1:000000000000:activity:any", "Activity ARN"),
    ];
    for (resource, why) in refused {
        let create = async |kind: StateMachineType| {
            let create = express.steps.create_state_machine().name("contracts-refused").r#type(kind);
            let create = create.role_arn(express.contracts.output("ExpressRoleArn"));
            create.definition(definition_with(resource).to_string()).send().await
        };
        let error = create(StateMachineType::Express).await.expect_err("refused");
        assert_eq!(error.code(), Some("InvalidDefinition"));
        let message = error.message().expect("a reason");
        assert!(message.contains(&format!("Express state machine does not support {why}")), "{message}");
        let update = express.steps.update_state_machine().state_machine_arn(express.contracts.output("ExpressArn"));
        let update = update.definition(definition_with(resource).to_string()).send().await;
        assert_eq!(update.expect_err("refused").code(), Some("InvalidDefinition"));
        let made = create(StateMachineType::Standard).await.expect("a Standard one can have it").state_machine_arn;
        express.steps.delete_state_machine().state_machine_arn(made).send().await.expect("deletes");
    }
    let machine = json!({"Type": "AWS::StepFunctions::StateMachine", "Properties": {
        "StateMachineType": "EXPRESS", "RoleArn": express.contracts.output("ExpressRoleArn"),
        "DefinitionString": definition_with("arn:aws:states:::ecs:runTask.sync").to_string()
    }});
    let why = not_made(&express.contracts, "waiting-machine", json!({"Machine": machine})).await;
    assert!(
        why.contains("does not support '.sync' service integration at /States/Both/Branches[0]/States/Run"),
        "{why}"
    );
}

#[tokio::test]
async fn an_express_execution_sends_no_events_and_can_start_a_standard_one_once() {
    let express = express().await;
    let first = express.ended(&express.start("nesting", json!({"run": "nested"})).await).await;
    let nested = output(&first)["ExecutionArn"].as_str().expect("an ARN").to_owned();
    assert_eq!(nested, "arn:aws:states:us-east-1:000000000000:execution:contracts-nested:nesting");
    let other = json!({"run": "nested", "with": "another input"});
    let second = express.ended(&express.start("nesting", other).await).await;
    let failed = second.iter().find(|line| line["type"] == "TaskFailed").expect("its name is taken");
    assert_eq!(failed["details"]["error"], "StepFunctions.ExecutionAlreadyExistsException");
    assert_eq!(output(&second)["name"], "nesting", "it was caught");
    let queues = Queues::new(&express.contracts.cloud.address().sdk_config().await);
    let mut heard = BTreeSet::new();
    eventually("the end of the Standard execution is heard", SOON, async || {
        let url = express.contracts.output("SucceededQueueUrl");
        let received = queues.receive_message().queue_url(url).max_number_of_messages(10).send().await;
        for message in received.expect("receives").messages.unwrap_or_default() {
            let event: Value = serde_json::from_str(&message.body.expect("a body")).expect("JSON");
            let text = |name: &str| event["detail"][name].as_str().expect("a text").to_owned();
            heard.insert((text("executionArn"), text("status")));
        }
        heard.contains(&(nested.clone(), "SUCCEEDED".to_owned())).then_some(())
    })
    .await;
    // Both Express executions have ended before.
    assert!(heard.iter().all(|(arn, _)| arn.contains(":execution:contracts-nested:")), "{heard:?}");
}

#[tokio::test]
async fn a_state_starts_only_executions_that_its_role_may_start() {
    let express = express().await;
    let lines = express.ended(&express.start("other", json!({"run": "other machine"})).await).await;
    let details = &lines.last().expect("an end")["details"];
    assert_eq!(details["error"], "StepFunctions.AWSStepFunctionsException", "{lines:?}");
    let cause = details["cause"].as_str().expect("a cause");
    assert!(cause.contains("not authorized to perform: states:StartExecution"), "{cause}");
}

#[tokio::test]
async fn a_log_has_the_events_of_an_execution_with_their_predecessors() {
    let express = express().await;
    let execution = express.start("branches", json!({"run": "failing branch"})).await;
    let lines = express.ended(&execution).await;
    let names: Vec<_> = lines.iter().map(|line| line["details"]["name"].as_str().unwrap_or_default()).collect();
    let at = |kind: &str, name: &str| {
        let found = (0..lines.len()).find(|index| lines[*index]["type"] == kind && names[*index] == name);
        &lines[found.unwrap_or_else(|| panic!("no {kind} of {name:?}: {lines:?}"))]
    };
    let started = at("ExecutionStarted", "");
    let role = express.contracts.output("ExpressRoleArn");
    let input = r#"{"run":"failing branch"}"#;
    let expected = json!({"roleArn": role, "input": input, "inputDetails": {"truncated": false}});
    assert_eq!(started["details"], expected);
    let fields: BTreeSet<_> = started.as_object().expect("an object").keys().map(String::as_str).collect();
    let documented =
        ["details", "event_timestamp", "execution_arn", "id", "previous_event_id", "redrive_count", "type"];
    assert_eq!(fields, documented.into());
    assert!(started["event_timestamp"].as_str().is_some_and(|at| at.len() == 13), "milliseconds: {started}");
    // Numbered from 1, and the first two have no predecessor.
    let ids: BTreeSet<_> =
        lines.iter().map(|line| line["id"].as_str().expect("a text").parse::<usize>().unwrap()).collect();
    assert_eq!(ids, (1..=lines.len()).collect());
    assert_eq!((&lines[0]["previous_event_id"], &lines[1]["previous_event_id"]), (&"0".into(), &"0".into()));
    // Both branches begin after the Parallel state, and each event follows one of its own branch.
    let both = at("ParallelStateEntered", "Both");
    let (call, pause) = (at("TaskStateEntered", "CallFailingFunction"), at("WaitStateEntered", "Pause"));
    assert_eq!((&call["previous_event_id"], &pause["previous_event_id"]), (&both["id"], &both["id"]));
    let scheduled = at("TaskScheduled", "");
    let expected = json!({"resourceType": "lambda", "resource": "invoke", "region": "us-east-1"});
    assert_eq!((&scheduled["details"], &scheduled["previous_event_id"]), (&expected, &call["id"]));
    let failed = at("TaskFailed", "");
    assert_eq!((&failed["details"]["error"], &failed["previous_event_id"]), (&"Lasting".into(), &scheduled["id"]));
    assert_eq!(at("TaskStateExited", "CallFailingFunction")["previous_event_id"], failed["id"]);
    assert_eq!(at("WaitStateExited", "Pause")["previous_event_id"], pause["id"]);
    assert_eq!(at("ExecutionFailed", "")["details"], json!({"error": "Caught", "cause": "as told"}));
}

#[tokio::test]
async fn a_task_that_times_out_has_an_event_of_its_own() {
    let express = express().await;
    let lines = express.ended(&express.start("slow", json!({"run": "slow function"})).await).await;
    let late = lines.iter().find(|line| line["type"] == "TaskTimedOut").unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!(late["details"]["error"], "States.Timeout");
    assert_eq!(output(&lines)["name"], "slow", "it was caught");
}

#[tokio::test]
async fn the_history_of_a_standard_execution_has_the_states_of_branches_and_predecessors() {
    let express = express().await;
    let arn = express.start_of(express.contracts.output("NestedArn"), "branches", json!({})).await;
    let events = eventually("it ends", SOON, async || {
        let history = express.steps.get_execution_history().execution_arn(&arn).send().await.expect("a history");
        let ended = history.events.last().is_some_and(|last| last.r#type == HistoryEventType::ExecutionSucceeded);
        ended.then_some(history.events)
    })
    .await;
    let entered = |name: &str| {
        let found = events.iter().find(|event| event.state_entered_event_details().is_some_and(|one| one.name == name));
        found.unwrap_or_else(|| panic!("{name} was not entered: {events:?}"))
    };
    let (both, left, right) = (entered("Both"), entered("Left"), entered("Right"));
    assert_eq!((left.previous_event_id, right.previous_event_id), (both.id, both.id));
    let before = events.iter().find(|event| event.id == entered("Further").previous_event_id).expect("a predecessor");
    assert_eq!(before.state_exited_event_details().map(|details| details.name()), Some("Left"));
}

#[tokio::test]
async fn the_level_and_the_data_of_a_log_are_those_of_its_state_machine() {
    let express = express().await;
    let resource = "arn:aws:states:::lambda:invoke";
    let definition = json!({"StartAt": "Call", "States": {
        "Call": {"Type": "Task", "Resource": resource, "Parameters": {"FunctionName": "no such function"},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}], "End": true},
        "Failed": {"Type": "Fail", "Error": "Last", "Cause": "as told"}
    }});
    let mut logged = BTreeMap::new();
    for level in [LogLevel::All, LogLevel::Error, LogLevel::Fatal, LogLevel::Off] {
        let name = format!("contracts-level-{}", level.as_str().to_lowercase());
        let machine = express.machine(&name, level.clone(), false, definition.clone()).await;
        logged.insert(level.as_str().to_owned(), express.start_of(&machine, "levels", json!({"secret": 1})).await);
    }
    let all = express.ended(&logged["ALL"]).await;
    let expected = ["ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskFailed", "TaskStateExited"];
    assert_eq!(types(&all), [&expected[..], &["FailStateEntered", "ExecutionFailed"]].concat());
    assert!(!json!(all).to_string().contains("secret"), "without execution data: {all:?}");
    assert_eq!(all[1]["details"], json!({"name": "Call"}));
    let error = express.ended(&logged["ERROR"]).await;
    assert_eq!(types(&error), ["TaskFailed", "FailStateEntered", "ExecutionFailed"]);
    assert_eq!(error[0]["details"]["error"], "Lambda.AWSLambdaException", "{error:?}");
    assert_eq!(error[2]["details"], json!({"error": "Last", "cause": "as told"}));
    let fatal = express.ended(&logged["FATAL"]).await;
    assert_eq!(types(&fatal), ["ExecutionFailed"]);
    // It was started last, and the others are in the log.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(express.lines(&logged["OFF"]).await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_large_input_is_cut_off_in_the_log() {
    let express = express().await;
    let text = "\"".repeat(100 * 1024);
    let pass = json!({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "Result": 1, "End": true}}});
    let machine = express.machine("contracts-cut", LogLevel::All, true, pass).await;
    let lines = express.ended(&express.start_of(&machine, "cut", json!({"text": text})).await).await;
    let details = &lines[0]["details"];
    assert_eq!(details["inputDetails"], json!({"truncated": true}));
    let escaped = details["input"].to_string().len();
    assert!((200 * 1024..=248 * 1024).contains(&escaped), "{escaped} bytes");
    assert_eq!(lines.last().expect("an end")["details"]["outputDetails"], json!({"truncated": false}));
}

#[tokio::test]
async fn a_state_machine_with_a_log_needs_its_group_and_the_permission_to_deliver() {
    let express = express().await;
    let logging =
        |group: &str| json!({"Level": "ERROR", "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": group}}]});
    let machine = |role: Value, group: &str| {
        json!({"Type": "AWS::StepFunctions::StateMachine", "Properties": {
            "StateMachineType": "EXPRESS", "RoleArn": role, "LoggingConfiguration": logging(group),
            "DefinitionString": json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}).to_string()
        }})
    };
    let group = express.contracts.output("ExpressLogsArn");
    let some = json!([{"Effect": "Allow", "Action": "logs:CreateLogDelivery", "Resource": "*"}]);
    let unable = json!({
        "Role": role("states.amazonaws.com", &some), "Machine": machine(json!({"Fn::GetAtt": ["Role", "Arn"]}), group)
    });
    let why = not_made(&express.contracts, "unlogged-machine", unable).await;
    assert!(why.contains("not authorized to perform: logs:GetLogDelivery"), "{why}");
    let nowhere = machine(express.contracts.output("ExpressRoleArn").into(), &group.replace("-express", "-nowhere"));
    let why = not_made(&express.contracts, "groupless-machine", json!({"Machine": nowhere})).await;
    assert!(why.contains("Log Destination not found"), "{why}");
}

#[tokio::test]
async fn hundreds_of_executions_at_once_are_logged_completely() {
    let express = &express().await;
    let fail = json!({"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Last", "Cause": "as told"}}});
    let wait = json!({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": true}}});
    let both = json!({"Type": "Parallel", "Branches": [fail, wait], "End": true});
    let definition = json!({"StartAt": "Both", "States": {"Both": both}});
    let machine = &express.machine("contracts-crowd", LogLevel::All, true, definition).await;
    let names: Vec<_> = (0..300).map(|number| format!("crowd-{number}")).collect();
    let starts = names.iter().map(|name| express.start_of(machine, name, json!({})));
    let executions: BTreeSet<_> = futures_util::future::join_all(starts).await.into_iter().collect();
    assert_eq!(executions.len(), names.len());
    let lines = eventually("all have ended", Duration::from_mins(5), async || {
        let lines = log_lines(express.contracts.cloud.address().endpoint(), GROUP, ":crowd-").await;
        let ends = lines.iter().filter(|line| line["type"] == "ExecutionFailed").count();
        (ends == executions.len()).then_some(lines)
    })
    .await;
    let mut ids = BTreeMap::<_, Vec<usize>>::new();
    for line in &lines {
        let id = line["id"].as_str().expect("a text").parse().expect("a number");
        ids.entry(line["execution_arn"].as_str().expect("an ARN")).or_default().push(id);
    }
    assert_eq!(ids.keys().map(|arn| (*arn).to_owned()).collect::<BTreeSet<_>>(), executions);
    for (execution, mut ids) in ids {
        ids.sort_unstable();
        // Start, Parallel state, Fail state, both events of the other branch, and end.
        assert_eq!(ids, [1, 2, 3, 4, 5, 6], "{execution}");
    }
}
