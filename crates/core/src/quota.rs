//! Quotas of users, and the headers that report them.
//!
//! `RateLimit-Policy` and `RateLimit` are defined by draft-ietf-httpapi-ratelimit-headers-11: lists of structured
//! fields (RFC 9651), whose integers have at most 15 digits.

use crate::time::Timestamp;

/// Quotas of one user. `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quotas {
    /// Uploads granted per day.
    pub uploads_per_day: Option<u64>,
    /// Total bytes of these uploads, as declared.
    pub bytes_per_day: Option<u64>,
    /// Jobs that have not ended.
    pub active_jobs: Option<u64>,
}

/// Usage of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Granted today.
    pub granted: Granted,
    /// Jobs that have not ended, counted up to about the quota.
    pub active_jobs: u64,
}

/// Uploads granted to a user on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Granted {
    /// Number of uploads.
    pub uploads: u64,
    /// Their total size in bytes.
    pub bytes: u64,
}

/// A day in UTC, counted from 1970-01-01; the same for all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The largest integer of a structured field.
const MAX_INTEGER: u64 = 999_999_999_999_999;

impl Day {
    /// The day that contains a time.
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self(at.unix_s().div_euclid(DAY_SECONDS))
    }

    /// The day with this number of days since 1970-01-01.
    #[must_use]
    pub const fn numbered(number: i64) -> Self {
        Self(number)
    }

    /// Number of days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Start of the next day.
    #[must_use]
    pub fn end(self) -> Timestamp {
        let end_ms = self.0.saturating_add(1).saturating_mul(DAY_SECONDS * 1000);
        Timestamp::from_unix_ms(end_ms).unwrap_or(Timestamp::MAX)
    }

    /// Seconds from a time of this day to the start of the next one, at least 1.
    #[must_use]
    pub fn seconds_left(self, now: Timestamp) -> i64 {
        (self.end().unix_s() - now.unix_s()).max(1)
    }
}

/// One quota as reported to clients.
struct QuotaStatus {
    policy: &'static str,
    most: u64,
    /// Unit of the quota, if it is not requests.
    unit: &'static str,
    left: u64,
    /// Set if usage is counted per day.
    daily: bool,
}

impl Quotas {
    /// Returns whether daily uploads are counted.
    #[must_use]
    pub const fn count_days(&self) -> bool {
        self.uploads_per_day.is_some() || self.bytes_per_day.is_some()
    }

    /// Message for an upload of `bytes` bytes that is refused, given what the user was granted on that day.
    #[must_use]
    pub fn exceeded(&self, granted: Granted, bytes: u64, day: Day) -> String {
        let end = day.end();
        match (self.uploads_per_day, self.bytes_per_day) {
            (Some(most), _) if granted.uploads >= most => {
                format!("the limit of {most} uploads a day is reached; it resets at {end}")
            }
            (_, most) => {
                let most = most.unwrap_or(u64::MAX);
                let left = most.saturating_sub(granted.bytes);
                format!(
                    "the file has {bytes} bytes, and {left} of the day's {most} are left; the limit resets at {end}"
                )
            }
        }
    }

    /// Value of the `RateLimit-Policy` header, with the limits. `None` if there are none.
    #[must_use]
    pub fn policy(&self) -> Option<String> {
        let window = format!(";w={DAY_SECONDS}");
        let item = |one: &QuotaStatus| {
            let window = if one.daily { window.as_str() } else { "" };
            format!("\"{}\";q={}{}{window}", one.policy, integer(one.most), one.unit)
        };
        list(&self.statuses(Used::default()), item)
    }

    /// Value of the `RateLimit` header, with the user's remaining quota. `None` if there are no limits.
    #[must_use]
    pub fn left(&self, used: Used, now: Timestamp) -> Option<String> {
        let window = format!(";t={}", Day::of(now).seconds_left(now));
        let item = |one: &QuotaStatus| {
            let window = if one.daily { window.as_str() } else { "" };
            format!("\"{}\";r={}{window}", one.policy, integer(one.left))
        };
        list(&self.statuses(used), item)
    }

