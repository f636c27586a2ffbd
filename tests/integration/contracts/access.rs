//! IAM is enforced for functions, workers, the state machine, and services that act on their behalf.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client as Stacks;
use aws_sdk_cloudformation::types::{Capability, StackStatus};
use aws_sdk_dynamodb::Client as Tables;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::Client as Objects;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{Event, LambdaFunctionConfiguration, NotificationConfiguration};
use aws_sdk_sfn::types::ExecutionStatus;
use aws_sdk_xray::Client as Traces;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::cloud::{Contracts, contracts, eventually};
use super::workers::{run, worker};
use super::workflow::execute;

/// Length of session tokens, as on AWS.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 700..=1400;

fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

/// An SDK with the credentials in a JSON answer, under these member names.
async fn sdk_with(contracts: &Contracts, answer: &Value, [key, secret, token]: [&str; 3]) -> SdkConfig {
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer}")).to_owned();
    assert!(text(key).starts_with("ASIA"), "temporary: {answer}");
    assert!(TOKEN_LENGTH.contains(&text(token).len()), "{} characters of token", text(token).len());
    let credentials = Credentials::new(text(key), text(secret), Some(text(token)), None, "told");
    let sdk = contracts.cloud.address().sdk_config().await.to_builder();
    sdk.credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// An SDK with the credentials of the function `tell`.
pub(super) async fn as_function(contracts: &Contracts) -> SdkConfig {
    let url = format!("{}/credentials", contracts.cloud.address().api_url().expect("an API"));
    let told: Value = client().get(url).send().await.expect("answers").json().await.expect("JSON");
    sdk_with(contracts, &told, ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"]).await
}

/// True if an object can be stored, false if permission is denied. Panics on any other error.
async fn stores(contracts: &Contracts, sdk: &SdkConfig, key: &str) -> bool {
    let put = Objects::new(sdk).put_object().bucket(contracts.output("BucketName")).key(key).body(vec![1].into());
    match put.send().await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Some("AccessDenied"), "{error:?}");
            false
        }
    }
}

#[tokio::test]
async fn a_function_has_a_session_with_exactly_the_permissions_of_its_role() {
    let contracts = contracts().await;
    let sdk = as_function(&contracts).await;
    assert!(stores(&contracts, &sdk, "uploads/mine").await);
    assert!(!stores(&contracts, &sdk, "working/of a worker").await);
    let (tables, table) = (Tables::new(&sdk), contracts.output("TableName"));
    let key = AttributeValue::S("nobody".to_owned());
    tables.get_item().table_name(table).key("id", key.clone()).send().await.expect("it may read");
    let segment = Traces::new(&sdk).put_trace_segments().trace_segment_documents("{}").send().await;
    assert_eq!(segment.expect_err("it may not trace").code(), Some("AccessDeniedException"));
    let refused = tables.put_item().table_name(table).item("id", key).send().await.expect_err("it may not write");
    assert_eq!(refused.code(), Some("AccessDeniedException"), "{refused:?}");
}

#[tokio::test]
async fn a_presigned_request_has_the_permissions_of_its_session() {
    let contracts = contracts().await;
    let objects = Objects::new(&as_function(&contracts).await);
    let presigned = async |key: &str| {
        let put = objects.put_object().bucket(contracts.output("BucketName")).key(key);
        let expires = PresigningConfig::expires_in(Duration::from_mins(1)).expect("a minute");
        put.presigned(expires).await.expect("presigns").uri().to_owned()
    };
    let put = async |url: &str, proto: &str| {
        let put = client().put(url).header("x-forwarded-proto", proto).body("x");
        put.send().await.expect("answers").status()
    };
    let url = presigned("uploads/presigned").await;
    assert!(url.contains("X-Amz-Security-Token="), "{url}");
    assert_eq!(put(&url, "https").await, StatusCode::OK);
    assert_eq!(put(&presigned("elsewhere").await, "https").await, StatusCode::FORBIDDEN, "its signer lacks permission");
    let other_token = url.replace("X-Amz-Security-Token=", "X-Amz-Security-Token=A");
    assert!(put(&other_token, "https").await.is_client_error(), "the token of another session");
    let other_key = url.replace("uploads/presigned", "uploads/other");
    assert_eq!(put(&other_key, "https").await, StatusCode::FORBIDDEN, "the key was not signed");
}

#[tokio::test]
async fn a_policy_can_deny_requests_without_tls() {
    let contracts = contracts().await;
    let objects = Objects::new(&as_function(&contracts).await);
    let put = objects.put_object().bucket(contracts.output("BucketName")).key("uploads/plain");
    let expires = PresigningConfig::expires_in(Duration::from_mins(1)).expect("a minute");
    let url = put.presigned(expires).await.expect("presigns").uri().to_owned();
    let plain = client().put(&url).header("x-forwarded-proto", "http").body("x").send().await.expect("answers");
    assert_eq!(plain.status(), StatusCode::FORBIDDEN);
    let local = client().put(&url).body("x").send().await.expect("answers");
    assert_eq!(local.status(), StatusCode::OK, "loopback counts as TLS");
}

