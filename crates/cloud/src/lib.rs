//! AWS behind functions that speak of uploads, jobs and artifacts.
//!
//! Callers see no SDK type: objects, tables, the queue and the workflow take and return the types
//! of `smmu-core`, and one [`CloudError`] that says whether trying again can help. Which service
//! is behind an adapter, and where, follows from the environment that AWS SDKs read themselves.

pub mod artifacts;
pub mod attempt;
pub mod clock;
pub mod config;
pub mod error;
pub mod invocation;
pub mod jobs;
pub mod media;
pub mod models;
pub mod queue;
pub mod submit;
pub mod telemetry;
pub mod uploads;
pub mod worker;
pub mod workflow;

pub use artifacts::{Artifacts, Collected};
pub use attempt::{Attempt, Ending, MakeError, MakeEvent, Workbench};
pub use config::{Environment, InvalidEnvironment};
pub use error::CloudError;
pub use invocation::Failure;
pub use jobs::{Advance, Jobs};
pub use media::MediaTable;
pub use models::ModelBucket;
pub use queue::JobsQueue;
pub use submit::{SubmitError, Submitter};
pub use telemetry::{Meter, Pseudonyms};
pub use uploads::Uploads;
pub use workflow::Workflow;

/// The SDK configuration that every adapter is made from. Loaded once, at start.
pub async fn sdk_config() -> aws_config::SdkConfig {
    aws_config::load_from_env().await
}
