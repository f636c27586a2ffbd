//! The Lambda entry point of the `deliver` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_deliver::Context>().await
}
