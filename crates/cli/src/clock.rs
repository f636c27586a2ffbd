//! This machine's clock.

use smmu_core::Timestamp;
use std::time::SystemTime;

/// The time `seconds` from now.
#[must_use]
pub fn in_seconds(seconds: u64) -> Timestamp {
    now().plus_seconds(seconds.try_into().unwrap_or(i64::MAX))
}

/// The current time by this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).ok().and_then(|ms| Timestamp::from_unix_ms(ms).ok()).unwrap_or(Timestamp::MAX)
}
