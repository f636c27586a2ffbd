//! Idempotency keys: a request that a client repeats after a lost response makes no second upload and no second run.

use super::{FORGET_AT, MediaTable, Written, item, put};
use crate::{clock, error::CloudError};
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Media, MediaId, Sha256, UserId};

/// How long a key is kept: a day.
const KNOWN_SECONDS: i64 = 24 * 60 * 60;

const REQUEST: &str = "request";
const GRANTED: &str = "granted";

/// A client's idempotency key and its request.
#[derive(Debug, Clone)]
pub struct Once {
    /// Key of the record. A digest, so that it reveals neither the user nor the client's key.
    record: String,
    /// Digest of the request.
    request: Sha256,
}

/// The record of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Set if the key was used for the same request.
    pub same_request: bool,
    /// Id of the media or job that the earlier request made.
    pub made: String,
}

/// Outcome of recording a media under a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Creation {
    /// The media and the key are recorded.
    Recorded,
    /// The key is already in use.
    Known(Known),
    /// Another write with the same key was in progress.
    Contended,
}

impl Once {
    /// A user's key for a request. `request` must contain everything that distinguishes two requests.
    #[must_use]
    pub fn new(user: &UserId, key: &str, request: &[u8]) -> Self {
        let digest = |parts: [&[u8]; 2]| {
            // The length prefix keeps two pairs from concatenating to the same bytes.
            let hasher = Hasher::new().chain_update((parts[0].len() as u64).to_be_bytes());
            let hasher = hasher.chain_update(parts[0]).chain_update(parts[1]);
            Sha256::from_bytes(hasher.finalize().into())
        };
        Self {
            record: format!("key_{}", digest([user.as_str().as_bytes(), key.as_bytes()])),
            request: digest([b"", request]),
        }
    }
}

impl MediaTable {
    /// Records a new media and its key, in one transaction. `replaced` is the media that the key was bound to, if that
    /// one is no longer usable.
    pub async fn create_once(
        &self,
        media: &Media,
        once: &Once,
        replaced: Option<&MediaId>,
    ) -> Result<Creation, CloudError> {
        const OPERATION: &str = "dynamodb:TransactWriteItems grant";
        let key = self.key(once, media.id.as_str(), replaced.map(MediaId::as_str))?;
        let record = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(media)?))
            .condition_expression("attribute_not_exists(mediaId)")
            .build()
            .map_err(|error| CloudError::unreadable(OPERATION, error))?;
        match self.write_all(OPERATION, [put(key), put(record)]).await? {
            Written::All => Ok(Creation::Recorded),
            Written::Contended => Ok(Creation::Contended),
            Written::ConditionFailed => Ok(self.known(once).await?.map_or(Creation::Contended, Creation::Known)),
        }
    }

    /// The write that binds a key to the id `made`, unless the key is bound to anything but `replaced`.
    pub(super) fn key(&self, once: &Once, made: &str, replaced: Option<&str>) -> Result<Put, CloudError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let now_s = clock::now().unix_s();
        let number = |number: i64| AttributeValue::N(number.to_string());
        // DynamoDB removes expired records late.
        let free = "attribute_not_exists(mediaId) OR #forget < :now";
        let key = Put::builder()
            .table_name(&self.table)
            .item("mediaId", text(&once.record))
            .item(REQUEST, text(&once.request.to_string()))
            .item(GRANTED, text(made))
            .item(FORGET_AT, number(now_s + KNOWN_SECONDS))
            .expression_attribute_names("#forget", FORGET_AT)
            .expression_attribute_values(":now", number(now_s));
        let key = match replaced {
            None => key.condition_expression(free),
            Some(replaced) => key
                .condition_expression(format!("{free} OR #granted = :replaced"))
                .expression_attribute_names("#granted", GRANTED)
                .expression_attribute_values(":replaced", text(replaced)),
        };
        key.build().map_err(|error| CloudError::unreadable("dynamodb:PutItem key", error))
    }

    /// Reads the record of a key, unless it has expired.
    pub async fn known(&self, once: &Once) -> Result<Option<Known>, CloudError> {
        let Some(record) = self.read_key(&once.record).await? else { return Ok(None) };
        let text = |name: &str| record.get(name).and_then(|value| value.as_s().ok());
        let forgotten = record.get(FORGET_AT).and_then(|at| at.as_n().ok()?.parse::<i64>().ok());
        if forgotten.is_some_and(|at| at < clock::now().unix_s()) {
            return Ok(None);
        }
        let same_request = text(REQUEST).is_some_and(|request| *request == once.request.to_string());
        Ok(text(GRANTED).map(|made| Known { same_request, made: made.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::Once;
    use smmu_core::UserId;

    #[test]
    fn record_keys_are_unique_and_reveal_no_user() {
        let once = |user: &str, key: &str| Once::new(&UserId::try_from(user.to_owned()).unwrap(), key, b"{}").record;
        assert_eq!(once("ada", "key"), once("ada", "key"));
        let all = [once("ada", "key"), once("ada", "key2"), once("adak", "ey"), once("grace", "key")];
        assert!(all.iter().enumerate().all(|(at, one)| !all[at + 1..].contains(one)));
        assert!(!all[0].contains("ada"));
    }
}
