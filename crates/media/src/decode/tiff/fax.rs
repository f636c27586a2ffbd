//! Decodes the bilevel compressions of fax machines (ITU-T T.4 and T.6; TIFF 6.0, sections 10 and 11), row by row.

use super::unit::damaged;
use fax::{
    BitReader,
    maps::{Mode, black, mode, white},
};
use std::{
    borrow::Cow,
    cell::Cell,
    io::{self, ErrorKind, Read},
};

/// Variant of fax compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Only runs; each row begins at a multiple of `align` bits.
    Runs { align: usize },
    /// Group 3: rows separated by end-of-line marks, each coded independently or as changes from the row above.
    Group3 { two_dimensional: bool },
    /// Group 4: every row is coded as changes from the row above.
    Group4,
}

/// Maximum percentage of rows damaged by a bad phone line.
const MAX_DAMAGED_PERCENT: u32 = 5;
/// Number of consecutive end-of-line marks that end the document (T.4, 4.1.4).
const END_OF_DOCUMENT_MARKS: u32 = 6;
/// Number of zero bits that only an end-of-line mark begins with.
const MARK_ZEROS: usize = 11;

/// Rows of a strip or tile, packed: a set bit is black.
pub(super) struct Fax<'a> {
    bits: Bits<'a>,
    coding: Coding,
    width: u32,
    /// Number of further damaged rows to tolerate.
    tolerated: u32,
    /// Set when a row is damaged.
    repaired: &'a Cell<bool>,
    /// Positions of colour changes, in the row above and in this one; the first change is to black.
    above: Vec<u32>,
    changes: Vec<u32>,
    row: Vec<u8>,
    /// Number of bytes of the row that were read.
    taken: usize,
    /// Set after the first row, and after the end of the document. Rows after the end are white.
    begun: bool,
    ended: bool,
}

/// Reason why a row could not be read completely.
enum Broken {
    /// The data ends inside the row.
    Ends,
    /// The bits are not a valid code.
    BadCode,
}

impl<'a> Fax<'a> {
    pub(super) fn new(data: Cow<'a, [u8]>, coding: Coding, width: u32, rows: u32, repaired: &'a Cell<bool>) -> Self {
        let row = vec![0; width.div_ceil(8) as usize];
        Self {
            bits: Bits { data, at: 0 },
            coding,
            width,
            tolerated: rows * MAX_DAMAGED_PERCENT / 100,
            repaired,
            above: Vec::new(),
            changes: Vec::new(),
            taken: row.len(),
            row,
            begun: false,
            ended: false,
        }
    }

    fn next_row(&mut self) -> io::Result<()> {
        std::mem::swap(&mut self.above, &mut self.changes);
        self.changes.clear();
        if !self.ended {
            let read = match self.coding {
                Coding::Runs { align } => {
                    self.bits.at = self.bits.at.next_multiple_of(align);
                    self.runs()
                }
                Coding::Group3 { two_dimensional } => self.group3_row(two_dimensional),
                Coding::Group4 => self.changed_row(),
            };
            match read {
                Ok(()) => {}
                Err(Broken::BadCode) if matches!(self.coding, Coding::Group3 { .. }) && self.tolerated > 0 => {
                    self.tolerated -= 1;
                    self.repaired.set(true);
                    self.bits.seek_mark();
                }
                Err(Broken::BadCode) => return Err(damaged("a row of fax data has a code that does not exist")),
                Err(Broken::Ends) => return Err(ErrorKind::UnexpectedEof.into()),
            }
            if self.ended && !self.begun {
                return Err(damaged("the fax data has no rows"));
            }
            self.begun = true;
        }
        self.paint();
        Ok(())
    }

    fn paint(&mut self) {
        self.row.fill(0);
        self.taken = 0;
        for run in self.changes.chunks(2) {
            let end = run.get(1).copied().unwrap_or(self.width);
            fill(&mut self.row, run[0] as usize, end as usize);
        }
    }

    /// Records a colour change. Two changes at the same position cancel out.
    fn change(&mut self, at: u32) {
        if self.changes.last() == Some(&at) {
            self.changes.pop();
        } else if at < self.width {
            self.changes.push(at);
        }
    }

    /// Reads a row of runs, white first.
    fn runs(&mut self) -> Result<(), Broken> {
        let (mut at, mut is_black) = (0, false);
        while at < self.width {
            at = self.width.min(at + self.bits.run(is_black)?);
            self.change(at);
            is_black = !is_black;
        }
        Ok(())
    }

