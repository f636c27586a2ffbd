//! Reads a sequence parameter set (ITU-T H.265, 7.3.2.2), up to its colour description.
//!
//! The decoder reads it too, but exposes neither the size before cropping, which determines memory, nor the colours:
//! iPhones state their full range only here.

use super::super::planes::{CodePoints, Subsampling};
use smmu_core::image::Size;

/// Facts from a sequence parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Sequence {
    /// Size of pictures before cropping.
    pub(in super::super) coded: Size,
    /// Bits per sample.
    pub(in super::super) bits: u8,
    /// Chroma subsampling.
    pub(in super::super) subsampling: Subsampling,
    /// Code points of the colours. If not stated, they are unspecified and the range is limited (E.3.1).
    pub(in super::super) points: CodePoints,
}

/// Default code points (E.3.1).
const UNSPECIFIED: CodePoints = CodePoints { primaries: 2, transfer: 2, matrix: 2, full_range: false };

impl Sequence {
    /// Reads a NAL unit. The colours are optional, since they come after fields that can be damaged; the size is not.
    pub(super) fn read(unit: &[u8]) -> Option<Self> {
        let content = without_emulation_prevention(unit.get(2..)?);
        let bits = &mut Bits { bytes: &content, at: 0 };
        bits.skip(4)?;
        let most_sub_layers = bits.number(3)?;
        bits.skip(1)?;
        profile_tier_level(bits, most_sub_layers)?;
        bits.golomb()?;
        let chroma_format = bits.golomb()?;
        let separate_planes = chroma_format == 3 && bits.flag()?;
        let subsampling = match chroma_format {
            _ if separate_planes => Subsampling::Monochrome,
            0 => Subsampling::Monochrome,
            1 => Subsampling::Half,
            2 => Subsampling::HalfWidth,
            3 => Subsampling::None,
            _ => return None,
        };
        let coded = Size { width: bits.golomb()?, height: bits.golomb()? };
        if bits.flag()? {
            (0..4).try_for_each(|_| bits.golomb().map(drop))?;
        }
        let luma_bits = u8::try_from(bits.golomb()?.checked_add(8)?).ok().filter(|bits| *bits <= 16)?;
        bits.golomb()?;
        let points = points(bits, most_sub_layers).unwrap_or(UNSPECIFIED);
        Some(Self { coded, bits: luma_bits, subsampling, points })
    }
}

/// Reads from after the bit depths to the colours in the video usability information (E.2.1).
fn points(bits: &mut Bits, most_sub_layers: u32) -> Option<CodePoints> {
    let order_bits = bits.golomb()?.checked_add(4)?;
    let first_sub_layer = if bits.flag()? { 0 } else { most_sub_layers };
    for _ in first_sub_layer..=most_sub_layers {
        (0..3).try_for_each(|_| bits.golomb().map(drop))?;
    }
    (0..6).try_for_each(|_| bits.golomb().map(drop))?;
    if bits.flag()? && bits.flag()? {
        scaling_lists(bits)?;
    }
    bits.skip(2)?;
    if bits.flag()? {
        bits.skip(8)?;
        bits.golomb()?;
        bits.golomb()?;
        bits.skip(1)?;
    }
    reference_sets(bits)?;
    if bits.flag()? {
        for _ in 0..bits.golomb()? {
            bits.skip(order_bits as usize + 1)?;
        }
    }
    bits.skip(2)?;
    if !bits.flag()? {
        return None;
    }
    if bits.flag()? && bits.number(8)? == EXTENDED_ASPECT_RATIO {
        bits.skip(32)?;
    }
    if bits.flag()? {
        bits.skip(1)?;
    }
    if !bits.flag()? {
        return None;
    }
    bits.skip(3)?;
    let full_range = bits.flag()?;
    if !bits.flag()? {
        return Some(CodePoints { full_range, ..UNSPECIFIED });
    }
    let mut point = || u8::try_from(bits.number(8)?).ok();
    let (primaries, transfer, matrix) = (point()?, point()?, point()?);
    Some(CodePoints { primaries, transfer, matrix, full_range })
}

const EXTENDED_ASPECT_RATIO: u32 = 255;

/// Skips `profile_tier_level` (7.3.3).
fn profile_tier_level(bits: &mut Bits, most_sub_layers: u32) -> Option<()> {
    bits.skip(88 + 8)?;
    let present: Vec<(bool, bool)> =
        (0..most_sub_layers).map(|_| Some((bits.flag()?, bits.flag()?))).collect::<Option<_>>()?;
    if most_sub_layers > 0 {
        bits.skip(2 * (8 - most_sub_layers as usize))?;
    }
    present.into_iter().try_for_each(|(profile, level)| bits.skip(usize::from(profile) * 88 + usize::from(level) * 8))
}

/// Skips `scaling_list_data` (7.3.4).
fn scaling_lists(bits: &mut Bits) -> Option<()> {
    for size in 0..4_u32 {
        for _ in (0..6).step_by(if size == 3 { 3 } else { 1 }) {
            if !bits.flag()? {
                bits.golomb()?;
                continue;
            }
            if size > 1 {
                bits.golomb()?;
            }
            (0..64.min(1 << (4 + 2 * size))).try_for_each(|_| bits.golomb().map(drop))?;
        }
    }
    Some(())
}

/// Skips the short-term reference picture sets (7.3.7). A set can be coded as a difference from the previous one, so
/// their lengths are counted.
fn reference_sets(bits: &mut Bits) -> Option<()> {
    let mut length = 0;
    for index in 0..bits.golomb()? {
        if index > 0 && bits.flag()? {
            bits.skip(1)?;
            bits.golomb()?;
            let mut kept = 0_u32;
            for _ in 0..=length {
                // Used by the current picture, or else kept for a later one.
                kept += u32::from(bits.flag()? || bits.flag()?);
            }
            length = kept;
        } else {
            length = bits.golomb()?.checked_add(bits.golomb()?)?;
            for _ in 0..length {
                bits.golomb()?;
                bits.skip(1)?;
            }
        }
        if length > 32 {
            return None;
        }
    }
    Some(())
}

/// Removes emulation prevention bytes: each 3 after two zeros, which encoders insert to avoid start codes (7.4.2).
fn without_emulation_prevention(unit: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        content.push(byte);
    }
    content
}

/// Reads bits, most significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let flag = byte >> (7 - self.at % 8) & 1 == 1;
        self.at += 1;
        Some(flag)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len() * 8)?;
        Some(())
    }

    /// Reads a number of up to 32 bits.
    fn number(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |number, _| Some(number << 1 | u32::from(self.flag()?)))
    }

    /// Reads an unsigned number in Exp-Golomb code (9.2); a signed one has the same length.
    fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        (zeros < 32).then_some(())?;
        ((1_u32 << zeros) - 1).checked_add(self.number(zeros)?)
    }
}
