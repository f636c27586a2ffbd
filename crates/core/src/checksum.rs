//! Checksums that identify an upload: one digest of the whole content, or one of its parts' digests.

use crate::{
    ids::Sha256,
    parts::{Composite, PartPlan},
};
use serde::{Deserialize, Serialize};

/// The digest that identifies an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Checksum {
    /// For an upload in parts.
    Composite {
        /// The digest verified by S3.
        composite: Composite,
        /// Digest of the whole content, if the client declared one. S3 cannot verify it; the program that downloads the
        /// file does.
        #[serde(rename = "sha256", default, skip_serializing_if = "Option::is_none")]
        declared: Option<Sha256>,
    },
    /// For an upload in one request, as granted and verified by S3.
    Whole {
        /// Digest of the content.
        sha256: Sha256,
    },
}

/// A checksum that S3 stores for an object, of type `FULL_OBJECT` or `COMPOSITE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredChecksum {
    /// Digest of the content.
    Whole(Sha256),
    /// Digest of the parts' digests.
    Composite {
        /// The digest.
        sha256: Sha256,
        /// Number of parts.
        parts: u32,
    },
}

impl Checksum {
    /// The digest of the whole content, if known.
    #[must_use]
    pub const fn whole(&self) -> Option<Sha256> {
        match self {
            Self::Composite { declared, .. } => *declared,
            Self::Whole { sha256 } => Some(*sha256),
        }
    }

    /// Returns whether S3 stores this checksum for an object of `bytes` bytes.
    #[must_use]
    pub fn is(&self, bytes: u64, stored: Option<StoredChecksum>) -> bool {
        let expected = match self {
            Self::Whole { sha256 } => StoredChecksum::Whole(*sha256),
            Self::Composite { composite: Composite { sha256, part_bytes }, .. } => {
                let parts = PartPlan { bytes, part_bytes: *part_bytes }.count();
                StoredChecksum::Composite { sha256: *sha256, parts }
            }
        };
        stored == Some(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const WHOLE: Checksum = Checksum::Whole { sha256: Sha256::from_bytes([1; 32]) };

    fn composite(declared: Option<Sha256>) -> Checksum {
        Checksum::Composite { composite: Composite { sha256: Sha256::from_bytes([1; 32]), part_bytes: 10 }, declared }
    }

    #[test]
    fn a_whole_digest_keeps_its_old_form_and_a_composite_one_has_its_own_field() {
        let (one, two) = ("01".repeat(32), "02".repeat(32));
        for (checksum, written) in [
            (WHOLE, json!({"sha256": one})),
            (composite(None), json!({"composite": {"sha256": one, "partBytes": 10}})),
            (
                composite(Some(Sha256::from_bytes([2; 32]))),
                json!({"composite": {"sha256": one, "partBytes": 10}, "sha256": two}),
            ),
        ] {
            assert_eq!(serde_json::to_value(checksum).unwrap(), written);
            assert_eq!(serde_json::from_value::<Checksum>(written).unwrap(), checksum);
        }
        assert!(serde_json::from_value::<Checksum>(json!({})).is_err());
    }

    #[test]
    fn the_same_digest_with_another_type_or_part_count_differs() {
        let sha256 = Sha256::from_bytes([1; 32]);
        let in_parts = |parts| Some(StoredChecksum::Composite { sha256, parts });
        assert!(WHOLE.is(25, Some(StoredChecksum::Whole(sha256))));
        assert!(composite(None).is(25, in_parts(3)));
        for (checksum, stored) in [
            (WHOLE, in_parts(3)),
            (WHOLE, Some(StoredChecksum::Whole(Sha256::from_bytes([2; 32])))),
            (WHOLE, None),
            (composite(Some(sha256)), Some(StoredChecksum::Whole(sha256))),
            (composite(None), in_parts(2)),
            (composite(None), None),
        ] {
            assert!(!checksum.is(25, stored), "{checksum:?} {stored:?}");
        }
    }
}
