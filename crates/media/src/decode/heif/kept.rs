//! Decodes pictures to planes without conversion to RGB; each plane is shrunk row by row.

use super::{Heif, bands::Bands, container::Tile, planes::CodePoints};
use crate::{
    colour,
    error::MediaError,
    orient,
    planes::{self, Planes},
    raster::{Channels, Raster},
    resize::{self, Extent, RowResizer, Window},
};
use smmu_core::image::Size;

/// A plane that is being shrunk.
struct Shrinking {
    resizer: RowResizer<u8>,
    /// Number of times to repeat the first and the last sample of each row.
    sides: (u32, u32),
    /// Number of times to repeat the first row, then the last row.
    above: u32,
    below: u32,
    row: Vec<u8>,
}

impl Shrinking {
    /// Shrinks a part of the plane, which can extend beyond it, to `target`.
    fn new(size: Size, part: Window, target: Size) -> Self {
        let sides = resize::beyond(part.left, part.width, size.width);
        let (above, below) = resize::beyond(part.top, part.height, size.height);
        let padded = Size { width: sides.0 + size.width + sides.1, height: above + size.height + below };
        let part = Window { left: part.left + f64::from(sides.0), top: part.top + f64::from(above), ..part };
        let resizer = RowResizer::of_part(padded, part, target, Channels::Grey);
        Self { resizer, sides, above, below, row: Vec::new() }
    }

    fn push(&mut self, samples: &[u8]) -> Result<(), MediaError> {
        let (Some(&first), Some(&last)) = (samples.first(), samples.last()) else { return Ok(()) };
        self.row.clear();
        self.row.extend(std::iter::repeat_n(first, self.sides.0 as usize));
        self.row.extend_from_slice(samples);
        self.row.extend(std::iter::repeat_n(last, self.sides.1 as usize));
        for _ in 0..=std::mem::take(&mut self.above) {
            self.resizer.push_copy(&self.row)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Raster, MediaError> {
        for _ in 0..self.below {
            self.resizer.push_copy(&self.row)?;
        }
        self.resizer.finish()
    }
}

impl Heif {
    /// Returns whether the picture can be decoded to planes, judging by its headers: it must be opaque and in sRGB,
    /// have 8 bits and the matrix of JPEG, and the images of a grid must have the same code points and whole chroma
    /// samples.
    fn can_be_kept(&self) -> bool {
        let colour = &self.container.colour;
        let (across, down) = colour.subsampling.steps();
        let whole = colour.tile.width.is_multiple_of(across) && colour.tile.height.is_multiple_of(down);
        let points = self.container.points();
        let alike = |tile: &Tile| self.container.code_points.is_some() || tile.coding.points() == points;
        matches!(self.channels, Channels::Rgb | Channels::Grey)
            && colour.bits == 8
            && points.is_none_or(CodePoints::is_weighted_as_jpeg)
            && (colour.tiles.len() == 1 || whole && points.is_some() && colour.tiles.iter().all(alike))
            && colour::is_srgb(self.header.profile.as_ref(), self.channels)
    }

    /// Decodes the picture to planes, upright; `None` if it needs RGB.
    pub(super) fn kept(&self, target: Size) -> Result<Option<Planes>, MediaError> {
        if !self.can_be_kept() {
            return Ok(None);
        }
        let (crop, picture) = (self.container.crop, &self.container.colour);
        let mut bands = Bands::new(&self.content, picture, self.container.code_points);
        // Code points that only the stream states are known after decoding.
        let first = bands.row(crop.top)?.next();
        let Some(full_range) = first.and_then(|(planes, ..)| planes.full_range_as_in_jpeg()) else { return Ok(None) };
        let orientation = self.container.orientation;
        let (across, down) = picture.subsampling.steps();
        let (right, bottom) = (crop.left + crop.size.width, crop.top + crop.size.height);
        let columns = (crop.left / across) as usize..right.div_ceil(across) as usize;
        let rows = crop.top / down..bottom.div_ceil(down);
        let stored = Size { width: columns.len() as u32, height: rows.end - rows.start };
        let share = |length: u32, step: u32| f64::from(length) / f64::from(step);
        let extent = Extent { width: share(crop.size.width, across), height: share(crop.size.height, down) };
        let window = planes::chroma_window(extent, target, orientation);
        // An aperture can begin inside a chroma sample.
        let left = window.left + share(crop.left % across, across);
        let window = Window { left, top: window.top + share(crop.top % down, down), ..window };

        let mut luma = Shrinking::new(crop.size, Extent::from(crop.size).into(), target);
        let mut chroma = (self.channels == Channels::Rgb)
            .then(|| [(); 2].map(|()| Shrinking::new(stored, window, planes::halved(target))));
        let mut line = Vec::with_capacity(picture.size.width as usize);
        for row in crop.top..bottom {
            line.clear();
            for (planes, row, width) in bands.row(row)? {
                planes.add_luma(row, width, &mut line);
            }
            luma.push(&line[crop.left as usize..right as usize])?;
            if row % down != 0 && row != crop.top {
                continue;
            }
            for (number, plane) in chroma.iter_mut().flatten().enumerate() {
                line.clear();
                for (planes, row, width) in bands.row(row)? {
                    planes.add_chroma(number, row / down as usize, width.div_ceil(across as usize), &mut line);
                }
                plane.push(&line[columns.clone()])?;
            }
        }
        let upright = |plane: Shrinking| plane.finish().map(|plane| orient::upright(plane, orientation));
        let luma = upright(luma)?;
        let chroma = match chroma {
            Some([cb, cr]) => [upright(cb)?, upright(cr)?],
            None => planes::neutral(luma.size),
        };
        let kept = Planes { size: luma.size, luma, chroma };
        Ok(Some(if full_range { kept } else { kept.mapped(&planes::FULL) }))
    }
}
