//! Multipart uploads: S3 verifies the digest of each part as it arrives, and assembles exactly the named parts.

use super::{BASE64, PresignedUpload, Uploads, decode_sha256, expiry, presigned};
use crate::error::CloudError;
use aws_sdk_s3::{
    error::ProvideErrorMetadata,
    types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, Part},
};
use base64::Engine;
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{ArrivedPart, Composite, Grant, Media, MediaId, MissingParts, PartPlan, PartsUpload, Sha256, keys};

/// One page of arrived parts, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPage {
    /// At most 1,000.
    pub parts: Vec<ArrivedPart>,
    /// The number after which the next page begins; `None` at the end.
    pub next: Option<u32>,
}

/// Outcome of assembling parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// This request assembled the object.
    Now,
    /// An object exists already, or the multipart upload no longer does. The caller looks for the object.
    Before,
    /// A part was uploaded again in the meantime and no longer matches the named one.
    PartsChanged,
}

/// Computes the composite digest of an upload, once every part has arrived as planned.
///
/// # Errors
///
/// Lists the parts that have to be uploaded, or uploaded again.
pub fn compose(plan: PartPlan, arrived: &[ArrivedPart]) -> Result<Composite, MissingParts> {
    Ok(Composite { sha256: digest_of_digests(plan.digests(arrived)?), part_bytes: plan.part_bytes })
}

/// The digest of the parts' digests, which S3 calls composite (Amazon S3 User Guide, "Checking object integrity").
pub(super) fn digest_of_digests(digests: impl IntoIterator<Item = Sha256>) -> Sha256 {
    let hasher = digests.into_iter().fold(Hasher::new(), |hasher, digest| hasher.chain_update(digest.as_bytes()));
    Sha256::from_bytes(hasher.finalize().into())
}

impl Uploads {
    /// Begins a multipart upload and returns its id. If the id is lost, the empty upload costs nothing, and the
    /// bucket's lifecycle rule removes it.
    pub async fn begin_parts(&self, media: &MediaId, content_type: &str) -> Result<String, CloudError> {
        const OPERATION: &str = "s3:CreateMultipartUpload";
        let created = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(keys::upload(media))
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            // The only type that S3 supports for SHA-256 in parts. Explicit, so that a changed default has no effect.
            .checksum_type(ChecksumType::Composite)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        created.upload_id.ok_or_else(|| CloudError::unreadable(OPERATION, "the upload has no id"))
    }

    /// Signs the upload of one part: exactly these bytes, for `seconds` from now. A part can be uploaded again until
    /// the object is assembled.
    pub async fn presign_part(
        &self,
        media: &Media,
        upload: &PartsUpload,
        (number, bytes, sha256): (u32, u64, Sha256),
        seconds: u32,
    ) -> Result<PresignedUpload, CloudError> {
        const OPERATION: &str = "s3:UploadPart presign";
        let unreadable = |error| CloudError::unreadable(OPERATION, error);
        let request = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(media.key())
            .upload_id(&upload.upload_id)
            .part_number(i32::try_from(number).map_err(unreadable)?)
            .content_length(i64::try_from(bytes).map_err(unreadable)?)
            .checksum_sha256(BASE64.encode(sha256.as_bytes()))
            .presigned(expiry(OPERATION, seconds)?)
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(presigned(&request))
    }

    /// One page of the parts that have arrived after number `after`. `None` if the multipart upload no longer exists:
    /// it was completed or aborted.
    pub async fn page_of_parts(
        &self,
        media: &Media,
        upload: &PartsUpload,
        after: Option<u32>,
    ) -> Result<Option<PartPage>, CloudError> {
        const OPERATION: &str = "s3:ListParts";
        let listed = self
            .client
            .list_parts()
            .bucket(&self.bucket)
            .key(media.key())
            .upload_id(&upload.upload_id)
            .set_part_number_marker(after.map(|number| number.to_string()))
            .send()
            .await;
        let listed = match listed.map_err(|error| CloudError::from_sdk(OPERATION, error)) {
            Ok(listed) => listed,
            Err(error) if error.missing => return Ok(None),
            Err(error) => return Err(error),
        };
        let parts: Option<Vec<_>> = listed.parts().iter().map(arrived).collect();
        let parts = parts.ok_or_else(|| CloudError::unreadable(OPERATION, "a part without a number or size"))?;
        let more = listed.is_truncated() == Some(true);
        Ok(Some(PartPage { next: parts.last().filter(|_| more).map(|part| part.number), parts }))
    }

