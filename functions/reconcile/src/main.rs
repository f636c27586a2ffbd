//! The Lambda entry point of the `reconcile` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_reconcile::Context>().await
}
