//! The media table: one record an upload.

use crate::{
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    jobs::Jobs,
};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, TransactWriteItem},
};
use serde::Serialize;
use smmu_core::{Job, Media, MediaFacts, MediaId, MediaState, Timestamp, speech::SpeechFacts};
use std::collections::HashMap;

/// The media table.
#[derive(Clone)]
pub struct MediaTable {
    client: Client,
    table: String,
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submission {
    /// It is recorded now.
    Recorded,
    /// There is a job of this media already.
    AlreadyThere,
    /// Another write to the same records was under way; it may or may not have made the job.
    Contended,
}

/// The attribute by which the table removes records (`TimeToLiveSpecification` in template.yaml), in seconds since 1970.
const FORGET_AT: &str = "forgetAt";
/// How long a grant that nobody used is remembered after it ran out: 30 days.
const REMEMBERED_SECONDS: i64 = 30 * 24 * 60 * 60;

impl MediaTable {
    /// The table named by `SMMU_MEDIA_TABLE`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), table: environment.require("SMMU_MEDIA_TABLE")?.to_owned() })
    }

    /// One media, read consistently.
    pub async fn get(&self, id: &MediaId) -> Result<Option<Media>, CloudError> {
        const OPERATION: &str = "dynamodb:GetItem media";
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("mediaId", AttributeValue::S(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let parse = |item| serde_dynamo::from_item(item).map_err(|error| CloudError::unreadable(OPERATION, error));
        answer.item.map(parse).transpose()
    }

    /// Records a new media.
    pub async fn create(&self, media: &Media) -> Result<(), CloudError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(media)?))
            .condition_expression("attribute_not_exists(mediaId)")
            .send()
            .await
            .map_err(|error| CloudError::from_sdk("dynamodb:PutItem media", error))?;
        Ok(())
    }

    /// Records that nothing was uploaded in time. `false` if an upload was seen meanwhile.
    ///
    /// The table forgets the record a month later; one that an upload turns up for after all is kept like any other.
    pub async fn expire(&self, media: &Media) -> Result<bool, CloudError> {
        let mut expired = item(&Media { state: MediaState::Expired, ..media.clone() })?;
        let forget_at = media.expires_at.plus_seconds(REMEMBERED_SECONDS).unix_ms() / 1000;
        expired.insert(FORGET_AT.to_owned(), AttributeValue::N(forget_at.to_string()));
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(expired))
            .condition_expression("#status = :awaiting")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":awaiting", status(&MediaState::AwaitingUpload))
            .send()
            .await;
        match written {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(CloudError::from_sdk("dynamodb:PutItem media", error)),
        }
    }

    /// Records a media as submitted and its job as made, both or neither.
    pub async fn submit(&self, submitted: &Media, job: &Job, jobs: &Jobs) -> Result<Submission, CloudError> {
        const OPERATION: &str = "dynamodb:TransactWriteItems submit";
        let media = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(submitted)?))
            .condition_expression("attribute_exists(mediaId) AND #status <> :submitted")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":submitted", status(&submitted.state))
            .build()
            .map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let written = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(jobs.creation(job)?).build())
            .transact_items(TransactWriteItem::builder().put(media).build())
            .send()
            .await;
        let Err(error) = written else { return Ok(Submission::Recorded) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(CloudError::from_sdk(OPERATION, error));
        };
        let because = |code: &str| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code));
        if because("ConditionalCheckFailed") {
            Ok(Submission::AlreadyThere)
        } else if because("TransactionConflict") {
            Ok(Submission::Contended)
        } else {
            Err(CloudError::interrupted(OPERATION, error.into_service_error()))
        }
    }

    /// Records what was measured of a media, in the place of what was recorded before.
    pub async fn describe(&self, id: &MediaId, facts: &MediaFacts) -> Result<(), CloudError> {
        self.set(id, "facts", facts).await
    }

    /// Records what was heard in a media, beside what was measured: another worker finds it out.
    pub async fn describe_speech(&self, id: &MediaId, speech: &SpeechFacts) -> Result<(), CloudError> {
        self.set(id, "speech", speech).await
    }

    async fn set(&self, id: &MediaId, name: &str, facts: &impl Serialize) -> Result<(), CloudError> {
        const OPERATION: &str = "dynamodb:UpdateItem media";
        let facts =
            serde_dynamo::to_attribute_value(facts).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        self.client
            .update_item()
            .table_name(&self.table)
            .key("mediaId", AttributeValue::S(id.to_string()))
            .update_expression("SET #name = :facts")
            .expression_attribute_names("#name", name)
            .condition_expression("attribute_exists(mediaId)")
            .expression_attribute_values(":facts", facts)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(())
    }

    /// Up to `limit` media whose grant ran out before `before` with nothing seen, longest first.
    pub async fn awaiting_since(&self, before: Timestamp, limit: usize) -> Result<Vec<MediaId>, CloudError> {
        const OPERATION: &str = "dynamodb:Query media";
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-status")
            .key_condition_expression("#status = :awaiting AND expiresAt < :before")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":awaiting", status(&MediaState::AwaitingUpload))
            .expression_attribute_values(":before", AttributeValue::S(before.to_string()))
            .into_paginator()
            .items()
            .send();
        let mut ids = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
            let id = item.get("mediaId").and_then(|value| value.as_s().ok()).and_then(|text| text.parse().ok());
            ids.extend(id);
            if ids.len() == limit {
                break;
            }
        }
        Ok(ids)
    }
}

fn status(state: &MediaState) -> AttributeValue {
    AttributeValue::S(state.status().to_owned())
}

fn item(media: &Media) -> Result<HashMap<String, AttributeValue>, CloudError> {
    serde_dynamo::to_item(media).map_err(|error| CloudError::unreadable("dynamodb:PutItem media", error))
}
