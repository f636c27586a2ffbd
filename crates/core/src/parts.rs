//! Uploads in parts: how a file is cut, which parts are still missing, and the one digest that stands for all of them.

use crate::ids::Sha256;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

const MIB: u64 = 1024 * 1024;

/// Most parts of one upload (Amazon S3 User Guide, "Amazon S3 multipart upload limits").
pub const MAX_PARTS: u32 = 10_000;
/// Largest upload with one PUT, in bytes (the same page).
pub const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1024 * MIB;
/// Smallest part but the last, in bytes. S3 takes 5 MiB; smaller parts are more requests.
const MIN_PART_BYTES: u64 = 8 * MIB;
/// Parts stay this small as long as [`MAX_PARTS`] allows: one that breaks off is sent again from its beginning.
const COMFORTABLE_PART_BYTES: u64 = 64 * MIB;
/// Up to this many parts, S3 lists them in one answer.
const PARTS_OF_A_PAGE: u64 = 1000;

/// How a file is cut: parts of one size, of which the last has what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Size of every part but the last, in bytes.
    pub part_bytes: u64,
}

impl PartPlan {
    /// The plan for a file that is not empty: few parts, none of them large.
    #[must_use]
    pub fn of(bytes: u64) -> Self {
        let at_ease = bytes.div_ceil(PARTS_OF_A_PAGE).min(COMFORTABLE_PART_BYTES);
        let least = bytes.div_ceil(MAX_PARTS.into());
        let part_bytes = MIN_PART_BYTES.max(at_ease).max(least).next_multiple_of(MIB);
        Self { bytes, part_bytes }
    }

    /// How many parts there are. They are numbered from 1.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::try_from(self.bytes.div_ceil(self.part_bytes.max(1))).unwrap_or(u32::MAX)
    }

    /// The size of a part, or `None` where there is no part of that number.
    #[must_use]
    pub fn bytes_of(self, number: u32) -> Option<u64> {
        let from = u64::from(number.checked_sub(1)?).checked_mul(self.part_bytes)?;
        self.bytes.checked_sub(from).filter(|left| *left > 0).map(|left| left.min(self.part_bytes))
    }

    /// The digests of all parts in their order, once each has arrived as planned.
    ///
    /// # Errors
    ///
    /// Names the parts that are missing, or that differ from the plan, so that they have to be sent again.
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

/// A part as S3 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedPart {
    /// From 1.
    pub number: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest that S3 verified when the part arrived.
    pub sha256: Option<Sha256>,
    /// What S3 names this upload of the part by; it says nothing of its content.
    pub e_tag: String,
}

/// The digest of an upload that was made in parts: of their digests, in order. With the size of the parts it stands for
/// the content as a whole digest does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Composite {
    /// SHA-256 of the parts' SHA-256.
    pub sha256: Sha256,
    /// Size of every part but the last, in bytes.
    pub part_bytes: u64,
}

/// Parts that have to be sent before an upload is complete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct MissingParts {
    /// Their numbers, ascending, at least one.
    pub missing: Vec<u32>,
    /// Of so many parts in all.
    pub count: u32,
}

/// How many runs of missing parts are listed.
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

/// Ascending numbers as runs without gaps.
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
        fn what_is_missing_is_exactly_what_did_not_arrive(missing in prop::collection::btree_set(1u32..=9, 1..9)) {
            let plan = PartPlan { bytes: 90, part_bytes: 10 };
            let mut parts = arrived(plan);
            parts.retain(|part| !missing.contains(&part.number));
            let found = plan.digests(&parts).unwrap_err();
            prop_assert_eq!(found, MissingParts { missing: missing.into_iter().collect(), count: 9 });
        }
    }

    #[test]
    fn parts_are_small_while_they_are_few() {
        let sizes = [1, GIB, 8 * GIB, 100 * GIB, 1000 * GIB].map(|bytes| PartPlan::of(bytes).part_bytes / MIB);
        assert_eq!(sizes, [8, 8, 9, 64, 103]);
    }

    #[test]
    fn digests_are_in_the_order_of_their_numbers() {
        let plan = PartPlan { bytes: 25, part_bytes: 10 };
        let mut parts = arrived(plan);
        parts.reverse();
        assert_eq!(plan.digests(&parts).unwrap(), [1, 2, 3].map(digest));
    }

    #[test]
    fn a_part_of_another_size_or_without_a_verified_digest_counts_as_missing() {
        let plan = PartPlan { bytes: 25, part_bytes: 10 };
        let mut parts = arrived(plan);
        parts[0].bytes = 9;
        parts[2].sha256 = None;
        assert_eq!(plan.digests(&parts).unwrap_err().missing, [1, 3]);
    }

    #[test]
    fn missing_parts_are_listed_in_runs_and_not_without_end() {
        let text = |missing: Vec<u32>| MissingParts { missing, count: 10_000 }.to_string();
        assert_eq!(text(vec![2, 5, 6, 7]), "4 of 10000 parts have not arrived: 2, 5-7");
        assert!(text((1..=5000).map(|number| number * 2).collect()).ends_with(", 40 and more"));
    }
}
