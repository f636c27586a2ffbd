//! Ends jobs: completed from their manifests, or failed from whatever told of the failure.

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
};
use smmu_core::{
    Branch, ErrorCode, ExecutionInput, Job, JobError, JobEvent, JobId, JobState, MicroDollars, Pipeline, PriceTable,
    Refusal, Stage, Status, Usage, Warning, warning,
};

/// What the function needs, made once.
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

    /// Serves the state machine, the dead-letter queue and EventBridge.
    async fn handle(&self, request: Request) -> Result<Answer, Failure> {
        match request {
            Request::Complete { job_id, branch } => complete(&job_id, branch, self).await.map(Answer::Outcome),
            Request::Fail { job_id, error } => {
                let ended = end(&job_id, self, |job| JobEvent::Failed(caught::job_error(&error, job.stage()))).await?;
                let missing = || Failure::unexpected("there is no such job");
                Ok(Answer::Outcome(outcome(&ended.ok_or_else(missing)?)))
            }
            Request::GiveUp { job_id, pipeline, error } => give_up(&job_id, pipeline, &error, self).await,
            Request::ExecutionEnded { job_id, code } => {
                let message = "the workflow ended before the job did";
                end(&job_id, self, |job| JobEvent::Failed(Refusal::new(code, message).at(job.stage()))).await?;
                Ok(Answer::Nothing)
            }
            Request::DeadLetters(messages) => Ok(Answer::Batch(fail_dead_letters(messages, self).await)),
        }
    }
}

/// What a caller of this function gets back.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To the state machine: how the job ended.
    Outcome(Outcome),
    /// To SQS: which dead letters stay.
    Batch(SqsBatchResponse),
    /// To EventBridge, which asks for nothing.
    Nothing,
}

/// How a job ended.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    status: Status,
    /// Whether that is a fault of ours rather than of the file. Executions that began earlier know it by this name.
    #[serde(rename = "retryable")]
    ours: bool,
}

/// Lets a job go on without one of its workers.
async fn give_up(id: &JobId, pipeline: Pipeline, error: &Caught, context: &Context) -> Result<Answer, Failure> {
    if !pipeline.is_optional() {
        return Err(Failure::unexpected("a job needs this worker"));
    }
    let error = caught::job_error(error, Stage::of_container(pipeline));
    tracing::error!(code = %error.code, %pipeline, "the job goes on without this worker");
    match context.jobs.advance(id, JobEvent::GivenUp(pipeline, error)).await? {
        Advance::Changed(job) | Advance::Unchanged(job) | Advance::Ended(job) => Ok(Answer::Outcome(outcome(&job))),
        Advance::TooEarly(_) | Advance::Missing => Err(Failure::unexpected("the job is not running")),
    }
}

async fn complete(id: &JobId, branch: Option<Branch>, context: &Context) -> Result<Outcome, Failure> {
    let missing = || Failure::unexpected("there is no such job");
    let job = context.jobs.get(id).await?.ok_or_else(missing)?;
    if job.status().is_terminal() {
        return Ok(outcome(&job));
    }
    let (collected, given_up) = collect(&job, branch, &context.artifacts).await?;
    let cost = cost(&collected, &context.prices);
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
    let completed = JobEvent::Completed { outputs, warnings };
    match context.media.complete(job, completed, cost, &context.jobs).await? {
        Advance::Changed(job) | Advance::Unchanged(job) | Advance::Ended(job) => Ok(outcome(&job)),
        Advance::TooEarly(_) | Advance::Missing => Err(Failure::unexpected("the job is not running")),
    }
}

/// Fails a job of which nothing was made.
async fn fail(job: Job, error: JobError, context: &Context) -> Result<Outcome, Failure> {
    let missing = || Failure::unexpected("there is no such job");
    let ended = end(&job.id, context, |_| JobEvent::Failed(error.clone())).await?;
    Ok(outcome(&ended.ok_or_else(missing)?))
}

/// The cost of a job, where every worker has metered its share.
fn cost(collected: &[Collected], prices: &PriceTable) -> Option<MicroDollars> {
    let source_bytes = collected.first()?.manifest.source.bytes;
    let around = prices.cost(&Usage::of_journey(collected.len(), source_bytes));
    collected.iter().try_fold(around, |sum, made| Some(sum + made.cost?)).map(|sum| sum.total())
}

/// What was committed of every pipeline that the branch runs, or, if the branch is unknown, that jobs of this kind run; and
/// why optional ones have committed nothing.
async fn collect(
    job: &Job,
    branch: Option<Branch>,
    artifacts: &Artifacts,
) -> Result<(Vec<Collected>, Vec<JobError>), Failure> {
    let (JobState::Running { committed, given_up, .. }, Some(kind)) = (&job.state, job.kind) else {
        return Err(Failure::unexpected("the job is not running"));
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

/// Applies a failure to a job and answers how it stands then. `None` where there is no such job.
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

/// Fails the jobs of dead letters. A letter that names no job stays, for a person to look at.
async fn fail_dead_letters(messages: Vec<SqsMessage>, context: &Context) -> SqsBatchResponse {
    let fail = async |input: ExecutionInput| {
        let refusal = Refusal::new(ErrorCode::DispatchFailed, "the job could not be handed to the workflow");
        let undelivered = |_: &Job| JobEvent::Undelivered(refusal.clone().at(Stage::Dispatch));
        end(&input.job_id, context, undelivered).await.map(drop)
    };
    handle_each(messages, "dead letter kept for inspection", fail).await
}
