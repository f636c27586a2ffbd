//! The media table: one record per upload.

use crate::{
    config::{Environment, InvalidEnvironment},
    error::{CloudError, unless_condition_failed},
    jobs::{FORGET_AT, Jobs},
    listing::{IndexQuery, Visible},
    watch::{WATCH, WatchQuery, watched},
};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    operation::{put_item::builders::PutItemFluentBuilder, transact_write_items::TransactWriteItemsError},
    types::{AttributeValue, Put, TransactWriteItem, Update},
};
use serde::{Serialize, de::DeserializeOwned};
use smmu_core::{
    DescribedMedia, Job, Media, MediaFacts, MediaId, MediaListing, MediaState, MediaStatus, MediaSummary, Page,
    Timestamp, UserId, speech::SpeechFacts,
};
use std::{collections::HashMap, str::FromStr};

mod duplicates;
mod erasures;
mod granted;
mod once;
mod runs;
mod thumbhashes;
mod webhooks;

pub use erasures::Erasure;
pub use granted::Counted;
pub use once::{Creation, Known, Once};
pub use runs::{Begun, Key};

/// The media table.
#[derive(Clone)]
pub struct MediaTable {
    client: Client,
    table: String,
}

/// Outcome of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submission {
    /// The media and its job are recorded.
    Recorded,
    /// The media already has a job.
    AlreadyThere,
    /// Another write to the same records was in progress; it may or may not have made the job.
    Contended,
}

/// Outcome of a transaction.
enum Written {
    All,
    ConditionFailed,
    Contended,
}

/// How long an unused grant is kept after its expiry: 30 days.
const REMEMBERED_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Attributes that workers record in addition to the media itself.
const KIND: &str = "kind";
const FACTS: &str = "facts";
const SPEECH: &str = "speech";

/// Statuses of media that lists do not show.
const TOMBSTONES: [MediaStatus; 2] = [MediaStatus::Deleted, MediaStatus::Purged];

const GET_ITEM: &str = "dynamodb:GetItem media";
const UPDATE_ITEM: &str = "dynamodb:UpdateItem media";

type Item = HashMap<String, AttributeValue>;

