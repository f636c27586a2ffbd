//! Object keys. They contain only our own identifiers, no text from users.

use crate::{
    ids::{AttemptId, InvalidId, JobId, MediaId},
    pipeline::Pipeline,
};

const UPLOADS: &str = "uploads/";

/// Key of an upload in the raw bucket.
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

/// The prefix, `/` included, for files that one attempt replaces while it works. They are not needed after the job, so
/// the bucket expires them.
#[must_use]
pub fn working_prefix(job: &JobId, pipeline: Pipeline, attempt: &AttemptId) -> String {
    format!("working/{job}/{pipeline}/{attempt}/")
}

/// The prefixes, `/` included, of all objects of a job in the processed bucket.
#[must_use]
pub fn job_prefixes(job: &JobId) -> [String; 2] {
    ["jobs", "working"].map(|folder| format!("{folder}/{job}/"))
}

/// Key at which a worker's attempts store the checkpoint that a later attempt can resume from.
#[must_use]
pub fn checkpoint(job: &JobId, pipeline: Pipeline) -> String {
    format!("working/{job}/{pipeline}/checkpoint")
}

/// Two parts of a key, without its first segment: up to the pipeline, and up to the attempt. Keys of one attempt
/// ([`attempt_prefix`], [`working_prefix`]) have both in common, keys of two attempts of one worker only the first.
#[must_use]
pub fn attempt_of(key: &str) -> (&str, &str) {
    let place = key.split_once('/').map_or(key, |(_, place)| place);
    let end_of = |parts: usize| place.match_indices('/').nth(parts - 1).map_or(place.len(), |(at, _)| at);
    (&place[..end_of(2)], &place[..end_of(3)])
}

#[cfg(test)]
mod tests {
    use super::{attempt_of, attempt_prefix, checkpoint, job_prefixes, working_prefix};
    use crate::pipeline::Pipeline;

    #[test]
    fn all_keys_of_a_job_start_with_its_prefixes() {
        let job = "job_01jd0w00000000000000000001".parse().expect("an id");
        let attempt = "att_01jd0w00000000000000000002".parse().expect("an id");
        let prefixes = job_prefixes(&job);
        for pipeline in [Pipeline::Transcode, Pipeline::Transcribe] {
            let keys = [
                attempt_prefix(&job, pipeline, &attempt),
                working_prefix(&job, pipeline, &attempt),
                checkpoint(&job, pipeline),
            ];
            assert!(keys.iter().all(|key| prefixes.iter().any(|prefix| key.starts_with(prefix))), "{keys:?}");
        }
    }

    #[test]
    fn the_attempt_of_a_key_is_found_at_any_depth() {
        let job = "job_01jd0w00000000000000000001".parse().expect("an id");
        let attempt = "att_01jd0w00000000000000000002".parse().expect("an id");
        let expected = (format!("{job}/transcribe"), format!("{job}/transcribe/{attempt}"));
        let prefixes = [attempt_prefix, working_prefix].map(|prefix| prefix(&job, Pipeline::Transcribe, &attempt));
        for key in prefixes.iter().flat_map(|prefix| ["a", "1/a"].map(|name| format!("{prefix}{name}"))) {
            assert_eq!(attempt_of(&key), (expected.0.as_str(), expected.1.as_str()), "{key}");
        }
        assert_eq!(attempt_of("a/b"), ("b", "b"));
        assert_eq!(attempt_of("a"), ("a", "a"));
    }
}
