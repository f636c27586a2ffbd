//! Points in time, as data. This crate has no clock.

use ::time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 in UTC with three decimals, so that
/// text order is time order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp {
    unix_ms: i64,
}

/// The text is not an RFC 3339 time between the years 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time between the years 1970 and 9999")]
pub struct InvalidTimestamp;

/// 9999-12-31T23:59:59.999Z, the last time that RFC 3339 can express.
const LAST_UNIX_MS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The last time that can be expressed.
    pub const MAX: Self = Self { unix_ms: LAST_UNIX_MS };

    /// The time this many milliseconds after the epoch.
    pub const fn from_unix_ms(unix_ms: i64) -> Result<Self, InvalidTimestamp> {
        if unix_ms < 0 || unix_ms > LAST_UNIX_MS { Err(InvalidTimestamp) } else { Ok(Self { unix_ms }) }
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.unix_ms
    }

    /// Whole seconds since the epoch, the unit of DynamoDB's time to live.
    #[must_use]
    pub const fn unix_s(self) -> i64 {
        self.unix_ms / 1000
    }

    /// Milliseconds from an earlier time to this one; 0 if it is later.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> u64 {
        if self.unix_ms > earlier.unix_ms { self.unix_ms.abs_diff(earlier.unix_ms) } else { 0 }
    }

    /// This time plus a number of seconds, which may be negative; clamped to the valid range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        let unix_ms = self.unix_ms.saturating_add(seconds.saturating_mul(1000));
        let floored = if unix_ms < 0 { 0 } else { unix_ms };
        Self { unix_ms: if floored > LAST_UNIX_MS { LAST_UNIX_MS } else { floored } }
    }

    /// This time plus a number of milliseconds; at most the last valid time.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        let unix_ms = self.unix_ms.saturating_add_unsigned(ms);
        Self { unix_ms: if unix_ms > LAST_UNIX_MS { LAST_UNIX_MS } else { unix_ms } }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.unix_ms) * 1_000_000)
            .expect("every Timestamp lies between 1970 and 9999");
        let (date, time) = (at.date(), at.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond()
        )
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?.to_offset(UtcOffset::UTC);
        let unix_ms = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).map_err(|_| InvalidTimestamp)?;
        Self::from_unix_ms(unix_ms)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> String {
        at.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_round_trips(unix_ms in 0..=LAST_UNIX_MS) {
            let at = Timestamp::from_unix_ms(unix_ms).unwrap();
            prop_assert_eq!(at.to_string().parse(), Ok(at));
        }

        #[test]
        fn text_order_is_time_order(one in 0..=LAST_UNIX_MS, other in 0..=LAST_UNIX_MS) {
            let [a, b] = [one, other].map(|ms| Timestamp::from_unix_ms(ms).unwrap());
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), one.cmp(&other));
        }

        #[test]
        fn adding_seconds_stays_in_the_valid_range(unix_ms in 0..=LAST_UNIX_MS, seconds in any::<i64>()) {
            let at = Timestamp::from_unix_ms(unix_ms).unwrap().plus_seconds(seconds);
            prop_assert!(Timestamp::from_unix_ms(at.unix_ms()).is_ok());
        }
    }

    #[test]
    fn the_time_since_a_later_time_is_zero() {
        let [early, late] = [1_000, 3_500].map(|ms| Timestamp::from_unix_ms(ms).unwrap());
        assert_eq!((late.ms_since(early), early.ms_since(late)), (2_500, 0));
    }

    #[test]
    fn an_offset_is_converted_to_utc() {
        let at: Timestamp = "2026-11-23T23:30:00.5+02:00".parse().unwrap();
        assert_eq!(at.to_string(), "2026-11-23T21:30:00.500Z");
    }
}
