//! The Lambda entry point of the `purge` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_purge::Context>().await
}
