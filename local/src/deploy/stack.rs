//! Creates the stack, waits for it, and reads its outputs or failures.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{Capability, Parameter, StackStatus};

use crate::error::LocalError;

const POLL: Duration = Duration::from_millis(100);

/// Creates the stack from the template at `url`. Returns its outputs.
pub(super) async fn create(
    sdk: &SdkConfig,
    name: &str,
    url: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, LocalError> {
    let cloudformation = Client::new(sdk);
    let parameter = |(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build();
    cloudformation
        .create_stack()
        .stack_name(name)
        .template_url(url)
        .set_parameters(Some(parameters.iter().map(parameter).collect()))
        .capabilities(Capability::CapabilityIam)
        .capabilities(Capability::CapabilityNamedIam)
        .capabilities(Capability::CapabilityAutoExpand)
        .send()
        .await
        .map_err(LocalError::call("CreateStack"))?;
    outputs(sdk, name).await
}

/// Waits until the stack is complete. Returns its outputs.
pub(super) async fn outputs(sdk: &SdkConfig, name: &str) -> Result<BTreeMap<String, String>, LocalError> {
    let cloudformation = Client::new(sdk);
    loop {
        let answer = cloudformation.describe_stacks().stack_name(name).send().await;
        let stacks = answer.map_err(LocalError::call("DescribeStacks"))?.stacks.unwrap_or_default();
        let Some(stack) = stacks.into_iter().next() else {
            return Err(LocalError::Call { call: "DescribeStacks", cause: format!("stack {name} does not exist") });
        };
        match stack.stack_status {
            Some(StackStatus::CreateComplete | StackStatus::UpdateComplete) => {
                let outputs = stack.outputs.unwrap_or_default().into_iter();
                return Ok(outputs.filter_map(|output| output.output_key.zip(output.output_value)).collect());
            }
            Some(StackStatus::CreateInProgress | StackStatus::RollbackInProgress) => tokio::time::sleep(POLL).await,
            status => {
                let status = status.map_or_else(|| "unknown".to_owned(), |status| status.as_str().to_owned());
                return Err(LocalError::StackFailed { status, reasons: failures(&cloudformation, name).await? });
            }
        }
    }
}

/// Failed resources with reasons, oldest first. Excludes those that were only cancelled because another failed.
async fn failures(cloudformation: &Client, name: &str) -> Result<Vec<String>, LocalError> {
    let pages = cloudformation.describe_stack_events().stack_name(name).into_paginator().items().send();
    let newest_first: Result<Vec<_>, _> = pages.collect().await;
    let newest_first = newest_first.map_err(LocalError::call("DescribeStackEvents"))?;
    let failed = newest_first.iter().rev().filter_map(|event| {
        let status = event.resource_status.as_ref()?.as_str();
        let reason = event.resource_status_reason.as_deref().unwrap_or("no reason given");
        (status.ends_with("FAILED") && !reason.contains("cancelled"))
            .then(|| format!("  {}: {reason}", event.logical_resource_id.as_deref().unwrap_or("?")))
    });
    Ok(failed.collect())
}
