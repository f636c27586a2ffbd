//! The Lambda entry point of the `notify` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_notify::Context>().await
}
