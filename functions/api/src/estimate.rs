//! Expected duration and cost of a job, from what is known before it starts.

use crate::context::Context;
use smmu_core::{Choice, Estimate, Job, Media, Profile, with_causes};

/// The estimate for a granted upload. `None` if its media type does not tell its kind.
pub(crate) fn of_upload(media: &Media, context: &Context) -> Option<Estimate> {
    let profile = profile(&media.choice, context)?;
    context.deployment.estimate_upload(&media.grant.content_type, media.grant.bytes, &profile)
}

/// The estimate for a recorded job: from the measurements of an earlier run of its media, or as for an upload.
pub(crate) async fn of_job(job: &Job, context: &Context) -> Option<Estimate> {
    let described = context.submitter.media.get_described(&job.media_id).await.inspect_err(|error| {
        tracing::warn!(
            jobId = job.id.as_str(),
            error = with_causes(error),
            "failed to read the media's measurements; the job has no estimate"
        );
    });
    let described = described.ok()??;
    let Some(facts) = &described.facts else { return of_upload(&described.media, context) };
    let step = job.addition.as_ref().map(|addition| addition.step);
    context.deployment.estimate_rerun(facts, described.media.grant.bytes, &profile(&job.choice, context)?, step)
}

fn profile(choice: &Choice, context: &Context) -> Option<Profile> {
    choice.over(&context.profile).ok()
}
