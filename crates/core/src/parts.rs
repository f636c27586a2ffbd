//! Uploads in parts: division of a file, missing parts, and the digest of the whole upload.

use crate::ids::Sha256;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

const MIB: u64 = 1024 * 1024;

/// Most parts of one upload (Amazon S3 User Guide, "Amazon S3 multipart upload limits").
pub const MAX_PARTS: u32 = 10_000;
/// Largest upload with one PUT, in bytes (same source).
pub const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1024 * MIB;
/// Smallest part except the last, in bytes. S3 accepts 5 MiB; smaller parts need more requests.
const MIN_PART_BYTES: u64 = 8 * MIB;
/// Largest part while [`MAX_PARTS`] allows it, in bytes: an interrupted part is sent again from its start.
const COMFORTABLE_PART_BYTES: u64 = 64 * MIB;
/// Most parts that S3 lists in one answer.
const PARTS_OF_A_PAGE: u64 = 1000;

/// Division of a file into parts of equal size, except for the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Size of every part except the last, in bytes.
    pub part_bytes: u64,
}

impl PartPlan {
    /// The plan for a non-empty file: few parts, none of them large.
    #[must_use]
    pub fn of(bytes: u64) -> Self {
        let at_ease = bytes.div_ceil(PARTS_OF_A_PAGE).min(COMFORTABLE_PART_BYTES);
        let least = bytes.div_ceil(MAX_PARTS.into());
        let part_bytes = MIN_PART_BYTES.max(at_ease).max(least).next_multiple_of(MIB);
        Self { bytes, part_bytes }
    }

    /// Number of parts. They are numbered from 1.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::try_from(self.bytes.div_ceil(self.part_bytes.max(1))).unwrap_or(u32::MAX)
    }

    /// Size of a part in bytes; `None` if there is no part with this number.
    #[must_use]
    pub fn bytes_of(self, number: u32) -> Option<u64> {
        let from = u64::from(number.checked_sub(1)?).checked_mul(self.part_bytes)?;
        self.bytes.checked_sub(from).filter(|left| *left > 0).map(|left| left.min(self.part_bytes))
    }

    /// The digests of all parts in order, once each has arrived as planned.
    ///
    /// # Errors
    ///
    /// The parts that are missing or differ from the plan, and must be sent again.
    pub fn digests(self, arrived: &[ArrivedPart]) -> Result<Vec<Sha256>, MissingParts> {
        let as_planned = |part: &&ArrivedPart| self.bytes_of(part.number) == Some(part.bytes);
        let digests = arrived.iter().filter(as_planned).filter_map(|part| Some((part.number, part.sha256?)));
        let digests: BTreeMap<_, _> = digests.collect();
        let missing: Vec<_> = (1..=self.count()).filter(|number| !digests.contains_key(number)).collect();
        if missing.is_empty() {
            Ok(digests.into_values().collect())
        } else {
            Err(MissingParts { missing, count: self.count() })
        }
    }
}

/// A part stored by S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedPart {
    /// Part number, from 1.
    pub number: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest that S3 verified when the part arrived.
    pub sha256: Option<Sha256>,
    /// S3's tag for this upload of the part; it does not identify the content.
    pub e_tag: String,
}

/// Digest of an upload in parts: the digest of the parts' digests, in order. Together with the part size it identifies
/// the content as well as a digest of the whole does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Composite {
    /// SHA-256 of the parts' SHA-256 digests.
    pub sha256: Sha256,
    /// Size of every part except the last, in bytes.
    pub part_bytes: u64,
}

/// Parts that must be sent before the upload is complete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct MissingParts {
    /// Their numbers, ascending; at least one.
    pub missing: Vec<u32>,
    /// Total number of parts.
    pub count: u32,
}

/// Most ranges of missing parts listed in a message.
const LISTED_RUNS: usize = 20;

