//! The Lambda entry point of the `update-status` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_update_status::Context>().await
}
