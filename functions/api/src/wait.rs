//! Long polling with `Prefer: wait=N` (RFC 7240, section 4.3): answers when the status changes, or after N seconds.

use crate::{context::Context, lookup};
use lambda_http::Request;
use smmu_core::{Job, Problem};
use std::time::{Duration, Instant};

/// Longest wait, in seconds. API Gateway times out after 30.
const MOST_S: u64 = 20;
/// Interval at which the job is read.
const PAUSE: Duration = Duration::from_millis(500);

/// The preferred wait in seconds, limited to [`MOST_S`]. An unknown or invalid preference is ignored (section 2).
pub(crate) fn preferred_s(request: &Request) -> Option<u64> {
    let values = request.headers().get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    // The first of repeated preferences counts.
    let mut preferences = values.flat_map(|value| value.split(','));
    let seconds = preferences.find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    let seconds: u64 = seconds.parse().ok()?;
    (seconds > 0).then_some(seconds.min(MOST_S))
}

/// Returns the job when its status has changed, or after `seconds`. Returns an ended job at once.
pub(crate) async fn for_change(mut job: Job, seconds: u64, context: &Context) -> Result<Job, Problem> {
    let (until, status) = (Instant::now() + Duration::from_secs(seconds), job.status());
    let user = job.user_id.clone();
    while job.status() == status && !status.is_terminal() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(PAUSE.min(left)).await;
        // The job may have been deleted in the meantime.
        job = lookup::job(job.id.as_str(), &user, context).await?;
    }
    Ok(job)
}

#[cfg(test)]
mod tests {
    use super::preferred_s;
    use lambda_http::{Body, Request, http};

    fn preferred(values: &[&str]) -> Option<u64> {
        let request = http::Request::builder().uri("https://api.example/jobs/a");
        let request = values.iter().fold(request, |request, value| request.header("prefer", *value));
        preferred_s(&Request::from(request.body(Body::Empty).unwrap()))
    }

    #[test]
    fn a_wait_is_parsed_as_in_the_rfc_and_limited() {
        for (values, seconds) in [
            (&["wait=10"][..], Some(10)),
            (&["respond-async, Wait = \"5\"; x=y"], Some(5)),
            (&["return=minimal", "wait=7"], Some(7)),
            (&["wait=3, wait=9"], Some(3)),
            (&["wait=100"], Some(20)),
            (&["wait=0"], None),
            (&["wait"], None),
            (&["wait=-1"], None),
            (&["wait=soon"], None),
            (&["waiting=5"], None),
            (&[], None),
        ] {
            assert_eq!(preferred(values), seconds, "{values:?}");
        }
    }
}
