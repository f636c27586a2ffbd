//! The sparse indexes `by-watch`, in which `reconcile` looks for work that may have been lost. They contain only
//! records with the attribute `watch`: those that have to be checked again. Its value is the reason and one of eight
//! shard numbers.

use crate::error::CloudError;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use smmu_core::Timestamp;
use std::str::FromStr;

/// The attribute that puts a record into the index.
pub(crate) const WATCH: &str = "watch";

/// Number of index keys per reason, because one key takes only 1,000 writes per second. tools/rerun.py has the same
/// number.
const SHARDS: u8 = 8;

/// The value of [`WATCH`] for a record with this id.
pub(crate) fn watched(reason: &str, id: &str) -> AttributeValue {
    AttributeValue::S(key(reason, shard(id)))
}

fn shard(id: &str) -> u8 {
    id.bytes().fold(0, u8::wrapping_add) % SHARDS
}

fn key(reason: &str, shard: u8) -> String {
    format!("{reason}#{shard}")
}

/// A query of the index of one table.
pub(crate) struct WatchQuery<'a> {
    pub(crate) operation: &'static str,
    pub(crate) client: &'a Client,
    pub(crate) table: &'a str,
    /// Name of the attribute with a record's id.
    pub(crate) id: &'static str,
    /// Name of the attribute with the time by which the index is sorted.
    pub(crate) since: &'static str,
}

impl WatchQuery<'_> {
    /// Ids of up to about `limit` records that have been watched for a reason since before `before`, including those
    /// that have waited longest.
    pub(crate) async fn watched_for<T: FromStr>(
        &self,
        reason: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<T>, CloudError> {
        let mut ids = Vec::new();
        for shard in 0..SHARDS {
            let mut pages = self
                .client
                .query()
                .table_name(self.table)
                .index_name("by-watch")
                .key_condition_expression("#watch = :watch AND #since < :before")
                .expression_attribute_names("#watch", WATCH)
                .expression_attribute_names("#since", self.since)
                .expression_attribute_values(":watch", AttributeValue::S(key(reason, shard)))
                .expression_attribute_values(":before", AttributeValue::S(before.to_string()))
                .into_paginator()
                .items()
                .send();
            // An equal share from each shard, so that no shard starves the others.
            let enough = ids.len() + limit.div_ceil(usize::from(SHARDS));
            while ids.len() < enough {
                let Some(item) = pages.next().await else { break };
                let item = item.map_err(|error| CloudError::from_sdk(self.operation, error))?;
                let id = item.get(self.id).and_then(|value| value.as_s().ok()).and_then(|text| text.parse().ok());
                ids.extend(id);
            }
        }
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::{SHARDS, shard, watched};

    #[test]
    fn shards_are_those_of_tools_rerun_py() {
        let watch = watched("AWAITING_UPLOAD", "med_01jd0w00000000000000000002");
        assert_eq!(watch.as_s().unwrap(), "AWAITING_UPLOAD#5");
    }

    #[test]
    fn records_made_at_one_moment_spread_over_all_shards() {
        // Ids made in the same millisecond differ only in their random part.
        let ids = "0123456789abcdefghjkmnpqrstvwxyz".chars();
        let mut shards: Vec<_> = ids.map(|last| shard(&format!("job_01j9zq4b5c6d7e8f9g0h1j2k3{last}"))).collect();
        shards.sort_unstable();
        shards.dedup();
        assert_eq!(shards, (0..SHARDS).collect::<Vec<_>>());
    }
}
