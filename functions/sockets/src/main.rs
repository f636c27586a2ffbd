//! The `sockets` function as Lambda runs it.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_sockets::Context>().await
}
