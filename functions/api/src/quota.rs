//! Counts requests against the user's quotas and reports the quotas to the client.

use crate::{context::Context, respond};
use lambda_http::{
    Body, Response,
    http::{HeaderName, HeaderValue, header},
};
use smmu_cloud::{Counted, clock};
use smmu_core::{Granted, Problem, ProblemCode, Quotas, Used, UserId, with_causes};

/// `Retry-After` for too many active jobs, in seconds: some of them may have ended by then.
const JOBS_END_S: u32 = 30;

/// Counts an upload and returns the new usage. `Err` is the response if the upload would exceed a quota.
pub(crate) async fn count(
    user: &UserId,
    bytes: u64,
    context: &Context,
) -> Result<Result<Used, Response<Body>>, Problem> {
    let quotas = &context.quotas;
    if let Some(most) = quotas.bytes_per_day.filter(|most| bytes > *most) {
        let detail = format!("at most {most} bytes may be uploaded in one day");
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
            tracing::info!(bytes, uploads = granted.uploads, "an upload would exceed the quota of the day");
            let detail = quotas.exceeded(granted, bytes, day);
            let problem = Problem::because(ProblemCode::QuotaExceeded, detail);
            let wait_s = u32::try_from(day.seconds_left(clock::now())).unwrap_or(u32::MAX);
            Ok(Err(refusal(&problem, wait_s, Used { granted, active_jobs }, quotas)))
        }
    }
}

/// The refusal if the user has reached the limit of active jobs, else `None`.
pub(crate) async fn too_many_jobs(user: &UserId, context: &Context) -> Option<Response<Body>> {
    too_many(active_jobs(user, context).await, context)
}

fn too_many(active_jobs: u64, context: &Context) -> Option<Response<Body>> {
    let most = context.quotas.active_jobs.filter(|most| active_jobs >= *most)?;
    tracing::info!(active_jobs, "the limit of active jobs is reached");
    let detail = format!("{active_jobs} jobs are active, and at most {most} are allowed");
    let used = Used { active_jobs, ..Used::default() };
    // Only this quota is reported: Retry-After must not end before the windows of reported quotas (draft -11, section
    // 6).
    let told = Quotas { active_jobs: Some(most), ..Quotas::default() };
    Some(refusal(&Problem::because(ProblemCode::TooManyJobs, detail), JOBS_END_S, used, &told))
}

fn refusal(problem: &Problem, wait_s: u32, used: Used, quotas: &Quotas) -> Response<Body> {
    let mut response = respond::problem(problem);
    tell(&mut response, used, quotas);
    response.headers_mut().insert(header::RETRY_AFTER, wait_s.into());
    response
}

/// Undoes the count of an upload. A failure costs the user one upload of the day.
pub(crate) async fn take_back(user: &UserId, bytes: u64, context: &Context) {
    if context.quotas.count_days()
        && let Err(error) = context.submitter.media.uncount_upload(user, bytes).await
    {
        tracing::warn!(error = with_causes(&error), "failed to undo the count of an upload that was not granted");
    }
}

/// The user's current usage, without counting anything.
pub(crate) async fn look(user: &UserId, context: &Context) -> Result<Used, Problem> {
    Ok(Used { granted: granted(user, context).await?, active_jobs: active_jobs(user, context).await })
}

async fn granted(user: &UserId, context: &Context) -> Result<Granted, Problem> {
    if !context.quotas.count_days() {
        return Ok(Granted::default());
    }
    context.submitter.media.granted_today(user).await.map_err(|error| respond::cloud_problem(&error))
}

/// The number of active jobs. 0 if they cannot be counted, for example while the index is being built: skipping the
/// limit for a moment costs less than refusing uploads.
async fn active_jobs(user: &UserId, context: &Context) -> u64 {
    let Some(most) = context.quotas.active_jobs else { return 0 };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let counted = context.submitter.jobs.count_active(user, most).await;
    let counted = counted.inspect_err(|error| {
        tracing::warn!(error = with_causes(error), "failed to count active jobs; their limit is not applied");
    });
    counted.unwrap_or_default() as u64
}

/// Sets the response headers for the quotas and what remains of them.
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
