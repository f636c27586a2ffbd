//! How a function's failure reaches the state machine: by an error type that Retry and Catch can match.

use crate::error::CloudError;
use lambda_runtime::Diagnostic;
use smmu_core::{ErrorCode, JobError, Refusal, Stage, with_causes};

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The input is at fault; trying again cannot help.
    #[error("{0:?}")]
    Refused(JobError),
    /// A service did not answer; trying again can help.
    #[error("{0}")]
    Transient(String),
    /// A fault of ours.
    #[error("{0}")]
    Fault(String),
}

/// `errorType` of [`Failure::Refused`]; its `errorMessage` is a [`JobError`] in JSON.
pub const REFUSED: &str = "Refused";
/// `errorType` of [`Failure::Transient`], which the state machine retries.
pub const TRANSIENT: &str = "Transient";
/// `errorType` of [`Failure::Fault`].
pub const FAULT: &str = "Fault";

impl Failure {
    /// A refusal at a stage.
    #[must_use]
    pub fn refused(refusal: Refusal, stage: Stage) -> Self {
        Self::Refused(refusal.at(stage))
    }

    /// The failure of reading a source that was there when it was validated.
    #[must_use]
    pub fn reading_source(error: CloudError, stage: Stage) -> Self {
        if error.missing {
            return Self::refused(
                Refusal::new(ErrorCode::SourceMissing, "the uploaded file is no longer there"),
                stage,
            );
        }
        error.into()
    }

    /// The failure of an input that is not what the caller promised.
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
            Failure::Fault(message) => (FAULT, message),
        };
        Self { error_type: error_type.to_owned(), error_message }
    }
}
