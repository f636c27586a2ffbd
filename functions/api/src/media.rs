//! `GET /media/{mediaId}`: an upload and the facts measured from its content.

use crate::{
    choice::ChoiceView,
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Link, MEDIA_ID, Operation, Shape, TO_JOB},
    endpoint::{Endpoint, Handler},
    lookup, respond,
};
use lambda_http::{
    Body, Response,
    http::{Method, StatusCode},
};
use serde::Serialize;
use smmu_core::{
    DescribedMedia, JobId, Labels, MediaFacts, MediaId, MediaKind, MediaState, MediaStatus, Problem, ProblemCode,
    Sha256, Timestamp, UserId, speech::SpeechFacts,
};

/// A media, as its owner sees it. Declared fields have the names of the init request.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Media"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct MediaView<'a> {
    media_id: &'a MediaId,
    /// The job that completed last; before one has completed, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<&'a JobId>,
    /// All jobs, oldest first, if the media was run again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<JobId>,
    status: MediaStatus,
    /// Kind of media, once detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<MediaKind>,
    /// File name, used only as a label: the last segment of a path, shortened to 255 characters before its extension.
    filename: &'a str,
    #[serde(flatten)]
    labels: &'a Labels,
    #[serde(flatten)]
    choice: ChoiceView<'a>,
    /// Media type, as declared or derived from the file name's extension. Processing depends on the content.
    content_type: &'a str,
    /// Size in bytes.
    size: u64,
    /// SHA-256 digest of the file, as declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
    /// Size of every part except the last, for an upload in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    part_bytes: Option<u64>,
    /// Expiry of the presigned upload, while the upload is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Facts measured from the content, as in the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<&'a MediaFacts>,
    /// Facts about the speech, as in the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    speech: Option<&'a SpeechFacts>,
    created_at: Timestamp,
}

impl<'a> From<&'a DescribedMedia> for MediaView<'a> {
    fn from(DescribedMedia { media, kind, facts, speech }: &'a DescribedMedia) -> Self {
        let (job_id, expires_at) = match &media.state {
            MediaState::AwaitingUpload => (None, Some(media.expires_at)),
            MediaState::Submitted { job_id, .. } => (Some(job_id), None),
            MediaState::Expired | MediaState::Deleted { .. } | MediaState::Purged { .. } => (None, None),
        };
        Self {
            media_id: &media.id,
            job_id,
            runs: if media.reruns.is_empty() { Vec::new() } else { media.runs() },
            status: media.state.status(),
            kind: *kind,
            filename: &media.file_name,
            labels: &media.labels,
            choice: ChoiceView::from(&media.choice),
            content_type: &media.grant.content_type,
            size: media.grant.bytes,
            sha256: media.grant.declared_sha256(),
            part_bytes: media.grant.parts().map(|parts| parts.part_bytes),
            expires_at,
            facts: facts.as_ref(),
            speech: speech.as_ref(),
            created_at: media.created_at,
        }
    }
}

/// Link from a response with a media ID to its deletion.
pub(crate) const TO_DELETE: Link = Link {
    operation: "deleteMedia",
    description: "Delete the media and its outputs.",
    parameters: &[("mediaId", "$response.body#/mediaId")],
    body: &[],
};

const EXAMPLE: &str = r##"{"mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m",
    "status": "SUBMITTED", "kind": "image", "filename": "pixel.png",
    "externalId": "order-7", "metadata": {"album": "summer"}, "contentType": "image/png", "size": 67,
    "sha256": "064b66188821584121784c30ca28eadbc5f265e025c6dd9eeed64cf1ef8e1f46",
    "facts": {"kind": "image", "image": {"format": "png", "width": 1, "height": 1, "orientation": 1, "hasAlpha": false,
        "bitDepth": 8, "colourModel": "grey", "thumbhash": "AAgGBIAAgA==", "dominantColour": "#ffffff",
        "palette": ["#ffffff"], "perceptualHash": "0000000000000000"}},
    "createdAt": "2026-01-01T00:00:00.000Z"}"##;

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/media/{mediaId}",
    handler: Handler::User(|call| Box::pin(handle(call.parameter("mediaId"), call.user, call.context))),
    operation: Operation {
        id: "getMedia",
        summary: "Read an upload",
        description: "Declared properties, status, and facts measured from the content.",
        parameters: &[MEDIA_ID],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "The upload.",
            content: Content::Json(JsonBody { shape: Shape::of::<MediaView<'static>>(), example: EXAMPLE }),
            headers: &[],
            links: &[TO_JOB, TO_DELETE],
        }],
        problems: &[ProblemCode::NotFound],
    },
};

async fn handle(id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let id = lookup::media_id(id)?;
    let found = context.submitter.media.get_described(&id).await.map_err(|error| respond::cloud_problem(&error))?;
    let found = found.filter(|found| found.media.state.deleted_at().is_none());
    let found = lookup::owned(found, |found| &found.media.user, user)?;
    Ok(respond::json(StatusCode::OK, &MediaView::from(&found)))
}

#[cfg(test)]
mod tests {
    use super::MediaView;
    use serde_json::json;
    use smmu_core::{DescribedMedia, MediaKind};

    #[test]
    fn a_media_has_an_expiry_until_it_has_a_job() {
        let mut record = json!({
            "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "userId": "user-1", "fileName": "clip.mp4",
            "contentType": "video/mp4", "bytes": 3, "sha256": "0".repeat(64), "status": "AWAITING_UPLOAD",
            "createdAt": "2026-01-01T00:00:00.000Z", "expiresAt": "2026-01-01T00:15:00.000Z",
        });
        let view = |record: &serde_json::Value, kind| {
            let media = serde_json::from_value(record.clone()).unwrap();
            let described = DescribedMedia { media, kind, facts: None, speech: None };
            serde_json::to_value(MediaView::from(&described)).unwrap()
        };
        let mut expected = json!({
            "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "filename": "clip.mp4", "contentType": "video/mp4",
            "size": 3, "sha256": "0".repeat(64), "status": "AWAITING_UPLOAD",
            "createdAt": "2026-01-01T00:00:00.000Z", "expiresAt": "2026-01-01T00:15:00.000Z",
        });
        assert_eq!(view(&record, None), expected);
        record["status"] = "SUBMITTED".into();
        record["jobId"] = "job_01j9zq4b5c6d7e8f9g0h1j2k3m".into();
        record["inputVersionId"] = "v".into();
        expected["status"] = "SUBMITTED".into();
        expected["jobId"] = "job_01j9zq4b5c6d7e8f9g0h1j2k3m".into();
        expected["kind"] = "video".into();
        expected.as_object_mut().unwrap().remove("expiresAt");
        assert_eq!(view(&record, Some(MediaKind::Video)), expected);
    }
}
