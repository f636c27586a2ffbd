//! Lanczos-3 resizing of a whole raster or of rows as they arrive.
//!
//! [`RowResizer`] makes the same picture as [`shrink`], but holds only the rows that its next output rows need, so that
//! a 100-megapixel PNG takes megabytes, not hundreds of them.

use crate::{
    error::{MediaError, Transient},
    raster::{Channels, Raster, Sample, row_samples},
};
use smmu_core::image::Size;
use smmu_resample::{FilterType, Image, ImageRef, ResizeAlg, ResizeOptions, Resizer, resize};

/// Lanczos-3: the filter of highest quality in libvips and Pillow.
const FILTER: ResizeAlg = ResizeAlg::Convolution(FilterType::Lanczos3);
/// Half the width of the filter's window, in pixels of the smaller of the two pictures.
const FILTER_RADIUS: f64 = 3.0;

/// Size of the picture within a raster, from its top left corner; the rest is padding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl From<Size> for Extent {
    fn from(size: Size) -> Self {
        Self { width: size.width.into(), height: size.height.into() }
    }
}

/// Part of a plane, in samples. Can extend beyond the plane, where the outermost samples are repeated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl From<Extent> for Window {
    fn from(Extent { width, height }: Extent) -> Self {
        Self { left: 0.0, top: 0.0, width, height }
    }
}

fn options(channels: Channels) -> ResizeOptions {
    ResizeOptions::new().resize_alg(FILTER).use_alpha(channels.has_alpha())
}

/// Resizes the picture in a raster, which is `extent` large, to `target`.
pub(crate) fn shrink<S: Sample>(raster: &Raster<S>, extent: Extent, target: Size) -> Result<Raster<S>, MediaError> {
    resample(&raster.samples, raster.size, raster.channels, extent.into(), target)
}

/// Resizes part of a plane to `target`.
pub(crate) fn shrink_part(samples: &[u8], size: Size, part: Window, target: Size) -> Result<Raster, MediaError> {
    let (left, right) = beyond(part.left, part.width, size.width);
    let (above, below) = beyond(part.top, part.height, size.height);
    if (left, right, above, below) == (0, 0, 0, 0) {
        return resample(samples, size, Channels::Grey, part, target);
    }
    let padded = Size { width: left + size.width + right, height: above + size.height + below };
    let samples = continued(samples, size, padded, (left, above));
    let part = Window { left: part.left + f64::from(left), top: part.top + f64::from(above), ..part };
    resample(&samples, padded, Channels::Grey, part, target)
}

/// Whole samples of a window that lie before the first and after the last of `side` samples.
pub(crate) fn beyond(from: f64, length: f64, side: u32) -> (u32, u32) {
    let whole = |samples: f64| (samples - ROUNDING).max(0.0).ceil() as u32;
    (whole(-from), whole(from + length - f64::from(side)))
}

/// Tolerance for rounding errors in a window's edges, in samples; far too small to be visible.
const ROUNDING: f64 = 1e-6;

/// Places a plane at `(left, above)` in a larger one, and repeats its outermost samples around it.
pub(crate) fn continued(samples: &[u8], size: Size, padded: Size, (left, above): (u32, u32)) -> Vec<u8> {
    let mut result = Vec::with_capacity(padded.pixels() as usize);
    for y in 0..padded.height {
        let row = y.saturating_sub(above).min(size.height - 1) as usize * size.width as usize;
        let row = &samples[row..row + size.width as usize];
        result.extend(std::iter::repeat_n(row[0], left as usize));
        result.extend_from_slice(row);
        result.resize(padded.width as usize * (y as usize + 1), row[row.len() - 1]);
    }
    result
}

fn resample<S: Sample>(
    samples: &[S],
    size: Size,
    channels: Channels,
    part: Window,
    target: Size,
) -> Result<Raster<S>, MediaError> {
    let mut result = Raster::zeroed(target, channels);
    let pixel_type = S::pixel_type(channels);
    let from =
        ImageRef::new(size.width, size.height, bytemuck::cast_slice(samples), pixel_type).map_err(Transient::resize)?;
    let mut into =
        Image::from_slice_u8(target.width, target.height, bytemuck::cast_slice_mut(&mut result.samples), pixel_type)
            .map_err(Transient::resize)?;
    let width = part.width.min(f64::from(size.width) - part.left);
    let height = part.height.min(f64::from(size.height) - part.top);
    let options = options(channels).crop(part.left, part.top, width, height);
    resize(&mut Resizer::new(), &from, &mut into, &options).map_err(Transient::resize)?;
    Ok(result)
}

