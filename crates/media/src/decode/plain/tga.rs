//! Reads the fields of a TGA header that the decoder does not expose (Truevision TGA 2.0, section C), and completes
//! truncated files with run lengths.

use super::Rest;
use crate::{
    decode::{cut_off, incomplete::Rows},
    error::{MediaError, corrupt, reading, unsupported},
    source::Source,
};
use smmu_core::image::{ImageLimits, Size};
use std::io::{BufRead, ErrorKind, Read as _, Seek as _, SeekFrom};

/// Maximum number of pixels in a packet.
const PACKET: usize = 128;

pub(super) struct Tga {
    pub(super) mapped: bool,
    pub(super) alpha_bits: u8,
    /// Layout of the rows. With run lengths, `bytes` is the size of a decoded row.
    rows: Rows,
    in_runs: bool,
    pixel_bytes: usize,
}

impl Tga {
    pub(super) fn read(source: &Source) -> Result<Self, MediaError> {
        let mut head = [0; 18];
        source.reader()?.read_exact(&mut head).map_err(|error| reading("TGA", error))?;
        let short = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        if head[16] == 1 {
            return Err(unsupported("TGA with pixels of one bit is not supported"));
        }
        if head[16] > 32 {
            return Err(unsupported("TGA with pixels of more than 32 bits is not supported"));
        }
        let mapped = head[1] == 1;
        let map_bytes = if mapped { u64::from(short(5)) * u64::from(head[7].div_ceil(8)) } else { 0 };
        let pixel_bytes = head[16].div_ceil(8);
        let rows = Rows {
            at: 18 + u64::from(head[0]) + map_bytes,
            bytes: u64::from(short(12)) * u64::from(pixel_bytes),
            size: Size { width: short(12).into(), height: short(14).into() },
        };
        let in_runs = !matches!(head[2], 1..=3);
        Ok(Self { mapped, alpha_bits: head[17] & 15, rows, in_runs, pixel_bytes: pixel_bytes.into() })
    }

    /// The rows of an uncompressed file.
    pub(super) fn rows(&self) -> Option<Rows> {
        (!self.in_runs).then_some(self.rows)
    }

    /// Completes a truncated file with run lengths; `None` for other files.
    pub(super) fn missing(&self, source: &Source, limits: &ImageLimits) -> Result<Option<Rest>, MediaError> {
        if !self.in_runs {
            return Ok(None);
        }
        let Rows { at, bytes, size } = self.rows;
        limits.check_canvas(size)?;
        let mut reader = source.reader()?;
        reader.seek(SeekFrom::Start(at)).map_err(|error| reading("TGA", error))?;
        let mut scan = Scan { row: vec![0; bytes as usize], filled: 0, rows: 0, packets: 0, last: Vec::new() };
        scan.read(&mut reader, size.height, self.pixel_bytes).map_err(|error| reading("TGA", error))?;
        if scan.rows >= size.height {
            return Ok(None);
        }
        let warning = cut_off("TGA", scan.rows, size.height)?;
        let last =
            Some(&scan.last).filter(|last| !last.is_empty()).ok_or_else(|| corrupt("TGA", "it ends too early"))?;
        // The missing rows are briefly held twice.
        limits.check_memory(2 * bytes * u64::from(size.height - scan.rows))?;
        // The incomplete row continues with the pixels of the row before it.
        let mut pixels = last[scan.filled..].to_vec();
        pixels.extend(last.repeat((size.height - scan.rows - 1) as usize));
        let packets = pixels.chunks(PACKET * self.pixel_bytes);
        let content = packets.flat_map(|pixels| [&[(pixels.len() / self.pixel_bytes - 1) as u8], pixels].concat());
        Ok(Some(Rest { behind: at + scan.packets, content: content.collect(), warning }))
    }
}

/// Decodes runs, and keeps only the last rows.
struct Scan {
    row: Vec<u8>,
    filled: usize,
    /// Number of complete rows.
    rows: u32,
    /// Bytes of complete packets.
    packets: u64,
    /// The last complete row.
    last: Vec<u8>,
}

impl Scan {
    /// Reads up to the last row, or up to the last complete packet of a truncated file.
    fn read(&mut self, reader: &mut impl BufRead, rows: u32, pixel_bytes: usize) -> std::io::Result<()> {
        let mut packet = vec![0; PACKET * pixel_bytes];
        while self.rows < rows && !self.row.is_empty() {
            let mut head = [0];
            let count = |head: u8| usize::from(head & 0x7f) + 1;
            let read = reader.read_exact(&mut head).and_then(|()| {
                let stored = if head[0] & 0x80 == 0 { count(head[0]) } else { 1 } * pixel_bytes;
                reader.read_exact(&mut packet[..stored])?;
                Ok(stored)
            });
            let stored = match read {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                read => read?,
            };
            self.packets += 1 + stored as u64;
            for pixel in 0..count(head[0]) {
                let from = if head[0] & 0x80 == 0 { pixel * pixel_bytes } else { 0 };
                self.push(&packet[from..from + pixel_bytes]);
            }
        }
        Ok(())
    }

    fn push(&mut self, pixel: &[u8]) {
        self.row[self.filled..self.filled + pixel.len()].copy_from_slice(pixel);
        self.filled += pixel.len();
        if self.filled == self.row.len() {
            self.last.clone_from(&self.row);
            (self.filled, self.rows) = (0, self.rows + 1);
        }
    }
}
