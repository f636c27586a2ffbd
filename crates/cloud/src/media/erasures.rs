//! That everything of a user is to be erased, as a record among those of media.

use super::MediaTable;
use crate::{
    error::CloudError,
    watch::{WATCH, watched},
};
use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{MediaId, Sha256, Timestamp, UserId};

/// What a user has asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Whose media.
    pub owner: UserId,
    /// An id that nothing has: every older media goes.
    pub up_to: MediaId,
    /// When they asked.
    pub asked_at: Timestamp,
}

/// The status of these records, for which `reconcile` watches them.
const STATUS: &str = "ERASING";
// Not `userId`: the index of a user's media has everything with that.
const OWNER: &str = "owner";
const UP_TO: &str = "upTo";
// The index of watched records sorts by this.
const ASKED_AT: &str = "expiresAt";

impl MediaTable {
    /// Records an erasure, in the place of an earlier one of the same user, and answers the key of its record.
    pub async fn record_erasure(&self, erasure: &Erasure) -> Result<String, CloudError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let digest = Hasher::digest(erasure.owner.as_str());
        let account = format!("acct_{}", Sha256::from_bytes(digest.into()));
        self.client
            .put_item()
            .table_name(&self.table)
            .item("mediaId", text(&account))
            .item("status", text(STATUS))
            .item(WATCH, watched(STATUS, &account))
            .item(OWNER, text(erasure.owner.as_str()))
            .item(UP_TO, text(erasure.up_to.as_str()))
            .item(ASKED_AT, text(&erasure.asked_at.to_string()))
            .send()
            .await
            .map_err(|error| CloudError::from_sdk("dynamodb:PutItem erasure", error))?;
        Ok(account)
    }

    /// The erasure with this key, unless it is done.
    pub async fn erasure(&self, account: &str) -> Result<Option<Erasure>, CloudError> {
        let Some(item) = self.read_key(account).await? else { return Ok(None) };
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let read = || {
            let owner = UserId::try_from(text(OWNER)?).ok()?;
            Some(Erasure { owner, up_to: text(UP_TO)?.parse().ok()?, asked_at: text(ASKED_AT)?.parse().ok()? })
        };
        read().map(Some).ok_or_else(|| CloudError::unreadable("dynamodb:GetItem erasure", "not a record of an erasure"))
    }

    /// Removes the record of an erasure that is done, unless the user has asked again.
    pub async fn remove_erasure(&self, account: &str, done: &Erasure) -> Result<(), CloudError> {
        self.remove_if("dynamodb:DeleteItem erasure", account, (UP_TO, done.up_to.as_str())).await
    }

    /// Keys of up to some `limit` erasures that were asked for before `before` and are not done.
    pub async fn erasures_since(&self, before: Timestamp, limit: usize) -> Result<Vec<String>, CloudError> {
        self.watched_until(STATUS, before, limit).await
    }
}
