//! Reruns of a media in the table: one transaction begins a rerun, another makes its job the media's current one.

use super::{FORGET_AT, MediaTable, Once, Written, attribute, put, status, update};
use crate::{
    error::CloudError,
    jobs::{Advance, Jobs, Writing},
};
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use smmu_core::{Job, JobEvent, Media, MediaState, MediaStatus};

/// A client's idempotency key for a run, if it sent one.
pub type Key<'a> = Option<&'a Once>;

/// Outcome of beginning a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The run is recorded.
    Recorded,
    /// The media has changed since it was read, or the key is already in use.
    Outdated,
}

/// The condition that the stored media has as many runs as this one, and the value for `:runs`, if the condition uses
/// it.
pub(super) fn same_runs(media: &Media) -> (&'static str, Option<AttributeValue>) {
    match media.reruns.len() {
        0 => ("attribute_not_exists(reruns)", None),
        count => ("size(reruns) = :runs", Some(AttributeValue::N(count.to_string()))),
    }
}

/// Writes a job and makes it the current job of its media.
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
    /// Records another job of a media, and the client's key, in one transaction. `before` is the media as it was read.
    /// Of several concurrent writers, one gets `Recorded`.
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
        // Not the whole record: workers write measured facts to it concurrently.
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

    /// Completes a job that was just read. The same write makes a rerun the current job of its media.
    pub async fn complete(&self, job: Job, completed: JobEvent, jobs: &Jobs) -> Result<Advance, CloudError> {
        if job.is_rerun() {
            jobs.advance_by(job, completed, &Standing { media: self, jobs }).await
        } else {
            jobs.advance_by(job, completed, jobs).await
        }
    }

    /// Writes a job and makes it the current job of its media. Returns `false` if the stored revision is not `from`.
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
            // A deletion changes the newest job too, so this write also fails then. If the media's record has expired,
            // only the job is written.
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
    fn the_condition_matches_the_attributes_of_a_record() {
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
