//! Webhooks: the content of messages, their recipients, and the retries of failed deliveries.
//!
//! The wire format is Standard Webhooks 1.0.0 (standardwebhooks.com). `crates/cloud` signs the messages.

mod address;
mod backoff;
mod endpoint;
mod event;
mod message;
mod secret;
mod target;

pub use address::Reach;
pub use backoff::{LAST_ATTEMPT, retry_after_s};
pub use endpoint::{DeliveryFailure, DeliveryProblem, Endpoint, MAX_DESCRIPTION, MAX_ENDPOINTS, OVERLAP_SECONDS};
pub use event::{Audience, Event, EventId};
pub use message::{Message, Recipient};
pub use secret::{InvalidSecret, Secret};
pub use target::{InvalidTarget, MAX_URL, target};
