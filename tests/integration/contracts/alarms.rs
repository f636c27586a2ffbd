//! Alarms can be deployed; the emulator does not evaluate them.

use super::cloud::contracts;

#[tokio::test]
async fn an_alarm_on_an_expression_is_created() {
    let contracts = contracts().await;
    let arn = contracts.output("AlarmArn");
    assert!(arn.ends_with(":alarm:contracts-expression"), "{arn}");
}
