//! CloudFormation uses the permissions of the deployer ("Controlling access with IAM", AWS CloudFormation user guide).

use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_sdk_cloudformation::{Client, types::StackStatus};
use aws_sdk_s3::config::SharedCredentialsProvider;
use serde_json::json;

use super::cloud::{contracts, eventually};

#[tokio::test]
async fn a_stack_needs_the_permissions_of_its_deployer() {
    let contracts = contracts().await;
    let sdk = contracts.cloud.address().sdk_config().await;
    let session = AssumeRoleProvider::builder(contracts.output("DeployerRoleArn")).session_name("deployer");
    let session = SharedCredentialsProvider::new(session.configure(&sdk).build().await);
    let stacks = Client::new(&sdk.to_builder().credentials_provider(session).build());
    for (name, status) in
        [("contracts-allowed", StackStatus::CreateComplete), ("contracts-denied", StackStatus::RollbackComplete)]
    {
        let queue = json!({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}});
        let template = json!({"Resources": {"Queue": queue}}).to_string();
        stacks.create_stack().stack_name(name).template_body(template).send().await.expect("it begins");
        let ended = eventually("the stack is created or rolled back", Duration::from_secs(20), async || {
            let found = stacks.describe_stacks().stack_name(name).send().await.expect("describes").stacks;
            let status = found.expect("stacks").remove(0).stack_status.expect("a status");
            (!status.as_str().ends_with("_IN_PROGRESS")).then_some(status)
        });
        assert_eq!(ended.await, status, "{name}");
    }
}
