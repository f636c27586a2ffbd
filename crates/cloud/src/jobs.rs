//! The jobs table. A job changes only through [`Jobs::advance`], under the condition of its revision.

use crate::{clock, config::Environment, config::InvalidEnvironment, error::CloudError};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put},
};
use smmu_core::{Job, JobEvent, JobId, Status, Timestamp, Transition};

/// The jobs table.
#[derive(Clone)]
pub struct Jobs {
    client: Client,
    table: String,
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

/// How often a write is computed anew after another writer was faster. Each round somebody
/// succeeds, and a job has few writers.
const ROUNDS: usize = 16;

impl Jobs {
    /// The table named by `SMMU_JOBS_TABLE`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { client: Client::new(sdk), table: environment.require("SMMU_JOBS_TABLE")?.to_owned() })
    }

    /// Opens a connection to the tables, by reading a job that cannot be.
    pub async fn connect(&self) {
        let nobodys = AttributeValue::S("connect".to_owned());
        let read = self.client.get_item().table_name(&self.table).key("jobId", nobodys);
        // See `connected`.
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
    pub async fn advance_from(&self, mut job: Job, event: JobEvent) -> Result<Advance, CloudError> {
        for _ in 0..ROUNDS {
            let next = match job.apply(event.clone(), clock::now()) {
                Transition::Changed(next) => next,
                Transition::Unchanged => return Ok(Advance::Unchanged(job)),
                Transition::Ended(_) => return Ok(Advance::Ended(job)),
                Transition::TooEarly => return Ok(Advance::TooEarly(job)),
            };
            if self.replace(&next, job.revision).await? {
                return Ok(Advance::Changed(next));
            }
            match self.get(&job.id).await? {
                Some(current) => job = current,
                None => return Ok(Advance::Missing),
            }
        }
        Err(CloudError::interrupted("dynamodb:PutItem jobs", "other writers were faster every time"))
    }

    /// Writes a job unless the table's revision is another than `from`.
    async fn replace(&self, job: &Job, from: u64) -> Result<bool, CloudError> {
        const OPERATION: &str = "dynamodb:PutItem jobs";
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(job)?))
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

    /// The write that makes a job, unless there is one already; part of a transaction.
    pub(crate) fn creation(&self, job: &Job) -> Result<Put, CloudError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(job)?))
            .condition_expression("attribute_not_exists(jobId)")
            .build()
            .map_err(|error| CloudError::unreadable("dynamodb:PutItem jobs", error))
    }

    /// Up to `limit` jobs of a status that have not changed since `before`, longest first.
    pub async fn unchanged_since(
        &self,
        status: Status,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<JobId>, CloudError> {
        const OPERATION: &str = "dynamodb:Query jobs";
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-status")
            .key_condition_expression("#status = :status AND updatedAt < :before")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", AttributeValue::S(status.as_str().to_owned()))
            .expression_attribute_values(":before", AttributeValue::S(before.to_string()))
            .into_paginator()
            .items()
            .send();
        let mut ids = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
            let id = item.get("jobId").and_then(|value| value.as_s().ok()).and_then(|text| text.parse().ok());
            ids.extend(id);
            if ids.len() == limit {
                break;
            }
        }
        Ok(ids)
    }
}

fn item(job: &Job) -> Result<std::collections::HashMap<String, AttributeValue>, CloudError> {
    serde_dynamo::to_item(job).map_err(|error| CloudError::unreadable("dynamodb:PutItem jobs", error))
}
