//! A granted upload: what may be uploaded, and how it is sent.

use crate::{
    checksum::Checksum,
    ids::Sha256,
    parts::{Composite, PartPlan},
};
use serde::{Deserialize, Serialize};

/// An upload request accepted by policy. The signature covers its size and digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Content type as declared. The content decides later.
    pub content_type: String,
    /// Exact size in bytes.
    pub bytes: u64,
    /// How the bytes are sent, and the digests that identify them.
    #[serde(flatten)]
    pub sending: Sending,
}

/// How the bytes of an upload are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Sending {
    /// In parts, each signed with its own length and digest.
    Parts {
        /// The multipart upload.
        parts: PartsUpload,
        /// Digest of the whole content, if the client declared one.
        #[serde(rename = "sha256", default, skip_serializing_if = "Option::is_none")]
        declared: Option<Sha256>,
    },
    /// In one request, signed with this digest.
    Whole {
        /// Digest of the content.
        sha256: Sha256,
    },
}

/// A multipart upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartsUpload {
    /// S3's id of the multipart upload. With the id and the right permission anyone could add parts, so it is never
    /// shown.
    pub upload_id: String,
    /// Size of every part except the last, in bytes.
    pub part_bytes: u64,
    /// Composite digest of the parts, stored before S3 is asked to join them: from then on no other content is
    /// accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Sha256>,
}

impl Grant {
    /// The multipart upload, if sent in parts.
    #[must_use]
    pub const fn parts(&self) -> Option<&PartsUpload> {
        match &self.sending {
            Sending::Parts { parts, .. } => Some(parts),
            Sending::Whole { .. } => None,
        }
    }

    /// The division into parts, if sent in parts.
    #[must_use]
    pub fn plan(&self) -> Option<PartPlan> {
        self.parts().map(|parts| PartPlan { bytes: self.bytes, part_bytes: parts.part_bytes })
    }

    /// The digest of the whole content, if the client declared one.
    #[must_use]
    pub const fn declared_sha256(&self) -> Option<Sha256> {
        match &self.sending {
            Sending::Parts { declared, .. } => *declared,
            Sending::Whole { sha256 } => Some(*sha256),
        }
    }

    /// The checksum that the object must have. `None` for an upload in parts that is not sealed yet.
    #[must_use]
    pub fn checksum(&self) -> Option<Checksum> {
        match &self.sending {
            Sending::Whole { sha256 } => Some(Checksum::Whole { sha256: *sha256 }),
            Sending::Parts { parts: PartsUpload { part_bytes, seal, .. }, declared } => {
                let composite = Composite { sha256: (*seal)?, part_bytes: *part_bytes };
                Some(Checksum::Composite { composite, declared: *declared })
            }
        }
    }
}
