//! A job that ran one step: it is completed with what the job before it made otherwise.

use crate::Context;
use smmu_cloud::{Collected, Failure};
use smmu_core::{Addition, ErrorCode, JobError, Output, Pipeline, Refusal, Role, Stage, keys};

/// What stays of the job that is added to: what its other workers made, as their manifests say, which know nothing of
/// captions. Or why nothing can be added.
pub(crate) async fn kept(
    addition: &Addition,
    collected: &[Collected],
    given_up: &[JobError],
    context: &Context,
) -> Result<Result<Vec<Collected>, JobError>, Failure> {
    // The step was all that there was to do, so its failure is the job's.
    if let (true, Some(error)) = (collected.is_empty(), given_up.first()) {
        return Ok(Err(error.clone()));
    }
    let Some(earlier) = context.jobs.get(&addition.to).await? else {
        let message = "the job whose outputs were to be added to is no longer there";
        return Ok(Err(Refusal::new(ErrorCode::Internal, message).at(Stage::Finish)));
    };
    let mut kept = Vec::new();
    for manifest_key in kept_manifests(earlier.outputs(), addition.step) {
        kept.push(context.artifacts.collect(manifest_key).await?);
    }
    Ok(Ok(kept))
}

/// The keys of the manifests of every worker but one.
fn kept_manifests(outputs: &[Output], replaced: Pipeline) -> impl Iterator<Item = &str> {
    let manifests = outputs.iter().filter(|output| output.artifact.role == Role::Manifest);
    let keys = manifests.map(|output| output.key.as_str());
    keys.filter(move |key| !keys::attempt_of(key).0.ends_with(replaced.as_str()))
}

#[cfg(test)]
mod tests {
    use super::kept_manifests;
    use smmu_core::{Artifact, Output, Pipeline, Role, Sha256};

    #[test]
    fn the_manifest_of_the_step_that_ran_again_is_replaced_and_the_others_stay() {
        let output = |key: &str, role| {
            let artifact = Artifact::new("a", role, "application/json", 1, Sha256::from_bytes([0; 32]));
            Output { key: key.to_owned(), ..Output::ready("", artifact) }
        };
        let outputs = [
            output("jobs/job_1/transcode/att_1/manifest.json", Role::Manifest),
            output("jobs/job_1/transcode/att_1/video.mp4", Role::Rendition),
            output("jobs/job_2/transcribe/att_2/manifest.json", Role::Manifest),
        ];
        let kept = |step| kept_manifests(&outputs, step).collect::<Vec<_>>();
        assert_eq!(kept(Pipeline::Transcribe), ["jobs/job_1/transcode/att_1/manifest.json"]);
        assert_eq!(kept(Pipeline::Transcode), ["jobs/job_2/transcribe/att_2/manifest.json"]);
    }
}
