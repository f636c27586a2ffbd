//! `GET /jobs/{jobId}`: the state of a job, and its outputs.

use crate::{
    choice::ChoiceView,
    context::Context,
    describe::{
        Answer, Body as JsonBody, Content, Header, IF_NONE_MATCH, JOB_ID, Link, Operation, PREFER, Shape, TO_JOB,
        TO_MEDIA,
    },
    endpoint::{Endpoint, Handler},
    estimate, lookup, playable,
    queue_position::{self, QueuePlace},
    request::header_text,
    respond, wait,
};
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};
use serde::Serialize;
use smmu_cloud::clock;
use smmu_core::{
    Artifact, Bill, Estimate, Job, JobError, JobId, JobState, Labels, MediaId, MediaKind, MicroDollars, Output,
    OutputState, Pipeline, Problem, ProblemCode, Stage, Status, Timestamp, UserId, Warning,
};
use std::{borrow::Cow, ops::RangeInclusive};

/// Seconds between two polls of a job that has not ended: shortest and longest.
const POLL_S: RangeInclusive<i64> = 1..=30;

/// A job as its owner sees it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Job"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobView<'a> {
    job_id: &'a JobId,
    media_id: &'a MediaId,
    status: Status,
    stage: Stage,
    /// Percent of the whole job; never falls.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    progress: u8,
    /// Estimated time at which the workers finish, from their speed so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_at: Option<Timestamp>,
    /// While the job waits: for its turn, in the queue, or for a worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<QueuePlace>,
    /// Set once the content has been examined.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<MediaKind>,
    #[serde(flatten)]
    labels: &'a Labels,
    #[serde(flatten)]
    choice: ChoiceView<'a>,
    /// The steps that the job runs, if it does not run all.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<[Pipeline; 1]>,
    /// Outputs that can be read now.
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Vec<OutputView<'a>>>,
    /// Reason of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a JobError>,
    /// Problems found in the file of a completed job.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [Warning],
    /// Cost of a job that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<CostView<'a>>,
    /// Expected duration and cost, of a job that was just created by a rerun.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Estimate>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Cost of a job at list prices, in millionths of a US dollar.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Cost"))]
#[serde(rename_all = "camelCase")]
struct CostView<'a> {
    #[serde(flatten)]
    bill: Cow<'a, Bill>,
    /// Sum of the three amounts.
    total_micro_dollars: MicroDollars,
    /// Set if the amounts are lower bounds: the job failed or was cancelled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    at_least: bool,
}

impl<'a> CostView<'a> {
    /// The cost of a job that has ended, unless it completed without being metered.
    fn of(job: &'a Job, context: &Context) -> Option<Self> {
        let (bill, at_least) = match &job.state {
            JobState::Queued { .. } | JobState::Running { .. } => return None,
            JobState::Completed { .. } => (Cow::Borrowed(job.bill()?), false),
            JobState::Failed { .. } | JobState::Cancelled { .. } => {
                let attempts = job.spent.values().copied();
                let bill = context.deployment.prices.bill_of_stopped_job(attempts, job.kind.is_some());
                (Cow::Owned(bill), true)
            }
        };
        Some(Self { total_micro_dollars: bill.cost.total(), bill, at_least })
    }
}

/// One output file of a job.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Output"))]
#[serde(rename_all = "camelCase")]
struct OutputView<'a> {
    #[serde(flatten)]
    artifact: &'a Artifact,
    state: OutputState,
    /// Signed URL to download it; send no token.
    #[cfg_attr(feature = "schema", schemars(url))]
    url: String,
    /// Time at which `url` expires; read the job again for a new one.
    url_expires_at: Timestamp,
    /// API path that returns the same text with signed URLs in it, ready for a player.
    #[serde(skip_serializing_if = "Option::is_none")]
    playback_path: Option<String>,
    /// `CloudFront` URL of the stored text, which names files relative to it. Set if the operator has `CloudFront`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(url))]
    playback_url: Option<String>,
    /// Time at which `playbackUrl` and the files under it expire; read the job again for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    playback_url_expires_at: Option<Timestamp>,
}

/// A job as a response body.
pub(crate) const BODY: JsonBody = JsonBody { shape: Shape::of::<JobView<'static>>(), example: EXAMPLE };

const EXAMPLE: &str = r#"{"jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m", "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m",
    "status": "COMPLETED", "stage": "finish", "progress": 100, "kind": "image",
    "externalId": "order-7", "metadata": {"album": "summer"},
    "outputs": [{"name": "webp-1.webp", "role": "rendition", "contentType": "image/webp", "bytes": 44,
        "sha256": "064b66188821584121784c30ca28eadbc5f265e025c6dd9eeed64cf1ef8e1f46",
        "width": 1, "height": 1, "state": "ready",
        "url": "https://processed-media.example/jobs/01j9zq4b5c6d7e8f9g0h1j2k3m/webp-1.webp?X-Amz-Signature=5d1c",
        "urlExpiresAt": "2026-01-01T00:15:00.000Z"}],
    "cost": {"computeMicroDollars": 4, "requestsMicroDollars": 309, "storageMonthMicroDollars": 0,
        "totalMicroDollars": 313, "pricesRegion": "us-east-1", "pricesDate": "2026-10-01"},
    "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:02.000Z"}"#;

