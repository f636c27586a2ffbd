//! Ends jobs: completes them from their manifests, or fails them with the reported error.

mod addition;
mod captions;
mod caught;
mod request;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use caught::Caught;
pub use request::Request;
use serde::Serialize;
use smmu_cloud::{
    Advance, Artifacts, Collected, Environment, Failure, Function, Jobs, MediaTable, StartError, batch::handle_each,
    clock,
};
use smmu_core::{
    Bill, Branch, ErrorCode, ExecutionInput, Job, JobError, JobEvent, JobId, JobState, Pipeline, PriceTable, Refusal,
    Stage, Status, Warning, Way, warning,
};

pub struct Context {
    jobs: Jobs,
    media: MediaTable,
    artifacts: Artifacts,
    prices: PriceTable,
}

impl Function for Context {
    type Event = Request;
    type Answer = Answer;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self {
            jobs: Jobs::new(sdk, environment)?,
            media: MediaTable::new(sdk, environment)?,
            artifacts: Artifacts::new(sdk, environment)?,
            prices: environment.prices()?,
        })
    }

    async fn connect(&self) {
        self.jobs.connect().await;
    }

    /// Handles requests of the state machine, the dead-letter queue and EventBridge.
    async fn handle(&self, request: Request) -> Result<Answer, Failure> {
        match request {
            Request::Complete { job_id, branch } => complete(&job_id, branch, self).await.map(Answer::Outcome),
            Request::Fail { job_id, error } => {
                let ended = end(&job_id, self, |job| JobEvent::Failed(caught::job_error(&error, job.stage()))).await?;
                Ok(Answer::Outcome(outcome(&ended.ok_or_else(Failure::no_such_job)?)))
            }
            Request::GiveUp { job_id, pipeline, error } => give_up(&job_id, pipeline, &error, self).await,
            Request::ExecutionEnded { job_id, code } => {
                end(&job_id, self, |job| JobEvent::Failed(Refusal::workflow_ended(code).at(job.stage()))).await?;
                Ok(Answer::Nothing)
            }
            Request::DeadLetters(messages) => Ok(Answer::Batch(fail_dead_letters(messages, self).await)),
        }
    }
}

/// The response to a caller of this function.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// For the state machine: how the job ended.
    Outcome(Outcome),
    /// For SQS: the dead letters that stay in the queue.
    Batch(SqsBatchResponse),
    /// For EventBridge, which expects no response.
    Nothing,
}

/// How a job ended.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    status: Status,
    /// Set if the failure is our fault, not the file's. The name stays `retryable` for executions that began earlier.
    #[serde(rename = "retryable")]
    ours: bool,
}

/// Continues a job without one of its optional workers.
async fn give_up(id: &JobId, pipeline: Pipeline, error: &Caught, context: &Context) -> Result<Answer, Failure> {
    if !pipeline.is_optional() {
        return Err(Failure::unexpected("a job needs this worker"));
    }
    let error = caught::job_error(error, Stage::of_container(pipeline));
    match context.jobs.advance(id, JobEvent::GivenUp(pipeline, error)).await? {
        Advance::Changed(job) | Advance::Unchanged(job) | Advance::Ended(job) => Ok(Answer::Outcome(outcome(&job))),
        Advance::TooEarly(_) | Advance::Missing => Err(Failure::not_running()),
    }
}

async fn complete(id: &JobId, branch: Option<Branch>, context: &Context) -> Result<Outcome, Failure> {
    let job = context.jobs.get(id).await?.ok_or_else(Failure::no_such_job)?;
    if job.status().is_terminal() {
        return Ok(outcome(&job));
    }
    let (collected, given_up) = collect(&job, branch, &context.artifacts).await?;
    let bill = bill(&job, &collected, &context.prices);
    let kept = match &job.addition {
        Some(addition) => match addition::kept(addition, &collected, &given_up, context).await? {
            Ok(kept) => kept,
            Err(error) => return fail(job, error, context).await,
        },
        None => Vec::new(),
    };
    let (manifests, outputs): (Vec<_>, Vec<_>) =
        kept.into_iter().chain(collected).map(|made| (made.manifest, made.outputs)).unzip();
    let mut outputs = outputs.concat();
    let mut warnings = warning::joined(manifests.iter().map(|manifest| &manifest.warnings[..]));
    warnings.extend(given_up.iter().map(Warning::of_failed_step));
    captions::join(&mut outputs, &manifests, &context.artifacts).await?;
    let completed = JobEvent::Completed { outputs, warnings, bill };
    match context.media.complete(job, completed, &context.jobs).await? {
        Advance::Changed(job) | Advance::Unchanged(job) | Advance::Ended(job) => Ok(outcome(&job)),
        Advance::TooEarly(_) | Advance::Missing => Err(Failure::not_running()),
    }
}

