//! The Lambda entry point of the `validate-input` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_validate_input::Context>().await
}