    fn group3_row(&mut self, two_dimensional: bool) -> Result<(), Broken> {
        let mut marks = 0;
        let mut one_dimensional = !two_dimensional;
        if two_dimensional && !self.bits.mark_ahead() {
            self.bits.seek_mark();
        }
        while self.bits.skip_mark() {
            marks += 1;
            if two_dimensional {
                one_dimensional = self.bits.bit().ok_or(Broken::Ends)?;
            }
            if marks == END_OF_DOCUMENT_MARKS {
                self.ended = true;
                return Ok(());
            }
        }
        if self.bits.at_end() {
            // Several marks at the end of the data are a shortened end of document.
            self.ended = marks > 1;
            return if self.ended { Ok(()) } else { Err(Broken::Ends) };
        }
        if one_dimensional { self.runs() } else { self.changed_row() }
    }

    /// Reads a row coded as changes from the row above (T.4, 4.2).
    fn changed_row(&mut self) -> Result<(), Broken> {
        let (mut at, mut is_black, mut hint) = (0, false, 0);
        let mut start = true;
        while at < self.width {
            // Find the first change in the row above that is to the right of this position (at the start of a row, also
            // directly above it), and from there the first one to the opposite of the current colour.
            while self.above.get(hint).is_some_and(|change| *change <= at && !(start && *change == 0)) {
                hint += 1;
            }
            let first = hint + usize::from((hint % 2 == 1) != is_black);
            let above = |index: usize| self.above.get(index).copied().unwrap_or(self.width);
            match self.bits.mode()? {
                Mode::Pass => at = above(first + 1),
                Mode::Horizontal => {
                    for colour in [is_black, !is_black] {
                        at = self.width.min(at + self.bits.run(colour)?);
                        self.change(at);
                    }
                }
                Mode::Vertical(distance) => {
                    let to = i64::from(above(first)) + i64::from(distance);
                    let to = u32::try_from(to).map_err(|_| Broken::BadCode)?.min(self.width);
                    if to < at {
                        return Err(Broken::BadCode);
                    }
                    at = to;
                    self.change(at);
                    is_black = !is_black;
                }
                Mode::EOF => {
                    self.ended = self.coding == Coding::Group4;
                    return if self.ended { Ok(()) } else { Err(Broken::BadCode) };
                }
                // Uncompressed mode, which no program writes.
                Mode::Extension => return Err(Broken::BadCode),
            }
            start = false;
        }
        Ok(())
    }
}

impl Read for Fax<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.row.len() {
            self.next_row()?;
        }
        let from = &self.row[self.taken..];
        let count = from.len().min(into.len());
        into[..count].copy_from_slice(&from[..count]);
        self.taken += count;
        Ok(count)
    }
}

/// Sets the bits of a row from `from` up to, but not including, `to`.
fn fill(row: &mut [u8], from: usize, to: usize) {
    if from >= to {
        return;
    }
    let (first, last) = (from / 8, (to - 1) / 8);
    let (head, tail) = (0xff_u8 >> (from % 8), 0xff_u8 << (7 - (to - 1) % 8));
    if first == last {
        row[first] |= head & tail;
    } else {
        row[first] |= head;
        row[first + 1..last].fill(0xff);
        row[last] |= tail;
    }
}

/// Reads data bit by bit.
struct Bits<'a> {
    data: Cow<'a, [u8]>,
    /// Position of the next bit.
    at: usize,
}

impl Bits<'_> {
    fn at_end(&self) -> bool {
        self.at >= self.data.len() * 8
    }

    fn bit(&mut self) -> Option<bool> {
        let byte = self.data.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// Reason for a missing code: near the end of the data, the code counts as truncated; elsewhere it is invalid.
    fn broken(&self) -> Broken {
        const LONGEST_CODE: usize = 14;
        if self.at + LONGEST_CODE > self.data.len() * 8 { Broken::Ends } else { Broken::BadCode }
    }

    /// Reads the length of a run, which can consist of several codes.
    fn run(&mut self, is_black: bool) -> Result<u32, Broken> {
        let mut length = 0_u32;
        loop {
            let start = self.at;
            let code = if is_black { black::decode(self) } else { white::decode(self) };
            let Some(code) = code else {
                self.at = start;
                return Err(self.broken());
            };
            length = length.saturating_add(code.into()).min(1 << 30);
            if code < 64 {
                return Ok(length);
            }
        }
    }

    fn mode(&mut self) -> Result<Mode, Broken> {
        let start = self.at;
        mode::decode(self).ok_or(()).map_err(|()| {
            self.at = start;
            self.broken()
        })
    }

    /// Number of consecutive zero bits at the current position.
    fn zeros(&self) -> usize {
        let mut zeros = 0;
        while let Some(byte) = self.data.get((self.at + zeros) / 8) {
            let shift = (self.at + zeros) % 8;
            let rest = byte << shift;
            if rest != 0 {
                return zeros + rest.leading_zeros() as usize;
            }
            zeros += 8 - shift;
        }
        zeros
    }

    fn mark_ahead(&self) -> bool {
        let zeros = self.zeros();
        zeros >= MARK_ZEROS && self.at + zeros < self.data.len() * 8
    }

    /// Skips an end-of-line mark with its fill bits, if one is next.
    fn skip_mark(&mut self) -> bool {
        let ahead = self.mark_ahead();
        if ahead {
            self.at += self.zeros() + 1;
        } else if self.zeros() >= MARK_ZEROS {
            // Only fill bits up to the end of the data.
            self.at = self.data.len() * 8;
        }
        ahead
    }

    /// Advances to the next end-of-line mark, or to the end of the data.
    fn seek_mark(&mut self) {
        while !self.at_end() && !self.mark_ahead() {
            self.at += self.zeros() + 1;
        }
    }
}

