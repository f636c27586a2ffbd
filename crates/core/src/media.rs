//! One upload, from its grant to its submission.

use crate::{
    checksum::StoredChecksum,
    execution::{ExecutionInput, Source},
    facts::MediaFacts,
    grant::{Grant, PartsUpload, Sending},
    ids::{JobId, MediaId, UserId},
    job::Job,
    keys,
    kind::MediaKind,
    labels::Labels,
    parts::Composite,
    profile::Choice,
    speech::SpeechFacts,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

mod jobs;
mod rerun;

pub use rerun::{CannotRun, MAX_RUNS, Rerun};

/// Properties of an object in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Version described.
    pub version_id: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Checksum verified by S3 on upload, if it has one.
    pub checksum: Option<StoredChecksum>,
}

/// One upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// Id, from which the first job's id follows.
    #[serde(rename = "mediaId")]
    pub id: MediaId,
    /// The owner.
    #[serde(rename = "userId")]
    pub user: UserId,
    /// File name given by the client, for the owner; never part of a key or a log line.
    pub file_name: String,
    /// Labels set by the client.
    #[serde(flatten)]
    pub labels: Labels,
    /// The granted upload.
    #[serde(flatten)]
    pub grant: Grant,
    /// The client's choices, if any.
    #[serde(default, skip_serializing_if = "Choice::is_usual")]
    pub choice: Choice,
    /// Jobs created after the first one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reruns: Vec<JobId>,
    /// State of the upload.
    #[serde(flatten)]
    pub state: MediaState,
    /// Time of the grant.
    pub created_at: Timestamp,
    /// Expiry of the presigned upload.
    pub expires_at: Timestamp,
}

/// State of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum MediaState {
    /// Granted; no object was found yet.
    AwaitingUpload,
    /// The object was found and its job created.
    Submitted {
        /// The job whose outputs are current: the last one that completed, or else the newest.
        job_id: JobId,
        /// S3 version of the object to process.
        input_version_id: String,
    },
    /// Nothing was uploaded in time.
    Expired,
    /// Deleted by its owner. The record is a tombstone: objects and records of the media still have to be removed.
    Deleted {
        /// Time of the deletion.
        deleted_at: Timestamp,
    },
    /// Everything was removed. The tombstone stays until no late upload can arrive.
    Purged {
        /// Time of the deletion.
        deleted_at: Timestamp,
    },
}

/// Seconds to wait for uploads that were in progress when a grant expired or a media was deleted.
pub const LATE_SECONDS: i64 = 3600;

impl MediaState {
    /// The status of this state.
    #[must_use]
    pub const fn status(&self) -> MediaStatus {
        match self {
            Self::AwaitingUpload => MediaStatus::AwaitingUpload,
            Self::Submitted { .. } => MediaStatus::Submitted,
            Self::Expired => MediaStatus::Expired,
            Self::Deleted { .. } => MediaStatus::Deleted,
            Self::Purged { .. } => MediaStatus::Purged,
        }
    }

    /// Time of deletion by the owner, if deleted.
    #[must_use]
    pub const fn deleted_at(&self) -> Option<Timestamp> {
        match self {
            Self::Deleted { deleted_at } | Self::Purged { deleted_at } => Some(*deleted_at),
            Self::AwaitingUpload | Self::Submitted { .. } | Self::Expired => None,
        }
    }
}

/// Status of an upload as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MediaStatus {
    /// Granted; no object was found yet.
    AwaitingUpload,
    /// The object was found and its job created.
    Submitted,
    /// Nothing was uploaded in time.
    Expired,
    /// A tombstone; never shown to clients, and no filter value.
    #[serde(skip_deserializing)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Deleted,
    /// A tombstone after everything was removed; likewise hidden.
    #[serde(skip_deserializing)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Purged,
}

impl MediaStatus {
    /// The name in the media table and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingUpload => "AWAITING_UPLOAD",
            Self::Submitted => "SUBMITTED",
            Self::Expired => "EXPIRED",
            Self::Deleted => "DELETED",
            Self::Purged => "PURGED",
        }
    }
}

/// A media with its measurements so far.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedMedia {
    /// The upload.
    pub media: Media,
    /// Kind of media, once measured.
    pub kind: Option<MediaKind>,
    /// Measurements of the content.
    pub facts: Option<MediaFacts>,
    /// Facts about its speech.
    pub speech: Option<SpeechFacts>,
}

/// Difference between an uploaded object and its grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The size differs.
    #[error("the object has {actual} bytes, {granted} were granted")]
    Size {
        /// Bytes granted.
        granted: u64,
        /// Bytes found.
        actual: u64,
    },
    /// The digest differs, or S3 verified none.
    #[error("the object's SHA-256 is not the granted one")]
    Checksum,
}

