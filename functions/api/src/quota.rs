//! What a request takes of its user's quotas, and what the client is told of them.

use crate::{context::Context, respond};
use lambda_http::{
    Body, Response,
    http::{HeaderName, HeaderValue, header},
};
use smmu_cloud::{Counted, clock};
use smmu_core::{Granted, Problem, ProblemCode, Quotas, Used, UserId, with_causes};

/// Seconds after which some of many jobs may have ended.
const JOBS_END_S: u32 = 30;

/// Counts an upload, and says what its user has then. `Err` is the answer where it would be too much.
pub(crate) async fn count(
    user: &UserId,
    bytes: u64,
    context: &Context,
) -> Result<Result<Used, Response<Body>>, Problem> {
    let quotas = &context.quotas;
    if let Some(most) = quotas.bytes_per_day.filter(|most| bytes > *most) {
        let detail = format!("at most {most} bytes are granted on one day");
        return Err(Problem::with_field(ProblemCode::MediaTooLarge, "size", detail));
    }
    let active_jobs = active_jobs(user, context).await;
    if let Some(refused) = too_many(active_jobs, context) {
        return Ok(Err(refused));
    }
    if !quotas.count_days() {
        return Ok(Ok(Used { active_jobs, ..Used::default() }));
    }
    let counted = context.submitter.media.count_upload(user, bytes, quotas).await;
    match counted.map_err(|error| respond::cloud_problem(&error))? {
        Counted::Within(granted) => Ok(Ok(Used { granted, active_jobs })),
        Counted::Exceeded(granted, day) => {
            tracing::info!(bytes, uploads = granted.uploads, "upload over the quota of the day");
            let detail = quotas.exceeded(granted, bytes, day);
            let problem = Problem::because(ProblemCode::QuotaExceeded, detail);
            let wait_s = u32::try_from(day.seconds_left(clock::now())).unwrap_or(u32::MAX);
            Ok(Err(refusal(&problem, wait_s, Used { granted, active_jobs }, quotas)))
        }
    }
}

/// The answer to a user of whom as many jobs have not ended as may be.
pub(crate) async fn too_many_jobs(user: &UserId, context: &Context) -> Option<Response<Body>> {
    too_many(active_jobs(user, context).await, context)
}

fn too_many(active_jobs: u64, context: &Context) -> Option<Response<Body>> {
    let most = context.quotas.active_jobs.filter(|most| active_jobs >= *most)?;
    tracing::info!(active_jobs, "too many jobs have not ended");
    let detail = format!("{active_jobs} jobs have not ended; at {most} no more are accepted");
    let used = Used { active_jobs, ..Used::default() };
    // Without the others: Retry-After should not end before their windows (draft -11, section 6).
    let told = Quotas { active_jobs: Some(most), ..Quotas::default() };
    Some(refusal(&Problem::because(ProblemCode::TooManyJobs, detail), JOBS_END_S, used, &told))
}

fn refusal(problem: &Problem, wait_s: u32, used: Used, quotas: &Quotas) -> Response<Body> {
    let mut response = respond::problem(problem);
    tell(&mut response, used, quotas);
    response.headers_mut().insert(header::RETRY_AFTER, wait_s.into());
    response
}

/// Takes a count back. That it cannot be taken back costs the user one upload of this day.
pub(crate) async fn take_back(user: &UserId, bytes: u64, context: &Context) {
    if context.quotas.count_days()
        && let Err(error) = context.submitter.media.uncount_upload(user, bytes).await
    {
        tracing::warn!(error = with_causes(&error), "an upload that was not granted stays counted");
    }
}

/// What a user has, where nothing is counted.
pub(crate) async fn look(user: &UserId, context: &Context) -> Result<Used, Problem> {
    Ok(Used { granted: granted(user, context).await?, active_jobs: active_jobs(user, context).await })
}

async fn granted(user: &UserId, context: &Context) -> Result<Granted, Problem> {
    if !context.quotas.count_days() {
        return Ok(Granted::default());
    }
    context.submitter.media.granted_today(user).await.map_err(|error| respond::cloud_problem(&error))
}

/// None, where they cannot be counted, such as while the index is being built: a limit that is not kept for a moment costs
/// less than uploads that are refused.
async fn active_jobs(user: &UserId, context: &Context) -> u64 {
    let Some(most) = context.quotas.active_jobs else { return 0 };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let counted = context.submitter.jobs.count_active(user, most).await;
    let counted = counted.inspect_err(|error| {
        tracing::warn!(error = with_causes(error), "jobs that have not ended could not be counted");
    });
    counted.unwrap_or_default() as u64
}

/// Says in a response's headers what the quotas are and what is left of them.
pub(crate) fn tell(response: &mut Response<Body>, used: Used, quotas: &Quotas) {
    let told = [
        (HeaderName::from_static("ratelimit-policy"), quotas.policy()),
        (HeaderName::from_static("ratelimit"), quotas.left(used, clock::now())),
    ];
    for (name, value) in told {
        if let Some(value) = value {
            let value = HeaderValue::from_str(&value).expect("structured fields are ASCII");
            response.headers_mut().insert(name, value);
        }
    }
}