/// Resizes a picture whose rows arrive from top to bottom.
pub(crate) struct RowResizer<S> {
    source: Size,
    /// The part of the source that is resized.
    part: Window,
    target: Size,
    channels: Channels,
    resizer: Resizer,
    /// Source rows that are still needed for output rows.
    rows: Vec<S>,
    /// Number of the source row that `rows` starts with.
    first_row: u32,
    /// Complete output rows.
    samples: Vec<S>,
}

/// Output rows made at a time. More take more memory; fewer spend more time on set-up.
const BAND_ROWS: u32 = 32;

impl<S: Sample> RowResizer<S> {
    /// A resizer for a whole picture, without rows yet.
    pub(crate) fn new(source: Size, target: Size, channels: Channels) -> Self {
        Self::of_part(source, Extent::from(source).into(), target, channels)
    }

    /// Like [`Self::new`], but resizes only part of the source.
    pub(crate) fn of_part(source: Size, part: Window, target: Size, channels: Channels) -> Self {
        Self {
            source,
            part,
            target,
            channels,
            resizer: Resizer::new(),
            rows: Vec::new(),
            first_row: 0,
            samples: Vec::with_capacity(row_samples(target.width, channels) * target.height as usize),
        }
    }

    /// Peak memory in bytes for such a picture pushed row by row, including the finished one.
    pub(crate) fn memory_bytes(source: Size, target: Size, channels: Channels) -> u64 {
        let pixel = channels.count() as u64 * size_of::<S>() as u64;
        let (width, height) = (u64::from(source.width), u64::from(source.height));
        let made = u64::from(target.height);
        let scale = height.div_ceil(made);
        let band = u64::from(BAND_ROWS).min(made);
        let kept = height.min(scale * (band + 8) + 2);
        // With alpha, the resizer works on a premultiplied copy.
        let copies = if channels.has_alpha() { 2 } else { 1 };
        // The filter's weights, 8 bytes each and again in another form, for both directions.
        let weights = 16 * 7 * (width + scale * band);
        // One copy more, because a vector grows by doubling.
        pixel * width * (kept * (copies + 1) + band) + pixel * target.pixels() + weights
    }

    /// Takes `rows` whole rows, which `fill` writes into the buffer passed to it.
    pub(crate) fn push(
        &mut self,
        rows: u32,
        fill: impl FnOnce(&mut [S]) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let from = self.rows.len();
        self.rows.resize(from + row_samples(self.source.width, self.channels) * rows as usize, S::default());
        fill(&mut self.rows[from..])?;
        self.make_rows()
    }

