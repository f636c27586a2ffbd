//! `GET /jobs/{jobId}`: where a job stands, and what came of it.

use crate::{
    choice::ChoiceView,
    context::Context,
    describe::{
        Answer, Body as JsonBody, Content, Header, IF_NONE_MATCH, JOB_ID, Link, Operation, PREFER, Shape, TO_JOB,
        TO_MEDIA,
    },
    endpoint::{Endpoint, Handler},
    job_place::{self, PlaceView},
    lookup, playable,
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
    Artifact, Job, JobError, JobId, JobState, Labels, MediaId, MediaKind, Output, OutputState, Pipeline, Problem,
    ProblemCode, Stage, Status, Timestamp, UserId, Warning,
};
use std::ops::RangeInclusive;

/// Seconds between two looks at a job that has not ended, at the least and at the most.
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
    /// When the workers should be done, by their speed so far; only while that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_at: Option<Timestamp>,
    /// Of a queued job what is before it, approximately.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<PlaceView>,
    /// Once the content was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<MediaKind>,
    #[serde(flatten)]
    labels: &'a Labels,
    #[serde(flatten)]
    choice: ChoiceView<'a>,
    /// The steps that it runs, where these are not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<[Pipeline; 1]>,
    /// What can be read now.
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Vec<OutputView<'a>>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a JobError>,
    /// What is not as it should be with the file of a completed job.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [Warning],
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// One file that a job made.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Output"))]
#[serde(rename_all = "camelCase")]
struct OutputView<'a> {
    #[serde(flatten)]
    artifact: &'a Artifact,
    state: OutputState,
    /// Where to download it, without a token.
    #[cfg_attr(feature = "schema", schemars(url))]
    url: String,
    /// From then on `url` is refused; read the job again for another one.
    url_expires_at: Timestamp,
    /// Where the same text is served with signed addresses inside, so that it can be played as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    playback_path: Option<String>,
}

/// A job as the body of an answer.
pub(crate) const BODY: JsonBody = JsonBody { shape: Shape::of::<JobView<'static>>(), example: EXAMPLE };

const EXAMPLE: &str = r#"{"jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m", "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m",
    "status": "COMPLETED", "stage": "finish", "progress": 100, "kind": "image",
    "externalId": "order-7", "metadata": {"album": "summer"},
    "outputs": [{"name": "image-1.webp", "role": "rendition", "contentType": "image/webp", "bytes": 44,
        "sha256": "064b66188821584121784c30ca28eadbc5f265e025c6dd9eeed64cf1ef8e1f46",
        "width": 1, "height": 1, "state": "ready",
        "url": "https://processed-media.example/jobs/01j9zq4b5c6d7e8f9g0h1j2k3m/image-1.webp?X-Amz-Signature=5d1c",
        "urlExpiresAt": "2026-01-01T00:15:00.000Z"}],
    "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:02.000Z"}"#;

