//! Daily quotas: one record per user counts today's granted uploads, by a conditional write before each grant.
//!
//! The record expires after the day. Deleting an account keeps it, so that deletion does not reset a quota.

use super::{FORGET_AT, Item, MediaTable};
use crate::{
    clock,
    error::{CloudError, unless_condition_failed},
    user_key::user_key,
};
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use smmu_core::{Granted, Quotas, UserId, quota::Day};

/// Outcome of counting an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The upload is counted; the total of today includes it.
    Within(Granted),
    /// The upload is not counted, because it would exceed the quota. Has the total without it, and the day.
    Exceeded(Granted, Day),
}

const OPERATION: &str = "dynamodb:UpdateItem granted";
const DAY: &str = "day";
const UPLOADS: &str = "uploads";
const BYTES: &str = "bytes";

/// How many times a count is tried when other requests begin a day at the same time.
const ROUNDS: usize = 4;

fn key(user: &UserId) -> String {
    user_key("day", user)
}

impl MediaTable {
    /// Counts an upload of `bytes` bytes, unless it would exceed the quotas.
    pub async fn count_upload(&self, user: &UserId, bytes: u64, quotas: &Quotas) -> Result<Counted, CloudError> {
        let mut day = Day::of(clock::now());
        for _ in 0..ROUNDS {
            let recorded = match self.count_on(day, user, bytes, quotas).await? {
                Ok(granted) => return Ok(Counted::Within(granted)),
                Err(recorded) => recorded,
            };
            match recorded.as_ref().and_then(day_of) {
                Some(same) if same == day => return Ok(Counted::Exceeded(granted(recorded.as_ref()), day)),
                // This machine's clock is behind.
                Some(later) if later > day => day = later,
                Some(_) | None => {
                    if self.begin_day(day, user, bytes).await? {
                        return Ok(Counted::Within(Granted { uploads: 1, bytes }));
                    }
                }
            }
        }
        Err(CloudError::contended(OPERATION))
    }

    /// Total that the user was granted today.
    pub async fn granted_today(&self, user: &UserId) -> Result<Granted, CloudError> {
        let recorded = self.read_key(&key(user)).await?;
        let today = recorded.filter(|item| day_of(item) == Some(Day::of(clock::now())));
        Ok(granted(today.as_ref()))
    }

    /// Reverts the count of an upload that was not granted after all.
    pub async fn uncount_upload(&self, user: &UserId, bytes: u64) -> Result<(), CloudError> {
        let day = Day::of(clock::now());
        let update = self
            .counting(user)
            .update_expression("ADD #uploads :less, #bytes :fewer")
            // If a new day has begun, its count does not include the upload.
            .condition_expression("#day = :day AND #uploads > :none AND #bytes >= :bytes")
            .expression_attribute_values(":day", number(&day.number()))
            .expression_attribute_values(":less", number(&-1))
            .expression_attribute_values(":fewer", AttributeValue::N(format!("-{bytes}")))
            .expression_attribute_values(":bytes", number(&bytes))
            .expression_attribute_values(":none", number(&0));
        unless_condition_failed(OPERATION, update.send().await).map(drop)
    }

    /// Counts on a day that has begun. The inner `Err` has the current record, which is missing, of another day, or
    /// full.
    async fn count_on(
        &self,
        day: Day,
        user: &UserId,
        bytes: u64,
        quotas: &Quotas,
    ) -> Result<Result<Granted, Option<Item>>, CloudError> {
        let mut conditions = vec!["#day = :day"];
        let mut update = self
            .counting(user)
            .update_expression("ADD #uploads :one, #bytes :bytes")
            .expression_attribute_values(":day", number(&day.number()))
            .expression_attribute_values(":one", number(&1))
            .expression_attribute_values(":bytes", number(&bytes));
        if let Some(most) = quotas.uploads_per_day {
            conditions.push("#uploads < :uploads");
            update = update.expression_attribute_values(":uploads", number(&most));
        }
        if let Some(most) = quotas.bytes_per_day {
            conditions.push("#bytes <= :room");
            // Negative if the file exceeds a whole day's bytes; then the condition fails on an empty day, too.
            let room = i128::from(most) - i128::from(bytes);
            update = update.expression_attribute_values(":room", number(&room));
        }
        let update = update.condition_expression(conditions.join(" AND ")).return_values(ReturnValue::UpdatedNew);
        let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(counted) => Ok(Ok(granted(counted.attributes()))),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(Err(failed.item.clone())),
                Some(_) | None => Err(CloudError::from_sdk(OPERATION, error)),
            },
        }
    }

    /// Begins a user's day with one upload. Returns `false` if another request has begun it.
    async fn begin_day(&self, day: Day, user: &UserId, bytes: u64) -> Result<bool, CloudError> {
        let update = self
            .counting(user)
            .update_expression("SET #day = :day, #uploads = :one, #bytes = :bytes, #forget = :end")
            .condition_expression("attribute_not_exists(#day) OR #day < :day")
            .expression_attribute_names("#forget", FORGET_AT)
            .expression_attribute_values(":day", number(&day.number()))
            .expression_attribute_values(":one", number(&1))
            .expression_attribute_values(":bytes", number(&bytes))
            .expression_attribute_values(":end", number(&day.end().unix_s()));
        unless_condition_failed(OPERATION, update.send().await)
    }

    fn counting(&self, user: &UserId) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("mediaId", AttributeValue::S(key(user)));
        [DAY, UPLOADS, BYTES]
            .into_iter()
            .fold(update, |update, name| update.expression_attribute_names(format!("#{name}"), name))
    }
}

fn number(number: &impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn day_of(item: &Item) -> Option<Day> {
    item.get(DAY)?.as_n().ok()?.parse().ok().map(Day::numbered)
}

fn granted(item: Option<&Item>) -> Granted {
    let count = |name| item.and_then(|item| item.get(name)?.as_n().ok()?.parse().ok()).unwrap_or_default();
    Granted { uploads: count(UPLOADS), bytes: count(BYTES) }
}
