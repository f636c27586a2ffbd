//! The processed bucket: stores the outputs of attempts and signs their downloads.

use crate::{
    body,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    versions::{self, Objects},
};
use aws_config::SdkConfig;
use aws_sdk_s3::{Client, presigning::PresigningConfig, primitives::ByteStream, types::ChecksumAlgorithm};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{
    Artifact, AttemptId, Cost, JobId, Manifest, Output, Pipeline, Sha256, keys,
    manifest::{self, BilledManifest, StoredManifest},
};
use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

mod large;

const PUT_OBJECT: &str = "s3:PutObject";
/// Largest manifest that is read: 100 times that of a day-long video with storyboards.
const MAX_MANIFEST_BYTES: u64 = 16 * 1024 * 1024;
/// Largest checkpoint that is read: four times that of twelve hours of speech.
const MAX_CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;

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

    /// The prefix of an attempt.
    #[must_use]
    pub fn attempt(&self, job: &JobId, pipeline: Pipeline, attempt: &AttemptId) -> AttemptPrefix {
        AttemptPrefix {
            artifacts: self.clone(),
            prefix: keys::attempt_prefix(job, pipeline, attempt),
            working: keys::working_prefix(job, pipeline, attempt),
            partials: AtomicU32::new(0),
        }
    }

    async fn put_file(
        &self,
        key: &str,
        content_type: &str,
        sha256: Option<Sha256>,
        file: &Path,
    ) -> Result<(), CloudError> {
        let body = ByteStream::from_path(file).await.map_err(|error| CloudError::interrupted(PUT_OBJECT, error))?;
        self.put(key, content_type, sha256, body).await
    }

    async fn put(
        &self,
        key: &str,
        content_type: &str,
        sha256: Option<Sha256>,
        body: ByteStream,
    ) -> Result<(), CloudError> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            // With a known digest, S3 rejects content that differs from it.
            .set_checksum_sha256(sha256.map(|digest| BASE64.encode(digest.as_bytes())))
            .body(body)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(PUT_OBJECT, error))?;
        Ok(())
    }

    /// Reads the checkpoint that an earlier attempt left, if any.
    pub async fn checkpoint(&self, job: &JobId, pipeline: Pipeline) -> Result<Option<Vec<u8>>, CloudError> {
        match self.get("s3:GetObject checkpoint", &keys::checkpoint(job, pipeline), MAX_CHECKPOINT_BYTES).await {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores a checkpoint for the next attempt, replacing the previous one.
    pub async fn put_checkpoint(&self, job: &JobId, pipeline: Pipeline, content: Vec<u8>) -> Result<(), CloudError> {
        let digest = Sha256::from_bytes(Hasher::digest(&content).into());
        self.put(&keys::checkpoint(job, pipeline), "application/octet-stream", Some(digest), content.into()).await
    }

    /// Reads an object of at most `most` bytes.
    async fn get(&self, operation: &'static str, key: &str, most: u64) -> Result<Vec<u8>, CloudError> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let answer = answer.map_err(|error| CloudError::from_sdk(operation, error))?;
        body::read(operation, answer, most).await
    }

    /// Reads a UTF-8 output of at most `most` bytes.
    pub async fn read_text(&self, output: &Output, most: u64) -> Result<String, CloudError> {
        const OPERATION: &str = "s3:GetObject text";
        let bytes = self.get(OPERATION, &output.key, most).await?;
        String::from_utf8(bytes).map_err(|error| CloudError::unreadable(OPERATION, error))
    }

    /// Reads the committed outputs of a worker from its stored manifest.
    pub async fn collect(&self, manifest_key: &str) -> Result<Collected, CloudError> {
        const OPERATION: &str = "s3:GetObject manifest";
        let bytes = self.get(OPERATION, manifest_key, MAX_MANIFEST_BYTES).await?;
        let BilledManifest { manifest, cost } =
            serde_json::from_slice(&bytes).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let prefix = manifest_key.strip_suffix(manifest::FILE_NAME);
        let prefix = prefix.ok_or_else(|| CloudError::unreadable(OPERATION, "not the key of a manifest"))?;
        let sha256 = Sha256::from_bytes(Hasher::digest(&bytes).into());
        let outputs = manifest.outputs(prefix, StoredManifest { bytes: bytes.len() as u64, sha256 });
        Ok(Collected { manifest, outputs, cost: cost.map(|bill| bill.cost) })
    }

    /// Removes every version of every object of a job. Returns how many there were.
    pub async fn remove(&self, job: &JobId) -> Result<usize, CloudError> {
        let mut removed = 0;
        for prefix in keys::job_prefixes(job) {
            removed += versions::remove_all(&self.client, &self.bucket, Objects::Prefix(&prefix)).await?;
        }
        Ok(removed)
    }

    /// Stores a revised text in place of `made`, under the prefix of `neighbour`, which the text refers to by name.
    pub async fn put_revised(&self, made: &Artifact, neighbour: &Output, text: String) -> Result<Output, CloudError> {
        let sha256 = Sha256::from_bytes(Hasher::digest(&text).into());
        let artifact = Artifact { bytes: text.len() as u64, sha256, ..made.clone() };
        let prefix = neighbour.key.strip_suffix(&neighbour.artifact.name).unwrap_or(&neighbour.key);
        let output = Output::ready(prefix, artifact);
        self.put(&output.key, &output.artifact.content_type, Some(sha256), text.into_bytes().into()).await?;
        Ok(output)
    }

    /// Signs a URL that downloads one output for `seconds` from now. The URL is a secret until it expires.
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

/// The committed outputs of one worker.
#[derive(Debug)]
pub struct Collected {
    /// The manifest as its worker wrote it.
    pub manifest: Manifest,
    /// The outputs, including the manifest itself.
    pub outputs: Vec<Output>,
    /// Cost of the attempt, if it was metered.
    pub cost: Option<Cost>,
}

/// The prefix for the outputs of one attempt. Nothing under it counts until its manifest is committed.
pub struct AttemptPrefix {
    artifacts: Artifacts,
    prefix: String,
    working: String,
    /// Number of partial files stored so far.
    partials: AtomicU32,
}

impl AttemptPrefix {
    /// Stores an artifact from `folder`.
    pub async fn put(&self, artifact: &Artifact, folder: &Path) -> Result<Output, CloudError> {
        let output = Output::ready(&self.prefix, artifact.clone());
        let (file, bytes) = (folder.join(&artifact.name), artifact.bytes);
        if bytes < large::LARGE_BYTES {
            self.artifacts.put_file(&output.key, &artifact.content_type, Some(artifact.sha256), &file).await?;
        } else {
            self.artifacts.put_in_parts(&output.key, &artifact.content_type, bytes, &file).await?;
        }
        Ok(output)
    }

    /// Stores an unfinished file under a new key: clients that are reading an earlier state of it are not disturbed.
    pub async fn put_partial(&self, artifact: Artifact, content: Vec<u8>) -> Result<Output, CloudError> {
        let number = self.partials.fetch_add(1, Ordering::Relaxed);
        let output = Output::partial(&format!("{}{number}/", self.working), artifact);
        let Artifact { content_type, sha256, .. } = &output.artifact;
        self.artifacts.put(&output.key, content_type, Some(*sha256), content.into()).await?;
        Ok(output)
    }

    /// Stores the manifest and returns its key. Everything that it names must be stored already. `folder` gets a copy.
    pub async fn put_manifest(&self, manifest: &BilledManifest, folder: &Path) -> Result<String, CloudError> {
        const OPERATION: &str = "s3:PutObject manifest";
        let (key, file) = (format!("{}{}", self.prefix, manifest::FILE_NAME), folder.join(manifest::FILE_NAME));
        let mut text = serde_json::to_vec_pretty(manifest).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        text.push(b'\n');
        tokio::fs::write(&file, text).await.map_err(|error| CloudError::interrupted(OPERATION, error))?;
        self.artifacts.put_file(&key, manifest::CONTENT_TYPE, None, &file).await?;
        Ok(key)
    }
}