impl Media {
    /// Key of the upload in the raw bucket.
    #[must_use]
    pub fn key(&self) -> String {
        keys::upload(&self.id)
    }

    /// Checks an object against the grant: the size and the verified digest must match.
    pub fn check(&self, object: &StoredObject) -> Result<(), Mismatch> {
        if object.bytes != self.grant.bytes {
            return Err(Mismatch::Size { granted: self.grant.bytes, actual: object.bytes });
        }
        let proven = self.grant.checksum().is_some_and(|checksum| checksum.is(object.bytes, object.checksum));
        if proven { Ok(()) } else { Err(Mismatch::Checksum) }
    }

    /// This media once all parts have arrived, with their composite digest. Its grant ends now, since nothing is left
    /// to send; `reconcile` then soon checks for parts that were not joined. `None` if it awaits no parts.
    #[must_use]
    pub fn sealed(&self, composite: Composite, at: Timestamp) -> Option<Self> {
        let (MediaState::AwaitingUpload, Sending::Parts { parts, declared }) = (&self.state, &self.grant.sending)
        else {
            return None;
        };
        let parts = PartsUpload { seal: Some(composite.sha256), ..parts.clone() };
        let grant = Grant { sending: Sending::Parts { parts, declared: *declared }, ..self.grant.clone() };
        Some(Self { grant, expires_at: self.expires_at.min(at), ..self.clone() })
    }

    /// This media with its object found, and its first job.
    pub fn submit(&self, object: &StoredObject, at: Timestamp) -> Result<(Self, Job), Mismatch> {
        self.check(object)?;
        let job = Job::queued(self, object, at);
        let state = MediaState::Submitted { job_id: job.id.clone(), input_version_id: object.version_id.clone() };
        Ok((Self { state, ..self.clone() }, job))
    }

    /// The tombstone of this media: without file name and labels; its grant ends with the last presigned URL. `None` if
    /// it is a tombstone already.
    #[must_use]
    pub fn deleted(&self, at: Timestamp) -> Option<Self> {
        let live = self.state.deleted_at().is_none();
        live.then(|| Self {
            file_name: String::new(),
            labels: Labels::default(),
            state: MediaState::Deleted { deleted_at: at },
            expires_at: self.expires_at.max(at),
            ..self.clone()
        })
    }

    /// This tombstone after everything was removed. `None` if it is not a tombstone.
    #[must_use]
    pub fn purged(&self) -> Option<Self> {
        let deleted_at = self.state.deleted_at()?;
        Some(Self { state: MediaState::Purged { deleted_at }, ..self.clone() })
    }

    /// Returns whether the tombstone can be removed: no upload can arrive any more, `late_seconds` after the last
    /// grant.
    #[must_use]
    pub fn can_be_forgotten(&self, now: Timestamp, late_seconds: i64) -> bool {
        self.state.deleted_at().is_some() && self.expires_at.plus_seconds(late_seconds) <= now
    }

