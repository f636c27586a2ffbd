//! One attempt of one worker: fetch the source, make the outputs, store them, commit. The caller supplies the maker.
//!
//! Three futures run concurrently: the steps, in sequence; a reporter that writes progress to the job, at most every
//! two seconds; and the caller's stop signal. The first to end ends the attempt, and the other two are dropped. An
//! attempt counts only once its manifest is committed.

mod maker;
mod run;
mod shelf;

pub use maker::Workbench;

use crate::{
    artifacts::Artifacts,
    clock,
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
    AttemptOutcome, Detected, ErrorCode, Hold, Job, JobError, JobEvent, JobId, Machine, Manifest, Measurement,
    PriceTable, Run, Share, Stage, Subject, make::MakeError, with_causes,
};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The services that an attempt uses.
#[derive(Clone)]
pub struct Attempt {
    uploads: Uploads,
    artifacts: Artifacts,
    jobs: Jobs,
    media: MediaTable,
    meter: Meter,
    prices: PriceTable,
    machine: Option<Machine>,
    /// Set in a function whose work a container can continue.
    moves: bool,
    /// The light run that this attempt works for. Without its hold on the job, the attempt ends.
    run: Option<Run>,
}

/// Why an attempt is stopped from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// A signal came.
    Signal,
    /// The function cannot end the work, for this reason; a container continues.
    Move(String),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A manifest is committed: this attempt's, or an earlier one's.
    Committed,
    /// The job had ended already, or is no longer that of the attempt's run; nothing was published.
    Superseded,
}

/// Minimum time between two writes of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);
/// Time without progress after which a hold is renewed.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(Hold::RENEWAL_SECONDS as u64);
/// How long a stopped attempt waits for its maker.
const STOP_GRACE: Duration = Duration::from_secs(5);

