//! Converts the bytes of a row to levels: numbers from 0 to [`Numbers::max`].

use super::layout::{Kind, Numbers, Predictor};

/// Statistics on the numbers read, except unsigned ones of up to 16 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) all: u64,
    /// Numbers darker than black or brighter than white, and NaN.
    pub(super) outside: u64,
    /// Extremes, as fractions of the range from black to white.
    smallest: f64,
    largest: f64,
}

impl Default for Seen {
    fn default() -> Self {
        Self { all: 0, outside: 0, smallest: f64::INFINITY, largest: f64::NEG_INFINITY }
    }
}

impl Seen {
    /// Returns whether the numbers differ, but by less than a step of 8 bits.
    pub(super) fn is_faint(&self) -> bool {
        self.largest > self.smallest && self.largest - self.smallest < 1.0 / 256.0
    }
}

/// Undoes the predictor in place, and converts numbers of whole bytes to little-endian.
pub(super) fn undo_predictor(
    row: &mut [u8],
    numbers: Numbers,
    predictor: Predictor,
    step: usize,
    scratch: &mut Vec<u8>,
) {
    let bytes = usize::from(numbers.bits / 8);
    match predictor {
        Predictor::Float => {
            for at in step..row.len() {
                row[at] = row[at].wrapping_add(row[at - step]);
            }
            scratch.clear();
            scratch.extend_from_slice(row);
            let count = row.len() / bytes;
            for (index, number) in row.chunks_exact_mut(bytes).enumerate() {
                for (place, byte) in number.iter_mut().rev().enumerate() {
                    *byte = scratch[place * count + index];
                }
            }
        }
        Predictor::None | Predictor::Horizontal => {
            if numbers.big_endian && numbers.bits > 8 && numbers.bits.is_multiple_of(8) {
                row.chunks_exact_mut(bytes).for_each(<[u8]>::reverse);
            }
            if predictor == Predictor::Horizontal {
                add_up(row, bytes, step);
            }
        }
    }
}

/// Adds to each number the one `step` places before it.
fn add_up(row: &mut [u8], bytes: usize, step: usize) {
    macro_rules! add {
        ($number:ty) => {{
            const BYTES: usize = size_of::<$number>();
            let (numbers, _) = row.as_chunks_mut::<BYTES>();
            for at in step..numbers.len() {
                let sum =
                    <$number>::from_le_bytes(numbers[at]).wrapping_add(<$number>::from_le_bytes(numbers[at - step]));
                numbers[at] = sum.to_le_bytes();
            }
        }};
    }
    match bytes {
        1 => add!(u8),
        2 => add!(u16),
        4 => add!(u32),
        _ => add!(u64),
    }
}

/// Converts the first numbers of a row to levels, as many as there is room for. Writes every `step`th level.
pub(super) fn unpack(row: &[u8], numbers: Numbers, into: &mut [u16], step: usize, seen: &mut Seen) {
    let into = into.iter_mut().step_by(step);
    match (numbers.kind, numbers.bits) {
        (Kind::Unsigned, 8) => into.zip(row).for_each(|(level, byte)| *level = (*byte).into()),
        (Kind::Unsigned, 16) => {
            into.zip(row.as_chunks().0).for_each(|(level, bytes)| *level = u16::from_le_bytes(*bytes));
        }
        (Kind::Unsigned, 1..16) => {
            into.enumerate().for_each(|(index, level)| *level = bits(row, index, numbers.bits.into()));
        }
        _ => {
            for (level, bytes) in into.zip(row.chunks_exact(usize::from(numbers.bits / 8))) {
                *level = of_real(real(bytes, numbers.kind), numbers, seen);
            }
        }
    }
}

/// Reads a number of up to 16 bits, most significant bit first.
fn bits(row: &[u8], index: usize, bits: usize) -> u16 {
    let at = index * bits;
    let byte = |place: usize| u32::from(row.get(at / 8 + place).copied().unwrap_or(0));
    let three = byte(0) << 16 | byte(1) << 8 | byte(2);
    (three >> (24 - at % 8 - bits) & ((1 << bits) - 1)) as u16
}

