//! One attempt of one worker: fetch the source, make, store, commit. The making itself is the caller's.
//!
//! Three things go on at once: the steps, one after the other; every two seconds, at most, progress is
//! written to the job; and somebody may say stop. Whichever of the three ends first ends the attempt, and
//! the others are dropped where they are. Only a committed manifest makes an attempt count.

mod maker;
mod run;
mod shelf;

pub use maker::{MakeError, MakeEvent, Workbench};

use crate::{
    artifacts::Artifacts,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    invocation::Failure,
    jobs::{Advance, Jobs},
    media::MediaTable,
    telemetry::Meter,
    uploads::Uploads,
};
use aws_config::SdkConfig;
use maker::{MakeInputs, Maker};
use run::{AttemptRun, Stop};
use smmu_core::{
    AttemptOutcome, Detected, JobError, JobEvent, JobId, Machine, Manifest, Measurement, Pipeline, PriceTable, Share,
    Stage, Subject, Work, with_causes,
};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Everything that an attempt touches.
#[derive(Clone)]
pub struct Attempt {
    uploads: Uploads,
    artifacts: Artifacts,
    jobs: Jobs,
    media: MediaTable,
    meter: Meter,
    prices: PriceTable,
    machine: Option<Machine>,
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
/// How long a maker is waited for where somebody else waits for this attempt to stop.
const STOPPING: Duration = Duration::from_secs(5);

impl Attempt {
    /// From the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            uploads: Uploads::new(sdk, environment)?,
            artifacts: Artifacts::new(sdk, environment)?,
            jobs: Jobs::new(sdk, environment)?,
            media: MediaTable::new(sdk, environment)?,
            meter: Meter::new(environment)?,
            prices: environment.prices()?,
            machine: environment.machine()?,
        })
    }

    /// Opens connections, see [`start`](crate::start).
    pub async fn connect(&self) {
        tokio::join!(self.jobs.connect(), self.uploads.connect());
    }

    /// The same on a machine of another size than the environment tells.
    #[must_use]
    pub fn on(self, machine: Machine) -> Self {
        Self { machine: Some(machine), ..self }
    }

    /// Runs `make` in a thread of its own on the source of `work`, and publishes what it makes.
    ///
    /// When `stop` comes first, `make` is cancelled and has five seconds to end, and nothing is committed.
    pub async fn run<F>(
        &self,
        work: &Detected,
        stage: Stage,
        stop: impl Future<Output = ()>,
        make: F,
    ) -> Result<Ending, Failure>
    where
        F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
    {
        let began = Instant::now();
        // Boxed: callers' futures would hold this one's whole state, and the compiler its whole type.
        let ended = Box::pin(self.try_once(work, stage, began, stop, make)).await;
        let outcome = match &ended {
            Ok(Ending::Committed | Ending::Superseded) => AttemptOutcome::Done,
            Err(Failure::Refused(_)) => AttemptOutcome::Refused,
            Err(Failure::Transient(_) | Failure::Fault(_)) => AttemptOutcome::Failed,
        };
        let measured = Measurement::AttemptEnded { stage, lasted_ms: milliseconds(began.elapsed()), outcome };
        self.meter.write(&measured, Some(Subject { job: &work.input.job_id, trail: work.input.trail.as_ref() }));
        ended
    }

    async fn try_once<F>(
        &self,
        work: &Detected,
        stage: Stage,
        began: Instant,
        stop: impl Future<Output = ()>,
        make: F,
    ) -> Result<Ending, Failure>
    where
        F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
    {
        let room = tempfile::tempdir().map_err(|error| Failure::Transient(format!("no temporary folder: {error}")))?;
        let pipeline = stage.pipeline().ok_or_else(|| Failure::unexpected("no worker works in this stage"))?;
        let (share, reached) = watch::channel(Share::default());
        let run = AttemptRun { attempt: self, work, stage, pipeline, began, room: room.path(), share: &share };
        let mut maker = None;
        // Boxed: the steps hold the state of every request that they make.
        let steps = Box::pin(run.run(make, &mut maker));
        let (ended, patience) = tokio::select! {
            biased;
            () = stop => (Err(Stop::Stopped), STOPPING),
            ended = steps => (ended, Duration::MAX),
            early = self.report(&work.input.job_id, reached, |share| worked(work, stage, pipeline, share)) => {
                (Err(early), Duration::MAX)
            }
        };
        if let Some(maker) = maker {
            // Left alone, it would work beside the next invocation, and in a folder that is gone.
            maker.cancel(patience).await;
        }
        match ended {
            Ok(()) => Ok(Ending::Committed),
            Err(Stop::Superseded) => Ok(Ending::Superseded),
            Err(Stop::Failed(failure)) => Err(failure),
            Err(Stop::Stopped) if self.has_ended(&work.input.job_id).await => Ok(Ending::Superseded),
            Err(Stop::Stopped) => Err(Failure::Transient("told to stop".into())),
        }
    }

    /// Whether a job is known to have ended. Who cancels a job stops its workers too: these have not failed.
    async fn has_ended(&self, job: &JobId) -> bool {
        match self.jobs.get(job).await {
            Ok(found) => found.is_some_and(|job| job.status().is_terminal()),
            Err(error) => {
                tracing::warn!(error = with_causes(&error), "cannot tell whether the job has ended");
                false
            }
        }
    }

    /// Writes progress as it comes, until the job is found to have ended. Progress that cannot be
    /// written does not stop the work.
    async fn report(
        &self,
        job: &JobId,
        mut reached: watch::Receiver<Share>,
        event: impl Fn(Share) -> JobEvent,
    ) -> Stop {
        loop {
            tokio::time::sleep(PROGRESS_INTERVAL).await;
            if reached.changed().await.is_err() {
                return std::future::pending().await;
            }
            let share = *reached.borrow_and_update();
            match self.jobs.advance(job, event(share)).await {
                Ok(Advance::Ended(_)) => return Stop::Superseded,
                Ok(_) => {}
                Err(error) => tracing::warn!(error = with_causes(&error), "progress was not recorded"),
            }
        }
    }

    /// Records a refusal as the job's end, or, of a worker that the job can do without, as the end of its share.
    /// Succeeds too where the job had ended before.
    pub async fn refuse(&self, work: &Detected, error: JobError) -> Result<(), CloudError> {
        if let Some(pipeline) = error.stage.pipeline().filter(|pipeline| pipeline.is_optional()) {
            tracing::warn!(code = %error.code, %pipeline, "the job goes on without this worker");
            return self.jobs.advance(&work.input.job_id, JobEvent::GivenUp(pipeline, error)).await.map(drop);
        }
        self.jobs.advance(&work.input.job_id, JobEvent::Failed(error)).await.map(drop)
    }
}

/// The event that a worker got this far.
fn worked(work: &Detected, stage: Stage, pipeline: Pipeline, share: Share) -> JobEvent {
    JobEvent::Worked(Work { stage, pipeline, branch: work.branch, share })
}

/// A duration as metrics and prices count it.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
