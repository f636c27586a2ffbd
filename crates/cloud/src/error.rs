//! What can go wrong with a service, by who acts.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use smmu_core::with_causes;
use std::error::Error;

/// A service did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{operation}")]
pub struct CloudError {
    /// What was asked, e.g. `s3:HeadObject`.
    pub operation: &'static str,
    /// Whether the same call can succeed later.
    pub transient: bool,
    /// Whether what was asked for is not there.
    pub missing: bool,
    /// What the SDK says.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Error codes of throttling and internal faults, on which the SDK has already retried in vain.
const TRANSIENT_CODES: &[&str] = &[
    "InternalError",
    "InternalServerError",
    "InternalServiceError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Error codes of objects and versions that are not there.
const MISSING_CODES: &[&str] = &["NoSuchKey", "NoSuchVersion", "NotFound"];

impl CloudError {
    /// The error of an SDK call.
    #[expect(clippy::needless_pass_by_value, reason = "the error ends here; its callers have no other use for it")]
    pub(crate) fn from_sdk<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        // What is neither an answer nor the lack of one is a request that could not even be built.
        let unanswered =
            matches!(error, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_));
        let code = error.as_service_error().and_then(|e| e.code());
        // The answer to a HEAD has no body, and so no code: then the status is all there is.
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let passing = code.is_some_and(|code| TRANSIENT_CODES.contains(&code)) || status >= 500 || status == 429;
        let missing = status == 404 || code.is_some_and(|code| MISSING_CODES.contains(&code));
        // The SDK's own `Display` is only "service error"; what happened is in the chain below it.
        Self { operation, transient: unanswered || passing, missing, source: with_causes(&error).into() }
    }

    /// A stored record that cannot be understood: a fault of ours that waiting does not mend.
    pub(crate) fn unreadable(operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { operation, transient: false, missing: false, source: source.into() }
    }

    /// A transfer that broke off.
    pub(crate) fn interrupted(operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { operation, transient: true, missing: false, source: source.into() }
    }
}