impl Attempt {
    /// Reads the services, prices and machine from the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            uploads: Uploads::new(sdk, environment)?,
            artifacts: Artifacts::new(sdk, environment)?,
            jobs: Jobs::new(sdk, environment)?,
            media: MediaTable::new(sdk, environment)?,
            meter: Meter::new(environment)?,
            prices: environment.prices()?,
            machine: environment.machine()?,
            moves: false,
            run: None,
        })
    }

    /// Opens connections, see [`start`](crate::start).
    pub async fn connect(&self) {
        tokio::join!(self.jobs.connect(), self.uploads.connect());
    }

    /// Overrides the machine that was read from the environment.
    #[must_use]
    pub fn on(self, machine: Machine) -> Self {
        Self { machine: Some(machine), ..self }
    }

    /// Lets work move to a container that needs more memory, disk or time than this machine has.
    #[must_use]
    pub fn that_moves(self) -> Self {
        Self { moves: true, ..self }
    }

    /// Works for a run of the light state machine: renews its hold on the job, and ends if the run loses it.
    #[must_use]
    pub fn for_run(self, run: Option<Run>) -> Self {
        Self { run, ..self }
    }

    /// Whether the run that this attempt works for has lost the job.
    fn has_lost(&self, job: &Job) -> bool {
        self.run.as_ref().is_some_and(|run| !job.is_held_by(run))
    }

    /// Runs `make` on the source of `work`, in a separate thread, and publishes its outputs.
    ///
    /// If `stop` completes first, `make` is cancelled and has five seconds to end, and nothing is committed.
    pub async fn run<F>(
        &self,
        work: &Detected,
        stage: Stage,
        stop: impl Future<Output = StopReason>,
        make: F,
    ) -> Result<Ending, Failure>
    where
        F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
    {
        let began = Instant::now();
        // Boxed: otherwise callers' futures embed this one's whole state, and the compiler its whole type.
        let ended = Box::pin(self.try_once(work, stage, began, stop, make)).await;
        let outcome = match &ended {
            Ok(Ending::Committed | Ending::Superseded) => AttemptOutcome::Done,
            Err(Failure::Refused(_)) => AttemptOutcome::Refused,
            Err(Failure::Moved(_)) => AttemptOutcome::Moved,
            Err(Failure::Transient(_) | Failure::Superseded(_) | Failure::Fault(_)) => AttemptOutcome::Failed,
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
        stop: impl Future<Output = StopReason>,
        make: F,
    ) -> Result<Ending, Failure>
    where
        F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
    {
        let room = tempfile::tempdir().map_err(|error| Failure::Transient(format!("no temporary folder: {error}")))?;
        let pipeline = stage.pipeline().ok_or_else(|| Failure::unexpected("this stage has no worker"))?;
        let (share, reached) = watch::channel(Share::default());
        let id = clock::new_attempt_id();
        let run = AttemptRun { attempt: self, work, id, stage, pipeline, began, room: room.path(), share: &share };
        let mut maker = None;
        // Boxed: the future of the steps embeds the state of every request.
        let steps = Box::pin(run.run(make, &mut maker));
        let (ended, patience) = tokio::select! {
            biased;
            reason = stop => (Err(Stop::Stopped(reason)), STOP_GRACE),
            ended = steps => (ended, Duration::MAX),
            early = self.report(&work.input.job_id, reached, |share| run.worked(share)) => {
                (Err(early), Duration::MAX)
            }
        };
        if let Some(maker) = maker {
            // Otherwise it would run on during the next invocation, in a deleted folder.
            maker.cancel(patience).await;
        }
        if matches!(ended, Err(Stop::Failed(_) | Stop::Stopped(_))) {
            run.report_cost().await;
        }
        match ended {
            Ok(()) => Ok(Ending::Committed),
            Err(Stop::Superseded) => Ok(Ending::Superseded),
            Err(Stop::Failed(failure)) => Err(self.moved(failure)),
            Err(Stop::Stopped(_)) if self.has_ended(&work.input.job_id).await => Ok(Ending::Superseded),
            Err(Stop::Stopped(StopReason::Signal)) => Err(Failure::Transient("stopped by a signal".into())),
            Err(Stop::Stopped(StopReason::Move(reason))) => Err(Failure::Moved(reason)),
        }
    }

    /// Turns a refusal for lack of memory or time into a move, where there is a container with more of both.
    fn moved(&self, failure: Failure) -> Failure {
        let lacks = |error: &JobError| matches!(error.code, ErrorCode::TooMuchMemory | ErrorCode::TimedOut);
        match failure {
            Failure::Refused(error) if self.moves && lacks(&error) => Failure::Moved(error.message),
            failure @ (Failure::Refused(_)
            | Failure::Transient(_)
            | Failure::Moved(_)
            | Failure::Superseded(_)
            | Failure::Fault(_)) => failure,
        }
    }

    /// Returns whether the job is known to have ended. Cancelling a job stops its workers; their attempts have not
    /// failed.
    async fn has_ended(&self, job: &JobId) -> bool {
        match self.jobs.get(job).await {
            Ok(found) => found.is_some_and(|job| job.status().is_terminal()),
            Err(error) => {
                tracing::warn!(error = with_causes(&error), "failed to read the job; assuming that it has not ended");
                false
            }
        }
    }

    /// Writes progress as it arrives, until the job turns out to have ended or to be another's. Without progress, a hold
    /// is still renewed: a step without progress can last longer than it. A failed write does not stop the work.
    async fn report(
        &self,
        job: &JobId,
        mut reached: watch::Receiver<Share>,
        event: impl Fn(Share) -> JobEvent,
    ) -> Stop {
        loop {
            tokio::time::sleep(PROGRESS_INTERVAL).await;
            let renewal = if self.run.is_some() { RENEWAL_INTERVAL } else { Duration::MAX };
            if let Ok(Err(_closed)) = tokio::time::timeout(renewal, reached.changed()).await {
                return std::future::pending().await;
            }
            let share = *reached.borrow_and_update();
            match self.jobs.advance(job, event(share)).await {
                Ok(Advance::Ended(_)) => return Stop::Superseded,
                Ok(Advance::Changed(job) | Advance::Unchanged(job)) if self.has_lost(&job) => return Stop::Superseded,
                Ok(_) => {}
                Err(error) => tracing::warn!(error = with_causes(&error), "failed to record progress"),
            }
        }
    }

    /// Records a refusal: it fails the job, or, from an optional worker, only ends that worker's share. Also succeeds
    /// if the job had ended already.
    pub async fn refuse(&self, work: &Detected, error: JobError) -> Result<(), CloudError> {
        if let Some(pipeline) = error.stage.pipeline().filter(|pipeline| pipeline.is_optional()) {
            return self.jobs.advance(&work.input.job_id, JobEvent::GivenUp(pipeline, error)).await.map(drop);
        }
        self.jobs.advance(&work.input.job_id, JobEvent::Failed(error)).await.map(drop)
    }
}

/// A duration in whole milliseconds, the unit of metrics and prices.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
