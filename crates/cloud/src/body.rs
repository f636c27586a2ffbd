//! Object content, read up to a limit.

use crate::error::CloudError;
use aws_sdk_s3::{operation::get_object::GetObjectOutput, primitives::ByteStream};

/// Returns the body of a response. Fails if its `Content-Length` exceeds `most` or is missing.
pub(crate) fn bounded(operation: &'static str, answer: GetObjectOutput, most: u64) -> Result<ByteStream, CloudError> {
    match answer.content_length().and_then(|bytes| u64::try_from(bytes).ok()) {
        Some(bytes) if bytes <= most => Ok(answer.body),
        Some(_) | None => Err(CloudError::unreadable(operation, format!("it has more than {most} bytes or no length"))),
    }
}

/// Like [`bounded`], but reads the content into memory.
pub(crate) async fn read(operation: &'static str, answer: GetObjectOutput, most: u64) -> Result<Vec<u8>, CloudError> {
    let body = bounded(operation, answer, most)?;
    let read = body.collect().await.map_err(|error| CloudError::interrupted(operation, error))?;
    Ok(read.into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::read;
    use aws_sdk_s3::{operation::get_object::GetObjectOutput, primitives::ByteStream};

    #[tokio::test]
    async fn content_over_the_limit_is_not_read() {
        let answer = |length: Option<i64>| {
            let body = ByteStream::from_static(b"abc");
            GetObjectOutput::builder().body(body).set_content_length(length).build()
        };
        assert_eq!(read("s3:GetObject", answer(Some(3)), 3).await.unwrap(), b"abc");
        for length in [Some(4), Some(-1), None] {
            let error = read("s3:GetObject", answer(length), 3).await.unwrap_err();
            assert!(!error.transient && !error.missing, "{error}");
        }
    }
}