    /// All parts that have arrived, or `None` if the multipart upload no longer exists.
    pub async fn arrived_parts(
        &self,
        media: &Media,
        upload: &PartsUpload,
    ) -> Result<Option<Vec<ArrivedPart>>, CloudError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let Some(page) = self.page_of_parts(media, upload, after).await? else { return Ok(None) };
            all.extend(page.parts);
            after = page.next;
            if after.is_none() {
                return Ok(Some(all));
            }
        }
    }

    /// Assembles the parts of an upload, once, and only if they are exactly those that `composite` was computed from.
    pub async fn join_parts(
        &self,
        media: &Media,
        upload: &PartsUpload,
        parts: &[ArrivedPart],
        composite: Composite,
    ) -> Result<Joined, CloudError> {
        const OPERATION: &str = "s3:CompleteMultipartUpload";
        let unreadable = |error| CloudError::unreadable(OPERATION, error);
        let Grant { bytes, .. } = media.grant;
        let count = PartPlan { bytes, part_bytes: composite.part_bytes }.count();
        let named = parts.iter().map(|part| {
            let digest = part.sha256.map(|digest| BASE64.encode(digest.as_bytes()));
            let named = CompletedPart::builder().e_tag(&part.e_tag).set_checksum_sha256(digest);
            Ok(named.part_number(i32::try_from(part.number).map_err(unreadable)?).build())
        });
        let named: Vec<_> = named.collect::<Result<_, CloudError>>()?;
        let joined = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(media.key())
            .upload_id(&upload.upload_id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(named)).build())
            .checksum_sha256(format!("{}-{count}", BASE64.encode(composite.sha256.as_bytes())))
            .checksum_type(ChecksumType::Composite)
            .mpu_object_size(i64::try_from(bytes).map_err(unreadable)?)
            .if_none_match("*")
            .send()
            .await;
        let Err(error) = joined else { return Ok(Joined::Now) };
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some("NoSuchUpload" | "PreconditionFailed") => Ok(Joined::Before),
            Some("InvalidPart" | "BadDigest") => Ok(Joined::PartsChanged),
            // For example while another request is assembling them.
            Some(_) | None => Err(CloudError::from_sdk(OPERATION, error)),
        }
    }

    /// Aborts a multipart upload and discards its parts. Succeeds if it no longer exists.
    pub async fn give_parts_up(&self, media: &Media) -> Result<(), CloudError> {
        let Some(upload) = media.grant.parts() else { return Ok(()) };
        let aborted = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(media.key())
            .upload_id(&upload.upload_id)
            .send()
            .await;
        match aborted.map_err(|error| CloudError::from_sdk("s3:AbortMultipartUpload", error)) {
            Err(error) if !error.missing => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn arrived(part: &Part) -> Option<ArrivedPart> {
    Some(ArrivedPart {
        number: part.part_number()?.try_into().ok()?,
        bytes: part.size()?.try_into().ok()?,
        sha256: part.checksum_sha256().and_then(decode_sha256),
        e_tag: part.e_tag()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Hasher, compose};
    use sha2::Digest;
    use smmu_core::{ArrivedPart, PartPlan, Sha256};

    #[test]
    fn the_composite_digest_is_the_one_that_s3_computes() {
        let parts = (1..).zip([b"a", b"b", b"c"]).map(|(number, content)| ArrivedPart {
            number,
            bytes: 1,
            sha256: Some(Sha256::from_bytes(Hasher::digest(content).into())),
            e_tag: String::new(),
        });
        let parts: Vec<_> = parts.collect();
        let composite = compose(PartPlan { bytes: 3, part_bytes: 1 }, &parts).unwrap();
        // Computed with sha256sum.
        let expected = "3a050f1d08fb8581d3d72ae727651e981043de0d6ca8e744328758f716602beb";
        assert_eq!((composite.sha256.to_string().as_str(), composite.part_bytes), (expected, 1));
        assert_eq!(compose(PartPlan { bytes: 4, part_bytes: 1 }, &parts).unwrap_err().missing, [4]);
    }
}
