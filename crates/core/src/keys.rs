//! Object keys. They hold identifiers of ours and nothing that a user wrote.

use crate::{
    ids::{AttemptId, InvalidId, JobId, MediaId},
    pipeline::Pipeline,
};

const UPLOADS: &str = "uploads/";

/// Where an upload lands in the raw bucket.
#[must_use]
pub fn upload(media: &MediaId) -> String {
    format!("{UPLOADS}{media}")
}

/// The media that a key of the raw bucket belongs to: the inverse of [`upload`].
pub fn parse_upload(key: &str) -> Result<MediaId, InvalidId> {
    key.strip_prefix(UPLOADS).ok_or(InvalidId("upload key"))?.parse()
}

/// The prefix, `/` included, under which one attempt stores its artifacts in the processed bucket.
#[must_use]
pub fn attempt_prefix(job: &JobId, pipeline: Pipeline, attempt: &AttemptId) -> String {
    format!("jobs/{job}/{pipeline}/{attempt}/")
}
