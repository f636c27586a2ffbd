//! Finds what was lost on the way: jobs never sent, executions that ended without telling, uploads
//! never completed. And gives the turn of a job that has ended to the next of its user. Everything that it does is
//! harmless when done twice, or when it was not needed.

mod turns;

use aws_config::SdkConfig;
use serde::Serialize;
use serde_json::Value;
use smmu_cloud::{
    AccountMessage, Advance, CloudError, Environment, Failure, Function, Meter, PurgeQueue, StartError, SubmitError,
    Submitter, Workflow, clock, telemetry, workflow::Execution,
};
use smmu_core::{
    CorrelationId, ErrorCode, Job, JobEvent, JobId, JobState, Measurement, MediaId, MediaState, Origin, Refusal,
    Timestamp, Turn, Watch, media::LATE_SECONDS, with_causes,
};

/// What the function needs, made once.
pub struct Context {
    submitter: Submitter,
    workflow: Workflow,
    purges: PurgeQueue,
    patience: Patience,
    meter: Meter,
}

/// How long things may take before they are looked into, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From recording a job to recording that its message was sent.
    pub unsent: i64,
    /// Without any change to a job.
    pub silent: i64,
    /// Without any change to a job whose execution runs. The longest work reports a percent more every quarter of an
    /// hour, so this is a worker that hangs, or one that waits for capacity.
    pub stuck: i64,
    /// From the end of a grant: an upload that began in time may take until then.
    pub ungranted: i64,
    /// From deleting a media to having removed it; then it is asked for again.
    pub unpurged: i64,
    /// From the end of a deleted media's last grant until nothing can arrive any more.
    pub late: i64,
}

/// Seconds after which a deleted media that is still not removed is something for a person to look at: a day.
const TOO_LONG_UNPURGED: i64 = 24 * 60 * 60;

impl Default for Patience {
    fn default() -> Self {
        Self { unsent: 60, silent: 600, stuck: 3600, ungranted: 3600, unpurged: 300, late: LATE_SECONDS }
    }
}

/// How many records of each sort one run looks at; the next run goes on.
const BATCH: usize = 200;

