//! Failures of functions, as error types that the state machine's Retry and Catch match.

use crate::error::CloudError;
use lambda_runtime::Diagnostic;
use smmu_core::{ErrorCode, Job, JobError, Refusal, Run, Stage, Status, with_causes};

/// Reason why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The input is at fault; a retry cannot help.
    #[error("{} at {}: {}", .0.code, .0.stage.as_str(), .0.message)]
    Refused(JobError),
    /// A service did not respond; a retry can help.
    #[error("{0}")]
    Transient(String),
    /// This function cannot end the work; a container can.
    #[error("{0}")]
    Moved(String),
    /// The run of the light state machine has nothing left to do: the job has ended, or another run has it.
    #[error("{0}")]
    Superseded(String),
    /// A fault of ours.
    #[error("{0}")]
    Fault(String),
}

/// `errorType` of [`Failure::Refused`]; its `errorMessage` is a [`JobError`] in JSON.
pub const REFUSED: &str = "Refused";
/// `errorType` of [`Failure::Transient`], which the state machine retries.
pub const TRANSIENT: &str = "Transient";
/// `errorType` of [`Failure::Moved`], after which the state machine starts a container.
pub const MOVED: &str = "Moved";
/// `errorType` of [`Failure::Superseded`], after which a run of the light state machine ends.
pub const SUPERSEDED: &str = "Superseded";
/// `errorType` of [`Failure::Fault`].
pub const FAULT: &str = "Fault";

impl Failure {
    /// A refusal in a stage.
    #[must_use]
    pub fn refused(refusal: Refusal, stage: Stage) -> Self {
        Self::Refused(refusal.at(stage))
    }

    /// The failure to read a source that existed when it was validated.
    #[must_use]
    pub fn reading_source(error: CloudError, stage: Stage) -> Self {
        if error.missing {
            return Self::refused(Refusal::source_missing(), stage);
        }
        error.into()
    }

    /// The input names a job that does not exist.
    #[must_use]
    pub fn no_such_job() -> Self {
        Self::unexpected("the job does not exist")
    }

    /// The input names a job that is not running.
    #[must_use]
    pub fn not_running() -> Self {
        Self::unexpected("the job is not running")
    }

    /// The input names a job that has already ended with `status`.
    #[must_use]
    pub fn already(status: Status) -> Self {
        Self::unexpected(format_args!("the job is {status} already"))
    }

    /// Fails unless this run, if there is one, holds the job.
    ///
    /// # Errors
    /// [`Failure::Superseded`]
    pub fn unless_held(job: &Job, run: Option<&Run>) -> Result<(), Self> {
        match run {
            Some(run) if !job.is_held_by(run) => {
                let holder = job.hold.as_ref().map_or("the Standard state machine", |hold| &hold.run.id);
                Err(Self::Superseded(format!("{holder} has the job")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The job of a state has ended with `status`: nothing is left to do for a light run.
    #[must_use]
    pub fn ended(status: Status, run: Option<&Run>) -> Self {
        match run {
            Some(_) => Self::Superseded(format!("the job is {status} already")),
            None => Self::already(status),
        }
    }

    /// The input is not what the caller's contract promises.
    pub fn unexpected(what: impl std::fmt::Display) -> Self {
        Self::Fault(what.to_string())
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        let message = with_causes(&error);
        if error.transient { Self::Transient(message) } else { Self::Fault(message) }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let (error_type, error_message) = match failure {
            Failure::Refused(error) => {
                (REFUSED, serde_json::to_string(&error).unwrap_or_else(|_| ErrorCode::Internal.as_str().to_owned()))
            }
            Failure::Transient(message) => (TRANSIENT, message),
            Failure::Moved(message) => (MOVED, message),
            Failure::Superseded(message) => (SUPERSEDED, message),
            Failure::Fault(message) => (FAULT, message),
        };
        Self { error_type: error_type.to_owned(), error_message }
    }
}
