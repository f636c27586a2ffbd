//! One attempt of one worker: fetch the source, make, store, commit. The making itself is the caller's.

use crate::{
    artifacts::Artifacts,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    invocation::Failure,
    jobs::{Advance, Jobs},
    uploads::Uploads,
};
use aws_config::SdkConfig;
use smmu_core::{Detected, JobEvent, Manifest, Progress, Refusal, Stage};
use std::{path::Path, time::Duration};
use tokio::sync::watch;

/// Everything that an attempt touches.
#[derive(Clone)]
pub struct Attempt {
    uploads: Uploads,
    artifacts: Artifacts,
    jobs: Jobs,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The input is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The machine is at fault: a full disk, a killed child.
    #[error("{0}")]
    Fault(String),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A manifest is committed: this attempt's, or an earlier one's.
    Committed,
    /// The job had ended before; nothing was published.
    Superseded,
}

/// How often progress is written at most.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

impl Attempt {
    /// From the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            uploads: Uploads::new(sdk, environment)?,
            artifacts: Artifacts::new(sdk, environment)?,
            jobs: Jobs::new(sdk, environment)?,
        })
    }

    /// Runs `make(source file, empty output folder, progress in percent)` in another thread, and
    /// publishes what it made.
    pub async fn run<F>(&self, work: &Detected, stage: Stage, make: F) -> Result<Ending, Failure>
    where
        F: FnOnce(&Path, &Path, &dyn Fn(u8)) -> Result<Manifest, MakeError> + Send + 'static,
    {
        let job_id = &work.input.job_id;
        match self.jobs.advance(job_id, JobEvent::Progressed(Progress::at(stage, 0))).await? {
            Advance::Changed(_) | Advance::Unchanged(_) => {}
            Advance::Ended(_) => return Ok(Ending::Superseded),
            Advance::TooEarly(_) | Advance::Missing => return Err(Failure::unexpected("the job is not running")),
        }
        let room = tempfile::tempdir().map_err(|error| Failure::Transient(format!("no temporary folder: {error}")))?;
        let (source, outputs) = (room.path().join("source"), room.path().join("outputs"));
        std::fs::create_dir(&outputs).map_err(|error| Failure::Transient(format!("no folder for outputs: {error}")))?;
        let downloaded = self.uploads.download(&work.input.source, &source).await;
        downloaded.map_err(|error| Failure::reading_source(error, stage))?;

        let (reached, progress) = watch::channel(0);
        let target = outputs.clone();
        let mut making = tokio::task::spawn_blocking(move || {
            make(&source, &target, &|percent| {
                // Nobody listening means that the attempt was given up; the thread's result is dropped then.
                let _unheard = reached.send(percent);
            })
        });
        let made = tokio::select! {
            made = &mut making => made,
            ended = self.report(work, stage, progress) => {
                // The thread cannot be stopped; left alone, it would work beside the next invocation.
                let _unused = making.await;
                return ended;
            }
        };
        let made = made.map_err(|error| Failure::Fault(format!("the maker panicked: {error}")))?;
        let manifest = match made {
            Ok(manifest) => manifest,
            Err(MakeError::Refused(refusal)) => return Err(Failure::refused(refusal, stage)),
            Err(MakeError::Fault(message)) => return Err(Failure::Transient(message)),
        };

        let key = self.artifacts.store(job_id, &manifest, &outputs).await?;
        match self.jobs.advance(job_id, JobEvent::Committed(manifest.pipeline, key)).await? {
            Advance::Changed(_) | Advance::Unchanged(_) => Ok(Ending::Committed),
            Advance::Ended(_) => Ok(Ending::Superseded),
            Advance::TooEarly(_) | Advance::Missing => Err(Failure::unexpected("the job is not running")),
        }
    }

    /// Writes progress as it comes, until the job is found to have ended. Never returns otherwise:
    /// progress that cannot be written does not stop the work.
    async fn report(
        &self,
        work: &Detected,
        stage: Stage,
        mut progress: watch::Receiver<u8>,
    ) -> Result<Ending, Failure> {
        loop {
            tokio::time::sleep(PROGRESS_INTERVAL).await;
            if progress.changed().await.is_err() {
                return std::future::pending().await;
            }
            let percent = *progress.borrow_and_update();
            let event = JobEvent::Progressed(Progress::at(stage, percent));
            match self.jobs.advance(&work.input.job_id, event).await {
                Ok(Advance::Ended(_)) => return Ok(Ending::Superseded),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "progress was not recorded"),
            }
        }
    }

    /// Records a refusal as the job's end. Succeeds too where the job had ended before.
    pub async fn refuse(&self, work: &Detected, error: smmu_core::JobError) -> Result<(), CloudError> {
        self.jobs.advance(&work.input.job_id, JobEvent::Failed(error)).await.map(drop)
    }
}
