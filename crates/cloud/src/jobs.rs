//! The jobs table. A job changes only through [`Jobs::advance`], under the condition of its revision.
//! What follows from the end of one is in `ended`.

use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    listing::{IndexQuery, Visible},
    telemetry::Meter,
    watch::{WATCH, WatchQuery, watched},
};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put},
};
use smmu_core::{
    Job, JobEvent, JobId, JobListing, JobSummary, MicroDollars, Page, Status, Timestamp, Transition, UserId, Watch,
};
use std::collections::HashMap;

mod active;
mod ended;
mod turns;

/// The jobs table.
#[derive(Clone)]
pub struct Jobs {
    client: Client,
    table: String,
    /// 0: for ever.
    retention_days: u16,
    meter: Meter,
}

/// What became of an event that was applied to a job in the table.
#[derive(Debug)]
pub enum Advance {
    /// The job as it was written.
    Changed(Job),
    /// The event said nothing new.
    Unchanged(Job),
    /// The job had ended before; whoever works on it should stop.
    Ended(Job),
    /// The event presupposes one that has not happened.
    TooEarly(Job),
    /// There is no such job.
    Missing,
}

/// How a changed job reaches the table: by itself, or together with what follows from it.
pub(crate) trait Writing: Sync {
    /// Writes a job. `false` if the table's revision is another than `from`.
    fn write(&self, job: &Job, from: u64) -> impl Future<Output = Result<bool, CloudError>> + Send;
}

impl Writing for Jobs {
    async fn write(&self, job: &Job, from: u64) -> Result<bool, CloudError> {
        self.replace(job, from).await
    }
}

/// What sorts the index of watched jobs.
pub(crate) const WATCHED_SINCE: &str = "watchedSince";

/// How often a write is computed anew after another writer was faster. Each round somebody
/// succeeds, and a job has few writers.
const ROUNDS: usize = 16;

impl Jobs {
    /// The table named by `SMMU_JOBS_TABLE`, which forgets jobs `SMMU_JOB_RETENTION_DAYS` after their end. Ends are metered
    /// for the deployment named by `SMMU_STAGE`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            client: Client::new(sdk),
            table: environment.require("SMMU_JOBS_TABLE")?.to_owned(),
            retention_days: environment.parse_or("SMMU_JOB_RETENTION_DAYS", 0)?,
            meter: Meter::new(environment)?,
        })
    }

    /// Opens a connection to the tables, by reading a job that cannot be.
    pub async fn connect(&self) {
        let nobodys = AttributeValue::S("connect".to_owned());
        let read = self.client.get_item().table_name(&self.table).key("jobId", nobodys);
        // See `start`: what fails here is told by the call that needs it.
        let _read = Box::pin(read.send()).await;
    }

    /// One job, read consistently.
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

    /// Applies an event to a job as it is in the table now, and writes what follows.
    pub async fn advance(&self, id: &JobId, event: JobEvent) -> Result<Advance, CloudError> {
        match self.get(id).await? {
            Some(job) => self.advance_from(job, event).await,
            None => Ok(Advance::Missing),
        }
    }

    /// As [`Self::advance`], starting from a job that was just read or written.
    pub async fn advance_from(&self, job: Job, event: JobEvent) -> Result<Advance, CloudError> {
        self.advance_by(job, event, None, self).await
    }

    /// As [`Self::advance_from`], by a write of the caller's. `cost` is what the job has cost, where the event ends it and
    /// that was metered.
    pub(crate) async fn advance_by(
        &self,
        mut job: Job,
        event: JobEvent,
        cost: Option<MicroDollars>,
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
                self.written(&job, &next, cost);
                return Ok(Advance::Changed(next));
            }
            job = match self.get(&job.id).await? {
                // Our write succeeded but its answer was lost, and the SDK's own retry failed the condition: nobody has told of it yet.
                Some(current) if current == next => {
                    self.written(&job, &next, cost);
                    return Ok(Advance::Changed(next));
                }
                Some(current) => current,
                None => return Ok(Advance::Missing),
            }
        }
        Err(CloudError::interrupted("dynamodb:PutItem jobs", "other writers were faster every time"))
    }

    /// Writes a job unless the table's revision is another than `from`.
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
        match written {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(CloudError::from_sdk(OPERATION, error)),
        }
    }

    /// The write that replaces a job unless the table's revision is another than `from`; part of a transaction.
    pub(crate) fn replacement(&self, job: &Job, from: u64) -> Result<Put, CloudError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(self.item(job)?))
            .condition_expression("revision = :from")
            .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
            .build()
            .map_err(|error| CloudError::unreadable("dynamodb:PutItem jobs", error))
    }

    /// Removes the record of a job. One that is not there is no error.
    pub async fn remove(&self, id: &JobId) -> Result<(), CloudError> {
        let key = AttributeValue::S(id.to_string());
        let removed = self.client.delete_item().table_name(&self.table).key("jobId", key).send().await;
        removed.map_err(|error| CloudError::from_sdk("dynamodb:DeleteItem jobs", error))?;
        Ok(())
    }

    /// The write that makes a job, unless there is one already; part of a transaction.
    pub(crate) fn creation(&self, job: &Job) -> Result<Put, CloudError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(self.item(job)?))
            .condition_expression("attribute_not_exists(jobId)")
            .build()
            .map_err(|error| CloudError::unreadable("dynamodb:PutItem jobs", error))
    }

    /// One page of a user's jobs, newest first. A job that was just made may be missing for a moment.
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

    /// Up to some `limit` jobs that are watched for one reason and have not changed since `before`, of running ones also such
    /// as changed in the five minutes after; those that wait longest are among them.
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

    /// A job's record: what it says itself, and by which attributes the table finds and forgets it.
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

    /// When a record that is kept from `since` on is forgotten, in seconds since 1970; never, where records are kept.
    pub(crate) fn forget_after(&self, since: Timestamp) -> Option<AttributeValue> {
        let kept_seconds = i64::from(self.retention_days) * 24 * 60 * 60;
        (kept_seconds > 0).then(|| AttributeValue::N(since.plus_seconds(kept_seconds).unix_s().to_string()))
    }
}

/// The attribute by which tables remove records (`TimeToLiveSpecification` in template.yaml), in seconds since 1970.
pub(crate) const FORGET_AT: &str = "forgetAt";
