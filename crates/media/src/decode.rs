//! From a file to pixels. Each format is read in two steps: its header, which limits and plan are
//! decided on, and then its pixels, already shrunk to the largest picture that the plan wants.

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

/// What a file says of itself before its pixels are decoded.
pub(crate) struct Header {
    /// Width and height as stored, before turning upright.
    pub(crate) stored: Size,
    /// How the stored pixels must be turned.
    pub(crate) orientation: Orientation,
    /// Whether any pixel can be transparent.
    pub(crate) has_alpha: bool,
    /// Bits per sample as stored.
    pub(crate) bit_depth: u8,
    /// How colours are stored.
    pub(crate) colour_model: ColourModel,
    /// What its colours mean, where they mean other than sRGB's.
    pub(crate) profile: Option<ColourProfile>,
    /// What the camera wrote.
    pub(crate) camera: Option<CameraFacts>,
    /// What moves.
    pub(crate) animation: Option<Animation>,
    /// What is not as it should be, as far as it is known; decoding can add to it.
    pub(crate) warnings: Vec<Warning>,
}

/// Takes a frame, in stored orientation and colours, and for how many milliseconds it is shown.
pub(crate) type TakeFrame<'a> = dyn FnMut(Decoded, u32) -> Result<(), MediaError> + 'a;

/// An opened image.
pub(crate) trait Decode {
    /// What was found on opening.
    fn header(&self) -> &Header;

    /// An upper bound of the bytes needed at the peak of decoding to `target`.
    fn memory_bytes(&self, target: Size) -> u64;

    /// The picture, or the first frame, in stored orientation and colours, exactly `target` large.
    fn still(&mut self, target: Size) -> Result<Decoded, MediaError>;

    /// The picture that [`Decode::still`] gives, as planes and upright already, where it is stored as such and in sRGB;
    /// `None` of every other.
    fn planes(&mut self, _target: Size) -> Result<Option<Planes>, MediaError> {
        Ok(None)
    }

    /// Every frame of what moves, like [`Decode::still`]. Of what does not, its one picture.
    fn frames(&mut self, target: Size, take: &mut TakeFrame) -> Result<(), MediaError> {
        take(self.still(target)?, 0)
    }
}

/// Reads the header of a file of a known format. Canvas and frames are within limits when it returns.
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

/// What a complaint of a decoder of the `image` crate is to the sender of a file.
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

/// Of the rows of a picture whose end is missing, so many of a hundred must be there: browsers show such a picture, and
/// what is missing of it is hardly seen.
const LEAST_PERCENT: u64 = 95;

/// What is said of a picture of which only the first rows are there, if those are enough.
fn cut_off(format: &str, rows: u32, all_rows: u32) -> Result<Warning, MediaError> {
    parts_missing(format, "rows", rows, all_rows)
}

/// The same of a picture that has parts of another name than rows.
fn parts_missing(format: &str, parts: &str, there: u32, all: u32) -> Result<Warning, MediaError> {
    let percent = u64::from(there) * 100 / u64::from(all.max(1));
    if percent < LEAST_PERCENT {
        return Err(corrupt(
            format,
            format!("it is cut off: {percent}% of its {parts} are there, and at least {LEAST_PERCENT}% are needed"),
        ));
    }
    Ok(Warning::new(WarningCode::CutOff, format!("the {format} file is cut off: {percent}% of its {parts} are there")))
}

/// What is said of an animation of which only the first frames are processed.
fn shortened(frames: u32) -> Warning {
    Warning::new(WarningCode::Shortened, format!("only the first {frames} frames of the animation were processed"))
}

/// For how many milliseconds a frame is shown. Browsers show frames of up to 10 ms for 100 ms, and everybody has seen
/// the file that way; `gif2webp` does the same. WebP counts to 24 bits.
fn shown_ms(stated: u64) -> u32 {
    const MOST: u64 = 0xff_ffff;
    match stated {
        0..=10 => 100,
        stated => stated.min(MOST) as u32,
    }
}

/// What is said of an animation whose last frames are missing.
fn frames_missing(format: &str, frames: u32) -> Warning {
    Warning::new(WarningCode::CutOff, format!("the {format} file is cut off: {frames} frames are there"))
}

/// Bytes for resizing a whole raster of `from` to `into`, both included.
fn shrink_bytes(from: Size, into: Size, bytes_per_pixel: u64) -> u64 {
    let narrowed = u64::from(into.width) * u64::from(from.height);
    let weights = 16 * 7 * (u64::from(from.width) + u64::from(from.height));
    (from.pixels() + narrowed + into.pixels()) * bytes_per_pixel + weights
}

#[cfg(test)]
mod tests;