impl fmt::Display for MissingParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = runs(&self.missing);
        let listed = runs.iter().take(LISTED_RUNS).map(|(first, last)| match last - first {
            0 => first.to_string(),
            _ => format!("{first}-{last}"),
        });
        let listed: Vec<_> = listed.collect();
        let more = if runs.len() > LISTED_RUNS { " and more" } else { "" };
        write!(f, "{} of {} parts have not arrived: {}{more}", self.missing.len(), self.count, listed.join(", "))
    }
}

/// Groups ascending numbers into ranges without gaps.
fn runs(numbers: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            Some(_) | None => runs.push((number, number)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIB: u64 = 1024 * MIB;

    fn digest(byte: u8) -> Sha256 {
        Sha256::from_bytes([byte; 32])
    }

    fn arrived(plan: PartPlan) -> Vec<ArrivedPart> {
        let part = |number| ArrivedPart {
            number,
            bytes: plan.bytes_of(number).unwrap(),
            sha256: Some(digest(u8::try_from(number % 251).unwrap())),
            e_tag: format!("\"{number}\""),
        };
        (1..=plan.count()).map(part).collect()
    }

    proptest! {
        #[test]
        fn parts_cover_a_file_within_the_limits_of_s3(bytes in prop_oneof![1..GIB, 1..5 * 1024 * GIB]) {
            let plan = PartPlan::of(bytes);
            prop_assert!(plan.part_bytes >= MIN_PART_BYTES && plan.part_bytes <= MAX_SINGLE_PUT_BYTES);
            prop_assert!((1..=MAX_PARTS).contains(&plan.count()));
            prop_assert_eq!((1..=plan.count()).filter_map(|number| plan.bytes_of(number)).sum::<u64>(), bytes);
            prop_assert_eq!((plan.bytes_of(0), plan.bytes_of(plan.count() + 1)), (None, None));
            let full = (1..plan.count()).all(|number| plan.bytes_of(number) == Some(plan.part_bytes));
            prop_assert!(full, "only the last may be smaller");
        }

        #[test]
        fn exactly_the_parts_that_did_not_arrive_are_missing(missing in prop::collection::btree_set(1u32..=9, 1..9)) {
            let plan = PartPlan { bytes: 90, part_bytes: 10 };
            let mut parts = arrived(plan);
            parts.retain(|part| !missing.contains(&part.number));
            let found = plan.digests(&parts).unwrap_err();
            prop_assert_eq!(found, MissingParts { missing: missing.into_iter().collect(), count: 9 });
        }
    }

    #[test]
    fn parts_stay_small_while_they_are_few() {
        let sizes = [1, GIB, 8 * GIB, 100 * GIB, 1000 * GIB].map(|bytes| PartPlan::of(bytes).part_bytes / MIB);
        assert_eq!(sizes, [8, 8, 9, 64, 103]);
    }

    #[test]
    fn digests_are_ordered_by_part_number() {
        let plan = PartPlan { bytes: 25, part_bytes: 10 };
        let mut parts = arrived(plan);
        parts.reverse();
        assert_eq!(plan.digests(&parts).unwrap(), [1, 2, 3].map(digest));
    }

    #[test]
    fn a_part_with_another_size_or_no_verified_digest_is_missing() {
        let plan = PartPlan { bytes: 25, part_bytes: 10 };
        let mut parts = arrived(plan);
        parts[0].bytes = 9;
        parts[2].sha256 = None;
        assert_eq!(plan.digests(&parts).unwrap_err().missing, [1, 3]);
    }

    #[test]
    fn missing_parts_are_listed_as_ranges_up_to_a_limit() {
        let text = |missing: Vec<u32>| MissingParts { missing, count: 10_000 }.to_string();
        assert_eq!(text(vec![2, 5, 6, 7]), "4 of 10000 parts have not arrived: 2, 5-7");
        assert!(text((1..=5000).map(|number| number * 2).collect()).ends_with(", 40 and more"));
    }
}