/// Reads a little-endian number of 2, 3, 4 or 8 bytes; signed numbers can have 1.
fn real(bytes: &[u8], kind: Kind) -> f64 {
    let number = bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let unused = 64 - 8 * bytes.len() as u32;
    match kind {
        Kind::Unsigned => number as f64,
        Kind::Signed => ((number << unused).cast_signed() >> unused) as f64,
        Kind::Float => match bytes.len() {
            2 => half(number as u16),
            4 => f32::from_bits(number as u32).into(),
            _ => f64::from_bits(number),
        },
    }
}

/// A half-precision number (IEEE 754, binary16).
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

fn of_real(value: f64, numbers: Numbers, seen: &mut Seen) -> u16 {
    let (smallest, largest) = numbers.range;
    let part = (value - smallest) / (largest - smallest);
    seen.all += 1;
    (seen.smallest, seen.largest) = (seen.smallest.min(part), seen.largest.max(part));
    // NaN counts as outside, too.
    seen.outside += u64::from(!(-TOLERANCE..=1.0 + TOLERANCE).contains(&part));
    // Casts of floats saturate; NaN becomes 0.
    (part * f64::from(u16::MAX)).round() as u16
}

/// Tolerance for rounding beyond black and white, as a fraction of the range.
const TOLERANCE: f64 = 1e-3;

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(kind: Kind, bits: u8, range: (f64, f64), big_endian: bool) -> Numbers {
        Numbers { kind, bits, range, stated_range: false, big_endian }
    }

    fn unpacked(row: &[u8], numbers: Numbers, count: usize) -> (Vec<u16>, Seen) {
        let (mut levels, mut seen) = (vec![0; count], Seen::default());
        unpack(row, numbers, &mut levels, 1, &mut seen);
        (levels, seen)
    }

    #[test]
    fn samples_of_any_number_of_bits_are_read_across_bytes() {
        let of = |bits| numbers(Kind::Unsigned, bits, (0.0, 1.0), false);
        assert_eq!(unpacked(&[0b1010_0000], of(1), 3).0, [1, 0, 1]);
        assert_eq!(unpacked(&[0b0001_1011], of(2), 4).0, [0, 1, 2, 3]);
        assert_eq!(unpacked(&[0x12, 0x34, 0x56], of(12), 2).0, [0x123, 0x456]);
        assert_eq!(unpacked(&[0xff, 0xfc, 0, 0x10], of(14), 2).0, [0x3fff, 1]);
        assert_eq!(unpacked(&[0x80, 0, 0xff, 0xff], of(15), 2).0, [0x4000, 0x3fff]);
    }

    #[test]
    fn signed_and_floating_point_numbers_are_scaled_to_the_full_range() {
        let signed = numbers(Kind::Signed, 8, (-128.0, 127.0), false);
        assert_eq!(unpacked(&[0x80, 0x7f, 0], signed, 3).0, [0, 65_535, 32_896]);
        let float = numbers(Kind::Float, 16, (0.0, 1.0), false);
        // 1, 0.5, -2, NaN.
        let (levels, seen) = unpacked(&[0, 0x3c, 0, 0x38, 0, 0xc0, 1, 0x7c], float, 4);
        assert_eq!(levels, [65_535, 32_768, 0, 0]);
        assert_eq!((seen.all, seen.outside), (4, 2));
    }

    #[test]
    fn predictors_are_undone_in_both_byte_orders() {
        let mut row = [1, 2, 0, 1, 0xff, 0xff];
        let big = numbers(Kind::Unsigned, 16, (0.0, 1.0), true);
        undo_predictor(&mut row, big, Predictor::Horizontal, 1, &mut Vec::new());
        assert_eq!(row, [2, 1, 3, 1, 2, 1]);
        // 1.0 and 2.0: 3f80 0000, 4000 0000, as differences of bytes.
        let mut row = [0x3f, 1, 0x40, 0x80, 0, 0, 0, 0];
        let float = numbers(Kind::Float, 32, (0.0, 1.0), false);
        undo_predictor(&mut row, float, Predictor::Float, 1, &mut Vec::new());
        assert_eq!((&row[..4], &row[4..]), (&1_f32.to_le_bytes()[..], &2_f32.to_le_bytes()[..]));
    }
}