impl MediaTable {
    /// The table named by `SMMU_MEDIA_TABLE`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), table: environment.require("SMMU_MEDIA_TABLE")?.to_owned() })
    }

    /// Reads a media, with a consistent read.
    pub async fn get(&self, id: &MediaId) -> Result<Option<Media>, CloudError> {
        self.read(id).await?.map(media).transpose()
    }

    /// Reads a media with its measured facts, with a consistent read.
    pub async fn get_described(&self, id: &MediaId) -> Result<Option<DescribedMedia>, CloudError> {
        let Some(mut item) = self.read(id).await? else { return Ok(None) };
        let (kind, facts, speech) = (part(&mut item, KIND), part(&mut item, FACTS), part(&mut item, SPEECH));
        Ok(Some(DescribedMedia { media: media(item)?, kind, facts, speech }))
    }

    /// One page of a user's media, newest first. A media that was just granted may be missing for a moment.
    pub async fn of_user(
        &self,
        user: &UserId,
        listing: &MediaListing,
    ) -> Result<Page<MediaSummary, MediaId>, CloudError> {
        let query = IndexQuery {
            operation: "dynamodb:Query media by-user",
            client: &self.client,
            table: &self.table,
            key: "mediaId",
            user,
            status: listing.status.map(MediaStatus::as_str),
            kind: listing.kind,
            visible: &Visible::WithStatusOtherThan(TOMBSTONES.map(MediaStatus::as_str)),
            limit: listing.limit,
        };
        query.page(listing.after.as_ref(), |media: &MediaSummary| media.media_id.clone()).await
    }

    async fn read(&self, id: &MediaId) -> Result<Option<Item>, CloudError> {
        self.read_key(id.as_str()).await
    }

    async fn read_key(&self, key: &str) -> Result<Option<Item>, CloudError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("mediaId", AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .send()
            .await;
        Ok(read.map_err(|error| CloudError::from_sdk(GET_ITEM, error))?.item)
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

    /// Records that nothing was uploaded in time. Returns `false` if the upload was submitted or sealed in the
    /// meantime.
    ///
    /// The record expires a month later, unless an upload arrives after all; then it is kept like any other.
    pub async fn expire(&self, media: &Media) -> Result<bool, CloudError> {
        let mut expired = item(&Media { state: MediaState::Expired, ..media.clone() })?;
        let forget_at = media.expires_at.plus_seconds(REMEMBERED_SECONDS).unix_ms() / 1000;
        expired.insert(FORGET_AT.to_owned(), AttributeValue::N(forget_at.to_string()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(expired));
        put_awaiting(put, media).await
    }

    /// Records the seal of an upload whose parts have arrived, replacing the seal in `media`. Returns `false` if the
    /// record has changed since `media` was read.
    pub async fn seal(&self, media: &Media, sealed: &Media) -> Result<bool, CloudError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item(sealed)?));
        put_awaiting(put, media).await
    }

    /// Records a media as submitted, and its job, in one transaction. If jobs expire, the media's record
    /// expires equally long after submission.
    pub async fn submit(&self, submitted: &Media, job: &Job, jobs: &Jobs) -> Result<Submission, CloudError> {
        const OPERATION: &str = "dynamodb:TransactWriteItems submit";
        let mut record = item(submitted)?;
        record.extend(jobs.forget_after(job.created_at).map(|at| (FORGET_AT.to_owned(), at)));
        let media = Put::builder()
            .table_name(&self.table)
            .set_item(Some(record))
            .condition_expression("#status IN (:awaiting, :expired)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":awaiting", status(&MediaState::AwaitingUpload))
            .expression_attribute_values(":expired", status(&MediaState::Expired))
            .build()
            .map_err(|error| CloudError::unreadable(OPERATION, error))?;
        Ok(match self.write_all(OPERATION, [put(jobs.creation(job)?), put(media)]).await? {
            Written::All => Submission::Recorded,
            Written::ConditionFailed => Submission::AlreadyThere,
            Written::Contended => Submission::Contended,
        })
    }

    /// Writes the tombstone of a media and the end of its newest job, if it has one, in one transaction. Returns
    /// `false` if the media's state, its newest job or that job's revision has changed.
    pub async fn delete(
        &self,
        tombstone: &Media,
        from: &MediaState,
        job: Option<(&Job, u64)>,
        jobs: &Jobs,
    ) -> Result<bool, CloudError> {
        const OPERATION: &str = "dynamodb:TransactWriteItems delete";
        let (same_runs, count) = runs::same_runs(tombstone);
        let media = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(tombstone)?))
            .condition_expression(format!("#status = :from AND {same_runs}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":from", status(from));
        let media = count.into_iter().fold(media, |media, count| media.expression_attribute_values(":runs", count));
        let media = media.build().map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let job = job.map(|(job, from)| jobs.replacement(job, from)).transpose()?;
        Ok(match self.write_all(OPERATION, [put(media)].into_iter().chain(job.map(put))).await? {
            Written::All => true,
            Written::ConditionFailed | Written::Contended => false,
        })
    }

    /// Records that the objects of a deleted media were removed. Succeeds if the tombstone no longer exists.
    pub async fn record_purge(&self, purged: &Media) -> Result<(), CloudError> {
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(purged)?))
            .condition_expression("#status = :deleted")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", AttributeValue::S(MediaStatus::Deleted.as_str().to_owned()))
            .send()
            .await;
        unless_condition_failed("dynamodb:PutItem media", written).map(drop)
    }

    /// Removes a tombstone. Succeeds if it no longer exists.
    pub async fn remove(&self, tombstone: &Media) -> Result<(), CloudError> {
        let key = AttributeValue::S(tombstone.id.to_string());
        let removed = self.client.delete_item().table_name(&self.table).key("mediaId", key).send().await;
        removed.map_err(|error| CloudError::from_sdk("dynamodb:DeleteItem media", error))?;
        Ok(())
    }

    /// Removes a record if its `attribute` has this value. Otherwise, or if no record exists, does nothing.
    async fn remove_if(
        &self,
        operation: &'static str,
        key: &str,
        (attribute, value): (&str, &str),
    ) -> Result<(), CloudError> {
        let removed = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("mediaId", AttributeValue::S(key.to_owned()))
            .condition_expression("#attribute = :value")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", AttributeValue::S(value.to_owned()))
            .send()
            .await;
        unless_condition_failed(operation, removed).map(drop)
    }

    async fn write_all(
        &self,
        operation: &'static str,
        writes: impl IntoIterator<Item = TransactWriteItem>,
    ) -> Result<Written, CloudError> {
        let writes = writes.into_iter().collect();
        let written = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = written else { return Ok(Written::All) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(CloudError::from_sdk(operation, error));
        };
        let because = |code: &str| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code));
        if because("ConditionalCheckFailed") {
            Ok(Written::ConditionFailed)
        } else if because("TransactionConflict") {
            Ok(Written::Contended)
        } else {
            Err(CloudError::interrupted(operation, error.into_service_error()))
        }
    }

    /// Records the measured facts of a media, replacing earlier ones.
    pub async fn describe(&self, id: &MediaId, facts: &MediaFacts) -> Result<(), CloudError> {
        // The kind is also stored as its own attribute: lists show it and filter by it.
        self.set(id, &[(FACTS, attribute(facts)?), (KIND, attribute(&facts.kind)?)]).await
    }

    /// Records the speech in a media. Separate from the other facts, because another worker finds it.
    pub async fn describe_speech(&self, id: &MediaId, speech: &SpeechFacts) -> Result<(), CloudError> {
        self.set(id, &[(SPEECH, attribute(speech)?)]).await
    }

    async fn set(&self, id: &MediaId, attributes: &[(&str, AttributeValue)]) -> Result<(), CloudError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("mediaId", AttributeValue::S(id.to_string()))
            // Tombstones do not change.
            .condition_expression("attribute_exists(mediaId) AND NOT #status IN (:deleted, :purged)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", AttributeValue::S(MediaStatus::Deleted.as_str().to_owned()))
            .expression_attribute_values(":purged", AttributeValue::S(MediaStatus::Purged.as_str().to_owned()));
        for (name, value) in attributes {
            update = update
                .expression_attribute_names(format!("#{name}"), *name)
                .expression_attribute_values(format!(":{name}"), value.clone());
        }
        let assignments: Vec<_> = attributes.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
        let update = update.update_expression(format!("SET {}", assignments.join(", ")));
        update.send().await.map_err(|error| CloudError::from_sdk(UPDATE_ITEM, error))?;
        Ok(())
    }

    /// Up to about `limit` media whose grant expired before `before` without an upload, including those that have
    /// waited longest.
    pub async fn awaiting_since(&self, before: Timestamp, limit: usize) -> Result<Vec<MediaId>, CloudError> {
        self.watched_until(MediaStatus::AwaitingUpload.as_str(), before, limit).await
    }

    /// Up to about `limit` deleted media whose objects are not removed yet.
    pub async fn deleted(&self, limit: usize) -> Result<Vec<MediaId>, CloudError> {
        self.watched_until(MediaStatus::Deleted.as_str(), Timestamp::MAX, limit).await
    }

    /// Up to about `limit` deleted media whose objects are removed and whose grants expired before `before`.
    pub async fn purged_since(&self, before: Timestamp, limit: usize) -> Result<Vec<MediaId>, CloudError> {
        self.watched_until(MediaStatus::Purged.as_str(), before, limit).await
    }

    /// Keys of up to about `limit` records that are watched for a status and whose `expiresAt` is before `before`.
    async fn watched_until<T: FromStr>(
        &self,
        status: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<T>, CloudError> {
        let query = WatchQuery {
            operation: "dynamodb:Query media",
            client: &self.client,
            table: &self.table,
            id: "mediaId",
            since: "expiresAt",
        };
        query.watched_for(status, before, limit).await
    }
}

