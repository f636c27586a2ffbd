//! Assembles the rows of a picture from strips or tiles and planes.

use super::{
    layout::{Layout, Predictor},
    samples::{self, Seen},
    unit::Unit,
};
use std::{cell::Cell, io};

/// Reads one row after another. A row consists of levels, with the samples of a pixel next to each other.
pub(super) struct Rows<'a> {
    content: &'a [u8],
    layout: &'a Layout,
    /// Planes to read.
    planes: &'a [usize],
    repaired: &'a Cell<bool>,
    /// Strips or tiles of the current row from left to right, one plane after another.
    units: Vec<Unit<'a>>,
    next: u32,
    /// A row of a strip or tile, and a buffer for undoing its predictor.
    bytes: Vec<u8>,
    scratch: Vec<u8>,
    /// Rows that share chroma samples, if chroma is subsampled.
    group: Vec<u16>,
    pub(super) seen: Seen,
}

impl<'a> Rows<'a> {
    pub(super) fn new(content: &'a [u8], layout: &'a Layout, planes: &'a [usize], repaired: &'a Cell<bool>) -> Self {
        let bytes = vec![0; usize::try_from(layout.unit_row_bytes()).unwrap_or(0)];
        Self {
            content,
            layout,
            planes,
            repaired,
            units: Vec::new(),
            next: 0,
            bytes,
            scratch: Vec::new(),
            group: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// Reads the next row; `levels` has `samples` levels per pixel.
    pub(super) fn read(&mut self, levels: &mut [u16], samples: usize) -> io::Result<()> {
        let inside = self.next % self.layout.chunk.height;
        if inside == 0 {
            self.open()?;
        }
        self.next += 1;
        if let Some((across, down)) = self.layout.subsampling {
            return self.read_of_group(levels, inside, across as usize, down as usize);
        }
        let columns = self.layout.across() as usize;
        for (index, unit) in self.units.iter_mut().enumerate() {
            let (plane, column) = (index / columns, index % columns);
            unit.read(&mut self.bytes)?;
            let (numbers, predictor) = (self.layout.numbers, self.layout.predictor);
            samples::undo_predictor(&mut self.bytes, numbers, predictor, self.layout.unit_samples(), &mut self.scratch);
            let left = column * self.layout.chunk.width as usize;
            let right = (left + self.layout.chunk.width as usize).min(self.layout.size.width as usize);
            let part = &mut levels[left * samples..right * samples];
            let (first, step) = if self.layout.planar { (plane, samples) } else { (0, 1) };
            samples::unpack(&self.bytes, numbers, &mut part[first..], step, &mut self.seen);
        }
        Ok(())
    }

    /// Opens the strips or tiles that begin with the next row.
    fn open(&mut self) -> io::Result<()> {
        // Drop the previous ones first, to hold only one row of them in memory.
        self.units.clear();
        let layout = self.layout;
        let rows = layout.chunk.height.min(layout.size.height - self.next);
        let band = self.next / layout.chunk.height;
        let planes = if layout.planar { self.planes } else { &[0] };
        for plane in planes {
            for column in 0..layout.across() {
                let number = layout.unit_number(*plane, band, column);
                self.units.push(Unit::open(self.content, layout, number, rows, self.repaired)?);
            }
        }
        Ok(())
    }

    /// Reads a row whose chroma is shared with other rows.
    fn read_of_group(&mut self, levels: &mut [u16], inside: u32, across: usize, down: usize) -> io::Result<()> {
        let line = inside as usize % down;
        let width = self.layout.size.width as usize;
        if line == 0 {
            self.read_group(across, down)?;
        }
        levels.copy_from_slice(&self.group[line * width * 3..(line + 1) * width * 3]);
        Ok(())
    }

    /// Reads the rows that share chroma. A block has its luma row by row, then its chroma (TIFF 6.0, section 21).
    fn read_group(&mut self, across: usize, down: usize) -> io::Result<()> {
        let (width, chunk) = (self.layout.size.width as usize, self.layout.chunk.width as usize);
        self.group.resize(width * down * 3, 0);
        for (column, unit) in self.units.iter_mut().enumerate() {
            unit.read(&mut self.bytes)?;
            if self.layout.predictor != Predictor::None {
                return Err(super::unit::damaged("it has a predictor and subsampled chroma"));
            }
            let left = column * chunk;
            for (block, codes) in self.bytes.chunks_exact(across * down + 2).enumerate() {
                let (luma, chroma) = codes.split_at(across * down);
                for (index, luma) in luma.iter().enumerate() {
                    let x = left + block * across + index % across;
                    if x < width.min(left + chunk) {
                        let at = (index / across * width + x) * 3;
                        self.group[at..at + 3].copy_from_slice(&[*luma, chroma[0], chroma[1]].map(u16::from));
                    }
                }
            }
        }
        Ok(())
    }
}
