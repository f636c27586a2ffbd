//! The jobs table. A job changes only through [`Jobs::advance`], with optimistic locking on its revision.
//! `ended` has the follow-up of a job's end.

use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
    error::{CloudError, unless_condition_failed},
    listing::{IndexQuery, Visible},
    telemetry::Meter,
    watch::{WATCH, WatchQuery, watched},
};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put},
};
use smmu_core::{Job, JobEvent, JobId, JobListing, JobSummary, Page, Status, Timestamp, Transition, UserId, Watch};
use std::collections::HashMap;

mod active;
mod ended;
mod turns;

/// The jobs table.
#[derive(Clone)]
pub struct Jobs {
    client: Client,
    table: String,
    /// 0 keeps jobs forever.
    retention_days: u16,
    meter: Meter,
}

/// Result of applying an event to a job in the table.
#[derive(Debug)]
pub enum Advance {
    /// The job as it was written.
    Changed(Job),
    /// The job already reflects the event.
    Unchanged(Job),
    /// The job had already ended; work on it should stop.
    Ended(Job),
    /// The event presupposes one that has not happened.
    TooEarly(Job),
    /// The job does not exist.
    Missing,
}

/// Writes a changed job, alone or in a transaction with related records.
pub(crate) trait Writing: Sync {
    /// Writes a job. Returns `false` if the table's revision is not `from`.
    fn write(&self, job: &Job, from: u64) -> impl Future<Output = Result<bool, CloudError>> + Send;
}

impl Writing for Jobs {
    async fn write(&self, job: &Job, from: u64) -> Result<bool, CloudError> {
        self.replace(job, from).await
    }
}

/// Sort key of the index of watched jobs.
pub(crate) const WATCHED_SINCE: &str = "watchedSince";

/// Maximum retries when other writers win. In each round one writer succeeds, and a job has few writers.
const ROUNDS: usize = 16;

