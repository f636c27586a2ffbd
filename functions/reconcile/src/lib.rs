//! Repairs lost work: jobs that were never sent, executions that ended without a status update, uploads that were never
//! completed. Also passes the turn of an ended job to the next job of its user. Every action is harmless if repeated or
//! not needed.

mod turns;

use aws_config::SdkConfig;
use serde::Serialize;
use serde_json::Value;
use smmu_cloud::{
    AccountMessage, Advance, CloudError, Environment, Failure, Function, Meter, PurgeQueue, StartError, SubmitError,
    Submitter, Workflow, clock, telemetry, workflow::Execution,
};
use smmu_core::{
    CorrelationId, ErrorCode, Job, JobEvent, JobId, JobState, Measurement, MediaId, MediaState, Origin, QueueStep,
    Refusal, Timestamp, Watch, media::LATE_SECONDS, with_causes,
};

pub struct Context {
    submitter: Submitter,
    workflow: Workflow,
    purges: PurgeQueue,
    thresholds: Thresholds,
    meter: Meter,
}

/// Ages in seconds after which something is repaired or reported.
#[derive(Debug, Clone, Copy)]
pub struct Thresholds {
    /// From recording a job to recording that its message was sent.
    pub unsent: i64,
    /// Since the last change of a job.
    pub silent: i64,
    /// Since the last change of a job whose execution runs. The slowest work progresses by a percent every quarter of
    /// an hour, so beyond this age a worker hangs or waits for capacity.
    pub stuck: i64,
    /// From the end of a grant: an upload that began in time can take this long.
    pub ungranted: i64,
    /// From deleting a media until its purge is requested again.
    pub unpurged: i64,
    /// From the end of a deleted media's last grant until no more data can arrive.
    pub late: i64,
}

/// Age in seconds at which a deleted media that is still not removed is reported to the operator: a day.
const TOO_LONG_UNPURGED: i64 = 24 * 60 * 60;

impl Default for Thresholds {
    fn default() -> Self {
        Self { unsent: 60, silent: 600, stuck: 3600, ungranted: 3600, unpurged: 300, late: LATE_SECONDS }
    }
}

/// Maximum number of records of each sort per run. The next run continues.
const BATCH: usize = 200;

impl Function for Context {
    type Event = Value;
    type Answer = Report;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        let default = Thresholds::default();
        Ok(Self {
            submitter: Submitter::new(sdk, environment)?,
            workflow: Workflow::new(sdk, environment)?,
            purges: PurgeQueue::new(sdk, environment)?,
            thresholds: Thresholds {
                unsent: environment.parse_or("SMMU_PATIENCE_UNSENT_SECONDS", default.unsent)?,
                silent: environment.parse_or("SMMU_PATIENCE_SILENT_SECONDS", default.silent)?,
                stuck: environment.parse_or("SMMU_PATIENCE_STUCK_SECONDS", default.stuck)?,
                ungranted: environment.parse_or("SMMU_PATIENCE_UNGRANTED_SECONDS", default.ungranted)?,
                unpurged: environment.parse_or("SMMU_PATIENCE_UNPURGED_SECONDS", default.unpurged)?,
                late: environment.parse_or("SMMU_PATIENCE_LATE_SECONDS", default.late)?,
            },
            meter: Meter::new(environment)?,
        })
    }

    /// Handles the schedule and the stream of the jobs table.
    async fn handle(&self, event: Value) -> Result<Report, Failure> {
        match turns::ended(&event) {
            Some(ended) => turns::pass_on(&ended, self).await,
            None => repair_all(event, self).await,
        }
    }
}

/// Summary of one run.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Jobs whose message was sent or resent.
    pub sent: usize,
    /// Waiting jobs that got their turn.
    pub released: usize,
    /// Jobs marked `FAILED`.
    pub failed: usize,
    /// Jobs without progress for too long although their execution runs. They are only reported.
    pub stuck: usize,
    /// Uploads submitted because their client never completed them.
    pub submitted: usize,
    /// Grants that expired without an upload.
    pub expired: usize,
    /// Deleted media and accounts whose purge was requested again, or for the last time.
    pub purged: usize,
    /// Records that could not be checked. The next run retries them.
    pub errors: usize,
}

enum Repaired {
    Sent,
    Failed,
    Stuck,
    Submitted,
    Expired,
    Purged,
    Nothing,
}

