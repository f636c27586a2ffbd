//! Body of a webhook. It is small: receivers get the details from the API.

use crate::{
    error::ErrorCode,
    ids::{JobId, MediaId, UserId},
    job::{Job, JobState, Status},
    labels::Labels,
    time::Timestamp,
};
use serde::Serialize;
use std::fmt;

/// Recipient of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The job's owner: `userId` is left out.
    Owner,
    /// The operator, whose endpoint gets the events of all users' jobs.
    Operator,
}

/// The event of an ended job, sent as the body of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookEvent"))]
pub struct Event {
    /// How the job ended.
    #[serde(rename = "type")]
    ending: Ending,
    /// Time at which the job ended.
    timestamp: Timestamp,
    /// The job.
    data: EventData,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
enum Ending {
    #[serde(rename = "job.completed")]
    Completed,
    #[serde(rename = "job.failed")]
    Failed,
    #[serde(rename = "job.cancelled")]
    Cancelled,
}

/// The job that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookEventData"))]
#[serde(rename_all = "camelCase")]
struct EventData {
    job_id: JobId,
    media_id: MediaId,
    /// `COMPLETED`, `FAILED` or `CANCELLED`.
    status: Status,
    /// The owner; in messages to the operator's endpoint only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    user_id: Option<UserId>,
    #[serde(flatten)]
    labels: Labels,
    /// Set if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<EventError>,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookEventError"))]
struct EventError {
    code: ErrorCode,
}

/// Lets a receiver recognise duplicates: the same for each attempt and replay, since a job ends once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventId(String);

impl EventId {
    /// The value of the header `webhook-id`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Event {
    /// The event of a job, and its id. `None` if the job has not ended or was deleted.
    #[must_use]
    pub fn of(job: &Job, audience: Audience) -> Option<(EventId, Self)> {
        if job.deleted_at.is_some() {
            return None;
        }
        let (ending, word, error) = match &job.state {
            JobState::Queued { .. } | JobState::Running { .. } => return None,
            JobState::Completed { .. } => (Ending::Completed, "completed", None),
            JobState::Failed { error, .. } => (Ending::Failed, "failed", Some(EventError { code: error.code })),
            JobState::Cancelled { .. } => (Ending::Cancelled, "cancelled", None),
        };
        let id = EventId(format!("evt_{}_{word}", &job.id.as_str()[JobId::PREFIX.len()..]));
        let user_id = match audience {
            Audience::Owner => None,
            Audience::Operator => Some(job.user_id.clone()),
        };
        let data = EventData {
            job_id: job.id.clone(),
            media_id: job.media_id.clone(),
            status: job.status(),
            user_id,
            labels: job.labels.clone(),
            error,
        };
        Some((id, Self { ending, timestamp: job.updated_at, data }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Audience, Event};
    use crate::{
        error::{ErrorCode, Refusal},
        job::{Job, JobEvent, Transition},
        stage::Stage,
        time::Timestamp,
    };
    use serde_json::{Value, json};

    fn job() -> Job {
        serde_json::from_value(json!({
            "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001", "userId": "user-1",
            "inputKey": "k", "inputVersionId": "v", "status": "QUEUED", "stage": "queue", "progress": 0, "revision": 0,
            "externalId": "order-7", "metadata": {"lot": "a"},
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z",
        }))
        .unwrap()
    }

    fn after(events: &[JobEvent]) -> Job {
        events.iter().fold(job(), |job, event| {
            let at = Timestamp::from_unix_ms(1_790_000_000_000).unwrap();
            let Transition::Changed(next) = job.apply(event.clone(), at) else { panic!("nothing changed") };
            next
        })
    }

    fn told(job: &Job, audience: Audience) -> Option<(String, Value)> {
        Event::of(job, audience).map(|(id, event)| (id.to_string(), json!(event)))
    }

    #[test]
    fn the_event_of_an_ended_job_is_small() {
        let failed =
            JobEvent::Failed(Refusal::new(ErrorCode::CorruptMedia, "photo.jpg is cut off").at(Stage::Validate));
        let completed = JobEvent::Completed { outputs: vec![], warnings: vec![], bill: None };
        for (name, job) in [
            ("completed", after(&[JobEvent::Started, completed])),
            ("failed", after(&[failed])),
            ("cancelled", after(&[JobEvent::Cancelled])),
        ] {
            insta::assert_json_snapshot!(name, told(&job, Audience::Owner).unwrap());
        }
    }

    #[test]
    fn only_the_operators_event_names_the_owner() {
        let job = after(&[JobEvent::Cancelled]);
        let (id, mut body) = told(&job, Audience::Operator).unwrap();
        assert_eq!(body["data"].as_object_mut().unwrap().remove("userId"), Some(json!("user-1")));
        assert_eq!(Some((id, body)), told(&job, Audience::Owner));
    }

    #[test]
    fn a_job_that_has_not_ended_or_was_deleted_has_no_event() {
        let completed = JobEvent::Completed { outputs: vec![], warnings: vec![], bill: None };
        for events in
            [&[][..], &[JobEvent::Started], &[JobEvent::Deleted], &[JobEvent::Started, completed, JobEvent::Deleted]]
        {
            assert_eq!(told(&after(events), Audience::Operator), None, "{events:?}");
        }
    }
}
