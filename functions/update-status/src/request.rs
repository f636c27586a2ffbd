//! Parses requests of this function's three callers.

use crate::caught::Caught;
use aws_lambda_events::{eventbridge::EventBridgeEvent, sqs::SqsEvent, sqs::SqsMessage};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use smmu_core::{Branch, ErrorCode, JobId, Pipeline};

/// A request to this function.
#[derive(Debug, Clone)]
pub enum Request {
    /// From the state machine: every worker has finished.
    Complete {
        /// The job.
        job_id: JobId,
        /// The branch that ran. `None` for executions that began before the state machine passed it.
        branch: Option<Branch>,
    },
    /// From the state machine: an error was caught.
    Fail {
        /// The job.
        job_id: JobId,
        /// The caught error.
        error: Caught,
    },
    /// From the state machine: an optional worker failed, and the job continues without it.
    GiveUp {
        /// The job.
        job_id: JobId,
        /// The failed worker's pipeline.
        pipeline: Pipeline,
        /// The caught error.
        error: Caught,
    },
    /// From EventBridge: an execution ended without success.
    ExecutionEnded {
        /// The job that the execution is named after.
        job_id: JobId,
        /// The error code for the job, if it has not ended.
        code: ErrorCode,
    },
    /// From the dead-letter queue.
    DeadLetters(Vec<SqsMessage>),
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum FromStateMachine {
    Complete { job_id: JobId, branch: Option<Branch> },
    Fail { job_id: JobId, error: Caught },
    GiveUp { job_id: JobId, pipeline: Pipeline, error: Caught },
}

/// Detail of "Step Functions Execution Status Change". The event's type requires both traits.
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
    fn a_completion_has_its_branch_unless_its_execution_is_older() {
        let id = "job_01jd0w00000000000000000001";
        let told = json!({"action": "complete", "jobId": id, "branch": "transcode_and_transcribe"});
        assert_eq!(branch_of(told), Some(Branch::TranscodeAndTranscribe));
        assert_eq!(branch_of(json!({"action": "complete", "jobId": id})), None);
    }
}
