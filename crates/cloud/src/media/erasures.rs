//! Records of account erasures, in the media table.

use super::MediaTable;
use crate::{
    error::CloudError,
    user_key::user_key,
    watch::{WATCH, watched},
};
use aws_sdk_dynamodb::types::AttributeValue;
use smmu_core::{MediaId, Timestamp, UserId};

/// A user's request to erase their account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The user who asked.
    pub owner: UserId,
    /// Every media with a smaller id, and so an earlier creation, is erased. No media has this id.
    pub up_to: MediaId,
    /// Time of the request.
    pub asked_at: Timestamp,
}

/// Status of these records, and the reason for which `reconcile` watches them.
const STATUS: &str = "ERASING";
// Not `userId`: a record with that attribute would appear in the index of the user's media.
const OWNER: &str = "owner";
const UP_TO: &str = "upTo";
// The index of watched records sorts by this.
const ASKED_AT: &str = "expiresAt";

impl MediaTable {
    /// Records an erasure, replacing an earlier one of the same user. Returns the key of its record.
    pub async fn record_erasure(&self, erasure: &Erasure) -> Result<String, CloudError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let account = user_key("acct", &erasure.owner);
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

    /// Keys of up to about `limit` unfinished erasures that were requested before `before`.
    pub async fn erasures_since(&self, before: Timestamp, limit: usize) -> Result<Vec<String>, CloudError> {
        self.watched_until(STATUS, before, limit).await
    }
}
