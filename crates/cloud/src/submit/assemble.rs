//! Assembles the uploaded parts into one object: first records the seal, then asks S3 for the object.

use super::{SubmitError, Submitter};
use crate::{
    clock,
    error::CloudError,
    uploads::{Joined, compose},
};
use smmu_core::{Job, Media, Origin};

/// How many times the assembly is tried when parts are uploaded again in the meantime.
const ROUNDS: usize = 4;

impl Submitter {
    /// Like [`Submitter::submit`], but first assembles the parts of a multipart upload that has no object yet.
    pub async fn complete(&self, media: &Media, origin: Option<Origin>) -> Result<Job, SubmitError> {
        match self.submit(media, origin.clone()).await {
            Err(SubmitError::NotUploaded) if media.grant.parts().is_some() => {
                let assembled = self.assemble(media.clone()).await?;
                self.submit(&assembled, origin).await
            }
            ended => ended,
        }
    }

    /// Assembles the parts of an upload. Returns the media as it is recorded afterwards.
    ///
    /// The digest of the parts is recorded before S3 assembles the object, so that the object can be verified after a
    /// crash at any point. Idempotent, also when called concurrently.
    async fn assemble(&self, mut media: Media) -> Result<Media, SubmitError> {
        for _ in 0..ROUNDS {
            let (Some(upload), Some(plan)) = (media.grant.parts(), media.grant.plan()) else { return Ok(media) };
            // Without the multipart upload, the object either exists or never will; the caller checks.
            let Some(parts) = self.uploads.arrived_parts(&media, upload).await? else {
                return self.reload(&media).await;
            };
            let composite = compose(plan, &parts)?;
            if upload.seal != Some(composite.sha256) {
                let Some(sealed) = media.sealed(composite, clock::now()) else { return Ok(media) };
                if !self.media.seal(&media, &sealed).await? {
                    media = self.reload(&media).await?;
                    continue;
                }
                media = sealed;
            }
            let Some(upload) = media.grant.parts() else { return Ok(media) };
            match self.uploads.join_parts(&media, upload, &parts, composite).await? {
                Joined::Now => {
                    tracing::info!(mediaId = %media.id, parts = parts.len(), "parts assembled");
                    return Ok(media);
                }
                Joined::Before => return self.reload(&media).await,
                Joined::PartsChanged => media = self.reload(&media).await?,
            }
        }
        Err(CloudError::interrupted("s3:CompleteMultipartUpload", "parts were uploaded again on every try").into())
    }

    /// Reads the current record of a media.
    async fn reload(&self, media: &Media) -> Result<Media, SubmitError> {
        self.media.get(&media.id).await?.ok_or(SubmitError::Deleted)
    }
}