/// An environment variable of a process.
fn variable(pid: u32, name: &str) -> String {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).expect("it runs");
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let found = environment.split('\0').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name}")).to_owned()
}

#[tokio::test]
async fn a_worker_gets_a_session_of_its_task_role() {
    let execution = run("script", "sleep 60; : has a role").await;
    let worker = worker(&execution, "has a role").await;
    let address = variable(worker.pid, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    let secret = variable(worker.pid, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    let stranger = client().get(&address).header(AUTHORIZATION, "a guess").send().await.expect("answers");
    assert_eq!(stranger.status(), StatusCode::FORBIDDEN);
    let given = client().get(&address).header(AUTHORIZATION, secret).send().await.expect("answers");
    let given: Value = given.json().await.expect("JSON");
    let contracts = &execution.contracts;
    let sdk = sdk_with(contracts, &given, ["AccessKeyId", "SecretAccessKey", "Token"]).await;
    assert!(stores(contracts, &sdk, "working/mine").await);
    assert!(!stores(contracts, &sdk, "uploads/of a function").await);
    execution.steps.stop_execution().execution_arn(&execution.arn).send().await.expect("stops");
}

/// Error and cause of a failed execution.
async fn failure(input: Value) -> (String, String) {
    let failed = execute(input).await.end().await;
    assert_eq!(failed.status, ExecutionStatus::Failed, "{failed:?}");
    (failed.error.expect("an error"), failed.cause.expect("a cause"))
}

#[tokio::test]
async fn a_state_has_exactly_the_permissions_of_the_state_machines_role() {
    let (error, cause) = failure(json!({"run": "other function"})).await;
    assert_eq!(error, "Lambda.AWSLambdaException");
    assert!(cause.contains("not authorized to perform: lambda:InvokeFunction"), "{cause}");
    let (error, cause) = failure(json!({"run": "script in another cluster", "script": "exit 0"})).await;
    assert_eq!(error, "ECS.AccessDeniedException");
    assert!(cause.contains("not authorized to perform: ecs:RunTask"), "{cause}");
}

#[tokio::test]
async fn a_worker_without_permission_to_pull_its_image_does_not_start() {
    let (error, cause) = failure(json!({"run": "unpulled image"})).await;
    assert_eq!(error, "States.TaskFailed");
    let task: Value = serde_json::from_str(&cause).expect("the ECS task as JSON");
    assert_eq!(task["StopCode"], "TaskFailedToStart");
    assert!(task["StoppedReason"].as_str().expect("a reason").contains("ecr:BatchCheckLayerAvailability"), "{task}");
}

#[tokio::test]
async fn a_role_that_does_not_trust_lambda_cannot_run_a_function() {
    let (_, cause) = failure(json!({"run": "stranger"})).await;
    assert!(cause.contains("cannot be assumed by Lambda"), "{cause}");
}

#[tokio::test]
async fn a_function_without_permission_to_write_logs_has_none() {
    let contracts = contracts().await;
    let function = contracts.output("TellFunctionArn").rsplit(':').next().expect("a name");
    as_function(&contracts).await;
    let failing = execute(json!({"run": "failing function", "type": "Lasting"})).await;
    failing.end().await;
    let groups = async || {
        let answer = client()
            .post(contracts.cloud.address().endpoint())
            .header("x-amz-target", "Logs_20140328.DescribeLogGroups")
            .header(AUTHORIZATION, "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request")
            .body("{}");
        let answer: Value = answer.send().await.expect("answers").json().await.expect("JSON");
        answer["logGroups"].to_string()
    };
    eventually("another function's log", Duration::from_secs(10), async || {
        groups().await.contains("FailingFunction").then_some(())
    })
    .await;
    assert!(!groups().await.contains(function));
}

#[tokio::test]
async fn a_missing_object_is_404_only_with_permission_to_list_the_bucket() {
    let contracts = contracts().await;
    let missing = async |sdk: &SdkConfig| {
        let get = Objects::new(sdk).get_object().bucket(contracts.output("BucketName")).key("readable/nothing");
        get.send().await.expect_err("there is nothing").code().map(ToOwned::to_owned)
    };
    assert_eq!(missing(&as_function(&contracts).await).await.as_deref(), Some("AccessDenied"));
    let operator = contracts.cloud.address().sdk_config().await;
    assert_eq!(missing(&operator).await.as_deref(), Some("NoSuchKey"));
}

#[tokio::test]
async fn trace_segments_are_accepted() {
    let contracts = contracts().await;
    let traces = Traces::new(&contracts.cloud.address().sdk_config().await);
    let taken = traces.put_trace_segments().trace_segment_documents("{}").send().await.expect("takes");
    assert!(taken.unprocessed_trace_segments().is_empty());
}

/// The reason why a stack with these resources is rolled back.
pub(super) async fn not_made(contracts: &Contracts, name: &str, resources: Value) -> String {
    let stacks = Stacks::new(&contracts.cloud.address().sdk_config().await);
    let template = json!({ "Resources": resources }).to_string();
    let create = stacks.create_stack().stack_name(name).template_body(template).capabilities(Capability::CapabilityIam);
    create.send().await.expect("begins");
    eventually("it is rolled back", Duration::from_secs(20), async || {
        let found = stacks.describe_stacks().stack_name(name).send().await.expect("describes");
        (found.stacks?.first()?.stack_status == Some(StackStatus::RollbackComplete)).then_some(())
    })
    .await;
    let events = stacks.describe_stack_events().stack_name(name).send().await.expect("describes");
    let reasons = events.stack_events.unwrap_or_default().into_iter().filter_map(|event| event.resource_status_reason);
    reasons.collect::<Vec<_>>().join("\n")
}

/// A role that this service can assume, with these permissions.
pub(super) fn role(service: &str, statements: &Value) -> Value {
    let trust = json!([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]);
    json!({"Type": "AWS::IAM::Role", "Properties": {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": trust},
        "Policies": [{"PolicyName": "work", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}]
    }})
}

#[tokio::test]
async fn a_state_machine_that_runs_tasks_needs_permission_for_events() {
    let contracts = contracts().await;
    let definition = json!({"StartAt": "Run", "States": {"Run": {
        "Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": {}, "End": true
    }}});
    let statements = json!([{"Effect": "Allow", "Action": ["events:PutTargets", "events:PutRule"], "Resource": "*"}]);
    let machine = json!({"Type": "AWS::StepFunctions::StateMachine", "Properties": {
        "DefinitionString": definition.to_string(), "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}
    }});
    let resources = json!({"Role": role("states.amazonaws.com", &statements), "Machine": machine});
    let why = not_made(&contracts, "deaf-machine", resources).await;
    assert!(why.contains("not authorized to perform: events:DescribeRule"), "{why}");
}

#[tokio::test]
async fn a_queue_is_polled_only_with_the_permission_of_the_functions_role() {
    let contracts = contracts().await;
    let queue = json!({"Type": "AWS::SQS::Queue"});
    let mapping = json!({"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
        "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": contracts.output("TellFunctionArn")
    }});
    let why = not_made(&contracts, "unread-queue", json!({"Queue": queue, "Mapping": mapping})).await;
    assert!(why.contains("does not have permissions to call ReceiveMessage on SQS"), "{why}");
}

fn streamed_table() -> Value {
    json!({"Type": "AWS::DynamoDB::Table", "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamViewType": "KEYS_ONLY"}
    }})
}

