//! One thing for one key of a client: a request that is sent again after a lost answer makes no second upload, and no
//! second run.

use super::{FORGET_AT, MediaTable, Written, item, put};
use crate::{clock, error::CloudError};
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Media, MediaId, Sha256, UserId};

/// For how long a key is known: a day.
const KNOWN_SECONDS: i64 = 24 * 60 * 60;

const REQUEST: &str = "request";
const GRANTED: &str = "granted";

/// A client's key, and the request that it stands for.
#[derive(Debug, Clone)]
pub struct Once {
    /// Key of its record, which says neither who the user is nor what the key was.
    record: String,
    /// Digest of the request.
    request: Sha256,
}

/// What a key is known for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Whether the request was the same.
    pub same_request: bool,
    /// Id of what was made then.
    pub made: String,
}

/// What became of a media that was to be recorded under a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Creation {
    /// It is recorded, and the key with it.
    Recorded,
    /// The key stands for another one.
    Known(Known),
    /// Another write under the same key was under way.
    Contended,
}

impl Once {
    /// A user's key for a request, of which `request` has everything that makes a difference.
    #[must_use]
    pub fn new(user: &UserId, key: &str, request: &[u8]) -> Self {
        let digest = |parts: [&[u8]; 2]| {
            // The length in front keeps one pair from being another one.
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
    /// Records a new media and the key that it was asked for with, both or neither. `replaced` is what the key stood for
    /// where that can no longer be used.
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

    /// The write that makes a key stand for what has the id `made`, unless it stands for anything else than `replaced`.
    pub(super) fn key(&self, once: &Once, made: &str, replaced: Option<&str>) -> Result<Put, CloudError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let now_s = clock::now().unix_s();
        let number = |number: i64| AttributeValue::N(number.to_string());
        // The table forgets a record some time after it may.
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

    /// What a key stands for.
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
    fn a_key_is_a_user_s_own_and_says_nothing_of_either() {
        let once = |user: &str, key: &str| Once::new(&UserId::try_from(user.to_owned()).unwrap(), key, b"{}").record;
        assert_eq!(once("ada", "key"), once("ada", "key"));
        let all = [once("ada", "key"), once("ada", "key2"), once("adak", "ey"), once("grace", "key")];
        assert!(all.iter().enumerate().all(|(at, one)| !all[at + 1..].contains(one)));
        assert!(!all[0].contains("ada"));
    }
}
