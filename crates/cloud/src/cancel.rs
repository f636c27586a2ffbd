//! Cancelling a job: its record first, its execution after that.

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

/// What became of a cancellation.
#[derive(Debug)]
pub enum Cancellation {
    /// The job is cancelled, now or before.
    Cancelled(Job),
    /// It had ended otherwise.
    Ended(Job),
    /// There is no such job any more.
    Missing,
}

impl Canceller {
    /// From the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { jobs: Jobs::new(sdk, environment)?, workflow: Workflow::new(sdk, environment)? })
    }

    /// Cancels a job that was just read. Doing it twice is harmless, and stops an execution that the first time could
    /// not be stopped.
    ///
    /// The record is written first: the other way round, the event that the execution has been stopped could be faster
    /// and make the job FAILED. A worker that is not stopped, or that starts after this, finds the record and ends.
    pub async fn cancel(&self, job: Job) -> Result<Cancellation, CloudError> {
        let job = match self.jobs.advance_from(job, JobEvent::Cancelled).await? {
            Advance::Changed(job) => {
                tracing::info!(job_id = %job.id, "cancelled on request");
                job
            }
            Advance::Unchanged(job) | Advance::Ended(job) | Advance::TooEarly(job) => job,
            Advance::Missing => return Ok(Cancellation::Missing),
        };
        if job.status() != Status::Cancelled {
            return Ok(Cancellation::Ended(job));
        }
        self.workflow.stop(&job.id).await?;
        Ok(Cancellation::Cancelled(job))
    }
}