/// Wraps a put for a transaction.
fn put(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}

/// Wraps an update for a transaction.
fn update(update: Update) -> TransactWriteItem {
    TransactWriteItem::builder().update(update).build()
}

/// Replaces the record of a media, if it still awaits its upload and has the same seal as `read`. Otherwise returns
/// `false`.
async fn put_awaiting(put: PutItemFluentBuilder, read: &Media) -> Result<bool, CloudError> {
    let seal = read.grant.parts().and_then(|parts| parts.seal);
    let same_seal = if seal.is_some() { "#parts.#seal = :seal" } else { "attribute_not_exists(#parts.#seal)" };
    let put = put
        .condition_expression(format!("#status = :awaiting AND {same_seal}"))
        .expression_attribute_names("#status", "status")
        .expression_attribute_names("#parts", "parts")
        .expression_attribute_names("#seal", "seal")
        .expression_attribute_values(":awaiting", status(&MediaState::AwaitingUpload));
    let put = seal
        .iter()
        .fold(put, |put, seal| put.expression_attribute_values(":seal", AttributeValue::S(seal.to_string())));
    unless_condition_failed("dynamodb:PutItem media", put.send().await)
}

fn status(state: &MediaState) -> AttributeValue {
    AttributeValue::S(state.status().as_str().to_owned())
}

fn media(item: Item) -> Result<Media, CloudError> {
    serde_dynamo::from_item(item).map_err(|error| CloudError::unreadable(GET_ITEM, error))
}

/// Takes measured facts out of a record. Facts that an older version wrote in another shape are ignored: the manifest
/// has them.
fn part<T: DeserializeOwned>(item: &mut Item, name: &str) -> Option<T> {
    let read = serde_dynamo::from_attribute_value(item.remove(name)?);
    read.inspect_err(|error| tracing::warn!(name, %error, "unreadable attribute in the media table")).ok()
}

fn attribute(value: &impl Serialize) -> Result<AttributeValue, CloudError> {
    serde_dynamo::to_attribute_value(value).map_err(|error| CloudError::unreadable(UPDATE_ITEM, error))
}

/// The record of a media, with the watch attribute if `reconcile` has to check on it.
fn item(media: &Media) -> Result<Item, CloudError> {
    let record = serde_dynamo::to_item(media);
    let mut item: Item = record.map_err(|error| CloudError::unreadable("dynamodb:PutItem media", error))?;
    let status = media.state.status();
    match status {
        MediaStatus::AwaitingUpload | MediaStatus::Deleted | MediaStatus::Purged => {
            item.insert(WATCH.to_owned(), watched(status.as_str(), media.id.as_str()));
        }
        MediaStatus::Submitted | MediaStatus::Expired => {}
    }
    Ok(item)
}
