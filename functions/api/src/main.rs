//! The Lambda entry point of the `api` function, which receives HTTP requests as events.

use lambda_http::{Request, run, service_fn};
use smmu_cloud::{Function, StartError};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let api: smmu_api::Context = smmu_cloud::start().await?;
    run(service_fn(|request: Request| api.handle(request))).await
}
