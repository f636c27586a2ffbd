//! Cancels jobs: first the record, then the execution.

use crate::{
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    jobs::{Advance, Jobs},
    workflow::Workflow,
};
use aws_config::SdkConfig;
use smmu_core::{Job, JobEvent, Status};

/// Cancels jobs.
#[derive(Clone)]
pub struct Canceller {
    jobs: Jobs,
    workflow: Workflow,
}

/// Outcome of a cancellation.
#[derive(Debug)]
pub enum Cancellation {
    /// The job is cancelled, by this request or an earlier one.
    Cancelled(Job),
    /// The job had already completed or failed.
    Ended(Job),
    /// The job no longer exists.
    Missing,
}

impl Canceller {
    /// Reads the tables and the state machine from the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { jobs: Jobs::new(sdk, environment)?, workflow: Workflow::new(sdk, environment)? })
    }

    /// Cancels a job that was just read. Idempotent; a second call also stops an execution that the first failed to
    /// stop.
    ///
    /// The record is written first: otherwise the event for the stopped execution could arrive before it and make the
    /// job FAILED. A worker that is not stopped, or that starts later, sees the record and ends.
    pub async fn cancel(&self, job: Job) -> Result<Cancellation, CloudError> {
        let job = match self.jobs.advance_from(job, JobEvent::Cancelled).await? {
            Advance::Changed(job) | Advance::Unchanged(job) | Advance::Ended(job) | Advance::TooEarly(job) => job,
            Advance::Missing => return Ok(Cancellation::Missing),
        };
        if job.status() != Status::Cancelled {
            return Ok(Cancellation::Ended(job));
        }
        self.workflow.stop(&job.id).await?;
        Ok(Cancellation::Cancelled(job))
    }
}