/// Repairs lost work. Runs at every tick of the schedule.
async fn repair_all(tick: Value, context: &Context) -> Result<Report, Failure> {
    let now = clock::now();
    let origin = origin(&tick);
    let mut report = Report::default();
    report.released = turns::release_watched(context, now, &mut report.errors).await?;
    for id in lost_jobs(context, now).await? {
        count(repair_job(&id, context, now).await, id.as_str(), &mut report);
    }
    for id in context.submitter.media.awaiting_since(now.plus_seconds(-context.thresholds.ungranted), BATCH).await? {
        count(repair_upload(&id, origin.clone(), context).await, id.as_str(), &mut report);
    }
    for id in context.submitter.media.deleted(BATCH).await? {
        count(repair_purge(&id, context, now).await, id.as_str(), &mut report);
    }
    for id in context.submitter.media.purged_since(now.plus_seconds(-context.thresholds.late), BATCH).await? {
        // Removes the records and any data that arrived after the first purge.
        count(context.purges.send(&id).await.map(|()| Repaired::Purged), id.as_str(), &mut report);
    }
    for account in context.submitter.media.erasures_since(now.plus_seconds(-context.thresholds.unpurged), BATCH).await?
    {
        // A message was lost, or Lambda stopped a long chain of messages.
        let message = AccountMessage { account: account.clone(), after: None, found: false };
        let sent = context.purges.send_account(&message, 0).await;
        count(sent.map(|()| Repaired::Purged), &account, &mut report);
    }
    let measured = Measurement::Reconciled { stuck: report.stuck + report.errors, mended: report.sent + report.failed };
    context.meter.write(&measured, None);
    tracing::info!(?report, "reconciled");
    Ok(report)
}

/// The `EventBridge` ID of the tick, as the origin of jobs for uploads that no client completed.
fn origin(tick: &Value) -> Option<Origin> {
    let id = tick.get("id")?.as_str()?.to_owned();
    Some(Origin { correlation_id: CorrelationId::try_from(id).ok()?, trace_id: None, sampled: false })
}

async fn lost_jobs(context: &Context, now: Timestamp) -> Result<Vec<JobId>, CloudError> {
    let jobs = &context.submitter.jobs;
    let mut ids = Vec::new();
    for (watch, threshold) in [
        (Watch::Unsent, context.thresholds.unsent),
        (Watch::Sent, context.thresholds.silent),
        (Watch::Running, context.thresholds.silent),
    ] {
        ids.extend(jobs.watched_since(watch, now.plus_seconds(-threshold), BATCH).await?);
    }
    Ok(ids)
}

fn count(repaired: Result<Repaired, CloudError>, id: &str, report: &mut Report) {
    match repaired {
        Ok(Repaired::Sent) => report.sent += 1,
        Ok(Repaired::Failed) => report.failed += 1,
        Ok(Repaired::Stuck) => report.stuck += 1,
        Ok(Repaired::Submitted) => report.submitted += 1,
        Ok(Repaired::Expired) => report.expired += 1,
        Ok(Repaired::Purged) => report.purged += 1,
        Ok(Repaired::Nothing) => {}
        Err(error) => {
            tracing::error!(id, error = with_causes(&error), "failed to reconcile; will try again");
            report.errors += 1;
        }
    }
}

async fn repair_job(id: &JobId, context: &Context, now: Timestamp) -> Result<Repaired, CloudError> {
    // The index may lag behind the table.
    let Some(job) = context.submitter.jobs.get(id).await? else { return Ok(Repaired::Nothing) };
    let silent = job.updated_at <= now.plus_seconds(-context.thresholds.silent);
    match &job.state {
        JobState::Queued { step: QueueStep::Unsent } => start(job, context).await,
        JobState::Queued { step: QueueStep::Sent(_) } if silent => match context.workflow.execution(id).await? {
            Execution::Missing => send(job, context).await,
            Execution::Running => Ok(Repaired::Nothing),
            Execution::Succeeded => fail(job, ErrorCode::Internal, context).await,
            Execution::Ended(code) => fail(job, code, context).await,
        },
        JobState::Running { .. } if silent => match context.workflow.execution(id).await? {
            Execution::Running if job.updated_at <= now.plus_seconds(-context.thresholds.stuck) => {
                let _logged_as = telemetry::job_span(id, job.trail.as_ref()).entered();
                tracing::error!(stage = ?job.stage(), since = %job.updated_at, "the job is stuck");
                Ok(Repaired::Stuck)
            }
            Execution::Running => Ok(Repaired::Nothing),
            Execution::Missing => match job.hold.as_ref().map(|hold| hold.until) {
                Some(until) if until > now => Ok(Repaired::Nothing),
                Some(_) => take_up(job, context).await,
                None => fail(job, ErrorCode::Internal, context).await,
            },
            Execution::Succeeded => fail(job, ErrorCode::Internal, context).await,
            Execution::Ended(code) => fail(job, code, context).await,
        },
        JobState::Queued { .. }
        | JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => Ok(Repaired::Nothing),
    }
}