/// Links to the operations on a job.
pub(crate) const LINKS: &[Link] = &[
    TO_JOB,
    TO_MEDIA,
    Link {
        operation: "cancelJob",
        description: "Cancels the job.",
        parameters: &[("jobId", "$response.body#/jobId")],
        body: &[],
    },
    Link {
        operation: "getPlayback",
        description: "Playlist of a video or audio job. Other outputs with a `playbackPath` are read in the same way.",
        parameters: &[("jobId", "$response.body#/jobId"), ("name", "master.m3u8")],
        body: &[],
    },
];

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/jobs/{jobId}",
    handler: Handler::User(|call| Box::pin(handle(call.request, call.parameter("jobId"), call.user, call.context))),
    operation: Operation {
        id: "getJob",
        summary: "Read a job",
        description: "Returns the state of a job, and its outputs. Until it has ended, poll after `Retry-After`.",
        parameters: &[JOB_ID, IF_NONE_MATCH, PREFER],
        request: None,
        answers: &[
            Answer {
                status: 200,
                description: "The job. It has `Retry-After` until it has ended.",
                content: Content::Json(BODY),
                headers: &[Header::ETag, Header::PreferenceApplied, Header::RetryAfter],
                links: LINKS,
            },
            Answer {
                status: 304,
                description: "The client's copy is current, including its signed URLs.",
                content: Content::Empty,
                headers: &[Header::ETag, Header::RetryAfter],
                links: &[],
            },
        ],
        problems: &[ProblemCode::NotFound],
    },
};

async fn handle(request: &Request, id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let job = lookup::job(id, user, context).await?;
    let Some(seconds) = wait::preferred_s(request) else { return answer(request, &job, context).await };
    let job = wait::for_change(job, seconds, context).await?;
    let mut response = answer(request, &job, context).await?;
    let applied = HeaderValue::from_str(&format!("wait={seconds}")).expect("digits are ASCII");
    response.headers_mut().insert("preference-applied", applied);
    Ok(response)
}

async fn answer(request: &Request, job: &Job, context: &Context) -> Result<Response<Body>, Problem> {
    let place = queue_position::of(job, context).await;
    let tag = entity_tag(job, place, clock::now(), context);
    if header_text(request, header::IF_NONE_MATCH).is_some_and(|known| matches(known, &tag)) {
        let mut response = respond::not_modified();
        decorate(&mut response, job, place, &tag);
        return Ok(response);
    }
    show_at(StatusCode::OK, job, (place, None), context).await
}

/// A job as a response.
pub(crate) async fn show(status: StatusCode, job: &Job, context: &Context) -> Result<Response<Body>, Problem> {
    show_at(status, job, (queue_position::of(job, context).await, None), context).await
}

/// A job that was just created by a rerun, with its estimate.
pub(crate) async fn show_rerun(job: &Job, context: &Context) -> Result<Response<Body>, Problem> {
    let expected = (queue_position::of(job, context).await, estimate::of_job(job, context).await);
    show_at(StatusCode::ACCEPTED, job, expected, context).await
}

async fn show_at(
    status: StatusCode,
    job: &Job,
    (place, estimate): (Option<QueuePlace>, Option<Estimate>),
    context: &Context,
) -> Result<Response<Body>, Problem> {
    let tag = entity_tag(job, place, clock::now(), context);
    let view = JobView { estimate, ..view_at(job, place, context).await? };
    let mut response = respond::json(status, &view);
    decorate(&mut response, job, place, &tag);
    Ok(response)
}

/// A job as its owner sees it, with newly signed URLs.
pub(crate) async fn view<'a>(job: &'a Job, context: &Context) -> Result<JobView<'a>, Problem> {
    view_at(job, queue_position::of(job, context).await, context).await
}

/// The same, with its position if that is known.
pub(crate) async fn view_at<'a>(
    job: &'a Job,
    queue: Option<QueuePlace>,
    context: &Context,
) -> Result<JobView<'a>, Problem> {
    let now = clock::now();
    let error = match &job.state {
        JobState::Failed { error, .. } => Some(error),
        JobState::Queued { .. }
        | JobState::Running { .. }
        | JobState::Completed { .. }
        | JobState::Cancelled { .. } => None,
    };
    let outputs = match job.outputs() {
        [] => None,
        outputs => Some(sign(&job.id, outputs, now, context).await?),
    };
    Ok(JobView {
        job_id: &job.id,
        media_id: &job.media_id,
        status: job.status(),
        stage: job.stage(),
        progress: job.percent(),
        expected_at: job.expected_end(),
        queue,
        kind: job.kind,
        labels: &job.labels,
        choice: ChoiceView::from(&job.choice),
        steps: job.addition.as_ref().map(|addition| [addition.step]),
        outputs,
        error,
        warnings: job.warnings(),
        cost: CostView::of(job, context),
        estimate: None,
        created_at: job.created_at,
        updated_at: job.updated_at,
    })
}

