//! Detects the format of an upload from its content, and selects its branch, worker size, and where the workers run.

use aws_config::SdkConfig;
use smmu_cloud::{Advance, CloudError, Environment, Failure, Function, Jobs, StartError, Uploads, telemetry};
use smmu_core::{
    Assignment, Branch, Deployment, Detected, Entry, ErrorCode, ExecutionInput, Format, JobEvent, MediaKind, Places,
    Profile, Refusal, Run, Source, Stage, Step, TaskSize, UploadPolicy, WorkerSize,
    av::{Missing, Outline, Ranges},
    detect,
    detect::HEAD_BYTES,
};
use tracing::Instrument;

pub struct Context {
    jobs: Jobs,
    uploads: Uploads,
    policy: UploadPolicy,
    deployment: Deployment,
    profile: Profile,
    standard: TaskSize,
    large: TaskSize,
}

impl Function for Context {
    type Event = Step<Entry>;
    type Answer = Step<Assignment>;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self {
            jobs: Jobs::new(sdk, environment)?,
            uploads: Uploads::new(sdk, environment)?,
            policy: environment.upload_policy()?,
            deployment: environment.deployment()?,
            profile: environment.profile()?,
            standard: TaskSize {
                cpu: environment.require("SMMU_TRANSCODE_CPU")?.to_owned(),
                memory: environment.require("SMMU_TRANSCODE_MEMORY")?.to_owned(),
            },
            large: TaskSize {
                cpu: environment.require("SMMU_TRANSCODE_LARGE_CPU")?.to_owned(),
                memory: environment.require("SMMU_TRANSCODE_LARGE_MEMORY")?.to_owned(),
            },
        })
    }

    async fn connect(&self) {
        tokio::join!(self.jobs.connect(), self.uploads.connect());
    }

    /// Returns the input with its format, branch and worker size.
    async fn handle(&self, step: Step<Entry>) -> Result<Step<Assignment>, Failure> {
        let span = telemetry::job_span(&step.work.input.job_id, step.work.input.trail.as_ref());
        let Step { work, run } = step;
        let assignment = look(work, run.as_ref(), self).instrument(span).await?;
        Ok(Step { work: assignment, run })
    }
}

async fn look(entry: Entry, run: Option<&Run>, context: &Context) -> Result<Assignment, Failure> {
    let Entry { input, places: allowed } = entry;
    let source = &input.source;
    let reading = |error: CloudError| Failure::reading_source(error, Stage::Detect);
    let head = context.uploads.read_range(source, 0..HEAD_BYTES as u64).await.map_err(reading)?;
    let format = detect::known(&head).map_err(|refusal| Failure::refused(refusal, Stage::Detect))?;
    let outline = outline(format, head, source, &context.uploads).await.map_err(reading)?;
    let kind = outline.kind(format.kind);
    accept(kind, format.content_type, source.bytes, &context.policy)
        .map_err(|refusal| Failure::refused(refusal, Stage::Detect))?;
    match context.jobs.advance(&input.job_id, JobEvent::Detected(kind)).await? {
        Advance::Changed(job) | Advance::Unchanged(job) => Failure::unless_held(&job, run)?,
        Advance::Ended(job) => return Err(Failure::ended(job.status(), run)),
        Advance::TooEarly(_) | Advance::Missing => return Err(Failure::not_running()),
    }
    let worker = match WorkerSize::of(kind, &outline, source.bytes) {
        WorkerSize::Standard => context.standard.clone(),
        WorkerSize::Large => context.large.clone(),
    };
    let whole = || Branch::of(kind, source.bytes, outline.sound, context.deployment.routing);
    let branch = input.only.and_then(Branch::only).unwrap_or_else(whole);
    let (places, light) = places(&input, branch, allowed, kind, format, &outline, context);
    tracing::info!(?kind, ?branch, ?places, light, content_type = format.content_type, "detected");
    Ok(Assignment {
        worker: Some(worker),
        places,
        light,
        detected: Detected { kind, content_type: format.content_type.to_owned(), branch, input },
    })
}

/// Where the workers begin, and whether the light state machine can run them. A choice that is invalid for this version
/// is refused by the worker, in a container.
fn places(
    input: &ExecutionInput,
    branch: Branch,
    allowed: Option<Places>,
    kind: MediaKind,
    format: Format,
    outline: &Outline,
    context: &Context,
) -> (Places, bool) {
    let Ok(profile) = input.choice.over(&context.profile) else {
        return (Places::default(), branch == Branch::RenderImage);
    };
    let (content_type, bytes) = (format.content_type, input.source.bytes);
    let found = context.deployment.places(branch, kind, content_type, outline, bytes, &profile);
    let places = allowed.map_or(found, |allowed| found.within(allowed));
    let light = context.deployment.is_light((branch, places), kind, content_type, outline, bytes, &profile);
    (places, light)
}

/// Reads the outline of a source, fetching a few kilobytes at a time as needed.
async fn outline(format: Format, head: Vec<u8>, source: &Source, uploads: &Uploads) -> Result<Outline, CloudError> {
    let mut known = Ranges::default();
    known.insert(0, head);
    loop {
        match Outline::read(format, &known, source.bytes) {
            Ok(outline) => return Ok(outline),
            Err(Missing(range)) => {
                let start = range.start;
                known.insert(start, uploads.read_range(source, range).await?);
            }
        }
    }
}

/// Checks the size limit for the detected kind. Before, it was checked only for the declared one.
fn accept(kind: MediaKind, content_type: &str, bytes: u64, policy: &UploadPolicy) -> Result<(), Refusal> {
    if !policy.allows(content_type, kind) {
        let message = format!("this service does not accept {content_type} files with {} content", kind.as_str());
        return Err(Refusal::new(ErrorCode::UnsupportedMedia, message));
    }
    let limit = policy.max_bytes(kind);
    if bytes > limit {
        let name = match kind {
            MediaKind::Image => "an image",
            MediaKind::Video => "video",
            MediaKind::Audio => "audio",
        };
        let message = format!("the file is {name}; at most {limit} bytes are accepted");
        return Err(Refusal::new(ErrorCode::TooManyBytes, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::accept;
    use smmu_core::{ErrorCode, MediaKind, UploadPolicy};

    #[test]
    fn content_outside_the_operators_list_is_refused() {
        let policy = UploadPolicy { allowed_types: vec!["image/jpeg".to_owned()], ..UploadPolicy::default() };
        let verdict = |content_type| accept(MediaKind::Image, content_type, 1, &policy).map_err(|r| r.code);
        assert_eq!(verdict("image/jpeg"), Ok(()));
        assert_eq!(verdict("image/png"), Err(ErrorCode::UnsupportedMedia));
    }

    #[test]
    fn an_image_declared_as_a_video_has_the_limit_of_an_image() {
        let policy = UploadPolicy { max_image_bytes: 1000, ..UploadPolicy::default() };
        assert_eq!(accept(MediaKind::Image, "image/png", 1000, &policy), Ok(()));
        assert_eq!(
            accept(MediaKind::Image, "image/png", 1001, &policy).map_err(|r| r.code),
            Err(ErrorCode::TooManyBytes)
        );
    }
}
