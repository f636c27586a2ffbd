//! AWS behind functions that speak of uploads, jobs and artifacts.
//!
//! Callers see no SDK type: objects, tables, the queue and the workflow take and return the types
//! of `smmu-core`, and one [`CloudError`] that says whether trying again can help. Which service
//! is behind an adapter, and where, follows from the environment that AWS SDKs read themselves.

pub mod artifacts;
pub mod attempt;
pub mod batch;
mod body;
pub mod cancel;
pub mod clock;
pub mod config;
pub mod erase;
pub mod error;
pub mod function;
pub mod invocation;
pub mod jobs;
mod listing;
pub mod media;
pub mod models;
pub mod queue;
pub mod rerun;
mod sdk;
pub mod submit;
pub mod telemetry;
mod traces;
mod turns;
pub mod uploads;
mod versions;
mod watch;
pub mod worker;
pub mod workflow;

pub use artifacts::{Artifacts, Collected};
pub use attempt::{Attempt, Ending, MakeError, MakeEvent, Workbench};
pub use cancel::{Cancellation, Canceller};
pub use config::{Environment, InvalidEnvironment};
pub use erase::{AccountPurge, Eraser, Purge, Purger};
pub use error::CloudError;
pub use function::{Function, StartError, serve, start};
pub use invocation::Failure;
pub use jobs::{Advance, Jobs};
pub use media::{Counted, Creation, Known, MediaTable, Once};
pub use models::ModelBucket;
pub use queue::{AccountMessage, JobsQueue, MediaMessage, PurgeMessage, PurgeQueue};
pub use rerun::RerunError;
pub use sdk::sdk_config;
pub use submit::{SubmitError, Submitter};
pub use telemetry::{Meter, Pseudonyms};
pub use uploads::Uploads;
pub use workflow::Workflow;
