//! The index `by-active`: a user's jobs that have not ended, those that wait in the order of their submission.
//!
//! It is written with the jobs themselves, so that nothing has to be counted, and no crash can leave a count wrong. It may be
//! behind the table for a moment.

use super::Jobs;
use crate::error::CloudError;
use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, Select},
};
use smmu_core::{Job, Place, UserId};
use std::collections::HashMap;

const INDEX: &str = "by-active";
/// The user, of a job that has not ended.
const ACTIVE_USER: &str = "activeUser";
/// Where it stands among that user's jobs.
const PLACE: &str = "place";

const OPERATION: &str = "dynamodb:Query jobs by-active";

/// How many of those that wait are counted at most.
const COUNTED: usize = 2000;

/// What puts a job into the index, as long as it has not ended.
pub(super) fn attributes(job: &Job) -> impl Iterator<Item = (String, AttributeValue)> {
    let text = |name: &str, text: String| (name.to_owned(), AttributeValue::S(text));
    let active = |place: Place| [text(ACTIVE_USER, job.user_id.as_str().to_owned()), text(PLACE, place.to_string())];
    job.place().map(active).into_iter().flatten()
}

impl Jobs {
    /// How many jobs of a user have not ended; counted up to `most`.
    pub async fn count_active(&self, user: &UserId, most: usize) -> Result<usize, CloudError> {
        let query = self.active(user).key_condition_expression("#user = :user");
        count(query, most).await
    }

    /// How many jobs of a user wait; at most 2,000 are counted.
    pub(crate) async fn count_waiting(&self, user: &UserId) -> Result<usize, CloudError> {
        let query = self
            .active(user)
            .key_condition_expression("#user = :user AND begins_with(#place, :waiting)")
            .expression_attribute_names("#place", PLACE)
            .expression_attribute_values(":waiting", AttributeValue::S(Place::WAITING.to_owned()));
        count(query, COUNTED).await
    }

    /// How many jobs of the same user wait and were submitted before one that waits; at most 2,000 are counted.
    pub async fn count_before(&self, job: &Job) -> Result<usize, CloudError> {
        let Some(place) = job.place().filter(|_| job.waits()) else { return Ok(0) };
        let query =
            self.active(&job.user_id).key_condition_expression("#user = :user AND #place BETWEEN :from AND :to");
        let query = query
            .expression_attribute_names("#place", PLACE)
            .expression_attribute_values(":from", AttributeValue::S(Place::WAITING.to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(place.to_string()));
        // BETWEEN includes its ends, and so the job itself.
        Ok(count(query, COUNTED + 1).await?.saturating_sub(1))
    }

    /// The places of up to some jobs of a user that wait, the first ones in order.
    pub(crate) async fn first_waiting(&self, user: &UserId, limit: usize) -> Result<Vec<Place>, CloudError> {
        let query = self
            .active(user)
            .key_condition_expression("#user = :user AND begins_with(#place, :waiting)")
            .expression_attribute_names("#place", PLACE)
            .expression_attribute_values(":waiting", AttributeValue::S(Place::WAITING.to_owned()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = Box::pin(query.send()).await.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let place = |item: HashMap<_, AttributeValue>| Some(Place::recorded(item.get(PLACE)?.as_s().ok()?.clone()));
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

/// Counts what a query finds, a page (1 MB of keys) at a time, up to `most`.
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