    fn statuses(&self, used: Used) -> Vec<QuotaStatus> {
        let status = |policy, unit, most: Option<u64>, used: u64, daily| {
            most.map(|most| QuotaStatus { policy, most, unit, left: most.saturating_sub(used), daily })
        };
        let Used { granted, active_jobs } = used;
        let all = [
            status("uploads", "", self.uploads_per_day, granted.uploads, true),
            status("bytes", ";qu=\"content-bytes\"", self.bytes_per_day, granted.bytes, true),
            status("active-jobs", ";qu=\"concurrent-requests\"", self.active_jobs, active_jobs, false),
        ];
        all.into_iter().flatten().collect()
    }
}

fn list(statuses: &[QuotaStatus], item: impl Fn(&QuotaStatus) -> String) -> Option<String> {
    (!statuses.is_empty()).then(|| statuses.iter().map(item).collect::<Vec<_>>().join(", "))
}

fn integer(number: u64) -> u64 {
    number.min(MAX_INTEGER)
}

#[cfg(test)]
mod tests {
    use super::{Day, Granted, Quotas, Used};
    use crate::time::Timestamp;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const BOTH: Quotas = Quotas { uploads_per_day: Some(100), bytes_per_day: Some(5000), active_jobs: None };

    #[test]
    fn a_day_starts_at_midnight_utc() {
        let day = Day::of(at("2026-01-01T23:59:59.999Z"));
        assert_eq!(day, Day::of(at("2026-01-01T00:00:00Z")));
        assert!(day < Day::of(day.end()));
        assert_eq!(day.end(), at("2026-01-02T00:00:00Z"));
        assert_eq!(day.seconds_left(at("2026-01-01T23:59:59.999Z")), 1);
        assert_eq!(day.seconds_left(at("2026-01-01T00:00:00Z")), 86_400);
        assert_eq!(Day::numbered(day.number()), day);
    }

    #[test]
    fn headers_report_the_limits_and_the_rest() {
        let now = at("2026-01-01T23:00:00Z");
        let headers = |quotas: Quotas, uploads, bytes, active_jobs| {
            let used = Used { granted: Granted { uploads, bytes }, active_jobs };
            (quotas.policy().unwrap_or_default(), quotas.left(used, now).unwrap_or_default())
        };
        let (policy, left) = headers(BOTH, 3, 6000, 7);
        assert_eq!(policy, r#""uploads";q=100;w=86400, "bytes";q=5000;qu="content-bytes";w=86400"#);
        assert_eq!(left, r#""uploads";r=97;t=3600, "bytes";r=0;t=3600"#);
        assert_eq!((Quotas::default().policy(), Quotas::default().left(Used::default(), now)), (None, None));
        let (policy, left) = headers(Quotas { bytes_per_day: Some(u64::MAX), ..Quotas::default() }, 3, 3, 7);
        assert_eq!(policy, r#""bytes";q=999999999999999;qu="content-bytes";w=86400"#);
        assert_eq!(left, r#""bytes";r=999999999999999;t=3600"#);
        let (policy, left) = headers(Quotas { active_jobs: Some(20), ..Quotas::default() }, 3, 3, 7);
        assert_eq!(policy, r#""active-jobs";q=20;qu="concurrent-requests""#);
        assert_eq!(left, r#""active-jobs";r=13"#, "it has no window");
    }

    #[test]
    fn a_refusal_names_the_limit_that_was_reached() {
        let day = Day::of(at("2026-01-01T23:00:00Z"));
        let uploads = BOTH.exceeded(Granted { uploads: 100, bytes: 6000 }, 1, day);
        assert!(uploads.contains("100 uploads a day") && uploads.ends_with("2026-01-02T00:00:00.000Z"), "{uploads}");
        let bytes = BOTH.exceeded(Granted { uploads: 99, bytes: 4000 }, 1001, day);
        assert!(bytes.contains("1001 bytes, and 1000 of the day's 5000"), "{bytes}");
    }
}
