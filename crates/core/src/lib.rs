//! Pure domain logic: no I/O, no clock, nothing async.
//!
//! It holds identifiers, the job state machine, upload policy, image plans, the manifest and all stable codes. Nothing
//! in this crate is async, depends on AWS, or reads the environment, the clock or a file: time and randomness are
//! parameters. Clippy (this crate's clippy.toml) and `make lint` check this.

#![warn(missing_docs)]

pub mod artifact;
pub mod av;
pub mod causes;
pub mod cdn;
pub mod checksum;
pub mod cost;
pub mod detect;
pub mod error;
pub mod estimate;
pub mod execution;
pub mod facts;
pub mod formats;
pub mod grant;
pub mod idempotency;
pub mod ids;
pub mod ifd;
pub mod image;
pub mod iso_bmff;
pub mod job;
pub mod keys;
pub mod kind;
pub mod labels;
pub mod listing;
pub mod make;
pub mod manifest;
pub mod media;
pub mod metrics;
pub mod parts;
pub mod pipeline;
pub mod policy;
pub mod problem;
pub mod profile;
pub mod push;
pub mod quota;
pub mod raw;
pub mod run;
#[cfg(feature = "schema")]
mod schema;
pub mod speech;
pub mod stage;
pub mod text;
pub mod time;
pub mod trace_segment;
pub mod trail;
pub mod warning;
pub mod webhook;

pub use artifact::{Artifact, Output, OutputState, Role};
pub use causes::with_causes;
pub use cdn::CdnScope;
pub use checksum::{Checksum, StoredChecksum};
pub use cost::{Bill, Cost, Machine, MicroDollars, PriceTable, Usage, Way};
pub use detect::{Format, detect};
pub use error::{ErrorCode, JobError, Refusal};
pub use estimate::{Deployment, Estimate};
pub use execution::{
    Assignment, Branch, Detected, Entry, ExecutionInput, Place, Places, Routing, Source, Step, TaskSize,
    WorkerFunctions, WorkerSize,
};
pub use facts::MediaFacts;
pub use grant::{Grant, PartsUpload, Sending};
pub use idempotency::IdempotencyKey;
pub use ids::{AttemptId, JobId, MediaId, Sha256, UserId, WebhookId};
pub use job::{
    Addition, AttemptPhase, Dispatch, Hold, Job, JobEvent, JobState, Progress, QueuePosition, QueueStep, Share, Status,
    Transition, Watch, Work, expected_end,
};
pub use kind::MediaKind;
pub use labels::Labels;
pub use listing::{JobListing, JobSummary, Listing, MediaListing, MediaSummary, Page, PageLimit};
pub use manifest::Manifest;
pub use media::{CannotRun, DescribedMedia, Media, MediaState, MediaStatus, Rerun, StoredObject};
pub use metrics::{AttemptOutcome, DeliveryOutcome, Measurement, Outcome, Subject};
pub use parts::{ArrivedPart, Composite, MissingParts, PartPlan};
pub use pipeline::Pipeline;
pub use policy::UploadPolicy;
pub use problem::{Problem, ProblemCode};
pub use profile::{Choice, NamedProfile, Profile, Profiles};
pub use push::{PushEvent, Pushed};
pub use quota::{Granted, Quotas, Used};
pub use run::Run;
pub use stage::Stage;
pub use time::Timestamp;
pub use trace_segment::TraceSegment;
pub use trail::{CorrelationId, Origin, TraceId, Trail, UserHash};
pub use warning::{Warning, WarningCode};
