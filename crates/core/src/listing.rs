//! Lists of one user's jobs and media, newest first: what each entry shows, and which entries are wanted.

use crate::{
    error::JobError,
    ids::{JobId, MediaId},
    job::Status,
    kind::MediaKind,
    media::MediaStatus,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Which entries of a list are wanted. `S` is the status of what is listed, `I` its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<S, I> {
    /// Only those with this status.
    pub status: Option<S>,
    /// Only those of this kind. What has not been looked into yet has no kind.
    pub kind: Option<MediaKind>,
    /// At most this many.
    pub limit: PageLimit,
    /// Only those that are older than this id. The id need not exist: ULIDs sort by time.
    pub after: Option<I>,
}

/// Which jobs are wanted.
pub type JobListing = Listing<Status, JobId>;
/// Which media are wanted.
pub type MediaListing = Listing<MediaStatus, MediaId>;

/// How many entries a page has at most: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u8);

impl PageLimit {
    /// The most entries on one page.
    pub const MAX: u8 = 100;

    /// A limit within the bounds, or `None`.
    #[must_use]
    pub const fn new(entries: u8) -> Option<Self> {
        if entries >= 1 && entries <= Self::MAX { Some(Self(entries)) } else { None }
    }

    /// The number of entries.
    #[must_use]
    pub const fn entries(self) -> usize {
        self.0 as usize
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(20)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, I> {
    /// The entries, newest first. A filtered page can have fewer than were asked for, even none, before the end.
    pub entries: Vec<T>,
    /// Where the next page begins, as [`Listing::after`]; `None` at the end of the list.
    pub next: Option<I>,
}

/// A job in a list. It has nothing that changes while the job is worked on, so that progress writes no index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobSummary {
    /// The job.
    pub job_id: JobId,
    /// Its upload.
    pub media_id: MediaId,
    /// Where it stands.
    pub status: Status,
    /// What the content is, once somebody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<MediaKind>,
    /// The upload's name in the client's own records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A media in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MediaSummary {
    /// The upload.
    pub media_id: MediaId,
    /// Its job, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Where the upload stands.
    pub status: MediaStatus,
    /// What the content is, once it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<MediaKind>,
    /// The upload's name in the client's own records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The name that the client gave.
    #[serde(rename(serialize = "filename", deserialize = "fileName"))]
    pub file_name: String,
    /// Size in bytes, as granted.
    #[serde(rename(serialize = "size", deserialize = "bytes"))]
    pub bytes: u64,
    /// When the upload was granted.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::{JobSummary, MediaSummary, PageLimit};
    use serde_json::json;

    #[test]
    fn a_page_has_1_to_100_entries() {
        assert_eq!(PageLimit::new(0), None);
        assert_eq!(PageLimit::new(1).map(PageLimit::entries), Some(1));
        assert_eq!(PageLimit::new(100).map(PageLimit::entries), Some(100));
        assert_eq!(PageLimit::new(101), None);
    }

    #[test]
    fn an_entry_is_read_off_a_record_and_written_as_the_api_names_things() {
        let record = json!({
            "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "userId": "user-1", "status": "AWAITING_UPLOAD",
            "fileName": "clip.mp4", "bytes": 3, "createdAt": "2026-01-01T00:00:00.000Z", "externalId": "order-7",
        });
        let media: MediaSummary = serde_json::from_value(record).unwrap();
        assert_eq!(
            serde_json::to_value(media).unwrap(),
            json!({
                "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "status": "AWAITING_UPLOAD", "filename": "clip.mp4",
                "size": 3, "createdAt": "2026-01-01T00:00:00.000Z", "externalId": "order-7",
            })
        );
        let record = json!({
            "jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m", "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m",
            "userId": "user-1", "status": "RUNNING", "kind": "video", "createdAt": "2026-01-01T00:00:00.000Z",
        });
        let job: JobSummary = serde_json::from_value(record).unwrap();
        assert_eq!(serde_json::to_value(job).unwrap().get("userId"), None);
    }
}