/// Fails a job without outputs.
async fn fail(job: Job, error: JobError, context: &Context) -> Result<Outcome, Failure> {
    let ended = end(&job.id, context, |_| JobEvent::Failed(error.clone())).await?;
    Ok(outcome(&ended.ok_or_else(Failure::no_such_job)?))
}

/// Cost of a job, including that of failed attempts. `None` unless every worker has metered its share. The bill of the
/// media's first job includes storage of the source.
fn bill(job: &Job, collected: &[Collected], prices: &PriceTable) -> Option<Bill> {
    let source_bytes = if job.is_rerun() { 0 } else { collected.first()?.manifest.source.bytes };
    let shares: Option<Vec<_>> = collected.iter().map(|made| made.cost).collect();
    let way = job.hold.as_ref().map_or(Way::Standard, |hold| Way::Light { ran_ms: hold.run.lasted_ms(clock::now()) });
    let bill = prices.bill_of_job(way, &shares?, source_bytes)?;
    Some(Bill { cost: job.uncommitted_costs().fold(bill.cost, |sum, cost| sum + cost), ..bill })
}

/// The committed outputs of every pipeline that the branch runs, and the errors of optional pipelines that committed
/// nothing. If the branch is unknown, all pipelines of the job's kind are expected.
async fn collect(
    job: &Job,
    branch: Option<Branch>,
    artifacts: &Artifacts,
) -> Result<(Vec<Collected>, Vec<JobError>), Failure> {
    let (JobState::Running { committed, given_up, .. }, Some(kind)) = (&job.state, job.kind) else {
        return Err(Failure::not_running());
    };
    let (mut collected, mut missing) = (Vec::new(), Vec::new());
    for pipeline in branch.map_or_else(|| Pipeline::of(kind), Branch::pipelines) {
        match (committed.get(pipeline), given_up.get(pipeline)) {
            (Some(manifest_key), _) => collected.push(artifacts.collect(manifest_key).await?),
            (None, Some(error)) => missing.push(error.clone()),
            (None, None) => {
                return Err(Failure::Fault(format!("the {pipeline} worker ended without a manifest")));
            }
        }
    }
    Ok((collected, missing))
}

/// Applies a failure to a job and returns its resulting state. `None` if the job does not exist.
async fn end(id: &JobId, context: &Context, event: impl Fn(&Job) -> JobEvent) -> Result<Option<Job>, Failure> {
    let Some(job) = context.jobs.get(id).await? else { return Ok(None) };
    let event = event(&job);
    Ok(match context.jobs.advance_from(job, event).await? {
        Advance::Changed(job) | Advance::Unchanged(job) | Advance::Ended(job) | Advance::TooEarly(job) => Some(job),
        Advance::Missing => None,
    })
}

fn outcome(job: &Job) -> Outcome {
    let ours = match &job.state {
        JobState::Failed { error, .. } => error.code.ours(),
        JobState::Queued { .. }
        | JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Cancelled { .. } => false,
    };
    Outcome { status: job.status(), ours }
}

/// Fails the jobs of dead letters. A letter without a job stays in the queue for inspection.
async fn fail_dead_letters(messages: Vec<SqsMessage>, context: &Context) -> SqsBatchResponse {
    let fail = async |input: ExecutionInput| {
        let refusal = Refusal::new(ErrorCode::DispatchFailed, "the workflow could not be started");
        let undelivered = |_: &Job| JobEvent::Undelivered(refusal.clone().at(Stage::Dispatch));
        end(&input.job_id, context, undelivered).await.map(drop)
    };
    handle_each(messages, "dead letter kept for inspection", fail).await
}
