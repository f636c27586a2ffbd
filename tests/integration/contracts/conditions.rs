//! Conditions of a template.

use super::cloud::contracts;

#[tokio::test]
async fn a_condition_can_depend_on_a_pseudo_parameter() {
    let contracts = contracts().await;
    let outputs = contracts.cloud.address().outputs();
    assert!(outputs.contains_key("ThisPartition"));
    assert!(!outputs.contains_key("OtherRegion"));
}
