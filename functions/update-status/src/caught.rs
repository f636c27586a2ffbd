//! Converts an error caught by Step Functions to a job error.

use serde::Deserialize;
use smmu_cloud::{invocation, worker};
use smmu_core::{ErrorCode, JobError, Refusal, Stage};

/// `$.error` of a Catch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caught {
    /// Error name.
    pub error: String,
    /// For a function its diagnostic in JSON, for a worker the stopped ECS task in JSON, else text.
    #[serde(default)]
    pub cause: String,
}

/// `Cause` of a failed function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Diagnostic {
    error_message: String,
}

/// Converts a caught error to the job's error, at the stage that the job has reached.
///
/// Only a refusal keeps its own message. Other messages can name resources and are for the operator's logs, so the user
/// gets a fixed sentence.
pub(crate) fn job_error(caught: &Caught, reached: Stage) -> JobError {
    if caught.error == invocation::REFUSED
        && let Some(error) = refused(&caught.cause)
    {
        return error;
    }
    let (code, message) = match caught.error.as_str() {
        "States.TaskFailed" if misconfigured(&caught.cause) => (ErrorCode::Misconfigured, worker::MISCONFIGURED),
        "States.Timeout" | "Sandbox.Timedout" => return Refusal::timed_out().at(reached),
        error if error == "States.TaskFailed" || error.starts_with("ECS.") || error.starts_with("AmazonECS.") => {
            (ErrorCode::WorkerFailed, "the worker failed after all retries")
        }
        _ => (ErrorCode::Internal, "something went wrong on our side"),
    };
    Refusal::new(code, message).at(reached)
}

fn refused(cause: &str) -> Option<JobError> {
    let diagnostic: Diagnostic = serde_json::from_str(cause).ok()?;
    serde_json::from_str(&diagnostic.error_message).ok()
}

/// The fields used of a stopped ECS task.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EcsTask {
    #[serde(default)]
    containers: Vec<Container>,
}

/// One of its containers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    exit_code: Option<u8>,
}

/// Returns whether the worker stopped because it is misconfigured.
fn misconfigured(cause: &str) -> bool {
    let task: Option<EcsTask> = serde_json::from_str(cause).ok();
    task.is_some_and(|task| task.containers.iter().any(|one| one.exit_code == Some(worker::UNUSABLE)))
}

#[cfg(test)]
mod tests {
    use super::{Caught, job_error};
    use smmu_core::{ErrorCode, JobError, Refusal, Stage};

    fn caught(error: &str, cause: &str) -> Caught {
        Caught { error: error.into(), cause: cause.into() }
    }

    #[test]
    fn a_refusal_keeps_its_message_and_stage() {
        let error = Refusal::new(ErrorCode::CorruptMedia, "it \"ends\" early").at(Stage::Render);
        let message = serde_json::to_string(&error).unwrap();
        let cause = serde_json::json!({"errorType": "Refused", "errorMessage": message}).to_string();
        assert_eq!(job_error(&caught("Refused", &cause), Stage::Detect), error);
    }

    #[test]
    fn an_unreadable_refusal_is_an_internal_error() {
        assert_eq!(job_error(&caught("Refused", "{}"), Stage::Detect).code, ErrorCode::Internal);
    }

    #[test]
    fn an_unknown_error_does_not_reveal_its_cause() {
        let error = job_error(&caught("Lambda.Unknown", "arn:aws:secret"), Stage::Detect);
        let expected = JobError {
            code: ErrorCode::Internal,
            message: "something went wrong on our side".into(),
            stage: Stage::Detect,
            retryable: true,
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn a_misconfigured_worker_is_not_retryable() {
        let ended = |code| serde_json::json!({"Containers": [{"Name": "worker", "ExitCode": code}]}).to_string();
        let error = job_error(&caught("States.TaskFailed", &ended(2)), Stage::Transcribe);
        assert_eq!((error.code, error.retryable), (ErrorCode::Misconfigured, false));
        assert_eq!(job_error(&caught("States.TaskFailed", &ended(4)), Stage::Render).code, ErrorCode::WorkerFailed);
    }

    #[test]
    fn a_timeout_and_a_dead_worker_have_their_own_codes() {
        assert_eq!(job_error(&caught("States.Timeout", ""), Stage::Render).code, ErrorCode::TimedOut);
        for error in ["States.TaskFailed", "ECS.AmazonECSException", "AmazonECS.Unknown"] {
            assert_eq!(job_error(&caught(error, "{}"), Stage::Render).code, ErrorCode::WorkerFailed);
        }
    }
}
