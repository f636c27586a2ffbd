//! Finds a user's earlier upload of the same content: one record per user and content, which names the media submitted
//! last.

use super::{FORGET_AT, MediaTable};
use crate::error::CloudError;
use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Media, MediaId, Sha256, UserId};

const SUBMITTED: &str = "submitted";

/// Key of the record for a user and a content. A digest, so that it reveals neither.
fn key(user: &UserId, sha256: Sha256, bytes: u64) -> String {
    // The fixed-length parts come first, so that no two inputs concatenate to the same bytes.
    let hasher = Hasher::new().chain_update(sha256.as_bytes()).chain_update(bytes.to_be_bytes());
    let digest = hasher.chain_update(user.as_str()).finalize();
    format!("dup_{}", Sha256::from_bytes(digest.into()))
}

impl MediaTable {
    /// The media that the user submitted last with this content. It may have failed or been deleted since.
    pub async fn same_content(&self, user: &UserId, sha256: Sha256, bytes: u64) -> Result<Option<MediaId>, CloudError> {
        let Some(item) = self.read_key(&key(user, sha256, bytes)).await? else { return Ok(None) };
        Ok(item.get(SUBMITTED).and_then(|value| value.as_s().ok()).and_then(|id| id.parse().ok()))
    }

    /// Indexes a submitted media by its content, replacing an earlier media. Does nothing for a multipart upload
    /// without a declared digest of the whole.
    pub(crate) async fn note_content(
        &self,
        media: &Media,
        forget_at: Option<AttributeValue>,
    ) -> Result<(), CloudError> {
        let Some(sha256) = media.grant.declared_sha256() else { return Ok(()) };
        let noted = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("mediaId", AttributeValue::S(key(&media.user, sha256, media.grant.bytes)))
            .item(SUBMITTED, AttributeValue::S(media.id.to_string()));
        let noted = forget_at.into_iter().fold(noted, |noted, at| noted.item(FORGET_AT, at)).send().await;
        noted.map_err(|error| CloudError::from_sdk("dynamodb:PutItem content", error))?;
        Ok(())
    }

    /// Removes a media from the index by content. Does nothing if the record names another media.
    pub async fn forget_content(&self, media: &Media) -> Result<(), CloudError> {
        let Some(sha256) = media.grant.declared_sha256() else { return Ok(()) };
        let key = key(&media.user, sha256, media.grant.bytes);
        self.remove_if("dynamodb:DeleteItem content", &key, (SUBMITTED, media.id.as_str())).await
    }
}

#[cfg(test)]
mod tests {
    use super::key;
    use smmu_core::{Sha256, UserId};

    #[test]
    fn keys_differ_by_user_size_and_digest() {
        let of = |user: &str, bytes, digest| {
            key(&UserId::try_from(user.to_owned()).unwrap(), Sha256::from_bytes([digest; 32]), bytes)
        };
        assert_eq!(of("ada", 3, 7), of("ada", 3, 7));
        let all = [of("ada", 3, 7), of("ada", 4, 7), of("ada", 3, 8), of("eve", 3, 7)];
        assert!(all.iter().enumerate().all(|(at, one)| !all[at + 1..].contains(one)));
    }
}