impl Jobs {
    /// The table named by `SMMU_JOBS_TABLE`, in which jobs expire `SMMU_JOB_RETENTION_DAYS` after their end. Ends are
    /// metered for the deployment named by `SMMU_STAGE`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            client: Client::new(sdk),
            table: environment.require("SMMU_JOBS_TABLE")?.to_owned(),
            retention_days: environment.parse_or("SMMU_JOB_RETENTION_DAYS", 0)?,
            meter: Meter::new(environment)?,
        })
    }

    /// Opens a connection to the tables by reading a job that cannot exist.
    pub async fn connect(&self) {
        let nobodys = AttributeValue::S("connect".to_owned());
        let read = self.client.get_item().table_name(&self.table).key("jobId", nobodys);
        // See `start`: a failure is reported by the call that needs the connection.
        let _read = Box::pin(read.send()).await;
    }

    /// Reads a job, with a consistent read.
    pub async fn get(&self, id: &JobId) -> Result<Option<Job>, CloudError> {
        const OPERATION: &str = "dynamodb:GetItem jobs";
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("jobId", AttributeValue::S(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let parse = |item| serde_dynamo::from_item(item).map_err(|error| CloudError::unreadable(OPERATION, error));
        answer.item.map(parse).transpose()
    }

    /// Applies an event to the job's current record and writes the result.
    pub async fn advance(&self, id: &JobId, event: JobEvent) -> Result<Advance, CloudError> {
        match self.get(id).await? {
            Some(job) => self.advance_from(job, event).await,
            None => Ok(Advance::Missing),
        }
    }

    /// Like [`Self::advance`], starting from a job that was just read or written.
    pub async fn advance_from(&self, job: Job, event: JobEvent) -> Result<Advance, CloudError> {
        self.advance_by(job, event, self).await
    }

    /// Like [`Self::advance_from`], with the caller's way of writing.
    pub(crate) async fn advance_by(
        &self,
        mut job: Job,
        event: JobEvent,
        writing: &impl Writing,
    ) -> Result<Advance, CloudError> {
        for _ in 0..ROUNDS {
            let next = match job.apply(event.clone(), clock::now()) {
                Transition::Changed(next) => next,
                Transition::Unchanged => return Ok(Advance::Unchanged(job)),
                Transition::Ended(_) => return Ok(Advance::Ended(job)),
                Transition::TooEarly => return Ok(Advance::TooEarly(job)),
            };
            if writing.write(&next, job.revision).await? {
                self.written(&job, &next);
                return Ok(Advance::Changed(next));
            }
            job = match self.get(&job.id).await? {
                // Our write succeeded but its response was lost, and the SDK's own retry failed the condition: the end
                // is not metered yet.
                Some(current) if current == next => {
                    self.written(&job, &next);
                    return Ok(Advance::Changed(next));
                }
                Some(current) => current,
                None => return Ok(Advance::Missing),
            }
        }
        Err(CloudError::contended("dynamodb:PutItem jobs"))
    }

    /// Writes a job. Returns `false` if the table's revision is not `from`.
    pub(crate) async fn replace(&self, job: &Job, from: u64) -> Result<bool, CloudError> {
        const OPERATION: &str = "dynamodb:PutItem jobs";
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(self.item(job)?))
            .condition_expression("revision = :from")
            .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
            .send()
            .await;
        unless_condition_failed(OPERATION, written)
    }

    /// The transaction item that replaces a job if the table's revision is `from`.
    pub(crate) fn replacement(&self, job: &Job, from: u64) -> Result<Put, CloudError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(self.item(job)?))
            .condition_expression("revision = :from")
            .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
            .build()
            .map_err(|error| CloudError::unreadable("dynamodb:PutItem jobs", error))
    }

    /// Removes the record of a job. Succeeds if it does not exist.
    pub async fn remove(&self, id: &JobId) -> Result<(), CloudError> {
        let key = AttributeValue::S(id.to_string());
        let removed = self.client.delete_item().table_name(&self.table).key("jobId", key).send().await;
        removed.map_err(|error| CloudError::from_sdk("dynamodb:DeleteItem jobs", error))?;
        Ok(())
    }

    /// The transaction item that creates a job, unless one with its id exists.
    pub(crate) fn creation(&self, job: &Job) -> Result<Put, CloudError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(self.item(job)?))
            .condition_expression("attribute_not_exists(jobId)")
            .build()
            .map_err(|error| CloudError::unreadable("dynamodb:PutItem jobs", error))
    }

    /// One page of a user's jobs, newest first. A job that was just created may be missing for a moment.
    pub async fn of_user(&self, user: &UserId, listing: &JobListing) -> Result<Page<JobSummary, JobId>, CloudError> {
        let query = IndexQuery {
            operation: "dynamodb:Query jobs by-user",
            client: &self.client,
            table: &self.table,
            key: "jobId",
            user,
            status: listing.status.map(Status::as_str),
            kind: listing.kind,
            visible: &Visible::Without("deletedAt"),
            limit: listing.limit,
        };
        query.page(listing.after.as_ref(), |job: &JobSummary| job.job_id.clone()).await
    }

    /// Up to `limit` jobs that are watched for one reason and unchanged since `before`, including those that have
    /// waited longest. Running jobs may have changed up to five minutes later.
    pub async fn watched_since(&self, watch: Watch, before: Timestamp, limit: usize) -> Result<Vec<JobId>, CloudError> {
        self.watch_query().watched_for(watch.as_str(), before, limit).await
    }

    fn watch_query(&self) -> WatchQuery<'_> {
        WatchQuery {
            operation: "dynamodb:Query jobs",
            client: &self.client,
            table: &self.table,
            id: "jobId",
            since: WATCHED_SINCE,
        }
    }

    /// The record of a job, with the attributes for the indexes and for expiry.
    fn item(&self, job: &Job) -> Result<HashMap<String, AttributeValue>, CloudError> {
        let record = serde_dynamo::to_item(job);
        let mut item: HashMap<_, _> = record.map_err(|error| CloudError::unreadable("dynamodb:PutItem jobs", error))?;
        if let Some((watch, since)) = job.watch() {
            item.insert(WATCH.to_owned(), watched(watch.as_str(), job.id.as_str()));
            item.insert(WATCHED_SINCE.to_owned(), AttributeValue::S(since.to_string()));
        }
        item.extend(active::attributes(job));
        if job.status().is_terminal()
            && let Some(at) = self.forget_after(job.updated_at)
        {
            item.insert(FORGET_AT.to_owned(), at);
        }
        Ok(item)
    }

    /// Expiry of a record that is kept from `since` on, in seconds since 1970. `None` if records are kept forever.
    pub(crate) fn forget_after(&self, since: Timestamp) -> Option<AttributeValue> {
        let kept_seconds = i64::from(self.retention_days) * 24 * 60 * 60;
        (kept_seconds > 0).then(|| AttributeValue::N(since.plus_seconds(kept_seconds).unix_s().to_string()))
    }
}

/// The attribute with the expiry of a record in seconds since 1970 (`TimeToLiveSpecification` in template.yaml).
pub(crate) const FORGET_AT: &str = "forgetAt";
