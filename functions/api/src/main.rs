//! Wires the `api` function to API Gateway.

use lambda_http::{Request, run, service_fn};
use smmu_api::{Context, handle};
use smmu_cloud::{Environment, telemetry};
use std::convert::Infallible;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment::read();
    telemetry::start(&environment);
    let context = Context::new(&smmu_cloud::sdk_config().await, &environment)?;
    smmu_cloud::connected(context.connect()).await;
    run(service_fn(|request: Request| async { Ok::<_, Infallible>(handle(request, &context).await) })).await
}
