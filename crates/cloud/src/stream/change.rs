//! Converts changes of jobs' records to push events, which have a job's state after the change. The stream has no old
//! images.

use super::{Stream, Text};
use serde::Deserialize;
use serde_json::Value;
use smmu_core::{JobId, MediaId, PushEvent, Stage, Status, Timestamp, UserId};
use std::{collections::BTreeMap, str::FromStr};

#[derive(Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "NewImage")]
    job: Image,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    job_id: Text<JobId>,
    media_id: Text<MediaId>,
    user_id: Text<UserId>,
    revision: Number,
    status: Text<Status>,
    stage: Text<Stage>,
    progress: Number,
    updated_at: Text<Timestamp>,
    #[serde(default)]
    outputs: List,
    deleted_at: Option<Value>,
}

/// A DynamoDB number value.
#[derive(Deserialize)]
struct Number {
    #[serde(rename = "N")]
    digits: String,
}

impl Number {
    fn read<T: FromStr>(&self) -> Option<T> {
        self.digits.parse().ok()
    }
}

/// A DynamoDB list value.
#[derive(Deserialize, Default)]
struct List {
    #[serde(rename = "L", default)]
    items: Vec<Value>,
}

/// The push events of a batch by user, with only the newest event of each job. Records that cannot be read are skipped:
/// nothing depends on an event.
#[must_use]
pub fn events(event: &Value) -> BTreeMap<UserId, Vec<PushEvent>> {
    let records = Stream::deserialize(event).map(|stream| stream.records).unwrap_or_default();
    let mut newest = BTreeMap::<JobId, (UserId, PushEvent)>::new();
    for (user, event) in records.iter().filter_map(read) {
        let known = newest.get(event.job_id());
        if known.is_none_or(|(_, known)| known.revision() < event.revision()) {
            newest.insert(event.job_id().clone(), (user, event));
        }
    }
    let mut by_user = BTreeMap::<_, Vec<_>>::new();
    for (user, event) in newest.into_values() {
        by_user.entry(user).or_default().push(event);
    }
    by_user
}

fn read(record: &Value) -> Option<(UserId, PushEvent)> {
    let read = Record::deserialize(record).inspect_err(|error| {
        tracing::warn!(%error, "a job's change is unreadable and not pushed");
    });
    let job = read.ok()?.dynamodb.job;
    let (job_id, media_id, revision) = (job.job_id.text, job.media_id.text, job.revision.read()?);
    let event = if job.deleted_at.is_some() {
        PushEvent::Deleted { job_id, media_id, revision }
    } else {
        PushEvent::Job {
            job_id,
            media_id,
            revision,
            status: job.status.text,
            stage: job.stage.text,
            progress: job.progress.read()?,
            outputs_ready: job.outputs.items.len(),
            updated_at: job.updated_at.text,
        }
    };
    Some((job.user_id.text, event))
}

#[cfg(test)]
mod tests {
    use super::events;
    use serde_json::{Value, json};

    fn record(job: u8, user: &str, revision: u8) -> Value {
        json!({"eventName": "MODIFY", "dynamodb": {"NewImage": {
            "jobId": {"S": format!("job_01jd0w0000000000000000000{job}")}, "userId": {"S": user},
            "mediaId": {"S": "med_01jd0w00000000000000000001"}, "revision": {"N": revision.to_string()},
            "status": {"S": "RUNNING"}, "stage": {"S": "transcode"}, "progress": {"N": "40"},
            "updatedAt": {"S": "2026-01-01T00:00:00.000Z"}, "outputs": {"L": [{"M": {}}, {"M": {}}]},
            "inputKey": {"S": "uploads/x"},
        }}})
    }

    #[test]
    fn each_user_gets_the_newest_event_of_each_of_their_jobs() {
        let mut deleted = record(3, "eve", 9);
        deleted["dynamodb"]["NewImage"]["deletedAt"] = json!({"S": "2026-01-01T00:00:00.000Z"});
        let turn = json!({"dynamodb": {"NewImage": {"jobId": {"S": "turns_1"}}}});
        let batch = json!({"Records": [
            record(1, "ada", 4), record(1, "ada", 6), record(1, "ada", 5), record(2, "ada", 1), deleted, turn, 7,
        ]});
        let told: Vec<_> =
            events(&batch).into_iter().map(|(user, events)| (user.as_str().to_owned(), json!(events))).collect();
        let job = |job: u8, revision: u8| {
            json!({
                "type": "job", "jobId": format!("job_01jd0w0000000000000000000{job}"),
                "mediaId": "med_01jd0w00000000000000000001", "revision": revision, "status": "RUNNING",
                "stage": "transcode", "progress": 40, "outputsReady": 2, "updatedAt": "2026-01-01T00:00:00.000Z",
            })
        };
        let gone = json!([{
            "type": "deleted", "jobId": "job_01jd0w00000000000000000003",
            "mediaId": "med_01jd0w00000000000000000001", "revision": 9,
        }]);
        assert_eq!(told, [("ada".to_owned(), json!([job(1, 6), job(2, 1)])), ("eve".to_owned(), gone)]);
        assert!(events(&json!({"id": "7"})).is_empty());
    }
}