    /// Takes whole rows that are already in memory.
    pub(crate) fn push_copy(&mut self, rows: &[S]) -> Result<(), MediaError> {
        for row in rows.chunks(row_samples(self.source.width, self.channels)) {
            self.push(1, |room| {
                room.copy_from_slice(row);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The finished picture.
    pub(crate) fn finish(self) -> Result<Raster<S>, MediaError> {
        if self.samples.len() != row_samples(self.target.width, self.channels) * self.target.height as usize {
            return Err(Transient::resize("not every row was pushed").into());
        }
        Ok(Raster { size: self.target, channels: self.channels, samples: self.samples })
    }

    /// Makes every band of output rows whose source rows have arrived, and drops source rows that are no longer needed.
    fn make_rows(&mut self) -> Result<(), MediaError> {
        let (from_row, into_row) =
            (row_samples(self.source.width, self.channels), row_samples(self.target.width, self.channels));
        let part = self.part;
        let scale = part.height / f64::from(self.target.height);
        let reach = FILTER_RADIUS * scale.max(1.0) + 1.0;
        loop {
            let have_rows = u32::try_from(self.rows.len() / from_row).map_err(Transient::resize)?;
            let have_end = f64::from(self.first_row) + f64::from(have_rows);
            let complete = have_end >= f64::from(self.source.height);
            let made = u32::try_from(self.samples.len() / into_row).map_err(Transient::resize)?;
            let next = self.target.height.min(made + BAND_ROWS);
            if made == next || !(complete || part.top + f64::from(next) * scale + reach <= have_end) {
                return Ok(());
            }
            let top = part.top + f64::from(made) * scale - f64::from(self.first_row);
            let height = (f64::from(next - made) * scale).min(f64::from(have_rows) - top);
            let width = part.width.min(f64::from(self.source.width) - part.left);
            let options = options(self.channels).crop(part.left, top, width, height);

            let pixel_type = S::pixel_type(self.channels);
            let from = ImageRef::new(self.source.width, have_rows, bytemuck::cast_slice(&self.rows), pixel_type)
                .map_err(Transient::resize)?;
            let start = self.samples.len();
            self.samples.resize(start + into_row * (next - made) as usize, S::default());
            let room = bytemuck::cast_slice_mut(&mut self.samples[start..]);
            let mut into =
                Image::from_slice_u8(self.target.width, next - made, room, pixel_type).map_err(Transient::resize)?;
            resize(&mut self.resizer, &from, &mut into, &options).map_err(Transient::resize)?;
            self.drop_rows_above(part.top + f64::from(next) * scale - reach);
        }
    }

    /// Drops rows that are entirely above the given one.
    fn drop_rows_above(&mut self, source_row: f64) {
        let above = (source_row - f64::from(self.first_row)).floor().max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the height, a u32")]
        let rows = above as u32;
        let samples = row_samples(self.source.width, self.channels) * rows as usize;
        self.rows.drain(..samples.min(self.rows.len()));
        self.first_row += rows;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wavy<S: Sample>(size: Size, channels: Channels, value: impl Fn(f64) -> S) -> Raster<S> {
        let mut raster = Raster::zeroed(size, channels);
        for (index, sample) in raster.samples.iter_mut().enumerate() {
            *sample = value(((index as f64) * 0.37).sin() * 0.5 + 0.5);
        }
        raster
    }

    fn by_rows<S: Sample>(raster: &Raster<S>, target: Size, rows: usize) -> Raster<S> {
        let mut resizer = RowResizer::new(raster.size, target, raster.channels);
        for push in raster.samples.chunks(rows * row_samples(raster.size.width, raster.channels)) {
            resizer.push_copy(push).expect("rows fit");
        }
        resizer.finish().expect("all rows came")
    }

    #[test]
    fn resizing_by_rows_gives_the_same_picture_as_resizing_the_whole() {
        for (size, target) in [
            ((301, 997), (77, 255)),
            ((64, 5), (64, 5)),
            ((1, 3000), (1, 200)),
            ((3000, 1), (200, 1)),
            ((500, 500), (1, 1)),
            ((200, 400), (199, 399)),
        ] {
            let size = Size { width: size.0, height: size.1 };
            let target = Size { width: target.0, height: target.1 };
            let raster = wavy(size, Channels::Rgb, |v| (v * 255.0) as u8);
            let whole = shrink(&raster, size.into(), target).expect("resizes");
            for rows in [1, 7, 1000] {
                let worst = by_rows(&raster, target, rows)
                    .samples
                    .iter()
                    .zip(&whole.samples)
                    .map(|(a, b)| a.abs_diff(*b))
                    .max();
                assert!(worst <= Some(1), "{size:?} to {target:?} by {rows} rows differs by {worst:?}");
            }
        }
    }

    #[test]
    fn sixteen_bits_stay_sixteen_bits() {
        let size = Size { width: 90, height: 300 };
        let target = Size { width: 30, height: 100 };
        let raster = wavy(size, Channels::GreyAlpha, |v| (v * 1000.0) as u16 + 60_000);
        let made = by_rows(&raster, target, 16);
        assert!(made.samples.iter().all(|&sample| (59_000..62_000).contains(&sample)));
    }

    #[test]
    fn colour_under_full_transparency_does_not_bleed() {
        let size = Size { width: 64, height: 64 };
        let mut raster: Raster = Raster::zeroed(size, Channels::Rgba);
        for (index, pixel) in raster.samples.chunks_exact_mut(4).enumerate() {
            let clear = index % 64 < 32;
            pixel.copy_from_slice(if clear { &[255, 0, 0, 0] } else { &[0, 0, 255, 255] });
        }
        let made = by_rows(&raster, Size { width: 9, height: 9 }, 5);
        let seen = made.samples.chunks_exact(4).filter(|pixel| pixel[3] > 8);
        assert!(seen.map(|pixel| pixel[0]).max() <= Some(8));
    }
}
