//! `POST /media/{mediaId}/jobs`: runs a media again, all of it or one step.

use crate::{
    body::{nothing_else, object},
    choice,
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Header, MEDIA_ID, Operation, RequestBody, Shape, TO_JOB},
    endpoint::{Endpoint, Handler},
    init::{self, once},
    job, lookup, quota,
    request::origin,
    respond,
};
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, Method, header},
};
use serde_json::{Map, Value};
use smmu_cloud::RerunError;
use smmu_core::{CannotRun, Media, MediaState, Pipeline, Problem, ProblemCode, Rerun, UserId};

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::POST,
    path: "/media/{mediaId}/jobs",
    handler: Handler::User(|call| Box::pin(handle(call.request, call.parameter("mediaId"), call.user, call.context))),
    operation: Operation {
        id: "runMediaAgain",
        summary: "Run an upload again",
        description: "Creates another job for the same upload, with the same or other choices. Existing outputs stay until the \
            new job completes. The body is optional.",
        parameters: &[MEDIA_ID, init::IDEMPOTENCY_KEY],
        request: Some(RequestBody {
            required: false,
            body: JsonBody { shape: Shape::of::<RerunBody>(), example: r#"{"steps": ["transcribe"]}"# },
        }),
        answers: &[Answer {
            status: 202,
            description: "The new job.",
            content: Content::Json(job::BODY),
            headers: &[Header::Location],
            links: &[TO_JOB],
        }],
        problems: &[
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::UploadNotFound,
            ProblemCode::JobRunning,
            ProblemCode::StepUnavailable,
            ProblemCode::TooManyRuns,
            ProblemCode::SourceMissing,
            ProblemCode::UploadExpired,
            ProblemCode::PayloadTooLarge,
            ProblemCode::IdempotencyMismatch,
            ProblemCode::TooManyJobs,
        ],
    },
};

/// The body of the request.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename = "RerunRequest", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct RerunBody {
    /// Profile and spoken language; omitted fields stay as they were. A single step takes no profile.
    #[schemars(flatten)]
    choice: choice::ChoiceBody,
    /// The step to run; all steps if absent.
    steps: Option<[Transcribe; 1]>,
}
#[cfg(not(feature = "schema"))]
type RerunBody = ();

/// The only step that can be run on its own.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum Transcribe {
    Transcribe,
}

async fn handle(request: &Request, id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let found = lookup::media(id, user, context).await?;
    let key = once(request, user, &format!("{id}/jobs"))?;
    // The body is optional.
    let mut fields = if request.body().is_empty() { Map::new() } else { object(request.body())? };
    let names_profile = fields.get("profile").is_some_and(|profile| !profile.is_null());
    let choice = choice::chosen(&mut fields, found.choice.clone(), &context.policy.profiles)?;
    let step = step(&mut fields)?;
    if step.is_some() && names_profile {
        let detail = "cannot be chosen for one step: the other outputs stay as they are";
        return Err(Problem::with_field(ProblemCode::InvalidRequest, "profile", detail));
    }
    nothing_else(&fields)?;
    if step == Some(Pipeline::Transcribe) && !context.transcription {
        return Err(Problem::because(ProblemCode::StepUnavailable, "transcription is disabled in this deployment"));
    }
    // A repeated request returns the job that it made before.
    let repeated = match &key {
        Some(once) => {
            context.submitter.media.known(once).await.map_err(|error| respond::cloud_problem(&error))?.is_some()
        }
        None => false,
    };
    if !repeated && let Some(refused) = quota::too_many_jobs(user, context).await {
        return Ok(refused);
    }
    let rerun = Rerun { choice, step };
    let made = context.submitter.run_again(&found.id, &rerun, key.as_ref(), origin(request)).await;
    let job = made.map_err(|error| problem(&error, &found))?;
    tracing::info!(mediaId = %job.media_id, jobId = job.id.as_str(), "media run again");

    let location = HeaderValue::from_str(&format!("/jobs/{}", job.id)).expect("job ids are ASCII");
    let mut response = job::show_rerun(&job, context).await?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// The requested step, or `None` for all steps.
fn step(fields: &mut Map<String, Value>) -> Result<Option<Pipeline>, Problem> {
    const EXPECTED: &str = "must be [\"transcribe\"], the only step that can be run on its own";
    let alone = |step: &Value| step.as_str() == Some(Pipeline::Transcribe.as_str());
    match fields.remove("steps") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(steps)) if steps.len() == 1 && steps.iter().all(alone) => Ok(Some(Pipeline::Transcribe)),
        Some(_) => Err(Problem::with_field(ProblemCode::InvalidRequest, "steps", EXPECTED)),
    }
}

fn problem(error: &RerunError, media: &Media) -> Problem {
    match error {
        RerunError::CannotRun(cannot) => {
            let code = match cannot {
                CannotRun::NotSubmitted if media.state == MediaState::Expired => ProblemCode::UploadExpired,
                CannotRun::NotSubmitted => ProblemCode::UploadNotFound,
                CannotRun::Running(_) => ProblemCode::JobRunning,
                CannotRun::TooOften => ProblemCode::TooManyRuns,
                CannotRun::NothingToAddTo | CannotRun::NoSuchStep(..) => ProblemCode::StepUnavailable,
            };
            Problem::because(code, cannot.to_string())
        }
        RerunError::SourceMissing => Problem::new(ProblemCode::SourceMissing),
        RerunError::Deleted => Problem::new(ProblemCode::NotFound),
        RerunError::KeyMismatch => Problem::new(ProblemCode::IdempotencyMismatch),
        RerunError::Cloud(error) => respond::cloud_problem(error),
    }
}

#[cfg(test)]
mod tests {
    use super::step;
    use serde_json::{Value, json};
    use smmu_core::Pipeline;

    #[test]
    fn only_the_transcribe_step_can_be_requested() {
        let of = |steps: Value| step(json!({"steps": steps}).as_object_mut().unwrap());
        assert_eq!(of(json!(["transcribe"])), Ok(Some(Pipeline::Transcribe)));
        assert_eq!((of(json!(null)), step(&mut serde_json::Map::new())), (Ok(None), Ok(None)));
        for wrong in
            [json!([]), json!("transcribe"), json!(["transcode"]), json!(["transcribe", "transcribe"]), json!({})]
        {
            assert_eq!(of(wrong).unwrap_err().pointer.as_deref(), Some("/steps"));
        }
    }
}
