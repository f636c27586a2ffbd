//! TIFF and `BigTIFF`: decodes the first full-size picture row by row. The reader is our own; crates decompress.

mod fax;
mod jpeg;
mod layout;
mod photometry;
mod rows;
mod samples;
#[cfg(test)]
mod tests;
mod unit;
mod webp;
mod windows;

use self::{
    layout::{Compression, Kind, Layout, Numbers, named},
    photometry::{Depth, Photometry},
    rows::Rows,
    samples::Seen,
};
use super::{Decode, Header, cut_off};
use crate::{
    camera,
    colour::ColourProfile,
    error::{MediaError, corrupt, unsupported},
    raster::{Decoded, Raster, row_samples},
    resize::RowResizer,
    source::Source,
};
use smmu_core::{
    Warning, WarningCode,
    ifd::{self, Directory, tag},
    image::{ColourModel, ImageLimits, Size},
};
use std::{
    cell::Cell,
    io::{self, ErrorKind},
};

/// An opened TIFF file.
pub(crate) struct Tiff {
    content: Vec<u8>,
    header: Header,
    layout: Layout,
    photometry: Photometry,
    /// Planes to read, if each sample has its own plane; otherwise a single 0.
    planes: Vec<usize>,
}

impl Tiff {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let content = source.content()?;
        let pages = ifd::Tiff::open(&content[..], 0).map(|tiff| tiff.pages()).unwrap_or_default();
        let Some(first) = pages.first() else {
            return Err(corrupt("TIFF", "its directory is missing or cut off"));
        };
        if is_camera_raw(first) {
            return Err(unsupported(
                "this kind of camera raw is not supported; develop it to JPEG, TIFF or AVIF first",
            ));
        }
        let page = pages.iter().find(|page| !is_reduced(page)).unwrap_or(first);
        let mut layout = Layout::read(page, &content, limits)?;
        let mut photometry = Photometry::read(page, &mut layout)?;
        let planes = if layout.planar { photometry.needed() } else { vec![0] };
        if layout.planar {
            photometry.keep_only_needed();
        }
        let header = header(page, &layout, &photometry);
        drop(pages);
        Ok(Self { content, header, layout, photometry, planes })
    }

    /// Number of samples to read for each pixel.
    const fn samples(&self) -> usize {
        if self.layout.planar { self.planes.len() } else { self.layout.samples }
    }

    /// Decodes row by row.
    fn decode<S: Depth>(&mut self, target: Size) -> Result<Raster<S>, MediaError> {
        let (stored, channels) = (self.header.stored, self.photometry.channels());
        let repaired = Cell::new(false);
        let samples = self.samples();
        let mut rows = Rows::new(&self.content, &self.layout, &self.planes, &repaired);
        let mut resizer = RowResizer::<S>::new(stored, target, channels);
        let mut levels = vec![0; samples * stored.width as usize];
        let mut painted = vec![S::default(); row_samples(stored.width, channels)];
        let mut cut = None;
        for number in 0..stored.height {
            // Missing rows of a truncated file repeat the last row that was read.
            if cut.is_none() {
                match rows.read(&mut levels, samples) {
                    Ok(()) => {
                        self.photometry.paint(&levels, samples, &mut painted);
                        if self.photometry.premultiplied() {
                            S::divide_by_alpha(&mut painted, channels.count());
                        }
                    }
                    Err(error) => cut = Some(missing(&error, number, stored.height)?),
                }
            }
            resizer.push_copy(&painted)?;
        }
        check_range(&rows.seen, self.layout.numbers)?;
        self.header.warnings.extend(cut);
        if repaired.get() {
            let message = "some rows of the TIFF file were damaged and are incomplete";
            self.header.warnings.push(Warning::new(WarningCode::Repaired, message));
        }
        resizer.finish()
    }
}

/// Warning about a file without data from `row` on, or a refusal: too few rows, or unsupported or damaged data.
fn missing(error: &io::Error, row: u32, rows: u32) -> Result<Warning, MediaError> {
    match error.kind() {
        ErrorKind::UnexpectedEof => return cut_off("TIFF", row, rows),
        ErrorKind::Unsupported => return Err(named(error)),
        _ => {}
    }
    Err(corrupt("TIFF", format!("a strip or tile at row {row}: {error}")))
}