#[tokio::test]
async fn a_stream_is_polled_only_with_the_permission_of_the_functions_role() {
    let contracts = contracts().await;
    let mapping = json!({"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
        "EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]}, "FunctionName": contracts.output("TellFunctionArn"),
        "StartingPosition": "TRIM_HORIZON"
    }});
    let why = not_made(&contracts, "unread-stream", json!({"Table": streamed_table(), "Mapping": mapping})).await;
    assert!(why.contains("Cannot access stream"), "{why}");
}

#[tokio::test]
async fn a_stream_has_an_on_failure_queue_only_with_the_permission_of_the_functions_role() {
    let contracts = contracts().await;
    // The function's role can read every stream.
    let mapping = json!({"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
        "EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]}, "FunctionName": contracts.output("StreamFunctionArn"),
        "StartingPosition": "TRIM_HORIZON",
        "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Letters", "Arn"]}}}
    }});
    let letters = json!({"Type": "AWS::SQS::Queue"});
    let resources = json!({"Table": streamed_table(), "Letters": letters, "Mapping": mapping});
    let why = not_made(&contracts, "unsent-letters", resources).await;
    assert!(why.contains("does not have permissions to call SendMessage on SQS"), "{why}");
}

#[tokio::test]
async fn a_bucket_notifies_a_function_only_with_its_permission() {
    let contracts = contracts().await;
    let function = LambdaFunctionConfiguration::builder().lambda_function_arn(contracts.output("TellFunctionArn"));
    let function = function.events(Event::S3ObjectCreated).build().expect("complete");
    let refused = Objects::new(&contracts.cloud.address().sdk_config().await)
        .put_bucket_notification_configuration()
        .bucket(contracts.output("BucketName"))
        .notification_configuration(
            NotificationConfiguration::builder().lambda_function_configurations(function).build(),
        )
        .send()
        .await
        .expect_err("the function has no such permission");
    assert_eq!(refused.code(), Some("InvalidArgument"), "{refused:?}");
}