/// What can be asked next of a job.
pub(crate) const LINKS: &[Link] = &[
    TO_JOB,
    TO_MEDIA,
    Link {
        operation: "cancelJob",
        description: "Ends it before it is done.",
        parameters: &[("jobId", "$response.body#/jobId")],
        body: &[],
    },
    Link {
        operation: "getPlayback",
        description: "Of a video or a sound: what a player plays. Other outputs with a `playbackPath` are read in the same way.",
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
        description: "Where a job stands, and what came of it. While it runs, ask again after `Retry-After`.",
        parameters: &[JOB_ID, IF_NONE_MATCH, PREFER],
        request: None,
        answers: &[
            Answer {
                status: 200,
                description: "The job. `Retry-After` is there until it has ended.",
                content: Content::Json(BODY),
                headers: &[Header::ETag, Header::PreferenceApplied, Header::RetryAfter],
                links: LINKS,
            },
            Answer {
                status: 304,
                description: "The client's copy is current, and so are the signed links in it.",
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
    let place = job_place::of(job, context).await;
    let tag = entity_tag(job, place, clock::now(), context.download_seconds);
    if header_text(request, header::IF_NONE_MATCH).is_some_and(|known| matches(known, &tag)) {
        let mut response = respond::not_modified();
        decorate(&mut response, job, place, &tag);
        return Ok(response);
    }
    show_at(StatusCode::OK, job, place, context).await
}

/// A job as a response.
pub(crate) async fn show(status: StatusCode, job: &Job, context: &Context) -> Result<Response<Body>, Problem> {
    show_at(status, job, job_place::of(job, context).await, context).await
}

async fn show_at(
    status: StatusCode,
    job: &Job,
    place: Option<PlaceView>,
    context: &Context,
) -> Result<Response<Body>, Problem> {
    let tag = entity_tag(job, place, clock::now(), context.download_seconds);
    let mut response = respond::json(status, &view_at(job, place, context).await?);
    decorate(&mut response, job, place, &tag);
    Ok(response)
}

/// A job as its owner sees it, its links freshly signed.
pub(crate) async fn view<'a>(job: &'a Job, context: &Context) -> Result<JobView<'a>, Problem> {
    view_at(job, job_place::of(job, context).await, context).await
}

/// The same, with what is before it where that is known.
pub(crate) async fn view_at<'a>(
    job: &'a Job,
    queue: Option<PlaceView>,
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
    let mut views = Vec::with_capacity(outputs.len());
    for output in outputs {
        let signed = context.artifacts.presign(output, context.download_seconds).await;
        let url = signed.map_err(|error| respond::cloud_problem(&error))?;
        let artifact = &output.artifact;
        let playback_path = playable::is_played(artifact.role).then(|| playable::path(job, &artifact.name));
        views.push(OutputView { artifact, state: output.state, url, url_expires_at, playback_path });
    }
    Ok(views)
}

fn decorate(response: &mut Response<Body>, job: &Job, place: Option<PlaceView>, tag: &str) {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(tag).expect("entity tags are ASCII"));
    if !job.status().is_terminal() {
        let expected = job.expected_end().or(place.and_then(|place| place.starts_at));
        headers.insert(header::RETRY_AFTER, poll_s(expected, job.updated_at, clock::now()).into());
    }
}

/// In how many seconds to look again: a tenth of what is left, so that many who wait for long jobs are few requests a
/// second; where nobody knows, a tenth of how long nothing has changed.
fn poll_s(expected_at: Option<Timestamp>, updated_at: Timestamp, now: Timestamp) -> i64 {
    let left_ms = expected_at.map(|at| at.unix_ms() - now.unix_ms()).filter(|left_ms| *left_ms > 0);
    let tenth_s = left_ms.unwrap_or(now.unix_ms() - updated_at.unix_ms()) / 10_000;
    tenth_s.clamp(*POLL_S.start(), *POLL_S.end())
}

/// Changes with the job, and with half the life of its signed URLs, so that no client is told to
/// keep a copy whose URLs have expired. Weak: two answers under one tag carry different signatures.
fn entity_tag(job: &Job, place: Option<PlaceView>, now: Timestamp, download_seconds: u32) -> String {
    if let Some(PlaceView { ahead, .. }) = place {
        return format!("W/\"{}-{ahead}-before\"", job.revision);
    }
    if job.outputs().is_empty() {
        return format!("W/\"{}\"", job.revision);
    }
    let period = i64::from(download_seconds / 2).max(1);
    format!("W/\"{}-{}\"", job.revision, now.unix_s() / period)
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
    fn the_longer_a_job_will_take_the_later_it_is_asked_for_again() {
        let at = |second| Timestamp::from_unix_ms(1_800_000_000_000 + second * 1000).unwrap();
        let pause = |expected: Option<i64>, updated, now| poll_s(expected.map(at), at(updated), at(now));
        // What is left: three minutes, a second, five hours.
        assert_eq!([pause(Some(190), 0, 10), pause(Some(11), 0, 10), pause(Some(18_000), 0, 10)], [18, 1, 30]);
        // Nobody knows: just recorded, without capacity for a minute and for a day, later than expected.
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
