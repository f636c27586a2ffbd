//! Locates the rows of a file of the PPM family, and completes truncated text files.

use super::Rest;
use crate::{
    decode::{cut_off, incomplete::Rows, refused},
    error::{MediaError, Transient, corrupt, reading},
    source::Source,
};
use image::{
    ImageDecoder as _,
    codecs::pnm::{PnmDecoder, PnmSubtype, SampleEncoding},
};
use smmu_core::image::{ImageLimits, Size};
use std::io::{BufRead, Seek as _, SeekFrom};

/// Encoding of the samples in a file.
pub(super) enum Samples {
    /// Binary.
    Binary(Rows),
    /// Text: decimal numbers from offset `at` on, `in_row` per row, or single bits.
    Text { at: u64, in_row: usize, size: Size, bits: bool },
}

impl Samples {
    pub(super) fn read(source: &Source) -> Result<Self, MediaError> {
        let decoder = PnmDecoder::new(source.reader()?).map_err(|error| refused(source.format.name(), error))?;
        let (subtype, (width, height), bytes) = (decoder.subtype(), decoder.dimensions(), decoder.total_bytes());
        let (mut reader, _) = decoder.into_inner();
        let at = reader.stream_position().map_err(Transient::Read)?;
        let size = Size { width, height };
        let binary = |bytes| Self::Binary(Rows { at, bytes, size });
        let text = |channels: usize, bits| Self::Text { at, in_row: width as usize * channels, size, bits };
        Ok(match subtype {
            PnmSubtype::Bitmap(SampleEncoding::Binary) => binary(u64::from(width).div_ceil(8)),
            PnmSubtype::Graymap(SampleEncoding::Binary)
            | PnmSubtype::Pixmap(SampleEncoding::Binary)
            | PnmSubtype::ArbitraryMap => binary(bytes / u64::from(height.max(1))),
            PnmSubtype::Bitmap(SampleEncoding::Ascii) => text(1, true),
            PnmSubtype::Graymap(SampleEncoding::Ascii) => text(1, false),
            PnmSubtype::Pixmap(SampleEncoding::Ascii) => text(3, false),
        })
    }

    /// The rows of a binary file.
    pub(super) const fn rows(&self) -> Option<Rows> {
        match self {
            Self::Binary(rows) => Some(*rows),
            Self::Text { .. } => None,
        }
    }

    /// Completes a truncated text file; `None` for other files.
    pub(super) fn missing(&self, source: &Source, limits: &ImageLimits) -> Result<Option<Rest>, MediaError> {
        let &Self::Text { at, in_row, size, bits } = self else { return Ok(None) };
        let name = source.format.name();
        limits.check_canvas(size)?;
        let mut reader = source.reader()?;
        reader.seek(SeekFrom::Start(at)).map_err(Transient::Read)?;
        let wanted = in_row as u64 * u64::from(size.height);
        // The scan holds two rows, which is less than the decoder will hold.
        limits.check_memory(wanted)?;
        let mut scan = Scan { in_row, ..Scan::default() };
        scan.read(&mut reader, bits, wanted).map_err(|error| reading(name, error))?;
        if scan.numbers >= wanted {
            return Ok(None);
        }
        let rows = u32::try_from(scan.numbers / in_row.max(1) as u64).unwrap_or(u32::MAX);
        let warning = cut_off(name, rows, size.height)?;
        let last =
            Some(&scan.last).filter(|last| !last.is_empty()).ok_or_else(|| corrupt(name, "it ends too early"))?;
        // The incomplete row continues with the numbers of the row before it.
        let more = last[scan.row.len()..].iter().chain(last.iter().cycle()).take((wanted - scan.numbers) as usize);
        let content = more.flat_map(|number| format!("\n{number}").into_bytes()).collect();
        Ok(Some(Rest { behind: at + scan.bytes, content, warning }))
    }
}

/// Counts numbers, and keeps only the last rows.
#[derive(Default)]
struct Scan {
    in_row: usize,
    numbers: u64,
    /// Bytes up to the end of the last complete number.
    bytes: u64,
    number: Option<u16>,
    row: Vec<u16>,
    /// The last complete row.
    last: Vec<u16>,
}

impl Scan {
    /// Reads to the end of the file, or until there are `wanted` numbers. Bits need no space between them.
    fn read(&mut self, reader: &mut impl BufRead, bits: bool, wanted: u64) -> std::io::Result<()> {
        let mut at = 0;
        loop {
            let piece = reader.fill_buf()?;
            if piece.is_empty() {
                return Ok(());
            }
            for byte in piece {
                match byte {
                    b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b' ' => self.push(at),
                    // Invalid digits and large numbers are refused later, by the decoder.
                    byte => {
                        let before = self.number.unwrap_or(0).saturating_mul(10);
                        self.number = Some(before.saturating_add((byte & 15).into()));
                    }
                }
                at += 1;
                if bits {
                    self.push(at);
                }
                // The decoder reads nothing after the last number.
                if self.numbers + u64::from(self.number.is_some()) >= wanted {
                    self.push(at);
                    return Ok(());
                }
            }
            let read = piece.len();
            reader.consume(read);
        }
    }

    /// Ends the current number, if there is one, at offset `at`.
    fn push(&mut self, at: u64) {
        let Some(number) = self.number.take() else { return };
        (self.bytes, self.numbers) = (at, self.numbers + 1);
        self.row.push(number);
        if self.row.len() == self.in_row {
            std::mem::swap(&mut self.last, &mut self.row);
            self.row.clear();
        }
    }
}
