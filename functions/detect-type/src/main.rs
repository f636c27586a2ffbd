//! The Lambda entry point of the `detect-type` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_detect_type::Context>().await
}
