//! Pure domain logic: no I/O, no clock, nothing async.
//!
//! Identifiers, the job state machine, upload policy, image plans, the manifest and every stable
//! code live here. Nothing in this crate is async, knows AWS, reads the environment, the clock or
//! a file: time and randomness are handed in. Clippy (clippy.toml beside this crate) and `make lint` check that.

pub mod artifact;
pub mod av;
pub mod causes;
pub mod checksum;
pub mod cost;
pub mod detect;
pub mod error;
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
pub mod manifest;
pub mod media;
pub mod metrics;
pub mod parts;
pub mod pipeline;
pub mod policy;
pub mod problem;
pub mod profile;
pub mod quota;
pub mod raw;
#[cfg(feature = "schema")]
mod schema;
pub mod speech;
pub mod stage;
pub mod text;
pub mod time;
pub mod trace_segment;
pub mod trail;
pub mod warning;

pub use artifact::{Artifact, Output, OutputState, Role};
pub use causes::with_causes;
pub use checksum::{Checksum, StoredChecksum};
pub use cost::{Bill, Cost, Machine, MicroDollars, PriceTable, Usage};
pub use detect::{Format, detect};
pub use error::{ErrorCode, JobError, Refusal};
pub use execution::{Assignment, Branch, Detected, ExecutionInput, Routing, Source, TaskSize, WorkerSize};
pub use facts::MediaFacts;
pub use grant::{Grant, PartsUpload, Sending};
pub use idempotency::IdempotencyKey;
pub use ids::{AttemptId, JobId, MediaId, Sha256, UserId};
pub use job::{
    Addition, Job, JobEvent, JobState, Place, Progress, Share, Status, Step, Transition, Turn, Watch, Work,
    expected_end,
};
pub use kind::MediaKind;
pub use labels::Labels;
pub use listing::{JobListing, JobSummary, Listing, MediaListing, MediaSummary, Page, PageLimit};
pub use manifest::Manifest;
pub use media::{CannotRun, DescribedMedia, Media, MediaState, MediaStatus, Rerun, StoredObject};
pub use metrics::{AttemptOutcome, Measurement, Outcome, Subject};
pub use parts::{ArrivedPart, Composite, MissingParts, PartPlan};
pub use pipeline::Pipeline;
pub use policy::UploadPolicy;
pub use problem::{Problem, ProblemCode};
pub use profile::{Choice, NamedProfile, Profile, Profiles};
pub use quota::{Granted, Quotas, Used};
pub use stage::Stage;
pub use time::Timestamp;
pub use trace_segment::TraceSegment;
pub use trail::{CorrelationId, Origin, TraceId, Trail, UserHash};
pub use warning::{Warning, WarningCode};
