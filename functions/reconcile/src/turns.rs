//! Turns: ended jobs from the stream of the jobs table, and users with waiting jobs.

use crate::{BATCH, Context, Report};
use serde_json::Value;
use smmu_cloud::{
    CloudError, Failure,
    stream::{self, EndedJob},
};
use smmu_core::{JobId, Timestamp, UserId, with_causes};
use std::collections::BTreeMap;

/// Jobs that have ended, by user.
pub(crate) type Ended = BTreeMap<UserId, Vec<JobId>>;

/// The ended jobs in a batch of the stream, by user. `None` if the event is not a stream batch.
pub(crate) fn ended(event: &Value) -> Option<Ended> {
    let mut ended = Ended::new();
    for EndedJob { job, user, .. } in stream::ended(event)? {
        ended.entry(user).or_default().push(job);
    }
    Some(ended)
}

/// Gives the turns of ended jobs to waiting jobs of the same users. Lambda retries a failed batch.
pub(crate) async fn pass_on(ended: &Ended, context: &Context) -> Result<Report, Failure> {
    let (mut report, mut failed) = (Report::default(), None);
    for (user, jobs) in ended {
        match context.submitter.release(user, jobs).await {
            Ok(released) => report.released += released,
            Err(error) => failed = Some(error),
        }
    }
    if report.released > 0 {
        tracing::info!(
            ended = ended.values().map(Vec::len).sum::<usize>(),
            released = report.released,
            "released waiting jobs"
        );
    }
    failed.map_or(Ok(report), |error| Err(error.into()))
}

/// Releases jobs that wait although turns are free, and returns their number.
pub(crate) async fn release_watched(
    context: &Context,
    now: Timestamp,
    errors: &mut usize,
) -> Result<usize, CloudError> {
    let mut released = 0;
    for key in context.submitter.users_waiting(now.plus_seconds(-context.thresholds.unsent), BATCH).await? {
        match context.submitter.release_watched(&key).await {
            Ok(count) => released += count,
            Err(error) => {
                // The key is not logged, because it is a hash of the user's ID.
                tracing::error!(error = with_causes(&error), "failed to release a user's waiting jobs; will try again");
                *errors += 1;
            }
        }
    }
    if released > 0 {
        tracing::warn!(released, "released waiting jobs that the stream had missed");
    }
    Ok(released)
}

#[cfg(test)]
mod tests {
    use super::ended;
    use serde_json::{Value, json};

    #[test]
    fn a_stream_batch_is_grouped_by_user() {
        let record = |job: &str, user: &str| json!({"dynamodb": {"NewImage": {"jobId": {"S": job}, "userId": {"S": user}, "status": {"S": "FAILED"}}}});
        let jobs =
            ["job_01jd0w00000000000000000001", "job_01jd0w00000000000000000002", "job_01jd0w00000000000000000003"];
        let records = json!([record(jobs[0], "ada"), record(jobs[1], "eve"), record(jobs[2], "ada")]);
        let found = ended(&json!({ "Records": records })).expect("a stream batch");
        let found: Vec<_> = found.iter().map(|(user, jobs)| (user.as_str(), jobs.len())).collect();
        assert_eq!(found, [("ada", 2), ("eve", 1)]);
        assert_eq!(ended(&Value::Null), None);
    }
}
