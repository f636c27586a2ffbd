//! From parts that have arrived to one object: the seal first, the object after that.

use super::{SubmitError, Submitter};
use crate::{
    clock,
    error::CloudError,
    uploads::{Joined, compose},
};
use smmu_core::{Job, Media, Origin};

/// How often parts are put together anew after one of them was sent again meanwhile.
const ROUNDS: usize = 4;

impl Submitter {
    /// As [`Submitter::submit`], and puts the parts of an upload together first, where it is made in parts and has no
    /// object yet.
    pub async fn complete(&self, media: &Media, origin: Option<Origin>) -> Result<Job, SubmitError> {
        match self.submit(media, origin.clone()).await {
            Err(SubmitError::NotUploaded) if media.grant.parts().is_some() => {
                let assembled = self.assemble(media.clone()).await?;
                self.submit(&assembled, origin).await
            }
            ended => ended,
        }
    }

    /// Puts the parts of an upload together, and answers its media as it is recorded then.
    ///
    /// The digest of the parts is recorded before S3 is asked for the object, so that whoever finds the object, after a
    /// crash at whatever point, knows what it must be. Doing it twice, also at once, is harmless.
    async fn assemble(&self, mut media: Media) -> Result<Media, SubmitError> {
        for _ in 0..ROUNDS {
            let (Some(upload), Some(plan)) = (media.grant.parts(), media.grant.plan()) else { return Ok(media) };
            // Without an upload there is an object, or will never be one: the caller looks.
            let Some(parts) = self.uploads.arrived_parts(&media, upload).await? else {
                return self.again(&media).await;
            };
            let composite = compose(plan, &parts)?;
            if upload.seal != Some(composite.sha256) {
                let Some(sealed) = media.sealed(composite, clock::now()) else { return Ok(media) };
                if !self.media.seal(&media, &sealed).await? {
                    media = self.again(&media).await?;
                    continue;
                }
                media = sealed;
            }
            let Some(upload) = media.grant.parts() else { return Ok(media) };
            match self.uploads.join_parts(&media, upload, &parts, composite).await? {
                Joined::Now => {
                    tracing::info!(media_id = %media.id, parts = parts.len(), "parts put together");
                    return Ok(media);
                }
                Joined::Before => return self.again(&media).await,
                Joined::PartsChanged => media = self.again(&media).await?,
            }
        }
        Err(CloudError::interrupted("s3:CompleteMultipartUpload", "parts were sent again every time").into())
    }

    /// A media as it is recorded now.
    async fn again(&self, media: &Media) -> Result<Media, SubmitError> {
        self.media.get(&media.id).await?.ok_or(SubmitError::Deleted)
    }
}
