//! The raw bucket: signs uploads, and reads exactly the submitted version.

use crate::{
    body,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    versions::{self, Objects},
};
use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    operation::{get_object::GetObjectOutput, head_object::HeadObjectOutput},
    presigning::{PresignedRequest, PresigningConfig},
    types::{ChecksumMode, ChecksumType},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use smmu_core::{Media, Sha256, Source, StoredChecksum, StoredObject};
use std::{collections::BTreeMap, ops::Range, time::Duration};

mod download;
mod parts;

pub(crate) use download::PART_BYTES as DOWNLOAD_PART_BYTES;
pub use parts::{Joined, PartPage, compose};

/// The header's name as the SDK writes it.
const CONTENT_LENGTH: &str = "content-length";

/// The raw bucket.
#[derive(Clone)]
pub struct Uploads {
    client: Client,
    bucket: String,
}

/// A presigned upload request. The holder can send it once, unchanged, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedUpload {
    /// HTTP method.
    pub method: String,
    /// URL with the signature. A secret until it expires.
    pub url: String,
    /// Signed headers, which must be sent with exactly these values. `Content-Length` is signed too but not included:
    /// every HTTP client sends it automatically, and many reject setting it.
    pub headers: BTreeMap<String, String>,
}

impl Uploads {
    /// The bucket named by `SMMU_RAW_BUCKET`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), bucket: environment.require("SMMU_RAW_BUCKET")?.to_owned() })
    }

    /// Opens a connection to the bucket.
    pub async fn connect(&self) {
        // See `start`: a failure is reported by the call that needs the connection.
        let _seen = Box::pin(self.client.head_bucket().bucket(&self.bucket).send()).await;
    }

    /// Signs the upload of a media: these bytes, this type, once, for `seconds` from now.
    pub async fn presign(&self, media: &Media, sha256: Sha256, seconds: u32) -> Result<PresignedUpload, CloudError> {
        const OPERATION: &str = "s3:PutObject presign";
        let expiry = expiry(OPERATION, seconds)?;
        let length = i64::try_from(media.grant.bytes).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(media.key())
            .content_type(&media.grant.content_type)
            .content_length(length)
            .checksum_sha256(BASE64.encode(sha256.as_bytes()))
            .if_none_match("*")
            .presigned(expiry)
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(presigned(&request))
    }

    /// The current object at a key, or `None` if there is none.
    pub async fn find(&self, key: &str) -> Result<Option<StoredObject>, CloudError> {
        self.head(key, None).await
    }

    /// The object version that a source names, or `None` if it no longer exists.
    pub async fn find_version(&self, source: &Source) -> Result<Option<StoredObject>, CloudError> {
        self.head(&source.key, Some(&source.version_id)).await
    }

    async fn head(&self, key: &str, version_id: Option<&str>) -> Result<Option<StoredObject>, CloudError> {
        const OPERATION: &str = "s3:HeadObject";
        let answer = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .set_version_id(version_id.map(str::to_owned))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        let object = match answer {
            Ok(object) => object,
            // Only 404 means that the object does not exist: without a body, 400 and 403 can mean anything.
            Err(error) => {
                let error = CloudError::from_sdk(OPERATION, error);
                return if error.missing { Ok(None) } else { Err(error) };
            }
        };
        let bytes = object.content_length().and_then(|length| u64::try_from(length).ok());
        let (Some(version_id), Some(bytes)) = (object.version_id().map(str::to_owned), bytes) else {
            return Err(CloudError::unreadable(OPERATION, "the object has no version id or no length"));
        };
        Ok(Some(StoredObject { version_id, bytes, checksum: stored_checksum(&object) }))
    }

    /// Removes every version of an upload. Returns how many there were.
    pub async fn remove(&self, media: &Media) -> Result<usize, CloudError> {
        versions::remove_all(&self.client, &self.bucket, Objects::Key(&media.key())).await
    }

    /// Reads a non-empty range of a source. Returns fewer bytes if the source ends within the range.
    pub async fn read_range(&self, source: &Source, range: Range<u64>) -> Result<Vec<u8>, CloudError> {
        const OPERATION: &str = "s3:GetObject range";
        let answer = self.get_range(OPERATION, source, &range).await?;
        // A server that ignores the range and sends the whole object exceeds this limit and fails.
        body::read(OPERATION, answer, range.end.saturating_sub(range.start)).await
    }

    async fn get_range(
        &self,
        operation: &'static str,
        source: &Source,
        range: &Range<u64>,
    ) -> Result<GetObjectOutput, CloudError> {
        self.client
            .get_object()
            .bucket(&self.bucket)
            .key(&source.key)
            .version_id(&source.version_id)
            .range(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(operation, error))
    }
}

fn expiry(operation: &'static str, seconds: u32) -> Result<PresigningConfig, CloudError> {
    let expiry = PresigningConfig::expires_in(Duration::from_secs(seconds.into()));
    expiry.map_err(|error| CloudError::unreadable(operation, error))
}

fn presigned(request: &PresignedRequest) -> PresignedUpload {
    PresignedUpload {
        method: request.method().to_owned(),
        url: request.uri().to_owned(),
        headers: signed_headers(request.uri(), request.headers()),
    }
}

/// The SHA-256 that S3 stores for an object. A composite one ends in the number of parts (`…=-3`).
fn stored_checksum(object: &HeadObjectOutput) -> Option<StoredChecksum> {
    let text = object.checksum_sha256()?;
    match (object.checksum_type(), text.rsplit_once('-')) {
        (Some(ChecksumType::Composite), Some((digest, parts))) => {
            Some(StoredChecksum::Composite { sha256: decode_sha256(digest)?, parts: parts.parse().ok()? })
        }
        (Some(ChecksumType::FullObject) | None, None) => decode_sha256(text).map(StoredChecksum::Whole),
        _ => None,
    }
}

/// The headers that the signature covers and that the holder has to set. The SDK adds unsigned ones, such as a trace id
/// in Lambda. The length is excluded because every client sets it: browsers ignore an explicit one ("forbidden
/// request-header" of the Fetch standard), the clients of Java and .NET fail.
fn signed_headers<'a>(url: &str, headers: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let names = url.split(['?', '&']).find_map(|parameter| parameter.strip_prefix("X-Amz-SignedHeaders="));
    let signed: Vec<_> = names.unwrap_or_default().split("%3B").collect();
    let covered = headers.filter(|(name, _)| signed.contains(name) && *name != CONTENT_LENGTH);
    covered.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn decode_sha256(base64: &str) -> Option<Sha256> {
    let bytes = BASE64.decode(base64).ok()?;
    Some(Sha256::from_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::signed_headers;

    #[test]
    fn the_holder_sends_only_signed_headers_except_the_length() {
        let url =
            "https://b.s3.amazonaws.com/k?X-Amz-SignedHeaders=content-length%3Bhost%3Bif-none-match&X-Amz-Signature=0";
        let headers = [("content-length", "3"), ("if-none-match", "*"), ("x-amzn-trace-id", "Root=1")];
        let signed = signed_headers(url, headers.into_iter());
        assert_eq!(signed.keys().collect::<Vec<_>>(), ["if-none-match"]);
    }
}
