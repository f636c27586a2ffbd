//! Turns: what the stream of the jobs table tells of jobs that have ended, and users for whom somebody waits.

use crate::{BATCH, Context, Report};
use serde::Deserialize;
use serde_json::Value;
use smmu_cloud::{CloudError, Failure};
use smmu_core::{JobId, Timestamp, UserId, with_causes};
use std::collections::BTreeMap;

/// Jobs that have ended, by user.
pub(crate) type Ended = BTreeMap<UserId, Vec<JobId>>;

/// A batch of a DynamoDB stream; of each record what is needed here.
#[derive(Deserialize)]
struct Stream {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    dynamodb: Change,
}

#[derive(Deserialize, Default)]
struct Change {
    #[serde(rename = "NewImage", default)]
    job: Image,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Image {
    job_id: Option<Text<JobId>>,
    user_id: Option<Text<UserId>>,
}

/// A string, as DynamoDB writes it.
#[derive(Deserialize)]
struct Text<T> {
    #[serde(rename = "S")]
    text: T,
}

/// The jobs that a batch of the stream tells of, all of which have ended: its filter lets nothing else through
/// (template.yaml). `None` for anything but a stream.
pub(crate) fn ended(event: &Value) -> Option<Ended> {
    let stream = Stream::deserialize(event).ok()?;
    let mut ended = Ended::new();
    for Image { job_id, user_id } in stream.records.into_iter().map(|record| record.dynamodb.job) {
        let (Some(job), Some(user)) = (job_id, user_id) else {
            tracing::error!("a record of the stream names no job");
            continue;
        };
        ended.entry(user.text).or_default().push(job.text);
    }
    Some(ended)
}

/// Gives the turns of jobs that have ended to the next of the same users. Lambda gives a batch again that fails.
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
            "turns passed on"
        );
    }
    failed.map_or(Ok(report), |error| Err(error.into()))
}

/// Gives turns to those that wait although turns are free, and answers how many these were.
pub(crate) async fn release_watched(
    context: &Context,
    now: Timestamp,
    errors: &mut usize,
) -> Result<usize, CloudError> {
    let mut released = 0;
    for key in context.submitter.users_waiting(now.plus_seconds(-context.patience.unsent), BATCH).await? {
        match context.submitter.release_watched(&key).await {
            Ok(count) => released += count,
            Err(error) => {
                // Without its key, which is a hash of the user's id.
                tracing::error!(error = with_causes(&error), "the turns of a user could not be reconciled");
                *errors += 1;
            }
        }
    }
    if released > 0 {
        tracing::warn!(released, "released jobs that nobody had given their turn");
    }
    Ok(released)
}

#[cfg(test)]
mod tests {
    use super::ended;
    use serde_json::{Value, json};

    #[test]
    fn a_batch_of_the_stream_is_taken_apart_by_user_and_a_tick_is_none() {
        let record = |job: &str, user: &str| {
            let image =
                json!({"jobId": {"S": job}, "userId": {"S": user}, "outputs": {"L": []}, "revision": {"N": "7"}});
            json!({"eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": {"NewImage": image}})
        };
        let jobs =
            ["job_01jd0w00000000000000000001", "job_01jd0w00000000000000000002", "job_01jd0w00000000000000000003"];
        let records = json!([record(jobs[0], "ada"), record(jobs[1], "eve"), record(jobs[2], "ada"), {}]);
        let found = ended(&json!({ "Records": records })).expect("it is a stream's");
        let found: Vec<_> = found.iter().map(|(user, jobs)| (user.as_str(), jobs.len())).collect();
        assert_eq!(found, [("ada", 2), ("eve", 1)]);
        assert_eq!(ended(&json!({"id": "7", "source": "aws.events", "detail": {}})), None);
        assert_eq!(ended(&Value::Null), None);
    }
}
