//! Downloads the operator's own speech model from a bucket. Its `model.json` lists the other files; the code that opens
//! the model verifies them against it.

use crate::{
    body,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
};
use aws_config::SdkConfig;
use aws_sdk_s3::{Client, primitives::ByteStream};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Component, Path},
};
use tokio::fs::File;

/// Lists the other files.
const SEAL: &str = "model.json";
const MAX_SEAL_BYTES: u64 = 64 * 1024;
/// The largest known models have 3 GB. A worker's disk has room for this much and a source.
const MAX_MODEL_BYTES: u64 = 8 * 1024 * 1024 * 1024;
const OPERATION: &str = "s3:GetObject model";

/// A bucket and the prefix that holds the files of one model.
pub struct ModelBucket {
    client: Client,
    bucket: String,
    prefix: String,
}

#[derive(Deserialize)]
struct Seal {
    files: BTreeMap<String, Sealed>,
}

#[derive(Deserialize)]
struct Sealed {
    bytes: u64,
}

impl ModelBucket {
    /// The bucket and prefix in `SMMU_SPEECH_MODEL_BUCKET` and `SMMU_SPEECH_MODEL_PREFIX`. `None` if no bucket is set.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Option<Self>, InvalidEnvironment> {
        let Some(bucket) = environment.get("SMMU_SPEECH_MODEL_BUCKET") else { return Ok(None) };
        let prefix = environment.get("SMMU_SPEECH_MODEL_PREFIX").unwrap_or_default();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            let reason = "the prefix must end with a slash".to_owned();
            return Err(InvalidEnvironment::Unusable { name: "SMMU_SPEECH_MODEL_PREFIX", reason });
        }
        Ok(Some(Self { client: Client::new(sdk), bucket: bucket.to_owned(), prefix: prefix.to_owned() }))
    }

    /// Downloads every file into an empty folder.
    pub async fn fetch(&self, folder: &Path) -> Result<(), CloudError> {
        self.save(SEAL, MAX_SEAL_BYTES, folder).await?;
        let seal = tokio::fs::read(folder.join(SEAL)).await.map_err(unwritable)?;
        let seal: Seal = serde_json::from_slice(&seal).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let bytes = seal.files.values().fold(0, |sum: u64, file| sum.saturating_add(file.bytes));
        if bytes > MAX_MODEL_BYTES {
            return Err(CloudError::unreadable(OPERATION, format!("the model has {bytes} bytes")));
        }
        for (name, file) in &seal.files {
            if !is_file_name(name) {
                return Err(CloudError::unreadable(OPERATION, format!("{name:?} is not a plain file name")));
            }
            self.save(name, file.bytes, folder).await?;
        }
        Ok(())
    }

    async fn save(&self, name: &str, most: u64, folder: &Path) -> Result<(), CloudError> {
        let key = format!("{}{name}", self.prefix);
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let answer = answer.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        write(body::bounded(OPERATION, answer, most)?, &folder.join(name)).await
    }
}

async fn write(body: ByteStream, path: &Path) -> Result<(), CloudError> {
    let mut file = File::create_new(path).await.map_err(unwritable)?;
    let mut body = body.into_async_read();
    tokio::io::copy(&mut body, &mut file).await.map_err(|error| CloudError::interrupted(OPERATION, error))?;
    // tokio buffers writes: only a sync reports a full disk.
    file.sync_data().await.map_err(unwritable)
}

fn unwritable(error: std::io::Error) -> CloudError {
    CloudError::interrupted("writing the model", error)
}

/// Returns whether a name stays inside its folder and is not that of the seal.
fn is_file_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name) && name != SEAL
}

#[cfg(test)]
mod tests {
    use super::{ModelBucket, is_file_name};
    use crate::config::Environment;

    #[test]
    fn a_model_cannot_write_outside_its_folder() {
        for name in ["..", "a/b", "/a", "./a", "a/", "", ".", "model.json"] {
            assert!(!is_file_name(name), "{name}");
        }
        assert!(is_file_name("model.bin"));
    }

    #[test]
    fn the_bucket_is_optional_and_the_prefix_ends_with_a_slash() {
        let sdk = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let of = |variables: &[(&str, &str)]| {
            let owned = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
            ModelBucket::new(&sdk, &Environment::of(owned)).map(|found| found.is_some())
        };
        let bucket = ("SMMU_SPEECH_MODEL_BUCKET", "models");
        assert_eq!(of(&[]), Ok(false));
        assert_eq!(of(&[bucket]), Ok(true));
        assert_eq!(of(&[bucket, ("SMMU_SPEECH_MODEL_PREFIX", "whisper/base/")]), Ok(true));
        assert!(of(&[bucket, ("SMMU_SPEECH_MODEL_PREFIX", "whisper/base")]).is_err());
    }
}
