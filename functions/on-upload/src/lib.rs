//! Submits an upload on its S3 event, like `POST /media/upload/complete`.

use aws_config::SdkConfig;
use aws_lambda_events::s3::{S3Event, S3EventRecord};
use smmu_cloud::{Environment, Failure, Function, StartError, SubmitError, Submitter, telemetry};
use smmu_core::{CorrelationId, Origin, keys};

pub struct Context {
    submitter: Submitter,
}

impl Function for Context {
    type Event = S3Event;
    type Answer = ();
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { submitter: Submitter::new(sdk, environment)? })
    }

    async fn connect(&self) {
        self.submitter.connect().await;
    }

    /// Submits every upload of the event. Fails if any submission fails, so the event is retried; submitting the others
    /// again is harmless.
    async fn handle(&self, event: S3Event) -> Result<(), Failure> {
        let mut last_failure = None;
        for record in &event.records {
            if let Err(failure) = submit(record, self).await {
                tracing::error!(%failure, "failed to submit the upload; its event will be retried");
                last_failure = Some(failure);
            }
        }
        last_failure.map_or(Ok(()), Err)
    }
}

async fn submit(record: &S3EventRecord, context: &Context) -> Result<(), Failure> {
    let encoded = record.s3.object.key.as_deref().unwrap_or_default();
    let key = decode_key(encoded);
    let Ok(media_id) = keys::parse_upload(&key) else {
        tracing::warn!("ignored an object in the raw bucket whose key is not an upload's");
        return Ok(());
    };
    let Some(media) = context.submitter.media.get(&media_id).await? else {
        tracing::warn!(%media_id, "an object without a grant was created in the raw bucket");
        return Ok(());
    };
    match context.submitter.submit(&media, origin(record)).await {
        Ok(job) => {
            let _logged_as = telemetry::job_span(&job.id, job.trail.as_ref()).entered();
            tracing::info!(status = %job.status(), "submitted");
            Ok(())
        }
        // An event can arrive after the object was deleted. Then nothing is left to do.
        Err(
            error @ (SubmitError::NotUploaded
            | SubmitError::PartsMissing(_)
            | SubmitError::Mismatch(_)
            | SubmitError::Deleted),
        ) => {
            tracing::warn!(%media_id, %error, "the upload is not submitted");
            Ok(())
        }
        Err(SubmitError::Cloud(error)) => Err(error.into()),
    }
}

/// The S3 request ID of the upload.
fn origin(record: &S3EventRecord) -> Option<Origin> {
    let id = record.response_elements.get("x-amz-request-id")?.clone();
    Some(Origin { correlation_id: CorrelationId::try_from(id).ok()?, trace_id: None, sampled: false })
}

/// Decodes a key of an S3 event, which is encoded as in an HTML form: `+` is a space, the rest is percent-encoded.
fn decode_key(encoded: &str) -> String {
    let spaced = encoded.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::decode_key;

    #[test]
    fn a_key_is_decoded_as_a_form_value() {
        assert_eq!(decode_key("uploads/a+b%2Bc%C3%A9"), "uploads/a b+cé");
    }
}
