//! Further runs of a media in the table: begun by one transaction, and made the media's own by another.

use super::{FORGET_AT, MediaTable, Once, Written, attribute, put, status, update};
use crate::{
    error::CloudError,
    jobs::{Advance, Jobs, Writing},
};
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use smmu_core::{Job, JobEvent, Media, MediaState, MediaStatus, MicroDollars};

/// A client's key for a run.
pub type Key<'a> = Option<&'a Once>;

/// What became of a run that was to be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is recorded now.
    Recorded,
    /// The media has changed since it was read, or the key stands for something.
    Outdated,
}

/// The condition that the stored media has as many runs as this one, and the value of `:runs` in it, where it has one.
pub(super) fn same_runs(media: &Media) -> (&'static str, Option<AttributeValue>) {
    match media.reruns.len() {
        0 => ("attribute_not_exists(reruns)", None),
        count => ("size(reruns) = :runs", Some(AttributeValue::N(count.to_string()))),
    }
}

/// The write that makes a job the one that stands for its media.
struct Standing<'a> {
    media: &'a MediaTable,
    jobs: &'a Jobs,
}

impl Writing for Standing<'_> {
    async fn write(&self, job: &Job, from: u64) -> Result<bool, CloudError> {
        self.media.replace_standing(job, from, self.jobs).await
    }
}

impl MediaTable {
    /// Records one more job of a media, and the key that it was asked for with, all or nothing. `before` is the media as it
    /// was read. Of several writers at once one is `Recorded`.
    pub async fn begin_run(
        &self,
        before: &Media,
        media: &Media,
        job: &Job,
        key: Key<'_>,
        jobs: &Jobs,
    ) -> Result<Begun, CloudError> {
        const OPERATION: &str = "dynamodb:TransactWriteItems run";
        let MediaState::Submitted { job_id, .. } = &media.state else { return Ok(Begun::Outdated) };
        let (same_runs, count) = same_runs(before);
        // Not the whole record: what was measured stands beside it.
        let mut sets = vec!["jobId = :job", "reruns = :all", "choice = :choice"];
        let mut record = Update::builder()
            .table_name(&self.table)
            .key("mediaId", AttributeValue::S(media.id.to_string()))
            .condition_expression(format!("#status = :submitted AND {same_runs}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":submitted", status(&media.state))
            .expression_attribute_values(":job", AttributeValue::S(job_id.to_string()))
            .expression_attribute_values(":choice", attribute(&media.choice)?)
            .expression_attribute_values(":all", attribute(&media.reruns)?);
        if let Some(count) = count {
            record = record.expression_attribute_values(":runs", count);
        }
        if let Some(at) = jobs.forget_after(job.created_at) {
            sets.push("#forget = :forget");
            record = record.expression_attribute_names("#forget", FORGET_AT).expression_attribute_values(":forget", at);
        }
        let record = record.update_expression(format!("SET {}", sets.join(", ")));
        let record = record.build().map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let key = key.map(|once| self.key(once, job.id.as_str(), None)).transpose()?;
        let writes = [put(jobs.creation(job)?), update(record)].into_iter().chain(key.map(put));
        Ok(match self.write_all(OPERATION, writes).await? {
            Written::All => Begun::Recorded,
            Written::ConditionFailed | Written::Contended => Begun::Outdated,
        })
    }

    /// Completes a job that was just read, at its cost, where that was metered. A rerun becomes the job that stands for its
    /// media by the same write.
    pub async fn complete(
        &self,
        job: Job,
        completed: JobEvent,
        cost: Option<MicroDollars>,
        jobs: &Jobs,
    ) -> Result<Advance, CloudError> {
        if job.is_rerun() {
            jobs.advance_by(job, completed, cost, &Standing { media: self, jobs }).await
        } else {
            jobs.advance_by(job, completed, cost, jobs).await
        }
    }

    /// Writes a job that stands for its media from now on. `false` if the table's revision is another than `from`.
    async fn replace_standing(&self, job: &Job, from: u64, jobs: &Jobs) -> Result<bool, CloudError> {
        const OPERATION: &str = "dynamodb:TransactWriteItems complete";
        let record = Update::builder()
            .table_name(&self.table)
            .key("mediaId", AttributeValue::S(job.media_id.to_string()))
            .update_expression("SET jobId = :job")
            .condition_expression("#status = :submitted")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":submitted", AttributeValue::S(MediaStatus::Submitted.as_str().to_owned()))
            .expression_attribute_values(":job", AttributeValue::S(job.id.to_string()))
            .build()
            .map_err(|error| CloudError::unreadable(OPERATION, error))?;
        match self.write_all(OPERATION, [put(jobs.replacement(job, from)?), update(record)]).await? {
            Written::All => Ok(true),
            Written::Contended => Ok(false),
            // Whoever deletes a media changes its newest job too, so that this write fails then. Where the
            // media's record has expired, only the job is written.
            Written::ConditionFailed => jobs.replace(job, from).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::same_runs;
    use crate::media::item;
    use serde_json::json;
    use smmu_core::Media;

    const RUNS: &str = "reruns";

    #[test]
    fn the_condition_names_what_a_record_of_a_media_has() {
        let mut record = json!({
            "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "userId": "user-1", "fileName": "clip.mp4",
            "contentType": "video/mp4", "bytes": 3, "sha256": "0".repeat(64), "status": "AWAITING_UPLOAD",
            "createdAt": "2026-01-01T00:00:00.000Z", "expiresAt": "2026-01-01T00:15:00.000Z",
        });
        let media: Media = serde_json::from_value(record.clone()).unwrap();
        assert!(!item(&media).unwrap().contains_key(RUNS) && same_runs(&media).0.contains(RUNS));
        record[RUNS] = json!(["job_01j9zq4b5c6d7e8f9g0h1j2k3n"]);
        let media: Media = serde_json::from_value(record).unwrap();
        assert!(item(&media).unwrap().contains_key(RUNS) && same_runs(&media).0.contains(RUNS));
    }
}
