//! The processed bucket: storing what an attempt made, and signing its downloads.

use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
};
use aws_config::SdkConfig;
use aws_sdk_s3::{Client, presigning::PresigningConfig, primitives::ByteStream, types::ChecksumAlgorithm};
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{
    JobId, Manifest, Output, Sha256, keys,
    manifest::{self, StoredManifest},
};
use std::{path::Path, time::Duration};

/// The processed bucket.
#[derive(Clone)]
pub struct Artifacts {
    client: Client,
    bucket: String,
}

/// More would not be faster on the network of a small Lambda, and each holds a buffer.
const UPLOADS_AT_ONCE: usize = 4;

impl Artifacts {
    /// The bucket named by `SMMU_PROCESSED_BUCKET`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), bucket: environment.require("SMMU_PROCESSED_BUCKET")?.to_owned() })
    }

    /// Stores every artifact that a manifest names from `folder`, then the manifest, under a prefix
    /// that only this call uses. Returns the manifest's key.
    pub async fn store(&self, job: &JobId, made: &Manifest, folder: &Path) -> Result<String, CloudError> {
        let prefix = keys::attempt_prefix(job, made.pipeline, &clock::new_attempt_id());
        let uploads = made.artifacts.iter().map(|artifact| {
            let (key, file) = (format!("{prefix}{}", artifact.name), folder.join(&artifact.name));
            async move { self.put(&key, &artifact.content_type, &file).await }
        });
        stream::iter(uploads).buffer_unordered(UPLOADS_AT_ONCE).try_collect::<()>().await?;
        let key = format!("{prefix}{}", manifest::FILE_NAME);
        self.put(&key, manifest::CONTENT_TYPE, &folder.join(manifest::FILE_NAME)).await?;
        Ok(key)
    }

    async fn put(&self, key: &str, content_type: &str, file: &Path) -> Result<(), CloudError> {
        const OPERATION: &str = "s3:PutObject";
        let body = ByteStream::from_path(file).await.map_err(|error| CloudError::interrupted(OPERATION, error))?;
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(body)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(())
    }

    /// The outputs that a stored manifest lists.
    pub async fn outputs(&self, manifest_key: &str) -> Result<Vec<Output>, CloudError> {
        const OPERATION: &str = "s3:GetObject manifest";
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(manifest_key)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let bytes = answer.body.collect().await.map_err(|error| CloudError::interrupted(OPERATION, error))?;
        let bytes = bytes.into_bytes();
        let made: Manifest =
            serde_json::from_slice(&bytes).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let prefix = manifest_key.strip_suffix(manifest::FILE_NAME);
        let prefix = prefix.ok_or_else(|| CloudError::unreadable(OPERATION, "not the key of a manifest"))?;
        let sha256 = Sha256::from_bytes(Hasher::digest(&bytes).into());
        Ok(made.outputs(prefix, StoredManifest { bytes: bytes.len() as u64, sha256 }))
    }

    /// An address from which one output can be read for `seconds` from now: a secret until then.
    pub async fn presign(&self, output: &Output, seconds: u32) -> Result<String, CloudError> {
        const OPERATION: &str = "s3:GetObject presign";
        let expiry = PresigningConfig::expires_in(Duration::from_secs(seconds.into()))
            .map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&output.key)
            .response_content_type(&output.artifact.content_type)
            .presigned(expiry)
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(request.uri().to_owned())
    }
}
