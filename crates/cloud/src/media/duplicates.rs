//! Where a user's own earlier upload of the same content is found: one record for each content, which names the media that
//! was submitted last.

use super::{FORGET_AT, MediaTable};
use crate::error::CloudError;
use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Media, MediaId, Sha256, UserId};

const SUBMITTED: &str = "submitted";

/// The key of a content of a user, which says neither who the user is nor what it is.
fn key(user: &UserId, sha256: Sha256, bytes: u64) -> String {
    // Fixed lengths in front keep one pair from being another one.
    let hasher = Hasher::new().chain_update(sha256.as_bytes()).chain_update(bytes.to_be_bytes());
    let digest = hasher.chain_update(user.as_str()).finalize();
    format!("dup_{}", Sha256::from_bytes(digest.into()))
}

impl MediaTable {
    /// The media that a user has submitted last with this content, whatever has become of it.
    pub async fn same_content(&self, user: &UserId, sha256: Sha256, bytes: u64) -> Result<Option<MediaId>, CloudError> {
        let Some(item) = self.read_key(&key(user, sha256, bytes)).await? else { return Ok(None) };
        Ok(item.get(SUBMITTED).and_then(|value| value.as_s().ok()).and_then(|id| id.parse().ok()))
    }

    /// Lets a submitted media be found by its content, in the place of an earlier one. An upload in parts has to have
    /// declared a digest of the whole for that.
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

    /// Lets a media no longer be found by its content. Where another one is, nothing changes.
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
    fn a_content_is_a_user_s_own() {
        let of = |user: &str, bytes, digest| {
            key(&UserId::try_from(user.to_owned()).unwrap(), Sha256::from_bytes([digest; 32]), bytes)
        };
        assert_eq!(of("ada", 3, 7), of("ada", 3, 7));
        let all = [of("ada", 3, 7), of("ada", 4, 7), of("ada", 3, 8), of("eve", 3, 7)];
        assert!(all.iter().enumerate().all(|(at, one)| !all[at + 1..].contains(one)));
    }
}