async fn sign<'a>(
    job: &JobId,
    outputs: &'a [Output],
    now: Timestamp,
    context: &Context,
) -> Result<Vec<OutputView<'a>>, Problem> {
    let url_expires_at = now.plus_seconds(context.download_seconds.into());
    let played_until = now.plus_seconds(playable::seconds(outputs, context.download_seconds).into());
    let folder = context.cdn.as_ref().and_then(|cdn| cdn.folder(outputs, played_until));
    let mut views = Vec::with_capacity(outputs.len());
    for output in outputs {
        let signed = context.artifacts.presign(output, context.download_seconds).await;
        let url = signed.map_err(|error| respond::cloud_problem(&error))?;
        let artifact = &output.artifact;
        let is_played = playable::is_played(artifact.role);
        let playback_path = is_played.then(|| playable::path(job, &artifact.name));
        let playback_url = folder.as_ref().filter(|_| is_played).and_then(|folder| folder.address(output));
        let playback_url_expires_at = playback_url.as_ref().map(|_| played_until);
        let state = output.state;
        views.push(OutputView {
            artifact,
            state,
            url,
            url_expires_at,
            playback_path,
            playback_url,
            playback_url_expires_at,
        });
    }
    Ok(views)
}

fn decorate(response: &mut Response<Body>, job: &Job, place: Option<QueuePlace>, tag: &str) {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(tag).expect("entity tags are ASCII"));
    if !job.status().is_terminal() {
        let expected = job.expected_end().or(place.map(|place| place.starts_at));
        headers.insert(header::RETRY_AFTER, poll_s(expected, job.updated_at, clock::now()).into());
    }
}

/// Seconds until the next poll: a tenth of the time left, so that long jobs are polled rarely; if that is unknown, a
/// tenth of the time since the last change.
fn poll_s(expected_at: Option<Timestamp>, updated_at: Timestamp, now: Timestamp) -> i64 {
    let left_ms = expected_at.map(|at| at.unix_ms() - now.unix_ms()).filter(|left_ms| *left_ms > 0);
    let tenth_s = left_ms.unwrap_or(now.unix_ms() - updated_at.unix_ms()) / 10_000;
    tenth_s.clamp(*POLL_S.start(), *POLL_S.end())
}

/// Entity tag of a job. It changes with the job, twice in the life of its signed URLs, and with the key that signs CDN
/// URLs, so that no client keeps a copy whose URLs do not work; for a job that waits, with its position and the minute
/// of its expected start. It is weak: two responses with the same tag have different signatures.
fn entity_tag(job: &Job, place: Option<QueuePlace>, now: Timestamp, context: &Context) -> String {
    if let Some(QueuePlace { ahead, starts_at }) = place {
        return format!("W/\"{}-{ahead}-{}-before\"", job.revision, starts_at.unix_s() / 60);
    }
    if job.outputs().is_empty() {
        return format!("W/\"{}\"", job.revision);
    }
    let period = i64::from(context.download_seconds / 2).max(1);
    let cdn = context.cdn.as_ref().map(|cdn| format!("-{}", cdn.fingerprint())).unwrap_or_default();
    format!("W/\"{}-{}{cdn}\"", job.revision, now.unix_s() / period)
}

/// `If-None-Match` compares weakly (RFC 9110, section 13.1.2).
pub(crate) fn matches(known: &str, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|one| opaque(one) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::{matches, poll_s};
    use smmu_core::Timestamp;

    #[test]
    fn a_job_is_polled_more_rarely_the_longer_it_takes() {
        let at = |second| Timestamp::from_unix_ms(1_800_000_000_000 + second * 1000).unwrap();
        let pause = |expected: Option<i64>, updated, now| poll_s(expected.map(at), at(updated), at(now));
        // What is left: three minutes, a second, five hours.
        assert_eq!([pause(Some(190), 0, 10), pause(Some(11), 0, 10), pause(Some(18_000), 0, 10)], [18, 1, 30]);
        // Unknown: just recorded, unchanged for a minute and for a day, later than expected.
        assert_eq!([pause(None, 0, 0), pause(None, 0, 60), pause(None, 0, 86_400)], [1, 6, 30]);
        assert_eq!(pause(Some(10), 0, 70), 7);
        assert_eq!(pause(None, 5, 0), 1, "clocks differ");
    }

    #[test]
    fn tags_compare_weakly_and_in_lists() {
        for known in ["W/\"7\"", "\"7\"", "\"6\", W/\"7\"", "*"] {
            assert!(matches(known, "W/\"7\""), "{known}");
        }
        for known in ["W/\"8\"", "7", "", "\"77\""] {
            assert!(!matches(known, "W/\"7\""), "{known}");
        }
    }
}