/// Sends a job if a turn is free, else leaves it waiting.
async fn start(job: Job, context: &Context) -> Result<Repaired, CloudError> {
    let Some(media) = context.submitter.media.get(&job.media_id).await? else {
        return fail(job, ErrorCode::Internal, context).await;
    };
    if media.execution_input(&job).is_none() {
        return fail(job, ErrorCode::Internal, context).await;
    }
    let job = context.submitter.start(&media, job).await;
    match &job.state {
        JobState::Queued { step: QueueStep::Unsent } => {
            let why = "failed to send the job, see the log";
            Err(CloudError {
                operation: "start",
                transient: true,
                missing: false,
                unreadable: false,
                source: why.into(),
            })
        }
        JobState::Queued { step: QueueStep::Waiting { .. } } => Ok(Repaired::Nothing),
        JobState::Queued { step: QueueStep::Sent(_) }
        | JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => {
            let _logged_as = telemetry::job_span(&job.id, job.trail.as_ref()).entered();
            tracing::warn!("sent a job whose message was missing");
            Ok(Repaired::Sent)
        }
    }
}

/// Resends a job that has its turn.
async fn send(job: Job, context: &Context) -> Result<Repaired, CloudError> {
    let Some(media) = context.submitter.media.get(&job.media_id).await? else {
        return fail(job, ErrorCode::Internal, context).await;
    };
    let Some(input) = media.execution_input(&job) else { return fail(job, ErrorCode::Internal, context).await };
    let (id, trail) = (job.id.clone(), job.trail.clone());
    context.submitter.queue.send(&input).await?;
    context.submitter.jobs.advance_from(job, JobEvent::Sent).await?;
    let _logged_as = telemetry::job_span(&id, trail.as_ref()).entered();
    tracing::warn!("resent a job that had no execution");
    Ok(Repaired::Sent)
}

/// Starts the Standard state machine for the job of a light run that vanished. Usually `dispatch` does, unless the
/// message is lost.
async fn take_up(job: Job, context: &Context) -> Result<Repaired, CloudError> {
    let Some(media) = context.submitter.media.get(&job.media_id).await? else {
        return fail(job, ErrorCode::Internal, context).await;
    };
    let Some(input) = media.execution_input(&job) else { return fail(job, ErrorCode::Internal, context).await };
    context.workflow.start(&input).await?;
    let _logged_as = telemetry::job_span(&job.id, job.trail.as_ref()).entered();
    tracing::warn!("took up the job of a light run that did not end it");
    Ok(Repaired::Sent)
}

async fn fail(job: Job, code: ErrorCode, context: &Context) -> Result<Repaired, CloudError> {
    let error = Refusal::workflow_ended(code).at(job.stage());
    match context.submitter.jobs.advance_from(job, JobEvent::Failed(error)).await? {
        Advance::Changed(_) => Ok(Repaired::Failed),
        Advance::Unchanged(_) | Advance::Ended(_) | Advance::TooEarly(_) | Advance::Missing => Ok(Repaired::Nothing),
    }
}

/// Submits a complete upload without its client: the checksum proves its content. Expires an incomplete one.
async fn repair_upload(id: &MediaId, origin: Option<Origin>, context: &Context) -> Result<Repaired, CloudError> {
    // The index may lag behind the table.
    let Some(media) = context.submitter.media.get(id).await? else { return Ok(Repaired::Nothing) };
    match context.submitter.complete(&media, origin).await {
        Ok(_) => Ok(Repaired::Submitted),
        Err(SubmitError::NotUploaded | SubmitError::PartsMissing(_)) => {
            // Abort the parts before recording the expiry, because nothing looks for them afterwards.
            context.submitter.uploads.give_parts_up(&media).await?;
            Ok(if context.submitter.media.expire(&media).await? { Repaired::Expired } else { Repaired::Nothing })
        }
        Err(SubmitError::Mismatch(mismatch)) => {
            tracing::error!(mediaId = %media.id, %mismatch, "an upload differs from its grant");
            Ok(if context.submitter.media.expire(&media).await? { Repaired::Expired } else { Repaired::Nothing })
        }
        Err(SubmitError::Deleted) => Ok(Repaired::Nothing),
        Err(SubmitError::Cloud(error)) => Err(error),
    }
}

/// Requests the purge again if its message was lost or became a dead letter.
async fn repair_purge(id: &MediaId, context: &Context, now: Timestamp) -> Result<Repaired, CloudError> {
    // The index may lag behind the table.
    let Some(media) = context.submitter.media.get(id).await? else { return Ok(Repaired::Nothing) };
    let MediaState::Deleted { deleted_at } = media.state else { return Ok(Repaired::Nothing) };
    if deleted_at > now.plus_seconds(-context.thresholds.unpurged) {
        return Ok(Repaired::Nothing);
    }
    context.purges.send(id).await?;
    if deleted_at < now.plus_seconds(-TOO_LONG_UNPURGED) {
        tracing::error!(mediaId = %id, since = %deleted_at, "the deleted media is still not removed");
        return Ok(Repaired::Stuck);
    }
    Ok(Repaired::Purged)
}
