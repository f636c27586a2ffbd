//! The index `by-active`: a user's jobs that have not ended, the waiting ones in the order of their submission.
//!
//! It follows from the jobs' own attributes, so there is no separate count that a crash could leave wrong. It can lag
//! behind the table for a moment.

use super::Jobs;
use crate::error::CloudError;
use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, Select},
};
use smmu_core::{Job, QueuePosition, UserId};
use std::collections::HashMap;

const INDEX: &str = "by-active";
/// The user, of a job that has not ended.
const ACTIVE_USER: &str = "activeUser";
/// The job's position among that user's jobs.
const PLACE: &str = "place";

const OPERATION: &str = "dynamodb:Query jobs by-active";

/// Maximum number of waiting jobs that are counted.
const COUNTED: usize = 2000;

/// The attributes that put a job into the index. None once it has ended.
pub(super) fn attributes(job: &Job) -> impl Iterator<Item = (String, AttributeValue)> {
    let text = |name: &str, text: String| (name.to_owned(), AttributeValue::S(text));
    let active =
        |place: QueuePosition| [text(ACTIVE_USER, job.user_id.as_str().to_owned()), text(PLACE, place.to_string())];
    job.queue_position().map(active).into_iter().flatten()
}

impl Jobs {
    /// Counts a user's jobs that have not ended, up to `most`.
    pub async fn count_active(&self, user: &UserId, most: usize) -> Result<usize, CloudError> {
        let query = self.active(user).key_condition_expression("#user = :user");
        count(query, most).await
    }

    /// Counts a user's waiting jobs, up to 2,000.
    pub(crate) async fn count_waiting(&self, user: &UserId) -> Result<usize, CloudError> {
        let query = self
            .active(user)
            .key_condition_expression("#user = :user AND begins_with(#place, :waiting)")
            .expression_attribute_names("#place", PLACE)
            .expression_attribute_values(":waiting", AttributeValue::S(QueuePosition::WAITING.to_owned()));
        count(query, COUNTED).await
    }

    /// Counts the same user's waiting jobs that were submitted before `job`, up to 2,000. 0 if `job` does not wait.
    pub async fn count_before(&self, job: &Job) -> Result<usize, CloudError> {
        let Some(place) = job.queue_position().filter(|_| job.waits()) else { return Ok(0) };
        let query =
            self.active(&job.user_id).key_condition_expression("#user = :user AND #place BETWEEN :from AND :to");
        let query = query
            .expression_attribute_names("#place", PLACE)
            .expression_attribute_values(":from", AttributeValue::S(QueuePosition::WAITING.to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(place.to_string()));
        // BETWEEN includes both ends, so the job itself is counted.
        Ok(count(query, COUNTED + 1).await?.saturating_sub(1))
    }

    /// Positions of the first `limit` waiting jobs of a user, in order.
    pub(crate) async fn first_waiting(&self, user: &UserId, limit: usize) -> Result<Vec<QueuePosition>, CloudError> {
        let query = self
            .active(user)
            .key_condition_expression("#user = :user AND begins_with(#place, :waiting)")
            .expression_attribute_names("#place", PLACE)
            .expression_attribute_values(":waiting", AttributeValue::S(QueuePosition::WAITING.to_owned()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = Box::pin(query.send()).await.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let place =
            |item: HashMap<_, AttributeValue>| Some(QueuePosition::recorded(item.get(PLACE)?.as_s().ok()?.clone()));
        Ok(answer.items.unwrap_or_default().into_iter().filter_map(place).collect())
    }

    fn active(&self, user: &UserId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .expression_attribute_names("#user", ACTIVE_USER)
            .expression_attribute_values(":user", AttributeValue::S(user.as_str().to_owned()))
    }
}

/// Counts the items of a query, a page (1 MB of keys) at a time, until at least `most` are found.
async fn count(query: QueryFluentBuilder, most: usize) -> Result<usize, CloudError> {
    let query = query.select(Select::Count).limit(i32::try_from(most).unwrap_or(i32::MAX));
    let (mut counted, mut from) = (0, None);
    loop {
        let page = Box::pin(query.clone().set_exclusive_start_key(from).send()).await;
        let page = page.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        counted += usize::try_from(page.count).unwrap_or_default();
        from = page.last_evaluated_key;
        if from.is_none() || counted >= most {
            return Ok(counted);
        }
    }
}