impl Function for Context {
    type Event = Value;
    type Answer = Report;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        let default = Patience::default();
        Ok(Self {
            submitter: Submitter::new(sdk, environment)?,
            workflow: Workflow::new(sdk, environment)?,
            purges: PurgeQueue::new(sdk, environment)?,
            patience: Patience {
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

    /// Serves the schedule and the stream of the jobs table.
    async fn handle(&self, event: Value) -> Result<Report, Failure> {
        match turns::ended(&event) {
            Some(ended) => turns::pass_on(&ended, self).await,
            None => mend_all(event, self).await,
        }
    }
}

/// What one run did.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Jobs whose message was sent (again).
    pub sent: usize,
    /// Jobs that waited and got their turn.
    pub released: usize,
    /// Jobs marked FAILED.
    pub failed: usize,
    /// Jobs that have not moved for long though their execution runs; left as they are, for a person to look at.
    pub stuck: usize,
    /// Uploads submitted for a client that never completed them.
    pub submitted: usize,
    /// Grants that ended without an upload.
    pub expired: usize,
    /// Deleted media and accounts whose purge was asked for once more, or for the last time.
    pub purged: usize,
    /// Records that could not be looked into; the next run tries again.
    pub errors: usize,
}

enum Mended {
    Sent,
    Failed,
    Stuck,
    Submitted,
    Expired,
    Purged,
    Nothing,
}

/// Looks for what was lost, at every tick of the schedule.
async fn mend_all(tick: Value, context: &Context) -> Result<Report, Failure> {
    let now = clock::now();
    let origin = origin(&tick);
    let mut report = Report::default();
    report.released = turns::release_watched(context, now, &mut report.errors).await?;
    for id in lost_jobs(context, now).await? {
        count(mend_job(&id, context, now).await, id.as_str(), &mut report);
    }
    for id in context.submitter.media.awaiting_since(now.plus_seconds(-context.patience.ungranted), BATCH).await? {
        count(mend_upload(&id, origin.clone(), context).await, id.as_str(), &mut report);
    }
    for id in context.submitter.media.deleted(BATCH).await? {
        count(mend_purge(&id, context, now).await, id.as_str(), &mut report);
    }
    for id in context.submitter.media.purged_since(now.plus_seconds(-context.patience.late), BATCH).await? {
        // What arrived since the first purge goes, and the records.
        count(context.purges.send(&id).await.map(|()| Mended::Purged), id.as_str(), &mut report);
    }
    for account in context.submitter.media.erasures_since(now.plus_seconds(-context.patience.unpurged), BATCH).await? {
        // A message was lost, or Lambda has ended a long chain of them.
        let message = AccountMessage { account: account.clone(), after: None, found: false };
        let sent = context.purges.send_account(&message, 0).await;
        count(sent.map(|()| Mended::Purged), &account, &mut report);
    }
    let measured = Measurement::Reconciled { stuck: report.stuck + report.errors, mended: report.sent + report.failed };
    context.meter.write(&measured, None);
    tracing::info!(?report, "reconciled");
    Ok(report)
}

/// The tick itself, as `EventBridge` names it, for the jobs of uploads that nobody completed.
fn origin(tick: &Value) -> Option<Origin> {
    let id = tick.get("id")?.as_str()?.to_owned();
    Some(Origin { correlation_id: CorrelationId::try_from(id).ok()?, trace_id: None, sampled: false })
}

async fn lost_jobs(context: &Context, now: Timestamp) -> Result<Vec<JobId>, CloudError> {
    let jobs = &context.submitter.jobs;
    let mut ids = Vec::new();
    for (watch, patience) in [
        (Watch::Unsent, context.patience.unsent),
        (Watch::Sent, context.patience.silent),
        (Watch::Running, context.patience.silent),
    ] {
        ids.extend(jobs.watched_since(watch, now.plus_seconds(-patience), BATCH).await?);
    }
    Ok(ids)
}

fn count(mended: Result<Mended, CloudError>, id: &str, report: &mut Report) {
    match mended {
        Ok(Mended::Sent) => report.sent += 1,
        Ok(Mended::Failed) => report.failed += 1,
        Ok(Mended::Stuck) => report.stuck += 1,
        Ok(Mended::Submitted) => report.submitted += 1,
        Ok(Mended::Expired) => report.expired += 1,
        Ok(Mended::Purged) => report.purged += 1,
        Ok(Mended::Nothing) => {}
        Err(error) => {
            tracing::error!(id, error = with_causes(&error), "could not be reconciled");
            report.errors += 1;
        }
    }
}

async fn mend_job(id: &JobId, context: &Context, now: Timestamp) -> Result<Mended, CloudError> {
    // The index may be behind the table.
    let Some(job) = context.submitter.jobs.get(id).await? else { return Ok(Mended::Nothing) };
    let silent = job.updated_at <= now.plus_seconds(-context.patience.silent);
    match &job.state {
        JobState::Queued { turn: Turn::Unsent } => start(job, context).await,
        JobState::Queued { turn: Turn::Sent(_) } if silent => match context.workflow.execution(id).await? {
            Execution::Missing => send(job, context).await,
            Execution::Running => Ok(Mended::Nothing),
            Execution::Succeeded => fail(job, ErrorCode::Internal, context).await,
            Execution::Ended(code) => fail(job, code, context).await,
        },
        JobState::Running { .. } if silent => match context.workflow.execution(id).await? {
            Execution::Running if job.updated_at <= now.plus_seconds(-context.patience.stuck) => {
                let _logged_as = telemetry::job_span(id, job.trail.as_ref()).entered();
                tracing::error!(stage = ?job.stage(), since = %job.updated_at, "the job is stuck");
                Ok(Mended::Stuck)
            }
            Execution::Running => Ok(Mended::Nothing),
            Execution::Missing | Execution::Succeeded => fail(job, ErrorCode::Internal, context).await,
            Execution::Ended(code) => fail(job, code, context).await,
        },
        JobState::Queued { .. }
        | JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => Ok(Mended::Nothing),
    }
}

/// Gives a job a turn and sends it, or lets it wait.
async fn start(job: Job, context: &Context) -> Result<Mended, CloudError> {
    let Some(media) = context.submitter.media.get(&job.media_id).await? else {
        return fail(job, ErrorCode::Internal, context).await;
    };
    if media.execution_input(&job).is_none() {
        return fail(job, ErrorCode::Internal, context).await;
    }
    let job = context.submitter.start(&media, job).await;
    match &job.state {
        JobState::Queued { turn: Turn::Unsent } => {
            let why = "it was not sent, as the log says";
            Err(CloudError { operation: "start", transient: true, missing: false, source: why.into() })
        }
        JobState::Queued { turn: Turn::Waiting { .. } } => Ok(Mended::Nothing),
        JobState::Queued { turn: Turn::Sent(_) }
        | JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => {
            let _logged_as = telemetry::job_span(&job.id, job.trail.as_ref()).entered();
            tracing::warn!("sent a job that nobody had sent");
            Ok(Mended::Sent)
        }
    }
}

/// Sends a job again that has its turn.
async fn send(job: Job, context: &Context) -> Result<Mended, CloudError> {
    let Some(media) = context.submitter.media.get(&job.media_id).await? else {
        return fail(job, ErrorCode::Internal, context).await;
    };
    let Some(input) = media.execution_input(&job) else { return fail(job, ErrorCode::Internal, context).await };
    let (id, trail) = (job.id.clone(), job.trail.clone());
    context.submitter.queue.send(&input).await?;
    context.submitter.jobs.advance_from(job, JobEvent::Sent).await?;
    let _logged_as = telemetry::job_span(&id, trail.as_ref()).entered();
    tracing::warn!("resent a job that no execution had started");
    Ok(Mended::Sent)
}

async fn fail(job: Job, code: ErrorCode, context: &Context) -> Result<Mended, CloudError> {
    let error = Refusal::new(code, "the workflow ended before the job did").at(job.stage());
    match context.submitter.jobs.advance_from(job, JobEvent::Failed(error)).await? {
        Advance::Changed(job) => {
            let _logged_as = telemetry::job_span(&job.id, job.trail.as_ref()).entered();
            tracing::warn!(%code, "failed a job whose execution had ended");
            Ok(Mended::Failed)
        }
        Advance::Unchanged(_) | Advance::Ended(_) | Advance::TooEarly(_) | Advance::Missing => Ok(Mended::Nothing),
    }
}

/// An upload that is complete needs no client to say so: its bytes are proven by their checksum.
async fn mend_upload(id: &MediaId, origin: Option<Origin>, context: &Context) -> Result<Mended, CloudError> {
    // The index may be behind the table.
    let Some(media) = context.submitter.media.get(id).await? else { return Ok(Mended::Nothing) };
    match context.submitter.complete(&media, origin).await {
        Ok(_) => Ok(Mended::Submitted),
        Err(SubmitError::NotUploaded | SubmitError::PartsMissing(_)) => {
            // First: nobody would look for the parts of an upload that is recorded as expired.
            context.submitter.uploads.give_parts_up(&media).await?;
            Ok(if context.submitter.media.expire(&media).await? { Mended::Expired } else { Mended::Nothing })
        }
        Err(SubmitError::Mismatch(mismatch)) => {
            tracing::error!(media_id = %media.id, %mismatch, "an upload differs from its grant");
            Ok(if context.submitter.media.expire(&media).await? { Mended::Expired } else { Mended::Nothing })
        }
        Err(SubmitError::Deleted) => Ok(Mended::Nothing),
        Err(SubmitError::Cloud(error)) => Err(error),
    }
}

/// A deletion whose message was never sent, or has been given up, is asked for again.
async fn mend_purge(id: &MediaId, context: &Context, now: Timestamp) -> Result<Mended, CloudError> {
    // The index may be behind the table.
    let Some(media) = context.submitter.media.get(id).await? else { return Ok(Mended::Nothing) };
    let MediaState::Deleted { deleted_at } = media.state else { return Ok(Mended::Nothing) };
    if deleted_at > now.plus_seconds(-context.patience.unpurged) {
        return Ok(Mended::Nothing);
    }
    context.purges.send(id).await?;
    if deleted_at < now.plus_seconds(-TOO_LONG_UNPURGED) {
        tracing::error!(media_id = %id, since = %deleted_at, "the deleted media is still not removed");
        return Ok(Mended::Stuck);
    }
    Ok(Mended::Purged)
}
