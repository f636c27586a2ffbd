//! Decodes files to pixels. Each format is read in two steps: first the header, against which limits are checked and
//! from which the plan is made; then the pixels, already shrunk to the largest picture in the plan.

mod apng;
mod bmp;
mod canvas;
mod gif;
mod heif;
mod incomplete;
mod jpeg;
mod jpeg_markers;
mod jxl;
mod plain;
mod png;
mod raw;
mod tiff;
mod webp;

use crate::{
    colour::ColourProfile,
    error::{MediaError, corrupt, reading, unsupported},
    planes::Planes,
    raster::Decoded,
    source::Source,
};
use image::ImageError;
use smmu_core::{
    Warning, WarningCode,
    image::{Animation, CameraFacts, ColourModel, ImageFormat, ImageLimits, Orientation, Size},
};

/// Properties of a file, known before its pixels are decoded.
pub(crate) struct Header {
    /// Width and height as stored, before the orientation is applied.
    pub(crate) stored: Size,
    /// Turn or mirroring that makes the stored pixels upright.
    pub(crate) orientation: Orientation,
    /// Set if any pixel can be transparent.
    pub(crate) has_alpha: bool,
    /// Bits per sample as stored.
    pub(crate) bit_depth: u8,
    /// Colour model of the stored pixels.
    pub(crate) colour_model: ColourModel,
    /// Colour profile; `None` for sRGB.
    pub(crate) profile: Option<ColourProfile>,
    /// Facts from the camera's Exif block.
    pub(crate) camera: Option<CameraFacts>,
    /// Frames, duration and plays; `None` for a still picture.
    pub(crate) animation: Option<Animation>,
    /// Warnings so far; decoding can add more.
    pub(crate) warnings: Vec<Warning>,
}

/// Receives a frame, in stored orientation and colours, and its display time in milliseconds.
pub(crate) type TakeFrame<'a> = dyn FnMut(Decoded, u32) -> Result<(), MediaError> + 'a;

/// An opened image.
pub(crate) trait Decode {
    /// The header that was read on opening.
    fn header(&self) -> &Header;

    /// Upper bound on the peak memory, in bytes, of decoding to `target`.
    fn memory_bytes(&self, target: Size) -> u64;

    /// Decodes the picture, or the first frame, in stored orientation and colours, to exactly `target`.
    fn still(&mut self, target: Size) -> Result<Decoded, MediaError>;

    /// Decodes the same picture to planes, already upright. `None` unless it is stored as planes in sRGB.
    fn planes(&mut self, _target: Size) -> Result<Option<Planes>, MediaError> {
        Ok(None)
    }

    /// Decodes every frame like [`Decode::still`]; a still picture is a single frame shown for 0 ms.
    fn frames(&mut self, target: Size, take: &mut TakeFrame) -> Result<(), MediaError> {
        take(self.still(target)?, 0)
    }
}

/// Reads the header of a file of a known format. Canvas and number of frames are within limits on success.
pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Box<dyn Decode>, MediaError> {
    Ok(match source.format {
        ImageFormat::Jpeg => Box::new(jpeg::Jpeg::open(source, limits)?),
        ImageFormat::Png => Box::new(png::Png::open(source, limits)?),
        ImageFormat::Webp => Box::new(webp::Webp::open(source, limits)?),
        ImageFormat::Gif => Box::new(gif::Gif::open(source, limits)?),
        ImageFormat::Tiff => Box::new(tiff::Tiff::open(source, limits)?),
        ImageFormat::Bmp => Box::new(bmp::Bmp::open(source, limits)?),
        ImageFormat::Jxl => Box::new(jxl::Jxl::open(source, limits)?),
        ImageFormat::Avif | ImageFormat::Heic => Box::new(heif::Heif::open(source, limits)?),
        ImageFormat::Ppm | ImageFormat::Tga | ImageFormat::Ico => Box::new(plain::Plain::open(source, limits)?),
        ImageFormat::Raw => Box::new(raw::Raw::open(source, limits)?),
    })
}

/// Converts an error of a decoder in the `image` crate.
fn refused(name: &str, error: ImageError) -> MediaError {
    match error {
        ImageError::IoError(error) => reading(name, error),
        ImageError::Unsupported(error) => unsupported(format!("this kind of {name} is not supported: {error}")),
        ImageError::Limits(error) => corrupt(name, error),
        ImageError::Decoding(error) => corrupt(name, error),
        ImageError::Encoding(error) => corrupt(name, error),
        ImageError::Parameter(error) => corrupt(name, error),
    }
}

/// Minimum percentage of rows for a truncated picture to be accepted: browsers show such a picture, and viewers hardly
/// notice that its end is missing.
const MIN_PERCENT: u64 = 95;

/// Warning about a truncated picture with `rows` of `all_rows`.
///
/// # Errors
/// Refuses the picture if less than [`MIN_PERCENT`] of its rows are present.
fn cut_off(format: &str, rows: u32, all_rows: u32) -> Result<Warning, MediaError> {
    parts_missing(format, "rows", rows, all_rows)
}

/// Like [`cut_off`], for pictures that consist of other parts than rows.
fn parts_missing(format: &str, parts: &str, there: u32, all: u32) -> Result<Warning, MediaError> {
    let percent = u64::from(there) * 100 / u64::from(all.max(1));
    if percent < MIN_PERCENT {
        return Err(corrupt(
            format,
            format!("it is cut off: {percent}% of its {parts} are present; at least {MIN_PERCENT}% are needed"),
        ));
    }
    let message = format!("the {format} file is cut off: {percent}% of its {parts} are present");
    Ok(Warning::new(WarningCode::CutOff, message))
}

/// Warning about an animation with more frames than the limit, of which only the first are processed.
fn shortened(frames: u32) -> Warning {
    Warning::new(WarningCode::Shortened, format!("only the first {frames} frames of the animation were processed"))
}

/// Display time of a frame in milliseconds, for the time stated in the file. As in browsers and `gif2webp`, a frame
/// with 10 ms or less is shown for 100 ms. The upper bound is WebP's 24 bits.
fn shown_ms(stated: u64) -> u32 {
    const MOST: u64 = 0xff_ffff;
    match stated {
        0..=10 => 100,
        stated => stated.min(MOST) as u32,
    }
}

/// Warning about a truncated animation, of which only the first `frames` are complete.
fn frames_missing(format: &str, frames: u32) -> Warning {
    Warning::new(WarningCode::CutOff, format!("the {format} file is cut off: {frames} frames are present"))
}

/// Bytes needed to resize a whole raster of `from` to `into`, including both rasters.
fn shrink_bytes(from: Size, into: Size, bytes_per_pixel: u64) -> u64 {
    let narrowed = u64::from(into.width) * u64::from(from.height);
    let weights = 16 * 7 * (u64::from(from.width) + u64::from(from.height));
    (from.pixels() + narrowed + into.pixels()) * bytes_per_pixel + weights
}

#[cfg(test)]
mod tests;
