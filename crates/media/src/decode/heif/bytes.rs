//! Reads the content of a box from front to back.

use super::{Unusable, container::Parsed};
use smmu_core::iso_bmff::{self, BadSize, Kind};

pub(super) const CUT_OFF: Unusable = Unusable::Damaged("a box is cut off");

impl From<BadSize> for Unusable {
    fn from(BadSize: BadSize) -> Self {
        CUT_OFF
    }
}

#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Reads a big-endian number of up to 8 bytes; 0 bytes are the number 0.
    pub(super) fn number(&mut self, bytes: usize) -> Parsed<u64> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn u8(&mut self) -> Parsed<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u32(&mut self, bytes: usize) -> Parsed<u32> {
        u32::try_from(self.number(bytes)?).map_err(|_| CUT_OFF)
    }

    /// Reads version and flags of a full box.
    pub(super) fn full_box(&mut self) -> Parsed<(u64, u64)> {
        Ok((self.number(1)?, self.number(3)?))
    }

    pub(super) fn kind(&mut self) -> Parsed<Kind> {
        self.take(4)?.try_into().map_err(|_| CUT_OFF)
    }

    /// The boxes in the remaining bytes.
    pub(super) fn boxes(self) -> impl Iterator<Item = Parsed<(Kind, Self)>> {
        iso_bmff::boxes(self.0).map(|found| found.map(|(kind, content)| (kind, Self(content))).map_err(Unusable::from))
    }
}
