//! Run-length encoded bitmaps (`BI_RLE8` and `BI_RLE4`). Our own decoder shows skipped pixels as browsers do: in the
//! first colour of the palette.

use super::{FILE_HEADER, INFO_HEADER, number};
use crate::{
    error::{MediaError, corrupt},
    raster::{Channels, Raster},
};
use smmu_core::image::Size;

/// A run-length encoded bitmap, not yet decoded.
pub(super) struct Runs {
    pub(super) size: Size,
    /// Set if a byte holds two pixels.
    halves: bool,
    palette: Vec<[u8; 3]>,
    data: Vec<u8>,
}

impl Runs {
    /// Reads the header; `None` if it is older than the info header or the pixels have another coding.
    pub(super) fn open(content: &[u8], bits: u16) -> Result<Option<Self>, MediaError> {
        let field = |at: usize| number(content, FILE_HEADER + at);
        let header = field(0).unwrap_or(0) as usize;
        if header < INFO_HEADER {
            return Ok(None);
        }
        let halves = match (field(16), bits) {
            (Some(1), 8) => false,
            (Some(2), 4) => true,
            _ => return Ok(None),
        };
        let incomplete = || corrupt("BMP", "it ends too early");
        let (width, height) = field(4).zip(field(8)).ok_or_else(incomplete)?;
        // A negative height means rows from top to bottom, which run lengths do not support.
        let Ok(height @ 0..) = i32::try_from(i64::from(height.cast_signed())) else {
            return Err(corrupt("BMP", "its run lengths go from top to bottom"));
        };
        let size = Size { width: width.min(i32::MAX as u32), height: height.unsigned_abs() };
        let colours = match field(32).unwrap_or(0) {
            count @ 1..=256 => count as usize,
            _ => 1 << bits,
        };
        let start = (FILE_HEADER + header).min(content.len());
        let pixels_at = number(content, 10).map_or(content.len(), |at| at as usize).clamp(start, content.len());
        let (palette, _) = content[start..pixels_at].as_chunks::<4>();
        let palette: Vec<_> = palette.iter().take(colours).map(|&[blue, green, red, _]| [red, green, blue]).collect();
        if palette.is_empty() {
            return Err(corrupt("BMP", "it has no palette"));
        }
        Ok(Some(Self { size, halves, palette, data: content[pixels_at..].to_vec() }))
    }

    fn colour(&self, index: u8) -> [u8; 3] {
        self.palette.get(usize::from(index)).copied().unwrap_or_default()
    }

    /// Palette index of a pixel in a byte. If a byte holds two pixels, the first is in the upper half.
    const fn half(&self, byte: u8, index: usize) -> u8 {
        match (self.halves, index % 2) {
            (false, _) => byte,
            (true, 0) => byte >> 4,
            (true, _) => byte & 15,
        }
    }

    /// Decodes the picture, and counts the rows that the data covers, from the bottom: all of them if the data has an
    /// end mark.
    pub(super) fn decode(&self) -> (Raster, u32) {
        let mut raster: Raster = Raster::zeroed(self.size, Channels::Rgb);
        raster.samples.as_chunks_mut::<3>().0.fill(self.colour(0));
        let (mut x, mut y) = (0_u32, 0_u32);
        let mut data = self.data.iter().copied();
        let mut next = || data.next();
        while y < self.size.height
            && let Some((count, value)) = next().zip(next())
        {
            match (count, value) {
                (0, 0) => (x, y) = (0, y + 1),
                (0, 1) => return (raster, self.size.height),
                (0, 2) => {
                    let Some((right, up)) = next().zip(next()) else { break };
                    (x, y) = (x.saturating_add(right.into()), y.saturating_add(up.into()));
                }
                // Single pixels, padded to a whole number of 16-bit words.
                (0, count) => {
                    let bytes = if self.halves { usize::from(count).div_ceil(2) } else { usize::from(count) };
                    let mut byte = 0;
                    for index in 0..usize::from(count) {
                        if !self.halves || index % 2 == 0 {
                            let Some(read) = next() else { return (raster, y) };
                            byte = read;
                        }
                        self.put(&mut raster, &mut x, y, self.half(byte, index));
                    }
                    if bytes % 2 == 1 {
                        next();
                    }
                }
                (count, value) => {
                    (0..usize::from(count)).for_each(|index| self.put(&mut raster, &mut x, y, self.half(value, index)));
                }
            }
        }
        // The last row needs no end-of-row mark.
        let complete = u32::from(x >= self.size.width);
        (raster, y.saturating_add(complete).min(self.size.height))
    }

    /// Sets a pixel, if it is inside the picture; row 0 is at the bottom.
    fn put(&self, raster: &mut Raster, x: &mut u32, y: u32, index: u8) {
        if *x < self.size.width && y < self.size.height {
            let at = ((self.size.height - 1 - y) as usize * self.size.width as usize + *x as usize) * 3;
            raster.samples[at..at + 3].copy_from_slice(&self.colour(index));
            *x += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(halves: bool, width: u32, height: u32, data: &[u8]) -> Runs {
        let palette = (0..16).map(|index| [index, 100, 200 + index]).collect();
        Runs { size: Size { width, height }, halves, palette, data: data.to_vec() }
    }

    fn decoded(runs: &Runs) -> (Vec<u8>, u32) {
        let (raster, rows) = runs.decode();
        (raster.samples.chunks(3).map(|pixel| pixel[0]).collect(), rows)
    }

    #[test]
    fn skipped_pixels_have_the_first_colour() {
        // Two pixels of colour 5, end of row; skip one right and one up; three single pixels, padding; end.
        let data = [2, 5, 0, 0, 0, 2, 1, 1, 0, 3, 1, 2, 3, 0, 0, 1];
        assert_eq!(decoded(&runs(false, 4, 3, &data)), (vec![0, 1, 2, 3, 0, 0, 0, 0, 5, 5, 0, 0], 3));
    }

    #[test]
    fn half_byte_pixels_alternate() {
        let data = [3, 0x12, 0, 0, 0, 3, 0x45, 0x60, 0, 1];
        assert_eq!(decoded(&runs(true, 3, 2, &data)), (vec![4, 5, 6, 1, 2, 1], 2));
    }

    #[test]
    fn truncated_data_reports_its_rows_and_no_pixel_is_written_outside() {
        let data = [9, 1, 0, 0, 9, 2, 0, 0, 9, 3];
        assert_eq!(decoded(&runs(false, 2, 4, &data)).1, 3);
        for end in 0..data.len() {
            decoded(&runs(false, 2, 4, &data[..end]));
        }
        assert_eq!(decoded(&runs(false, 2, 2, &[0, 2, 255, 255, 0, 9, 1, 2, 3])).1, 2);
    }
}
