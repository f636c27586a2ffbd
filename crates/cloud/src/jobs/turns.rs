//! Who of a user's jobs has a turn: one record a user, among those of jobs. What turns are says [`crate::turns`].

use super::{FORGET_AT, Jobs, WATCHED_SINCE};
use crate::{
    clock,
    error::CloudError,
    watch::{WATCH, watched},
};
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{JobId, Sha256, Timestamp, UserId};

/// For whom somebody waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchedTurns {
    pub(crate) owner: UserId,
    /// When it was last noted that somebody waits.
    pub(crate) latest: Timestamp,
}

const OPERATION: &str = "dynamodb:UpdateItem turns";
/// Why these records are watched.
const REASON: &str = "TURNS";
/// Ids of the jobs that have a turn.
const HOLDERS: &str = "holders";
// Not `userId`: the index of a user's jobs has everything with that.
const OWNER: &str = "owner";
const LATEST: &str = "latest";

/// For how long a record is kept that nobody writes: longer than any execution.
const KEPT_SECONDS: i64 = 8 * 24 * 60 * 60;

fn key(user: &UserId) -> String {
    format!("turns_{}", Sha256::from_bytes(Hasher::digest(user.as_str()).into()))
}

fn text(text: &(impl ToString + ?Sized)) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

fn set(jobs: &[JobId]) -> AttributeValue {
    AttributeValue::Ss(jobs.iter().map(ToString::to_string).collect())
}

impl Jobs {
    /// Gives a job a turn, unless `most` others have one: `Err` names these.
    pub(crate) async fn take_turn(
        &self,
        user: &UserId,
        job: &JobId,
        most: usize,
    ) -> Result<Result<(), Vec<JobId>>, CloudError> {
        let update = self
            .turns_update(&key(user))
            .update_expression("ADD #holders :jobs SET #forget = :forget")
            .condition_expression(
                "attribute_not_exists(#holders) OR size(#holders) < :most OR contains(#holders, :job)",
            )
            .expression_attribute_names("#holders", HOLDERS)
            .expression_attribute_names("#forget", FORGET_AT)
            .expression_attribute_values(":jobs", set(std::slice::from_ref(job)))
            .expression_attribute_values(":job", text(job))
            .expression_attribute_values(":most", AttributeValue::N(most.to_string()))
            .expression_attribute_values(":forget", forget_at())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(_) => Ok(Ok(())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let holders = failed.item.as_ref().and_then(|item| item.get(HOLDERS)?.as_ss().ok());
                    Ok(Err(holders.into_iter().flatten().filter_map(|id| id.parse().ok()).collect()))
                }
                Some(_) | None => Err(CloudError::from_sdk(OPERATION, error)),
            },
        }
    }

    /// Takes turns back.
    pub(crate) async fn give_turns_back(&self, user: &UserId, jobs: &[JobId]) -> Result<(), CloudError> {
        let update = self
            .turns_update(&key(user))
            .update_expression("DELETE #holders :jobs")
            // Without it a record would be made.
            .condition_expression("attribute_exists(#holders)")
            .expression_attribute_names("#holders", HOLDERS)
            .expression_attribute_values(":jobs", set(jobs));
        write(update).await
    }

    /// Has a user watched for whom somebody waits.
    pub(crate) async fn watch_turns(&self, user: &UserId) -> Result<(), CloudError> {
        let key = key(user);
        let update = self
            .turns_update(&key)
            .update_expression(
                "SET #watch = :watch, #since = if_not_exists(#since, :now), #latest = :now, #owner = :owner, \
                    #forget = :forget",
            )
            .expression_attribute_names("#watch", WATCH)
            .expression_attribute_names("#since", WATCHED_SINCE)
            .expression_attribute_names("#latest", LATEST)
            .expression_attribute_names("#owner", OWNER)
            .expression_attribute_names("#forget", FORGET_AT)
            .expression_attribute_values(":watch", watched(REASON, &key))
            .expression_attribute_values(":now", text(&clock::now()))
            .expression_attribute_values(":owner", text(user.as_str()))
            .expression_attribute_values(":forget", forget_at());
        write(update).await
    }

    /// Keys of up to some records of users for whom somebody waits since before a time; those that wait longest are among
    /// them.
    pub(crate) async fn watched_turns(&self, before: Timestamp, limit: usize) -> Result<Vec<String>, CloudError> {
        self.watch_query().watched_for(REASON, before, limit).await
    }

    /// One of these records.
    pub(crate) async fn turns(&self, key: &str) -> Result<Option<WatchedTurns>, CloudError> {
        let read = self.client.get_item().table_name(&self.table).key("jobId", text(key)).consistent_read(true);
        let read = read.send().await.map_err(|error| CloudError::from_sdk("dynamodb:GetItem turns", error))?;
        let text = |name: &str| read.item.as_ref()?.get(name)?.as_s().ok().cloned();
        let parse = || {
            let owner = UserId::try_from(text(OWNER)?).ok()?;
            Some(WatchedTurns { owner, latest: text(LATEST)?.parse().ok()? })
        };
        Ok(parse())
    }

    /// Lets the others be looked at before this one is again; or lets it be watched no more, `over`. Neither where somebody
    /// has begun to wait since it was read.
    pub(crate) async fn looked_at_turns(&self, key: &str, read: &WatchedTurns, over: bool) -> Result<(), CloudError> {
        let update = self
            .turns_update(key)
            .condition_expression("#latest = :latest")
            .expression_attribute_names("#latest", LATEST)
            .expression_attribute_names("#since", WATCHED_SINCE)
            .expression_attribute_values(":latest", text(&read.latest));
        let update = if over {
            update.update_expression("REMOVE #watch, #since").expression_attribute_names("#watch", WATCH)
        } else {
            update
                .update_expression("SET #since = :now, #forget = :forget")
                .expression_attribute_names("#forget", FORGET_AT)
                .expression_attribute_values(":now", text(&clock::now()))
                .expression_attribute_values(":forget", forget_at())
        };
        write(update).await
    }

    /// Removes what is recorded of a user's turns, unless somebody has one or waits again. Nothing is no error.
    pub(crate) async fn forget_turns(&self, user: &UserId) -> Result<(), CloudError> {
        let removed = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("jobId", text(&key(user)))
            .condition_expression("attribute_not_exists(#holders) AND attribute_not_exists(#watch)")
            .expression_attribute_names("#holders", HOLDERS)
            .expression_attribute_names("#watch", WATCH)
            .send()
            .await;
        match removed {
            Err(error) if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Err(CloudError::from_sdk("dynamodb:DeleteItem turns", error))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn turns_update(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("jobId", text(key))
    }
}

/// Writes; a condition that does not hold is no error.
async fn write(update: UpdateItemFluentBuilder) -> Result<(), CloudError> {
    match update.send().await {
        Err(error) if !error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
            Err(CloudError::from_sdk(OPERATION, error))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn forget_at() -> AttributeValue {
    AttributeValue::N(clock::now().plus_seconds(KEPT_SECONDS).unix_s().to_string())
}
