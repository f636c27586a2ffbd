//! `GET /jobs/{jobId}/playback/{name}`: a playlist or storyboard as a player can use it.
//!
//! What is stored names its neighbours by their file names. Of these, the ones that are played by this
//! route too stay as they are, since they are resolved against this very path; all others become signed
//! addresses. A player thus sends its token to the API alone, and reads segments from S3.

use crate::{
    context::Context,
    describe::{Answer, Content, JOB_ID, Operation, Parameter, Place, Shape},
    endpoint::{Endpoint, Handler},
    lookup,
    playable::{Played, is_played, played},
    respond,
};
use lambda_http::{Body, Response, http::Method};
use smmu_core::{
    Job, Output, Problem, ProblemCode, UserId,
    av::{hls, storyboard},
};
use std::collections::HashMap;

/// The largest text that is read. A playlist has about 60 bytes a segment.
const MAX_STORED_BYTES: u64 = 512 * 1024;
/// Signed addresses live no longer, however long the media is.
const MAX_SECONDS: u32 = 12 * 60 * 60;

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/jobs/{jobId}/playback/{name}",
    handler: Handler::User(|call| {
        Box::pin(handle(call.parameter("jobId"), call.parameter("name"), call.user, call.context))
    }),
    operation: Operation {
        id: "getPlayback",
        summary: "Read a playlist or a storyboard",
        description: "With signed addresses in the place of file names, ready for a player. An output's `playbackPath` leads \
            here. The addresses live long enough to play to the end: at most 12 hours.",
        parameters: &[
            JOB_ID,
            Parameter {
                place: Place::Path,
                name: "name",
                description: "The output's `name`.",
                shape: Shape::of::<String>(),
            },
        ],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "The text.",
            content: Content::Text(&[hls::CONTENT_TYPE, storyboard::CONTENT_TYPE]),
            headers: &[],
            links: &[],
        }],
        problems: &[ProblemCode::NotFound],
    },
};

async fn handle(job: &str, name: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let job = lookup::job(job, user, context).await?;
    let found = job.outputs().iter().find(|output| output.artifact.name == name);
    let found = found.and_then(|output| Some((output, played(output.artifact.role)?)));
    let (output, kind) = found.ok_or(Problem::new(ProblemCode::NotFound))?;

    let stored = context.artifacts.read_text(output, MAX_STORED_BYTES).await;
    let stored = stored.map_err(|error| respond::cloud_problem(&error))?;
    let addresses = sign(&job, &stored, context).await?;
    let address = |name: &str| addresses.get(name).cloned();
    let text = match kind {
        Played::Playlist => hls::with_addresses(&stored, &address),
        Played::Storyboard => storyboard::with_addresses(&stored, &address),
    };
    Ok(respond::text(&output.artifact.content_type, text))
}

/// Signed addresses, by name, of those outputs that the text can name and this route does not serve.
async fn sign<'a>(job: &'a Job, text: &str, context: &Context) -> Result<HashMap<&'a str, String>, Problem> {
    let seconds = seconds(job.outputs(), context.download_seconds);
    let mut addresses = HashMap::new();
    for output in job.outputs() {
        let name = output.artifact.name.as_str();
        if is_played(output.artifact.role) || !text.contains(name) {
            continue;
        }
        let signed = context.artifacts.presign(output, seconds).await;
        addresses.insert(name, signed.map_err(|error| respond::cloud_problem(&error))?);
    }
    Ok(addresses)
}

/// How long addresses must live: who starts to play as late as a download may start plays to the end.
fn seconds(outputs: &[Output], download_seconds: u32) -> u32 {
    let longest_ms = outputs.iter().filter_map(|output| output.artifact.duration_ms).max().unwrap_or_default();
    let longest = u32::try_from(longest_ms.div_ceil(1000)).unwrap_or(u32::MAX);
    download_seconds.saturating_add(longest).min(MAX_SECONDS.max(download_seconds))
}

#[cfg(test)]
mod tests {
    use super::seconds;
    use smmu_core::{Artifact, Output, Role, Sha256};

    fn lasting(duration_ms: Option<u64>) -> Output {
        let artifact = Artifact::new("video.mp4", Role::Rendition, "video/mp4", 1, Sha256::from_bytes([0; 32]));
        Output::ready("jobs/j/transcode/a/", Artifact { duration_ms, ..artifact })
    }

    #[test]
    fn addresses_outlive_the_longest_output_within_half_a_day() {
        assert_eq!(seconds(&[], 900), 900);
        assert_eq!(seconds(&[lasting(None), lasting(Some(60_001)), lasting(Some(10))], 900), 961);
        assert_eq!(seconds(&[lasting(Some(u64::MAX))], 900), 43_200);
    }
}
