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

/// The pipeline's and the attempt's prefix in a key under [`attempt_prefix`]. Two keys of one attempt have both in
/// common, two attempts of one worker the first.
#[must_use]
pub fn attempt_of(key: &str) -> (&str, &str) {
    let end_of = |parts: usize| key.match_indices('/').nth(parts - 1).map_or(key.len(), |(at, _)| at);
    (&key[..end_of(3)], &key[..end_of(4)])
}

#[cfg(test)]
mod tests {
    use super::{attempt_of, attempt_prefix};
    use crate::pipeline::Pipeline;

    #[test]
    fn an_attempt_is_read_off_a_key_however_deep() {
        let job = "job_01jd0w00000000000000000001".parse().expect("an id");
        let attempt = "att_01jd0w00000000000000000002".parse().expect("an id");
        let prefix = attempt_prefix(&job, Pipeline::Transcribe, &attempt);
        let expected =
            (&prefix[..prefix.len() - "/att_01jd0w00000000000000000002/".len()], prefix.trim_end_matches('/'));
        for name in ["transcript.json", "partial-1/transcript.json"] {
            assert_eq!(attempt_of(&format!("{prefix}{name}")), expected);
        }
        assert_eq!(attempt_of("a/b"), ("a/b", "a/b"));
    }
}
