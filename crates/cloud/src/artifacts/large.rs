//! Multipart uploads of large files: one request carries at most 5 GiB, and a broken connection costs only one part
//! (Amazon S3, "multipart upload").

use super::Artifacts;
use crate::error::CloudError;
use aws_sdk_s3::{
    primitives::{ByteStream, Length},
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::path::Path;

/// Files of at least this size are stored in parts.
pub(super) const LARGE_BYTES: u64 = 2 * PART_BYTES;
/// Size of every part except the last. S3 allows 10,000 parts, which is more than any output needs at this size.
const PART_BYTES: u64 = 32 * 1024 * 1024;
const PARTS_AT_ONCE: usize = 2;

impl Artifacts {
    /// Stores a file of `bytes` bytes. The parts of a failed upload are invisible; the bucket's lifecycle rule removes
    /// them.
    pub(super) async fn put_in_parts(
        &self,
        key: &str,
        content_type: &str,
        bytes: u64,
        file: &Path,
    ) -> Result<(), CloudError> {
        const OPERATION: &str = "s3:CreateMultipartUpload";
        let created = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let id = created.upload_id().ok_or_else(|| CloudError::unreadable(OPERATION, "the upload has no id"))?;
        let uploads = (1..).zip((0..bytes).step_by(to_usize(PART_BYTES))).map(|(number, from)| {
            let length = PART_BYTES.min(bytes - from);
            self.put_part(key, id, number, from, length, file)
        });
        let parts = stream::iter(uploads).buffered(PARTS_AT_ONCE).try_collect().await?;
        self.client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await
            .map_err(|error| CloudError::from_sdk("s3:CompleteMultipartUpload", error))?;
        Ok(())
    }

    async fn put_part(
        &self,
        key: &str,
        id: &str,
        number: i32,
        from: u64,
        length: u64,
        file: &Path,
    ) -> Result<CompletedPart, CloudError> {
        const OPERATION: &str = "s3:UploadPart";
        let body = ByteStream::read_from().path(file).offset(from).length(Length::Exact(length)).build().await;
        let stored = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(body.map_err(|error| CloudError::interrupted(OPERATION, error))?)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let part = CompletedPart::builder().part_number(number).set_e_tag(stored.e_tag);
        Ok(part.set_checksum_sha256(stored.checksum_sha256).build())
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a part is smaller than the smallest address space")
}
