//! What each user was granted today: one record a user, counted by a conditional write before an upload is granted.
//!
//! The table forgets it when the day is over. A deletion of the account leaves it, since it would give the quota back.

use super::{FORGET_AT, Item, MediaTable};
use crate::{clock, error::CloudError};
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Granted, Quotas, Sha256, UserId, quota::Day};

/// What became of an upload that was to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It is counted: so much was granted today, it among it.
    Within(Granted),
    /// It is not counted, since it would have been too much beside what was granted on this day.
    Exceeded(Granted, Day),
}

const OPERATION: &str = "dynamodb:UpdateItem granted";
const DAY: &str = "day";
const UPLOADS: &str = "uploads";
const BYTES: &str = "bytes";

/// How often a count is tried anew after another request has begun the day.
const ROUNDS: usize = 4;

/// The key of a user's record, which does not say who that is.
fn key(user: &UserId) -> AttributeValue {
    AttributeValue::S(format!("day_{}", Sha256::from_bytes(Hasher::digest(user.as_str()).into())))
}

impl MediaTable {
    /// Counts an upload of so many bytes, unless that would be more than the quotas allow.
    pub async fn count_upload(&self, user: &UserId, bytes: u64, quotas: &Quotas) -> Result<Counted, CloudError> {
        let mut day = Day::of(clock::now());
        for _ in 0..ROUNDS {
            let recorded = match self.count_on(day, user, bytes, quotas).await? {
                Ok(granted) => return Ok(Counted::Within(granted)),
                Err(recorded) => recorded,
            };
            match recorded.as_ref().and_then(day_of) {
                Some(same) if same == day => return Ok(Counted::Exceeded(granted(recorded.as_ref()), day)),
                // This clock is behind another one.
                Some(later) if later > day => day = later,
                Some(_) | None => {
                    if self.begin_day(day, user, bytes).await? {
                        return Ok(Counted::Within(Granted { uploads: 1, bytes }));
                    }
                }
            }
        }
        Err(CloudError::interrupted(OPERATION, "other writers were faster every time"))
    }

    /// What a user was granted today.
    pub async fn granted_today(&self, user: &UserId) -> Result<Granted, CloudError> {
        let AttributeValue::S(key) = key(user) else { return Ok(Granted::default()) };
        let recorded = self.read_key(&key).await?;
        let today = recorded.filter(|item| day_of(item) == Some(Day::of(clock::now())));
        Ok(granted(today.as_ref()))
    }

    /// Takes the count of an upload back that was not granted after all.
    pub async fn uncount_upload(&self, user: &UserId, bytes: u64) -> Result<(), CloudError> {
        let day = Day::of(clock::now());
        let update = self
            .counting(user)
            .update_expression("ADD #uploads :less, #bytes :fewer")
            // A day that has begun meanwhile has nothing of it.
            .condition_expression("#day = :day AND #uploads > :none AND #bytes >= :bytes")
            .expression_attribute_values(":day", number(&day.number()))
            .expression_attribute_values(":less", number(&-1))
            .expression_attribute_values(":fewer", AttributeValue::N(format!("-{bytes}")))
            .expression_attribute_values(":bytes", number(&bytes))
            .expression_attribute_values(":none", number(&0));
        match update.send().await {
            Err(error)
                if !error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Err(CloudError::from_sdk(OPERATION, error))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Counts on a day that has begun. `Err` is the record as it is, where it is another day's or full.
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
            // Where it is more than a whole day's there is no room beside nothing either.
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

    /// Begins a user's day with one upload. `false` where another request has begun it.
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
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(CloudError::from_sdk(OPERATION, error)),
        }
    }

    fn counting(&self, user: &UserId) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("mediaId", key(user));
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
