//! The only source of time and randomness.

use smmu_core::{AttemptId, JobId, MediaId, Timestamp, WebhookId};
use std::time::{SystemTime, UNIX_EPOCH};
use ulid::Ulid;

/// The current time.
///
/// # Panics
/// If the system clock is before 1970 or after 9999.
#[must_use]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970");
    let unix_ms = i64::try_from(since_epoch.as_millis()).expect("the clock is before 9999");
    Timestamp::from_unix_ms(unix_ms).expect("the clock is between 1970 and 9999")
}

/// A new, unique media id.
#[must_use]
pub fn new_media_id() -> MediaId {
    MediaId::from_ulid(&Ulid::generate().to_string()).expect("a ULID makes an id")
}

/// A new, unique job id, for a rerun. The first job of a media derives its id from the media's.
#[must_use]
pub fn new_job_id() -> JobId {
    JobId::from_ulid(&Ulid::generate().to_string()).expect("a ULID makes an id")
}

/// A new, unique id for a webhook endpoint.
#[must_use]
pub fn new_webhook_id() -> WebhookId {
    WebhookId::from_ulid(&Ulid::generate().to_string()).expect("a ULID makes an id")
}

/// A new, random id for a trace segment.
#[must_use]
pub fn new_segment_id() -> u64 {
    // The lower 80 bits of a ULID are random; a segment id has 64.
    u64::try_from(Ulid::generate().0 & u128::from(u64::MAX)).expect("64 bits are kept")
}

/// A new, unique attempt id.
#[must_use]
pub fn new_attempt_id() -> AttemptId {
    AttemptId::from_ulid(&Ulid::generate().to_string()).expect("a ULID makes an id")
}
