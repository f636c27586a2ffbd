//! Lists of one user's jobs and media, newest first: their entries, filters and pages.

use crate::{
    error::JobError,
    ids::{JobId, MediaId},
    job::Status,
    kind::MediaKind,
    media::MediaStatus,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Filter of a list. `S` is the status type of its entries, `I` their id type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<S, I> {
    /// Only those with this status.
    pub status: Option<S>,
    /// Only those of this kind. Entries whose content was not examined yet have no kind.
    pub kind: Option<MediaKind>,
    /// At most this many.
    pub limit: PageLimit,
    /// Only those older than this id. The id need not exist, since ULIDs sort by time.
    pub after: Option<I>,
}

/// Filter of a list of jobs.
pub type JobListing = Listing<Status, JobId>;
/// Filter of a list of media.
pub type MediaListing = Listing<MediaStatus, MediaId>;

/// Most entries on a page: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u8);

impl PageLimit {
    /// The most entries on one page.
    pub const MAX: u8 = 100;

    /// Creates a limit; `None` if out of range.
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
    /// The entries, newest first. A filtered page can have fewer than requested, even none, before the end.
    pub entries: Vec<T>,
    /// Value of [`Listing::after`] for the next page; `None` at the end of the list.
    pub next: Option<I>,
}

/// A job in a list. It has no field that changes with progress, so that progress updates don't write to an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobSummary {
    /// The job.
    pub job_id: JobId,
    /// Its upload.
    pub media_id: MediaId,
    /// Current status.
    pub status: Status,
    /// Kind of media, once detected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<MediaKind>,
    /// Id of the upload in the client's own records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Error of a failed job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// Time of creation.
    pub created_at: Timestamp,
}

/// A media in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MediaSummary {
    /// The upload.
    pub media_id: MediaId,
    /// Its job, once submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Current status of the upload.
    pub status: MediaStatus,
    /// Kind of media, once measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<MediaKind>,
    /// Id of the upload in the client's own records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// File name given by the client.
    #[serde(rename(serialize = "filename", deserialize = "fileName"))]
    pub file_name: String,
    /// Size in bytes, as granted.
    #[serde(rename(serialize = "size", deserialize = "bytes"))]
    pub bytes: u64,
    /// `ThumbHash` of an image (about 25 bytes) in base64, once measured: a blurred placeholder. Can be missing while the
    /// service is busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbhash: Option<String>,
    /// Time of the grant.
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
    fn an_entry_is_read_from_a_record_and_written_with_the_apis_names() {
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