/// Refuses numbers without stated black and white levels that would become a picture of a single colour: floating-point
/// numbers outside 0 to 1 (a few can be highlights), and integers of 32 bits or more in a tiny part of their range.
fn check_range(seen: &Seen, numbers: Numbers) -> Result<(), MediaError> {
    const UNSTATED: &str = "and neither SMinSampleValue nor SMaxSampleValue";
    if numbers.stated_range {
        return Ok(());
    }
    match numbers.kind {
        Kind::Float if seen.outside > seen.all / 4 => {
            Err(named(format!("floating-point numbers outside 0 to 1 {UNSTATED}")))
        }
        Kind::Unsigned | Kind::Signed if numbers.bits >= 32 && seen.is_faint() => {
            Err(named(format!("{}-bit integers in a small part of their range {UNSTATED}", numbers.bits)))
        }
        Kind::Float | Kind::Unsigned | Kind::Signed => Ok(()),
    }
}

/// Returns whether a page is a reduced version of another page.
fn is_reduced(page: &Directory) -> bool {
    match page.number(tag::NEW_SUBFILE_TYPE) {
        Some(kind) => kind & 1 == 1,
        None => page.number(tag::SUBFILE_TYPE) == Some(2),
    }
}

/// Returns whether the first page is only the preview of a camera's raw data: the file is a DNG, or the page is marked
/// as reduced and has subdirectories.
fn is_camera_raw(first: &Directory) -> bool {
    first.has(tag::DNG_VERSION) || (first.has(tag::SUB_IFDS) && is_reduced(first))
}

fn header(page: &Directory, layout: &Layout, photometry: &Photometry) -> Header {
    let channels = photometry.channels();
    let colour_model = match page.short(tag::PHOTOMETRIC) {
        Some(6) if layout.samples >= 3 => ColourModel::Ycbcr,
        _ => photometry.colour_model(),
    };
    Header {
        stored: layout.size,
        orientation: camera::orientation(page).unwrap_or_default(),
        has_alpha: channels.has_alpha(),
        bit_depth: layout.numbers.bits,
        colour_model,
        profile: page.bytes(tag::ICC).and_then(ColourProfile::parse),
        camera: camera::facts(page, page.below(tag::EXIF_IFD).as_ref()),
        animation: None,
        warnings: Vec::new(),
    }
}

/// Working memory of a decoder for a strip that is read row by row.
const STRIP_DECODER_BYTES: u64 = 128 * 1024;

impl Decode for Tiff {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        let layout = &self.layout;
        let content = self.content.len() as u64;
        let (unit_row, unit) =
            (layout.unit_row_bytes(), layout.unit_data_bytes(layout.chunk.height.min(layout.size.height)));
        let side_by_side = u64::from(layout.across()) * self.planes.len() as u64;
        let units = match &layout.compression {
            // The padded pixels, a copy at the width of the strip or tile, and the stream itself.
            Compression::Jpeg(jpeg) => {
                let padded = Size { width: layout.chunk.width + 32, height: layout.chunk.height.saturating_add(32) };
                let pixels = padded.pixels().saturating_mul(layout.unit_samples() as u64);
                let stream = layout.longest_unit(&self.content);
                (side_by_side + 1).saturating_mul(pixels).saturating_add(jpeg.coefficient_bytes + stream)
            }
            // The decoder holds a copy of alpha, and 4 bytes per pixel of lossless pictures.
            Compression::Webp => (side_by_side + 3).saturating_mul(unit),
            compression => {
                let decoder = match compression {
                    Compression::Zstd => windows::zstd_bytes(unit),
                    Compression::Lzma => windows::LZMA_BYTES,
                    _ => STRIP_DECODER_BYTES,
                };
                // Tiles are decoded one after another, strips all at once.
                if layout.tiled {
                    side_by_side.saturating_mul(unit).saturating_add(decoder.max(unit))
                } else {
                    side_by_side.saturating_mul(decoder)
                }
            }
        };
        let reversed = if layout.reversed_bits { side_by_side * layout.longest_unit(&self.content) } else { 0 };
        let width = u64::from(layout.size.width);
        let down = layout.subsampling.map_or(0, |(_, down)| u64::from(down) * 3);
        let rows =
            unit_row.saturating_mul(2).saturating_add(width.saturating_mul((self.samples() as u64 + down) * 2 + 8));
        let (stored, channels) = (self.header.stored, self.photometry.channels());
        let resizer = if self.photometry.sixteen() {
            RowResizer::<u16>::memory_bytes(stored, target, channels)
        } else {
            RowResizer::<u8>::memory_bytes(stored, target, channels)
        };
        [units, reversed, rows, resizer].into_iter().fold(content, u64::saturating_add)
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        if self.photometry.sixteen() {
            self.decode::<u16>(target).map(Decoded::from)
        } else {
            self.decode::<u8>(target).map(Decoded::from)
        }
    }
}
