//! Position and expected start of a job that waits, as text.

use crate::api::Job;
use serde_json::Value;
use smmu_core::Timestamp;

/// The API's field. It is read leniently: a client must not fail on a job because a newer API describes it differently.
pub const QUEUE: &str = "queue";

/// The start is shown if the wait is this long. Most waits are shorter.
const LONG_MS: i64 = 10_000;

/// Describes the wait of a job, if it waits.
#[must_use]
pub fn of_job(job: &Job) -> Option<String> {
    of(job.more.get(QUEUE), job.updated_at)
}

/// Describes a wait that began at `since`: how many jobs are before it, and its expected start to the minute.
#[must_use]
pub fn of(queue: Option<&Value>, since: Timestamp) -> Option<String> {
    let ahead = queue?.get("ahead").and_then(Value::as_u64).filter(|ahead| *ahead > 0);
    let starts_at = queue?.get("startsAt").and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
    let starts_at = starts_at.filter(|at| at.unix_ms() - since.unix_ms() >= LONG_MS);
    let parts = [
        ahead.map(|ahead| format!("about {ahead} ahead")),
        starts_at.map(|at| format!("starts about {}", minute(at, since))),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A time to the minute, with its date unless that is the date of `since`.
fn minute(at: Timestamp, since: Timestamp) -> String {
    // 2026-01-01T00:00:00.000Z
    let (at, since) = (at.to_string(), since.to_string());
    let (date, time) = (&at[..10], &at[11..16]);
    if since.starts_with(date) { format!("{time} UTC") } else { format!("{date} {time} UTC") }
}

#[cfg(test)]
mod tests {
    use super::of;
    use serde_json::{Value, json};

    fn shown(queue: &Value) -> Option<String> {
        of(Some(queue), "2026-01-01T10:00:00.000Z".parse().unwrap())
    }

    #[test]
    fn a_wait_has_its_position_and_if_it_is_long_its_start() {
        let at = |ahead: u64, time: &str| shown(&json!({"ahead": ahead, "startsAt": format!("2026-01-0{time}.000Z")}));
        assert_eq!(at(3, "1T10:04:59").unwrap(), "about 3 ahead, starts about 10:04 UTC");
        assert_eq!(at(0, "1T10:00:10").unwrap(), "starts about 10:00 UTC");
        assert_eq!(at(0, "2T01:02:03").unwrap(), "starts about 2026-01-02 01:02 UTC");
        assert_eq!(at(3, "1T10:00:09").unwrap(), "about 3 ahead");
        assert_eq!(at(0, "1T10:00:01"), None, "next, and soon");
    }

    #[test]
    fn an_unknown_form_of_the_field_is_ignored() {
        for queue in [json!({}), json!([]), json!("soon"), json!({"ahead": "3", "startsAt": 7})] {
            assert_eq!(shown(&queue), None, "{queue}");
        }
        assert_eq!(of(None, "2026-01-01T10:00:00.000Z".parse().unwrap()), None);
    }
}
