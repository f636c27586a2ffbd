//! The Lambda entry point of the `render-image` function.

#[tokio::main]
async fn main() -> Result<(), smmu_cloud::StartError> {
    smmu_cloud::serve::<smmu_render_image::Context>().await
}
