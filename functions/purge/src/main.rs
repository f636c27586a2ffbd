//! Wires the `purge` function to its event source.

use lambda_runtime::{LambdaEvent, run, service_fn};
use smmu_cloud::{Environment, telemetry};
use smmu_purge::{Context, handle};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let environment = Environment::read();
    telemetry::start(&environment);
    let context = Context::new(&smmu_cloud::sdk_config().await, &environment)?;
    smmu_cloud::connected(context.connect()).await;
    run(service_fn(|event: LambdaEvent<_>| handle(event.payload, &context))).await
}
