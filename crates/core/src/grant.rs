//! What may be uploaded, and how its bytes come.

use crate::{
    checksum::Checksum,
    ids::Sha256,
    parts::{Composite, PartPlan},
};
use serde::{Deserialize, Serialize};

/// What a client asked to upload, after policy accepted it. What is signed for it covers size and digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Content type as declared. Content decides later.
    pub content_type: String,
    /// Exact size in bytes.
    pub bytes: u64,
    /// How the bytes come, and what they are known by.
    #[serde(flatten)]
    pub sending: Sending,
}

/// How the bytes of an upload come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Sending {
    /// In parts, each of which is signed with its own length and digest.
    Parts {
        /// The multipart upload.
        parts: PartsUpload,
        /// The digest of the whole, where the client has declared one.
        #[serde(rename = "sha256", default, skip_serializing_if = "Option::is_none")]
        declared: Option<Sha256>,
    },
    /// In one request, which is signed with this digest.
    Whole {
        /// Exact digest.
        sha256: Sha256,
    },
}

/// A multipart upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartsUpload {
    /// What S3 names it by. With it and the right permission parts can be added, so nobody is told.
    pub upload_id: String,
    /// Size of every part but the last, in bytes.
    pub part_bytes: u64,
    /// The composite digest of the parts, written before S3 is asked to put them together: from then on no other
    /// content counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Sha256>,
}

impl Grant {
    /// The multipart upload, where it is made in parts.
    #[must_use]
    pub const fn parts(&self) -> Option<&PartsUpload> {
        match &self.sending {
            Sending::Parts { parts, .. } => Some(parts),
            Sending::Whole { .. } => None,
        }
    }

    /// How it is cut, where it is made in parts.
    #[must_use]
    pub fn plan(&self) -> Option<PartPlan> {
        self.parts().map(|parts| PartPlan { bytes: self.bytes, part_bytes: parts.part_bytes })
    }

    /// The digest of the whole, where the client has declared one.
    #[must_use]
    pub const fn declared_sha256(&self) -> Option<Sha256> {
        match &self.sending {
            Sending::Parts { declared, .. } => *declared,
            Sending::Whole { sha256 } => Some(*sha256),
        }
    }

    /// What the object must be known by. An upload in parts has nothing before it is sealed.
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
