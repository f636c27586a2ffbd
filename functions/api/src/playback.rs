//! `GET /jobs/{jobId}/playback/{name}`: a playlist or storyboard, ready for a player.
//!
//! Stored playlists refer to other files by name. Names served by this route stay relative; others become signed URLs.
//! So a player sends its token only to the API, and reads segments from S3.

use crate::{
    context::Context,
    describe::{Answer, Content, JOB_ID, Operation, Parameter, ParameterLocation, Shape},
    endpoint::{Endpoint, Handler},
    lookup,
    playable::{self, Played, is_played, played},
    respond,
};
use lambda_http::{Body, Response, http::Method};
use smmu_core::{
    Job, Output, Problem, ProblemCode, UserId,
    av::{hls, storyboard},
};
use std::collections::HashMap;

/// Largest text that is read, in bytes. A playlist has about 60 bytes per segment.
const MAX_STORED_BYTES: u64 = 512 * 1024;
/// Maximum lifetime of presigned URLs, however long the media is: the credentials that sign them expire too.
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
        description: "The text has signed URLs in place of file names, ready for a player. An output's `playbackPath` leads \
            here. The URLs live long enough to play to the end, at most 12 hours.",
        parameters: &[
            JOB_ID,
            Parameter {
                place: ParameterLocation::Path,
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

/// Signed URLs by name, for outputs that the text can refer to and that this route does not serve.
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

/// Lifetime of presigned URLs, in seconds.
fn seconds(outputs: &[Output], download_seconds: u32) -> u32 {
    playable::seconds(outputs, download_seconds).min(MAX_SECONDS.max(download_seconds))
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
    fn urls_outlive_the_longest_output_up_to_12_hours() {
        assert_eq!(seconds(&[], 900), 900);
        assert_eq!(seconds(&[lasting(None), lasting(Some(60_001)), lasting(Some(10))], 900), 961);
        assert_eq!(seconds(&[lasting(Some(u64::MAX))], 900), 43_200);
    }
}
