//! Records of turns in the jobs table: one record per user, with the jobs that hold a turn. [`crate::submit`] explains
//! turns.

use super::{FORGET_AT, Jobs, WATCHED_SINCE};
use crate::{
    clock,
    error::{CloudError, unless_condition_failed},
    user_key::user_key,
    watch::{WATCH, watched},
};
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use smmu_core::{JobId, Timestamp, UserId};

/// A user whose jobs wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchedTurns {
    pub(crate) owner: UserId,
    /// Time at which a job last began to wait.
    pub(crate) latest: Timestamp,
}

const OPERATION: &str = "dynamodb:UpdateItem turns";
const GET: &str = "dynamodb:GetItem turns";
/// Watch reason of these records.
const REASON: &str = "TURNS";
/// Ids of the jobs that hold a turn.
const HOLDERS: &str = "holders";
// Not `userId`: a record with that attribute would appear in the index of the user's jobs.
const OWNER: &str = "owner";
const LATEST: &str = "latest";

/// How long a record is kept after its last write: longer than any execution.
const KEPT_SECONDS: i64 = 8 * 24 * 60 * 60;

fn key(user: &UserId) -> String {
    user_key("turns", user)
}

fn text(text: &(impl ToString + ?Sized)) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

fn set(jobs: &[JobId]) -> AttributeValue {
    AttributeValue::Ss(jobs.iter().map(ToString::to_string).collect())
}

impl Jobs {
    /// Gives a job a turn, unless `most` others hold one: the inner `Err` lists them.
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

    /// Releases turns.
    pub(crate) async fn give_turns_back(&self, user: &UserId, jobs: &[JobId]) -> Result<(), CloudError> {
        let update = self
            .turns_update(&key(user))
            .update_expression("DELETE #holders :jobs")
            // Otherwise the update would create a record.
            .condition_expression("attribute_exists(#holders)")
            .expression_attribute_names("#holders", HOLDERS)
            .expression_attribute_values(":jobs", set(jobs));
        write(update).await
    }

    /// Marks a user with waiting jobs as watched.
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

    /// Keys of up to about `limit` records of users whose jobs have waited since before `before`, including those that
    /// have waited longest.
    pub(crate) async fn watched_turns(&self, before: Timestamp, limit: usize) -> Result<Vec<String>, CloudError> {
        self.watch_query().watched_for(REASON, before, limit).await
    }

    /// Reads the record of a watched user with this key.
    pub(crate) async fn turns(&self, key: &str) -> Result<Option<WatchedTurns>, CloudError> {
        let read = self.client.get_item().table_name(&self.table).key("jobId", text(key)).consistent_read(true);
        let read = read.send().await.map_err(|error| CloudError::from_sdk(GET, error))?;
        let Some(item) = read.item else { return Ok(None) };
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        let parse = || {
            let owner = UserId::try_from(text(OWNER)?).ok()?;
            Some(WatchedTurns { owner, latest: text(LATEST)?.parse().ok()? })
        };
        parse().map(Some).ok_or_else(|| CloudError::unreadable(GET, "no owner, or no time of the last wait"))
    }

    /// Moves the record to the end of the watch list or, with `over`, removes it from the list. Does nothing if a job
    /// began to wait since the record was read.
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

    /// Removes the record of a user's turns, unless a job holds one or waits. Succeeds if no record exists.
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
        unless_condition_failed("dynamodb:DeleteItem turns", removed).map(drop)
    }

    fn turns_update(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("jobId", text(key))
    }
}

/// Sends the update; a failed condition is ignored.
async fn write(update: UpdateItemFluentBuilder) -> Result<(), CloudError> {
    unless_condition_failed(OPERATION, update.send().await).map(drop)
}

fn forget_at() -> AttributeValue {
    AttributeValue::N(clock::now().plus_seconds(KEPT_SECONDS).unix_s().to_string())
}
