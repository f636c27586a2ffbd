//! The Lambda entry point of the `dispatch` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_dispatch::Context>().await
}