    /// The queue message for a job of this media. `None` if its checksum is not known yet, without which no job can
    /// run.
    #[must_use]
    pub fn execution_input(&self, job: &Job) -> Option<ExecutionInput> {
        let checksum = self.grant.checksum()?;
        Some(ExecutionInput {
            job_id: job.id.clone(),
            media_id: self.id.clone(),
            user_id: self.user.clone(),
            source: Source {
                key: job.input_key.clone(),
                version_id: job.input_version_id.clone(),
                bytes: self.grant.bytes,
                checksum,
            },
            trail: job.trail.clone(),
            choice: job.choice.clone(),
            only: job.addition.as_ref().map(|addition| addition.step),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{checksum::Checksum, ids::Sha256, trail::Trail};
    use serde_json::json;

    fn media() -> Media {
        Media {
            id: "med_01j9zq4b5c6d7e8f9g0h1j2k3m".parse().unwrap(),
            user: UserId::try_from("user-1".to_owned()).unwrap(),
            file_name: "clip.mp4".into(),
            labels: Labels::new(Some("order-7".into()), [("album".into(), "summer".into())].into()).unwrap(),
            grant: Grant {
                content_type: "video/mp4".into(),
                bytes: 3,
                sending: Sending::Whole { sha256: Sha256::from_bytes([7; 32]) },
            },
            choice: Choice::default(),
            reruns: Vec::new(),
            state: MediaState::AwaitingUpload,
            created_at: Timestamp::from_unix_ms(0).unwrap(),
            expires_at: Timestamp::from_unix_ms(900_000).unwrap(),
        }
    }

    #[test]
    fn a_message_has_the_trail_of_its_job() {
        let trail = json!({"correlationId": "request-1", "userHash": "0123456789abcdef"});
        let trail: Trail = serde_json::from_value(trail).unwrap();
        let checksum = Some(StoredChecksum::Whole(Sha256::from_bytes([7; 32])));
        let object = StoredObject { version_id: "v".into(), bytes: 3, checksum };
        let (submitted, job) = media().submit(&object, Timestamp::from_unix_ms(1).unwrap()).unwrap();
        assert_eq!(submitted.execution_input(&job).unwrap().trail, None);
        let job = job.on(Some(trail.clone()));
        let stored: Job = serde_json::from_value(serde_json::to_value(&job).unwrap()).unwrap();
        assert_eq!(submitted.execution_input(&stored).unwrap().trail, Some(trail));
    }

    fn in_parts() -> Media {
        let parts = PartsUpload { upload_id: "u".into(), part_bytes: 2, seal: None };
        let sending = Sending::Parts { parts, declared: None };
        Media { grant: Grant { sending, ..media().grant }, ..media() }
    }

    #[test]
    fn an_upload_in_parts_must_match_its_seal() {
        let at = |ms| Timestamp::from_unix_ms(ms).unwrap();
        let composite = Composite { sha256: Sha256::from_bytes([9; 32]), part_bytes: 2 };
        let stored = |byte, parts| StoredObject {
            version_id: "v".into(),
            bytes: 3,
            checksum: Some(StoredChecksum::Composite { sha256: Sha256::from_bytes([byte; 32]), parts }),
        };
        assert_eq!(in_parts().check(&stored(9, 2)), Err(Mismatch::Checksum), "nothing is sealed");
        let sealed = in_parts().sealed(composite, at(1000)).unwrap();
        assert_eq!(sealed.expires_at, at(1000), "nothing more is granted");
        assert_eq!(sealed.check(&stored(9, 2)), Ok(()));
        for other in [stored(8, 2), stored(9, 3)] {
            assert_eq!(sealed.check(&other), Err(Mismatch::Checksum));
        }
        let (submitted, job) = sealed.submit(&stored(9, 2), at(2000)).unwrap();
        let source = submitted.execution_input(&job).unwrap().source;
        assert_eq!(source.checksum, Checksum::Composite { composite, declared: None });
        assert_eq!(submitted.sealed(composite, at(1)), None, "a submitted media is not sealed again");
        assert_eq!(media().sealed(composite, at(1)), None, "it is made with one request");
    }

    #[test]
    fn records_keep_the_kind_of_upload_and_a_whole_one_has_its_old_form() {
        let composite = Composite { sha256: Sha256::from_bytes([9; 32]), part_bytes: 2 };
        let sealed = in_parts().sealed(composite, Timestamp::from_unix_ms(1).unwrap()).unwrap();
        for media in [media(), in_parts(), sealed] {
            let record = serde_json::to_value(&media).unwrap();
            assert_eq!(record.get("sha256").is_some(), media.grant.parts().is_none());
            assert_eq!(serde_json::from_value::<Media>(record).unwrap(), media);
        }
        assert_eq!(serde_json::to_value(media()).unwrap()["sha256"], "07".repeat(32));
    }

    #[test]
    fn a_tombstone_has_no_name_and_stays_until_no_upload_can_arrive() {
        let at = |ms| Timestamp::from_unix_ms(ms).unwrap();
        let media = media();
        assert_eq!(media.purged(), None);
        assert!(!media.can_be_forgotten(at(i64::from(i32::MAX)), 60));
        // Deleted before and after the grant expired at 900 s.
        for (deleted_at, granted_until) in [(100_000, 900_000), (950_000, 950_000)] {
            let tombstone = media.deleted(at(deleted_at)).expect("it is live");
            assert_eq!((tombstone.file_name.as_str(), tombstone.deleted(at(1))), ("", None));
            assert_eq!(tombstone.labels, Labels::default());
            for tombstone in [tombstone.clone(), tombstone.purged().expect("it is a tombstone")] {
                assert!(!tombstone.can_be_forgotten(at(granted_until + 59_999), 60));
                assert!(tombstone.can_be_forgotten(at(granted_until + 60_000), 60));
                let record = serde_json::to_value(&tombstone).unwrap();
                assert_eq!(serde_json::from_value::<Media>(record).unwrap(), tombstone);
            }
        }
    }

    #[test]
    fn a_media_record_may_contain_facts() {
        let media = media();
        let mut record = serde_json::to_value(&media).unwrap();
        record["facts"] = json!({"kind": "video", "av": {"container": "mov"}});
        assert_eq!(serde_json::from_value::<Media>(record).unwrap(), media);
    }
}
