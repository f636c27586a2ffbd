//! Finds out from the first bytes what was uploaded, and which branch it takes.

use aws_config::SdkConfig;
use smmu_cloud::{Advance, Environment, Failure, InvalidEnvironment, Jobs, Uploads};
use smmu_core::{
    Branch, Detected, ErrorCode, ExecutionInput, Format, JobEvent, Refusal, Stage, UploadPolicy, detect,
    detect::HEAD_BYTES,
};

/// What the function needs, made once.
pub struct Context {
    jobs: Jobs,
    uploads: Uploads,
    policy: UploadPolicy,
    render_image_max_bytes: u64,
}

impl Context {
    /// From the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            jobs: Jobs::new(sdk, environment)?,
            uploads: Uploads::new(sdk, environment)?,
            policy: environment.upload_policy()?,
            render_image_max_bytes: environment.parse_or("SMMU_RENDER_IMAGE_MAX_BYTES", 32 * 1024 * 1024)?,
        })
    }
}

/// Answers its input, what it is, and where it goes.
pub async fn handle(input: ExecutionInput, context: &Context) -> Result<Detected, Failure> {
    let head = context.uploads.read_start(&input.source, HEAD_BYTES).await;
    let head = head.map_err(|error| Failure::reading_source(error, Stage::Detect))?;
    let format = accept(&head, input.source.bytes, &context.policy)
        .map_err(|refusal| Failure::refused(refusal, Stage::Detect))?;
    match context.jobs.advance(&input.job_id, JobEvent::Detected(format.kind)).await? {
        Advance::Changed(_) | Advance::Unchanged(_) => {}
        Advance::Ended(job) => return Err(Failure::Fault(format!("the job is {} already", job.status()))),
        Advance::TooEarly(_) | Advance::Missing => return Err(Failure::unexpected("the job is not running")),
    }
    Ok(Detected {
        branch: Branch::of(format.kind, input.source.bytes, context.render_image_max_bytes),
        kind: format.kind,
        content_type: format.content_type.to_owned(),
        input,
    })
}

/// The limit of a kind was checked against what the client declared; here it holds for what the
/// file is.
fn accept(head: &[u8], bytes: u64, policy: &UploadPolicy) -> Result<Format, Refusal> {
    let Some(format) = detect(head) else {
        let message = "the content is no image, video or audio of a known format";
        return Err(Refusal::new(ErrorCode::UnsupportedMedia, message));
    };
    let limit = policy.max_bytes(format.kind);
    if bytes > limit {
        let message = format!("the content is {}, of which at most {limit} bytes are accepted", format.content_type);
        return Err(Refusal::new(ErrorCode::TooManyBytes, message));
    }
    Ok(format)
}

#[cfg(test)]
mod tests {
    use super::accept;
    use smmu_core::{ErrorCode, MediaKind, UploadPolicy};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn content_decides_the_kind() {
        let format = accept(PNG, 100, &UploadPolicy::default()).expect("a PNG is accepted");
        assert_eq!((format.kind, format.content_type), (MediaKind::Image, "image/png"));
    }

    #[test]
    fn text_is_refused_as_unsupported() {
        let refusal = accept(b"#!/bin/sh\necho hello", 20, &UploadPolicy::default());
        assert_eq!(refusal.map_err(|r| r.code), Err(ErrorCode::UnsupportedMedia));
    }

    #[test]
    fn an_image_declared_as_a_video_still_has_an_image_s_limit() {
        let policy = UploadPolicy { max_image_bytes: 1000, ..UploadPolicy::default() };
        assert_eq!(accept(PNG, 1001, &policy).map_err(|r| r.code), Err(ErrorCode::TooManyBytes));
    }
}
