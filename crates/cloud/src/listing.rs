//! Lists one user's records, newest first, from the index `by-user` of a table.

use crate::error::CloudError;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use serde::de::DeserializeOwned;
use smmu_core::{MediaKind, Page, PageLimit, UserId};
use std::{collections::HashMap, fmt::Display, str::FromStr};

/// Name of the index. Its hash key is the user, its range key the table's own id, which sorts by time.
const INDEX: &str = "by-user";

/// Records that one filtered query examines; the filter may drop most of them.
const EXAMINED_AT_ONCE: usize = 100;

/// Records after which a page ends even if it is not full, so that a filter without matches cannot keep a client
/// waiting.
const MAX_EXAMINED: usize = 1_000;

/// A query of the index of one table.
pub(crate) struct IndexQuery<'a> {
    pub(crate) operation: &'static str,
    pub(crate) client: &'a Client,
    pub(crate) table: &'a str,
    /// Name of the table's key attribute, such as `jobId`.
    pub(crate) key: &'static str,
    pub(crate) user: &'a UserId,
    pub(crate) status: Option<&'static str>,
    pub(crate) kind: Option<MediaKind>,
    pub(crate) visible: &'a Visible,
    pub(crate) limit: PageLimit,
}

/// The records that are shown: all that are not deleted.
pub(crate) enum Visible {
    /// Records without this attribute.
    Without(&'static str),
    /// Records with neither of these statuses.
    WithStatusOtherThan([&'static str; 2]),
}

/// Result of one query.
struct Found {
    items: Vec<HashMap<String, AttributeValue>>,
    examined: usize,
    /// Id of the last record examined; `None` at the end of the list.
    stopped_at: Option<String>,
}

impl IndexQuery<'_> {
    /// The page after the id `after`, or the first page. `id_of` returns the id of an entry.
    pub(crate) async fn page<T, I>(&self, after: Option<&I>, id_of: impl Fn(&T) -> I) -> Result<Page<T, I>, CloudError>
    where
        T: DeserializeOwned,
        I: Display + FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        let wanted = self.limit.entries();
        let (mut entries, mut examined, mut after) = (Vec::new(), 0, after.map(ToString::to_string));
        loop {
            let found = self.ask(after.as_deref()).await?;
            examined += found.examined;
            for item in found.items {
                let entry: T = serde_dynamo::from_item(item).map_err(|error| self.unreadable(error))?;
                entries.push(entry);
            }
            if entries.len() > wanted {
                entries.truncate(wanted);
                let next = entries.last().map(id_of);
                return Ok(Page { entries, next });
            }
            after = found.stopped_at;
            if after.is_none() || examined >= MAX_EXAMINED {
                let next = after.map(|id| id.parse()).transpose().map_err(|error: I::Err| self.unreadable(error))?;
                return Ok(Page { entries, next });
            }
        }
    }

    async fn ask(&self, after: Option<&str>) -> Result<Found, CloudError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let filters = [("status", self.status), ("kind", self.kind.map(MediaKind::as_str))];
        let filters: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        // One more than the page holds, to see whether a next page exists.
        let examine = if filters.is_empty() { self.limit.entries() + 1 } else { EXAMINED_AT_ONCE };
        let mut query = self
            .client
            .query()
            .table_name(self.table)
            .index_name(INDEX)
            .scan_index_forward(false)
            .limit(i32::try_from(examine).unwrap_or(i32::MAX))
            .expression_attribute_values(":user", text(self.user.as_str()));
        query = match after {
            Some(id) => query
                .key_condition_expression(format!("userId = :user AND {} < :after", self.key))
                .expression_attribute_values(":after", text(id)),
            None => query.key_condition_expression("userId = :user"),
        };
        let mut conditions = match self.visible {
            Visible::Without(attribute) => vec![format!("attribute_not_exists({attribute})")],
            Visible::WithStatusOtherThan([one, other]) => {
                query = query
                    .expression_attribute_names("#hidden", "status")
                    .expression_attribute_values(":one", text(one))
                    .expression_attribute_values(":other", text(other));
                vec!["NOT #hidden IN (:one, :other)".to_owned()]
            }
        };
        for (name, value) in &filters {
            query = query
                .expression_attribute_names(format!("#{name}"), *name)
                .expression_attribute_values(format!(":{name}"), text(value));
            conditions.push(format!("#{name} = :{name}"));
        }
        let query = query.filter_expression(conditions.join(" AND "));
        // Boxed: the state of an SDK call is large.
        let answer = Box::pin(query.send()).await.map_err(|error| CloudError::from_sdk(self.operation, error))?;
        let stopped_at = match &answer.last_evaluated_key {
            Some(key) => {
                let id = key.get(self.key).and_then(|id| id.as_s().ok());
                Some(id.ok_or_else(|| self.unreadable("the last key has no id"))?.clone())
            }
            None => None,
        };
        let examined = usize::try_from(answer.scanned_count).unwrap_or_default();
        Ok(Found { items: answer.items.unwrap_or_default(), examined, stopped_at })
    }

    fn unreadable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CloudError {
        CloudError::unreadable(self.operation, source)
    }
}
