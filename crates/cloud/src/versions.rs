//! Removes all versions of objects in a bucket.

use crate::error::CloudError;
use aws_sdk_s3::Client;
use futures_util::{StreamExt, TryStreamExt, stream};

/// Number of concurrent removals.
const REMOVED_AT_ONCE: usize = 16;

/// Selects objects by key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Objects<'a> {
    /// The object with exactly this key.
    Key(&'a str),
    /// All objects whose keys start with this prefix.
    Prefix(&'a str),
}

/// Removes every version and delete marker. Returns how many there were. Versions that are already gone are ignored.
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
