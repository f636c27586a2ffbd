//! Failures of service calls, classified by whether a retry can help.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use smmu_core::with_causes;
use std::error::Error;

/// A failed call to a service.
#[derive(Debug, thiserror::Error)]
#[error("{operation}")]
pub struct CloudError {
    /// Name of the call, e.g. `s3:HeadObject`.
    pub operation: &'static str,
    /// Set if the same call can succeed later.
    pub transient: bool,
    /// Set if the requested object or version does not exist.
    pub missing: bool,
    /// Set if the response or the stored data is invalid.
    pub unreadable: bool,
    /// The SDK's error with its causes, or a description of the problem.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Error codes of throttling, internal faults, conflicts with another request that is under way, and expired
/// credentials, which a later attempt replaces. The SDK's own retries are already exhausted; it does not retry conflicts.
///
/// Sources: the SDK's classifiers of retries (`aws-runtime`); "Error responses" and "Conditional writes" of Amazon S3;
/// "Error handling" and "Transactions" of DynamoDB.
const TRANSIENT_CODES: &[&str] = &[
    "BandwidthLimitExceeded",
    "ConditionalRequestConflict",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalError",
    "InternalServerError",
    "InternalServiceError",
    "LimitExceededException",
    "OperationAborted",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Returns whether a conditional write was made: `false` if its condition failed.
pub(crate) fn unless_condition_failed<T, E>(
    operation: &'static str,
    written: Result<T, SdkError<E>>,
) -> Result<bool, CloudError>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match written {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(CloudError::from_sdk(operation, error)),
    }
}

/// Error codes of objects and versions that do not exist.
const MISSING_CODES: &[&str] = &["NoSuchKey", "NoSuchVersion", "NotFound"];

impl CloudError {
    /// Classifies the error of an SDK call.
    #[expect(clippy::needless_pass_by_value, reason = "the error ends here; its callers have no other use for it")]
    pub(crate) fn from_sdk<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        // The remaining variants are responses with an error, and requests that could not be built.
        let unanswered =
            matches!(error, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_));
        let code = error.as_service_error().and_then(|e| e.code());
        // The response to a HEAD has no body and so no error code, only a status.
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let passing = code.is_some_and(|code| TRANSIENT_CODES.contains(&code)) || status >= 500 || status == 429;
        let missing = status == 404 || code.is_some_and(|code| MISSING_CODES.contains(&code));
        // The SDK's own `Display` is only "service error"; the causes say what happened.
        let source = with_causes(&error).into();
        Self { operation, transient: unanswered || passing, missing, unreadable: false, source }
    }

    /// Invalid stored data: a fault of ours that no retry fixes.
    pub(crate) fn unreadable(operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { operation, transient: false, missing: false, unreadable: true, source: source.into() }
    }

    /// A write that lost to other writers on every try.
    pub(crate) fn contended(operation: &'static str) -> Self {
        Self::interrupted(operation, "other writers were faster on every try")
    }

    /// An interrupted transfer. A retry can help.
    pub(crate) fn interrupted(operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { operation, transient: true, missing: false, unreadable: false, source: source.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::CloudError;
    use aws_sdk_s3::{
        config::http::HttpResponse,
        error::{ErrorMetadata, SdkError},
        primitives::SdkBody,
    };

    fn refused(status: u16, code: &str) -> CloudError {
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        let error = ErrorMetadata::builder().code(code).build();
        CloudError::from_sdk("s3:Test", SdkError::service_error(error, response))
    }

    #[test]
    fn a_conflict_with_another_request_can_be_retried() {
        for code in [
            "ConditionalRequestConflict",
            "OperationAborted",
            "TransactionConflictException",
            "TransactionInProgressException",
        ] {
            assert!(refused(409, code).transient && refused(400, code).transient, "{code}");
        }
    }

    #[test]
    fn throttling_and_faults_of_a_service_can_be_retried() {
        for (status, code) in [
            (400, "ThrottlingException"),
            (400, "ExpiredToken"),
            (400, "RequestTimeout"),
            (429, "Other"),
            (500, "Other"),
            (503, "SlowDown"),
        ] {
            assert!(refused(status, code).transient, "{status} {code}");
        }
    }

    #[test]
    fn a_refusal_is_final() {
        for (status, code) in [(400, "ValidationException"), (403, "AccessDenied"), (404, "NoSuchKey")] {
            assert!(!refused(status, code).transient, "{status} {code}");
        }
    }
}
