//! Follows a job to its end.

use crate::{
    api::{Api, Job, JobSnapshot, Poll},
    error::Error,
    show::{Line, printable},
    waiting,
};
use std::time::Duration;

/// Polling interval if the API returns none.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Polls a job until it has ended. `snapshot` is always the latest, also after an error.
pub async fn to_the_end(api: &Api, snapshot: &mut JobSnapshot, line: &Line) -> Result<(), Error> {
    loop {
        let job = &snapshot.job;
        line.percent(&standing(job), job.progress, left(job));
        if job.status.is_terminal() {
            return Ok(());
        }
        tokio::time::sleep(pause(snapshot.retry_after)).await;
        match api.job(&snapshot.job.job_id, snapshot.tag.as_ref()).await? {
            Poll::Changed(next) => *snapshot = *next,
            Poll::Unchanged { retry_after } => snapshot.retry_after = retry_after,
        }
    }
}

/// Status and stage, and of a job that waits its position and expected start.
fn standing(job: &Job) -> String {
    let wait = waiting::of_job(job).map(|wait| format!(", {wait}")).unwrap_or_default();
    format!("{} {}{wait}", job.status, printable(&job.stage, 20))
}

/// Time left when the job last changed; both times are the service's.
fn left(job: &Job) -> Option<Duration> {
    let ms = job.expected_at?.unix_ms().checked_sub(job.updated_at.unix_ms())?;
    u64::try_from(ms).ok().map(Duration::from_millis)
}

fn pause(asked: Option<Duration>) -> Duration {
    asked.unwrap_or(USUAL_PAUSE).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::pause;
    use std::time::Duration;

    #[test]
    fn the_service_sets_the_polling_interval_within_bounds() {
        assert_eq!(pause(None), Duration::from_secs(1));
        assert_eq!(pause(Some(Duration::ZERO)), Duration::from_millis(200));
        assert_eq!(pause(Some(Duration::from_secs(3))), Duration::from_secs(3));
        assert_eq!(pause(Some(Duration::from_hours(24))), Duration::from_mins(1));
    }
}
