//! Adapters to AWS, in terms of uploads, jobs and artifacts.
//!
//! Callers see no SDK type: objects, tables, the queue and the workflow take and return the types of `smmu-core`, and
//! fail with [`CloudError`], which says whether a retry can help. Endpoints and credentials come from the environment
//! variables that the AWS SDKs read themselves.

#![warn(missing_docs)]

pub mod artifacts;
pub mod attempt;
pub mod batch;
mod body;
pub mod cancel;
pub mod cdn;
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
pub mod sockets;
pub mod stream;
pub mod submit;
pub mod telemetry;
mod traces;
pub mod uploads;
mod user_key;
mod versions;
mod watch;
pub mod webhooks;
pub mod worker;
pub mod workflow;

pub use artifacts::{Artifacts, Collected};
pub use attempt::{Attempt, Ending, StopReason, Workbench};
pub use cancel::{Cancellation, Canceller};
pub use cdn::{Cdn, CdnFolder};
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
pub use sockets::Sockets;
pub use submit::{SubmitError, Submitter};
pub use telemetry::{Meter, Pseudonyms};
pub use uploads::Uploads;
pub use webhooks::WebhookQueue;
pub use workflow::{LightWorkflow, Workflow};
