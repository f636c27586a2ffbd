//! Where time and randomness enter.

use smmu_core::{AttemptId, JobId, MediaId, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};
use ulid::Ulid;

/// The current time.
///
/// # Panics
/// If the system clock stands before 1970 or after 9999.
#[must_use]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    let unix_ms = i64::try_from(since_epoch.as_millis()).expect("the clock stands before 9999");
    Timestamp::from_unix_ms(unix_ms).expect("the clock stands between 1970 and 9999")
}

/// A media id that nobody has.
#[must_use]
pub fn new_media_id() -> MediaId {
    MediaId::from_ulid(&Ulid::generate().to_string()).expect("a ULID makes an id")
}

/// A job id that nobody has: of a media that is run again.
#[must_use]
pub fn new_job_id() -> JobId {
    JobId::from_ulid(&Ulid::generate().to_string()).expect("a ULID makes an id")
}

/// A number that stands for a segment of a trace.
#[must_use]
pub fn new_segment_id() -> u64 {
    // The random part of a ULID is its lower 80 bits; the lower 64 of those are what is wanted.
    u64::try_from(Ulid::generate().0 & u128::from(u64::MAX)).expect("64 bits are kept")
}

/// An attempt id that nobody has.
#[must_use]
pub fn new_attempt_id() -> AttemptId {
    AttemptId::from_ulid(&Ulid::generate().to_string()).expect("a ULID makes an id")
}