impl BitReader for Bits<'_> {
    type Error = ();

    /// Bits past the end are zero; [`Bits::consume`] refuses to consume them.
    fn peek(&self, bits: u8) -> Option<u16> {
        let byte = |index: usize| u32::from(self.data.get(self.at / 8 + index).copied().unwrap_or(0));
        let three = byte(0) << 16 | byte(1) << 8 | byte(2);
        let from_here = three << (8 + self.at % 8);
        Some((from_here >> 16 >> (16 - u32::from(bits.min(16)))) as u16)
    }

    fn consume(&mut self, bits: u8) -> Result<(), ()> {
        let at = self.at + usize::from(bits);
        if at > self.data.len() * 8 {
            return Err(());
        }
        self.at = at;
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        ((8 - self.at % 8) % 8) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs codes written as text, with optional spaces.
    fn packed(codes: &str) -> Vec<u8> {
        let bits: Vec<u8> = codes.bytes().filter(|byte| *byte != b' ').map(|byte| byte - b'0').collect();
        bits.chunks(8).map(|byte| byte.iter().enumerate().map(|(at, bit)| bit << (7 - at)).sum()).collect()
    }

    fn rows(codes: &str, coding: Coding, width: u32, rows: usize) -> io::Result<Vec<u8>> {
        let repaired = Cell::new(false);
        let mut made = vec![0; rows * width.div_ceil(8) as usize];
        Fax::new(packed(codes).into(), coding, width, 100, &repaired).read_exact(&mut made)?;
        Ok(made)
    }

    const MARK: &str = "000000000001";

    #[test]
    fn runs_are_painted_across_bytes() {
        // White 2, black 3, white 3; white 0, black 8.
        let codes = "0111 10 1000 000000 00110101 000101";
        assert_eq!(rows(codes, Coding::Runs { align: 8 }, 8, 2).expect("two rows"), [0b0011_1000, 0xff]);
    }

    #[test]
    fn rows_of_group_3_follow_their_marks_and_end_with_six_marks() {
        let row = "0111 10 1000";
        let end = MARK.repeat(6);
        let codes = format!("{MARK}{row}0000{MARK}{row}{end}");
        let coding = Coding::Group3 { two_dimensional: false };
        assert_eq!(rows(&codes, coding, 8, 3).expect("three rows"), [0b0011_1000, 0b0011_1000, 0]);
        assert!(rows(&format!("{MARK}{row}"), coding, 8, 2).is_err_and(|e| e.kind() == ErrorKind::UnexpectedEof));
    }

    #[test]
    fn a_damaged_row_of_group_3_does_not_damage_other_rows() {
        let codes = format!("{MARK}0111 10 00000000 1 {MARK}0111 10 1000{MARK}0111 10 1000{MARK}");
        let made = rows(&codes, Coding::Group3 { two_dimensional: false }, 8, 3).expect("three rows");
        assert_eq!(made[1..], [0b0011_1000, 0b0011_1000]);
    }

    #[test]
    fn rows_coded_as_changes_from_the_row_above_are_decoded() {
        // Horizontal: white 2, black 3; the end directly below. One to the left, one to the right. Pass over both.
        let codes = "001 0111 10 1   010 011 1   0001 1   000000000001 000000000001";
        let made = rows(codes, Coding::Group4, 8, 4).expect("four rows");
        assert_eq!(made, [0b0011_1000, 0b0111_1100, 0, 0]);
        assert!(rows("0000000000001", Coding::Group4, 8, 1).is_err());
    }
}
