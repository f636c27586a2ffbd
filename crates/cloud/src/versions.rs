//! Removing every version of objects, in whichever bucket.

use crate::error::CloudError;
use aws_sdk_s3::Client;
use futures_util::{StreamExt, TryStreamExt, stream};

/// How many versions are removed at a time.
const REMOVED_AT_ONCE: usize = 16;

/// Which objects.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Objects<'a> {
    /// The one with this key.
    Key(&'a str),
    /// All whose keys begin so.
    Prefix(&'a str),
}

/// Removes every version and delete marker, and answers how many there were. What is removed already is no error.
pub(crate) async fn remove_all(client: &Client, bucket: &str, objects: Objects<'_>) -> Result<usize, CloudError> {
    let (Objects::Key(prefix) | Objects::Prefix(prefix)) = objects;
    let wanted = |key: &str| match objects {
        Objects::Key(wanted) => key == wanted,
        Objects::Prefix(prefix) => key.starts_with(prefix),
    };
    let mut removed = 0;
    let (mut key_marker, mut version_marker) = (None, None);
    loop {
        let listed = client
            .list_object_versions()
            .bucket(bucket)
            .prefix(prefix)
            .set_key_marker(key_marker)
            .set_version_id_marker(version_marker)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk("s3:ListObjectVersions", error))?;
        let versions = listed.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = listed.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let found = versions.chain(markers).filter_map(|(key, version)| Some((key?, version?)));
        let found: Vec<_> = found.filter(|(key, _)| wanted(key)).collect();
        removed += found.len();
        let removals = found.into_iter().map(|(key, version)| remove(client, bucket, key, version));
        stream::iter(removals).buffer_unordered(REMOVED_AT_ONCE).try_collect::<()>().await?;
        if listed.is_truncated() != Some(true) {
            return Ok(removed);
        }
        key_marker = listed.next_key_marker().map(str::to_owned);
        version_marker = listed.next_version_id_marker().map(str::to_owned);
    }
}

async fn remove(client: &Client, bucket: &str, key: &str, version: &str) -> Result<(), CloudError> {
    let removed = client.delete_object().bucket(bucket).key(key).version_id(version).send().await;
    match removed.map_err(|error| CloudError::from_sdk("s3:DeleteObjectVersion", error)) {
        Err(error) if !error.missing => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
