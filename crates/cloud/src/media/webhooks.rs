//! Webhook endpoints: one record per user, with optimistic locking on its revision.

use super::{FORGET_AT, Item, MediaTable};
use crate::{
    clock,
    error::{CloudError, unless_condition_failed},
    user_key::user_key,
};
use aws_sdk_dynamodb::types::AttributeValue;
use smmu_core::{UserId, webhook::Endpoint};

const PUT: &str = "dynamodb:PutItem webhooks";
const ENDPOINTS: &str = "endpoints";
const REVISION: &str = "revision";

/// How many times a change is tried when other writers change the same record.
const ROUNDS: usize = 16;

/// Seconds for which a record without endpoints is kept: longer than a delayed write can take.
const EMPTY_SECONDS: i64 = 60 * 60;

fn key(user: &UserId) -> String {
    user_key("hooks", user)
}

impl MediaTable {
    /// A user's endpoints, oldest first, with a consistent read.
    pub async fn webhooks(&self, user: &UserId) -> Result<Vec<Endpoint>, CloudError> {
        Ok(self.read_webhooks(user).await?.0)
    }

    /// Changes a user's endpoints, unless `change` returns an error. `change` may be called several times.
    pub async fn change_webhooks<T, E>(
        &self,
        user: &UserId,
        change: impl Fn(&mut Vec<Endpoint>) -> Result<T, E>,
    ) -> Result<Result<T, E>, CloudError> {
        let (mut endpoints, mut revision) = self.read_webhooks(user).await?;
        for _ in 0..ROUNDS {
            let mut changed = endpoints.clone();
            let outcome = match change(&mut changed) {
                Ok(outcome) => outcome,
                Err(refused) => return Ok(Err(refused)),
            };
            if changed == endpoints || self.write_webhooks(user, &changed, revision).await? {
                return Ok(Ok(outcome));
            }
            let (found, at) = self.read_webhooks(user).await?;
            // Our write succeeded but its response was lost, and the SDK's own retry failed the condition.
            if found == changed && at == revision + 1 {
                return Ok(Ok(outcome));
            }
            (endpoints, revision) = (found, at);
        }
        Err(CloudError::contended(PUT))
    }

    async fn read_webhooks(&self, user: &UserId) -> Result<(Vec<Endpoint>, u64), CloudError> {
        let Some(mut item) = self.read_key(&key(user)).await? else { return Ok((Vec::new(), 0)) };
        let unreadable = |error| CloudError::unreadable("dynamodb:GetItem webhooks", error);
        let mut part = |name| item.remove(name).unwrap_or(AttributeValue::Null(true));
        let endpoints = serde_dynamo::from_attribute_value(part(ENDPOINTS)).map_err(unreadable)?;
        Ok((endpoints, serde_dynamo::from_attribute_value(part(REVISION)).map_err(unreadable)?))
    }

    /// Writes a user's endpoints. Returns `false` if the record's revision is not `from`; `from` is 0 if no record
    /// exists.
    async fn write_webhooks(&self, user: &UserId, endpoints: &[Endpoint], from: u64) -> Result<bool, CloudError> {
        let written =
            serde_dynamo::to_attribute_value(endpoints).map_err(|error| CloudError::unreadable(PUT, error))?;
        let number = |number: i128| AttributeValue::N(number.to_string());
        let mut item = Item::from([
            ("mediaId".to_owned(), AttributeValue::S(key(user))),
            (ENDPOINTS.to_owned(), written),
            (REVISION.to_owned(), number(i128::from(from) + 1)),
        ]);
        if endpoints.is_empty() {
            let at = clock::now().plus_seconds(EMPTY_SECONDS).unix_s();
            item.insert(FORGET_AT.to_owned(), number(i128::from(at)));
        }
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = put.expression_attribute_names("#revision", REVISION);
        let put = if from == 0 {
            put.condition_expression("attribute_not_exists(#revision)")
        } else {
            put.condition_expression("#revision = :from").expression_attribute_values(":from", number(i128::from(from)))
        };
        unless_condition_failed(PUT, put.send().await)
    }
}
