//! Records of the stream of the jobs table: jobs that have ended and, for `notify`, every change of a job. Filters
//! exclude all others (template.yaml).

mod change;

pub use change::events;

use serde::Deserialize;
use serde_json::Value;
use smmu_core::{JobId, Status, UserId};

/// A job that has ended, from a record of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedJob {
    /// The job.
    pub job: JobId,
    /// Its owner.
    pub user: UserId,
    /// Set if it was deleted, even after it had ended.
    pub deleted: bool,
    /// Number of the record in its shard.
    pub sequence_number: Option<String>,
}

/// A batch of a DynamoDB stream, without the fields that are not needed.
#[derive(Deserialize)]
struct Stream {
    #[serde(rename = "Records")]
    records: Vec<Value>,
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
    #[serde(rename = "SequenceNumber")]
    sequence_number: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Image {
    job_id: Option<Text<JobId>>,
    user_id: Option<Text<UserId>>,
    status: Option<Text<Status>>,
    deleted_at: Option<Value>,
}

/// A DynamoDB string value.
#[derive(Deserialize)]
struct Text<T> {
    #[serde(rename = "S")]
    text: T,
}

/// The ended jobs of a batch. `None` if the event is not a batch of a stream.
#[must_use]
pub fn ended(event: &Value) -> Option<Vec<EndedJob>> {
    let stream = Stream::deserialize(event).ok()?;
    Some(stream.records.iter().filter_map(read).collect())
}

/// The job of a record, if it has ended. A record that cannot be read is skipped: an error would block those after it.
fn read(record: &Value) -> Option<EndedJob> {
    let read = Record::deserialize(record).inspect_err(|error| {
        tracing::error!(%error, "ignored an unreadable record of the stream");
    });
    let Change { job, sequence_number } = read.ok()?.dynamodb;
    let Image { job_id, user_id, status, deleted_at } = job;
    let (Some(job), Some(user), Some(status)) = (job_id, user_id, status) else {
        tracing::error!("ignored a record of the stream without job, user or status");
        return None;
    };
    let ended = EndedJob { job: job.text, user: user.text, deleted: deleted_at.is_some(), sequence_number };
    status.text.is_terminal().then_some(ended)
}

#[cfg(test)]
mod tests {
    use super::ended;
    use serde_json::{Value, json};

    #[test]
    fn ended_jobs_are_read_from_a_stream_batch_and_other_events_are_none() {
        let record = |job: &str, user: &str, deleted: bool| {
            let mut image =
                json!({"jobId": {"S": job}, "userId": {"S": user}, "status": {"S": "FAILED"}, "revision": {"N": "7"}});
            if deleted {
                image["deletedAt"] = json!({"S": "2026-01-01T00:00:00.000Z"});
            }
            let change = json!({"NewImage": image, "SequenceNumber": "700"});
            json!({"eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": change})
        };
        let jobs = ["job_01jd0w00000000000000000001", "job_01jd0w00000000000000000002"];
        let unreadable = record("no id", "ada", false);
        let mut running = record(jobs[0], "ada", false);
        running["dynamodb"]["NewImage"]["status"]["S"] = "RUNNING".into();
        let records = json!([unreadable, running, record(jobs[0], "ada", false), record(jobs[1], "eve", true), {}, 7]);
        let found = ended(&json!({ "Records": records })).expect("a stream batch");
        assert!(found.iter().all(|job| job.sequence_number.as_deref() == Some("700")), "{found:?}");
        let found: Vec<_> = found.iter().map(|one| (one.job.as_str(), one.user.as_str(), one.deleted)).collect();
        assert_eq!(found, [(jobs[0], "ada", false), (jobs[1], "eve", true)]);
        assert_eq!(ended(&json!({"id": "7", "source": "aws.events", "detail": {}})), None);
        assert_eq!(ended(&Value::Null), None);
    }
}
