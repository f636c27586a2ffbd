//! The processed bucket: storing what an attempt made, and signing its downloads.

use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
};
use aws_config::SdkConfig;
use aws_sdk_s3::{Client, presigning::PresigningConfig, primitives::ByteStream, types::ChecksumAlgorithm};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{
    Artifact, JobId, Manifest, Output, Pipeline, Sha256, keys,
    manifest::{self, StoredManifest},
};
use std::{path::Path, time::Duration};

mod large;

/// The processed bucket.
#[derive(Clone)]
pub struct Artifacts {
    client: Client,
    bucket: String,
}

impl Artifacts {
    /// The bucket named by `SMMU_PROCESSED_BUCKET`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), bucket: environment.require("SMMU_PROCESSED_BUCKET")?.to_owned() })
    }

    /// A prefix that only one attempt uses.
    #[must_use]
    pub fn attempt(&self, job: &JobId, pipeline: Pipeline) -> AttemptPrefix {
        let prefix = keys::attempt_prefix(job, pipeline, &clock::new_attempt_id());
        AttemptPrefix { artifacts: self.clone(), prefix }
    }

    async fn put(&self, key: &str, content_type: &str, sha256: Option<Sha256>, file: &Path) -> Result<(), CloudError> {
        const OPERATION: &str = "s3:PutObject";
        let body = ByteStream::from_path(file).await.map_err(|error| CloudError::interrupted(OPERATION, error))?;
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            // Where its digest is known, S3 refuses whatever differs from what was made.
            .set_checksum_sha256(sha256.map(|digest| BASE64.encode(digest.as_bytes())))
            .body(body)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(())
    }

    /// A stored text of at most `most` bytes.
    pub async fn read_text(&self, output: &Output, most: u64) -> Result<String, CloudError> {
        const OPERATION: &str = "s3:GetObject text";
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&output.key)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        if !answer.content_length().is_some_and(|bytes| u64::try_from(bytes).is_ok_and(|bytes| bytes <= most)) {
            return Err(CloudError::unreadable(OPERATION, format!("larger than {most} bytes")));
        }
        let bytes = answer.body.collect().await.map_err(|error| CloudError::interrupted(OPERATION, error))?;
        String::from_utf8(bytes.to_vec()).map_err(|error| CloudError::unreadable(OPERATION, error))
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

/// Where one attempt stores what it makes; nothing under it counts until its manifest is committed.
#[derive(Clone)]
pub struct AttemptPrefix {
    artifacts: Artifacts,
    prefix: String,
}

impl AttemptPrefix {
    /// Stores an artifact from the folder that it was made in.
    pub async fn put(&self, artifact: &Artifact, folder: &Path) -> Result<Output, CloudError> {
        let output = Output::ready(&self.prefix, artifact.clone());
        let (file, bytes) = (folder.join(&artifact.name), artifact.bytes);
        if bytes < large::LARGE_BYTES {
            self.artifacts.put(&output.key, &artifact.content_type, Some(artifact.sha256), &file).await?;
        } else {
            self.artifacts.put_in_parts(&output.key, &artifact.content_type, bytes, &file).await?;
        }
        Ok(output)
    }

    /// Stores the manifest of that folder, once all that it names is stored, and answers its key.
    pub async fn put_manifest(&self, folder: &Path) -> Result<String, CloudError> {
        let key = format!("{}{}", self.prefix, manifest::FILE_NAME);
        self.artifacts.put(&key, manifest::CONTENT_TYPE, None, &folder.join(manifest::FILE_NAME)).await?;
        Ok(key)
    }
}
