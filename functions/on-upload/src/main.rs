//! The Lambda entry point of the `on-upload` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_on_upload::Context>().await
}
