//! The history of a job that tests read: of a Standard execution, and of Express executions from their log.

use aws_sdk_cloudformation::{
    Client as Stacks,
    types::{Capability, StackStatus},
};
use aws_sdk_sfn::Client as Sfn;
use serde_json::json;
use smmu_tests::{Caller, HistoryEvent, Stack, by_request, samples, until};

/// Makes an Express state machine whose branch fails, with a log, and returns its ARN.
async fn express_machine(stack: &Stack) -> String {
    let branch = json!({"StartAt": "Call", "States": {"Call": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "none"}, "End": true
    }}});
    let other = json!({"StartAt": "Pause", "States": {"Pause": {"Type": "Wait", "Seconds": 1, "End": true}}});
    let definition = json!({"StartAt": "Both", "States": {
        "Both": {"Type": "Parallel", "Branches": [branch, other], "End": true}
    }});
    let group = json!({"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Logs", "Arn"]}}});
    let trust = json!([
        {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]);
    let may = json!([{"Effect": "Allow", "Action": ["logs:*", "lambda:InvokeFunction"], "Resource": "*"}]);
    let resources = json!({
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/history"}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": trust},
            "Policies": [{"PolicyName": "run", "PolicyDocument": {"Version": "2012-10-17", "Statement": may}}]
        }},
        "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {
            "StateMachineName": "history", "StateMachineType": "EXPRESS",
            "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "DefinitionString": definition.to_string(),
            "LoggingConfiguration": {"Level": "ALL", "Destinations": [group]}
        }}
    });
    let stacks = Stacks::new(&stack.sdk);
    let create = stacks.create_stack().stack_name("history").capabilities(Capability::CapabilityIam);
    create.template_body(json!({ "Resources": resources }).to_string()).send().await.unwrap();
    until("the state machine is made", async || {
        let found = stacks.describe_stacks().stack_name("history").send().await.unwrap();
        found.stacks.unwrap()[0].stack_status == Some(StackStatus::CreateComplete)
    })
    .await;
    stack.output("StateMachineArn").rsplit_once(':').unwrap().0.to_owned() + ":history"
}

#[tokio::test]
async fn the_history_of_a_job_has_its_express_and_standard_executions() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::jpeg(60, 40), "image/jpeg").await;
    assert_eq!(user.ended(&id).await["status"], "COMPLETED");
    let machine = express_machine(stack).await;
    let sfn = Sfn::new(&stack.sdk);
    // Another job's name begins with the same letters.
    for name in [id.clone(), format!("{id}x")] {
        sfn.start_execution().state_machine_arn(&machine).name(name).input("{}").send().await.unwrap();
    }
    let mut history = Vec::new();
    until("the Express execution has ended", async || {
        history = stack.history(&id).await;
        history.last().is_some_and(|last| last.event == "ExecutionFailed")
    })
    .await;
    let entered: Vec<_> = history.iter().filter(|event| event.enters()).map(|event| event.state.as_str()).collect();
    let (before, express) = entered.split_at(entered.len() - 3);
    assert!(before.contains(&"HandOver") && before.contains(&"TranscodeImage"), "{entered:?}");
    assert_eq!(express[0], "Both");
    assert!(express.contains(&"Call") && express.contains(&"Pause"), "{entered:?}");
    let failed: Vec<_> = history.iter().filter(|event| event.fails_task()).collect();
    let [HistoryEvent { state, error: Some(error), cause: Some(cause), .. }] = failed[..] else { panic!("{failed:?}") };
    assert_eq!((state.as_str(), error.as_str()), ("Call", "Lambda.ResourceNotFoundException"), "{cause}");
    assert_eq!(history.iter().filter(|event| event.event == "ExecutionStarted").count(), 3);
    assert_eq!(stack.history("job_none").await, []);
}
