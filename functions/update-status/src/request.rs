//! The three callers of this function, told apart once.

use crate::caught::Caught;
use aws_lambda_events::{eventbridge::EventBridgeEvent, sqs::SqsEvent, sqs::SqsMessage};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use smmu_core::{Branch, ErrorCode, JobId, Pipeline};

/// What is asked of this function.
#[derive(Debug, Clone)]
pub enum Request {
    /// The state machine: every worker has ended well.
    Complete {
        /// Which job.
        job_id: JobId,
        /// Which workers that were. Executions that began before it was told have none.
        branch: Option<Branch>,
    },
    /// The state machine: something was caught.
    Fail {
        /// Which job.
        job_id: JobId,
        /// What was caught.
        error: Caught,
    },
    /// The state machine: a worker whose outputs the job can do without was given up.
    GiveUp {
        /// Which job.
        job_id: JobId,
        /// Which of its workers.
        pipeline: Pipeline,
        /// What was caught.
        error: Caught,
    },
    /// EventBridge: an execution ended other than by succeeding.
    ExecutionEnded {
        /// The job that the execution is named after.
        job_id: JobId,
        /// What the job should say if it has not ended.
        code: ErrorCode,
    },
    /// The dead-letter queue.
    DeadLetters(Vec<SqsMessage>),
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum FromStateMachine {
    Complete { job_id: JobId, branch: Option<Branch> },
    Fail { job_id: JobId, error: Caught },
    GiveUp { job_id: JobId, pipeline: Pipeline, error: Caught },
}

/// Detail of "Step Functions Execution Status Change". The event's type asks for both directions.
#[derive(Serialize, Deserialize)]
struct StatusChange {
    name: JobId,
    status: String,
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        let read = if event.get("action").is_some() {
            serde_json::from_value(event).map(|request| match request {
                FromStateMachine::Complete { job_id, branch } => Self::Complete { job_id, branch },
                FromStateMachine::Fail { job_id, error } => Self::Fail { job_id, error },
                FromStateMachine::GiveUp { job_id, pipeline, error } => Self::GiveUp { job_id, pipeline, error },
            })
        } else if event.get("Records").is_some() {
            serde_json::from_value(event).map(|SqsEvent { records, .. }| Self::DeadLetters(records))
        } else {
            serde_json::from_value::<EventBridgeEvent<StatusChange>>(event).map(|event| Self::ExecutionEnded {
                job_id: event.detail.name,
                code: match event.detail.status.as_str() {
                    "TIMED_OUT" => ErrorCode::TimedOut,
                    "ABORTED" => ErrorCode::Aborted,
                    _ => ErrorCode::Internal,
                },
            })
        };
        read.map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Request;
    use serde_json::{Value, json};
    use smmu_core::Branch;

    fn branch_of(event: Value) -> Option<Branch> {
        match serde_json::from_value(event) {
            Ok(Request::Complete { branch, .. }) => branch,
            other => panic!("not a completion: {other:?}"),
        }
    }

    #[test]
    fn a_completion_says_its_branch_unless_its_execution_is_older_than_that() {
        let id = "job_01jd0w00000000000000000001";
        let told = json!({"action": "complete", "jobId": id, "branch": "transcode_and_transcribe"});
        assert_eq!(branch_of(told), Some(Branch::TranscodeAndTranscribe));
        assert_eq!(branch_of(json!({"action": "complete", "jobId": id})), None);
    }
}
