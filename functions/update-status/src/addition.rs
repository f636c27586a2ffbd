//! Completes a job that ran one step, with the other outputs of the job before it.

use crate::Context;
use smmu_cloud::{Collected, Failure};
use smmu_core::{Addition, ErrorCode, JobError, Output, Pipeline, Refusal, Role, Stage, keys};

/// The earlier job's collected outputs that stay: those of its other workers, from their manifests, without captions in
/// the playlists. The inner `Err` is the reason why nothing can be added.
pub(crate) async fn kept(
    addition: &Addition,
    collected: &[Collected],
    given_up: &[JobError],
    context: &Context,
) -> Result<Result<Vec<Collected>, JobError>, Failure> {
    // The step was the whole job, so its failure is the job's.
    if let (true, Some(error)) = (collected.is_empty(), given_up.first()) {
        return Ok(Err(error.clone()));
    }
    let Some(earlier) = context.jobs.get(&addition.to).await? else {
        let message = "the job whose outputs it adds to no longer exists";
        return Ok(Err(Refusal::new(ErrorCode::Internal, message).at(Stage::Finish)));
    };
    let mut kept = Vec::new();
    for manifest_key in kept_manifests(earlier.outputs(), addition.step) {
        kept.push(context.artifacts.collect(manifest_key).await?);
    }
    Ok(Ok(kept))
}

/// Manifest keys of every worker except `replaced`.
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
    fn only_the_manifest_of_the_rerun_step_is_replaced() {
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
