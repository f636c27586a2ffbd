//! JPEG, decoded with libjpeg-turbo, which shrinks in the frequency domain: most of a large photo is never decoded.

use super::{
    Decode, Header, cut_off,
    jpeg_markers::{self, Markers},
    shrink_bytes,
};
use crate::{
    camera::Metadata,
    colour::{self, ColourProfile},
    error::{MediaError, corrupt, unsupported},
    planes::{Plane, Planes},
    raster::{Channels, Decoded, Raster, row_samples},
    resize::{self, Extent},
    source::Source,
};
use memchr::memmem;
use smmu_core::{
    Warning, WarningCode, detect,
    image::{ColourModel, ImageLimits, Size},
};
use turbojpeg::{Colorspace, Decompressor, PixelFormat, ScalingFactor, Subsamp, YuvImage};

/// Minimum ratio of the decoded size to the target size, in tenths. At 10 the picture is visibly softer (52 dB against
/// 57 dB at best), 19 is 0.02 dB worse than 20, and more than 20 gains nothing.
const MARGIN_TENTHS: u64 = 19;

/// Maximum number of scans in a progressive file. Encoders write about 10; each costs time for every pixel.
const MAX_SCANS: u32 = 100;

/// An opened JPEG file.
pub(crate) struct Jpeg {
    content: Vec<u8>,
    header: Header,
    markers: Markers,
    /// Set if the pixels are followed by an end-of-image marker.
    ended: bool,
    format: PixelFormat,
    channels: Channels,
}

impl Jpeg {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        Self::of(source.content()?, limits)
    }

    /// Opens a file that is in memory.
    pub(super) fn of(content: Vec<u8>, limits: &ImageLimits) -> Result<Self, MediaError> {
        let (mut content, line_ends) = from_first_marker(content);
        let mut markers = Markers::parse(&content).ok_or_else(|| corrupt("JPEG", "its headers are incomplete"))?;
        if markers.near_lossless {
            return Err(detect::refusal("JPEG-LS").into());
        }
        // Some cameras write no end of image. Once one is appended, libjpeg-turbo only warns if pixels are missing.
        // Not for files with several scans: it cannot detect that the last ones are missing.
        let ended = memmem::find(&content[markers.pixels_at..], &[0xff, 0xd9]).is_some();
        if markers.one_scan && !ended {
            content.extend_from_slice(&[0xff, 0xd9]);
        }
        let stored = markers.size.ok_or_else(|| corrupt("JPEG", "it has no frame header"))?;
        limits.check_canvas(stored)?;
        if markers.precision != 8 {
            let message = format!("JPEG with {} bits per sample is not supported; 8 are", markers.precision);
            return Err(unsupported(message));
        }
        let mut warnings = Vec::new();
        if line_ends > 0 {
            warnings.push(Warning::new(WarningCode::Repaired, "the JPEG file starts with line breaks"));
        }
        let head = match decompressor()?.read_header(&content) {
            Ok(head) if markers.tidy => head,
            read => {
                let Some(tidy) = jpeg_markers::tidied(&content) else {
                    let reason = read.err().map_or_else(|| "its headers are incomplete".to_owned(), |e| e.to_string());
                    return Err(corrupt("JPEG", reason));
                };
                content = tidy;
                warnings.push(Warning::new(WarningCode::Repaired, "the headers of the JPEG file violate the format"));
                decompressor()?.read_header(&content).map_err(|error| corrupt("JPEG", error))?
            }
        };
        if (head.width, head.height) != (stored.width as usize, stored.height as usize) {
            return Err(corrupt("JPEG", "its headers contradict one another"));
        }
        let (format, channels, colour_model) = match head.colorspace {
            Colorspace::Gray => (PixelFormat::GRAY, Channels::Grey, ColourModel::Grey),
            Colorspace::RGB => (PixelFormat::RGB, Channels::Rgb, ColourModel::Rgb),
            Colorspace::YCbCr => (PixelFormat::RGB, Channels::Rgb, ColourModel::Ycbcr),
            Colorspace::CMYK | Colorspace::YCCK => (PixelFormat::CMYK, Channels::Cmyk, ColourModel::Cmyk),
        };
        let exif = markers.exif.take();
        let metadata = exif.as_deref().and_then(Metadata::parse);
        let header = Header {
            stored,
            orientation: metadata.as_ref().and_then(Metadata::orientation).unwrap_or_default(),
            has_alpha: false,
            bit_depth: 8,
            colour_model,
            profile: markers.icc.take().and_then(|icc| ColourProfile::parse(&icc)),
            camera: metadata.as_ref().and_then(Metadata::camera),
            animation: None,
            warnings,
        };
        Ok(Self { content, header, markers, ended, format, channels })
    }

    /// The header, for a container of this picture to complete.
    pub(super) const fn header_mut(&mut self) -> &mut Header {
        &mut self.header
    }

    /// The smallest scale that keeps the margin over `target`.
    fn scale(&self, target: Size) -> ScalingFactor {
        if self.markers.lossless {
            return ScalingFactor::ONE;
        }
        let enough = |stored: u32, target: u32, eighths: usize| {
            u64::from(stored) * eighths as u64 * 10 >= u64::from(target) * MARGIN_TENTHS * 8
        };
        let Size { width, height } = self.header.stored;
        let fits = |&eighths: &usize| enough(width, target.width, eighths) && enough(height, target.height, eighths);
        SCALES.into_iter().find(fits).map_or(ScalingFactor::ONE, |eighths| ScalingFactor::new(eighths, 8))
    }

    fn decoded_size(&self, scale: ScalingFactor) -> Size {
        // A side is at most 65,535 and is never scaled up, so it fits.
        let scaled = |side: u32| u32::try_from(scale.scale(side as usize)).unwrap_or(side);
        Size { width: scaled(self.header.stored.width), height: scaled(self.header.stored.height) }
    }

    /// Decodes the picture, with libjpeg-turbo's warning if it is damaged.
    fn decompress(&self, content: &[u8], scale: ScalingFactor) -> Result<(Raster, Option<String>), MediaError> {
        let mut raster: Raster = Raster::zeroed(self.decoded_size(scale), self.channels);
        let (width, height) = (raster.size.width as usize, raster.size.height as usize);
        let mut decompressor = decompressor()?;
        decompressor.read_header(content).map_err(|error| corrupt("JPEG", error))?;
        decompressor.set_scaling_factor(scale).map_err(|error| corrupt("JPEG", error))?;
        let output = turbojpeg::Image {
            pixels: raster.samples.as_mut_slice(),
            width,
            pitch: width * self.channels.count(),
            height,
            format: self.format,
        };
        match decompressor.decompress(content, output) {
            Ok(()) => Ok((raster, None)),
            Err(turbojpeg::Error::TurboJpegError(warning)) => Ok((raster, Some(warning))),
            Err(error) => Err(corrupt("JPEG", error)),
        }
    }

    /// Like [`Self::decompress`], but to planes, which are stored one after another without padding.
    fn decompress_planes(
        &self,
        scale: ScalingFactor,
        subsamp: Subsamp,
    ) -> Result<(YuvImage<Vec<u8>>, Option<String>), MediaError> {
        let damaged = |error: turbojpeg::Error| corrupt("JPEG", error);
        let Size { width, height } = self.decoded_size(scale);
        let (width, height) = (width as usize, height as usize);
        let samples = turbojpeg::yuv_pixels_len(width, 1, height, subsamp).map_err(damaged)?;
        let mut image = YuvImage { pixels: vec![0; samples], width, align: 1, height, subsamp };
        let mut decompressor = decompressor()?;
        let head = decompressor.read_header(&self.content).map_err(damaged)?;
        if head.subsamp != subsamp {
            return Err(corrupt("JPEG", "its headers contradict one another"));
        }
        decompressor.set_scaling_factor(scale).map_err(damaged)?;
        match decompressor.decompress_to_yuv(&self.content, image.as_deref_mut()) {
            Ok(()) => Ok((image, None)),
            Err(turbojpeg::Error::TurboJpegError(warning)) => Ok((image, Some(warning))),
            Err(error) => Err(damaged(error)),
        }
    }

    /// Chroma subsampling, if the picture can be decoded to planes: it must be in sRGB with a common subsampling.
    fn sampling(&self) -> Option<Subsamp> {
        if self.markers.lossless || !colour::is_srgb(self.header.profile.as_ref(), self.channels) {
            return None;
        }
        match (self.header.colour_model, &self.markers.sampling[..]) {
            (ColourModel::Grey, [_]) => Some(Subsamp::Gray),
            // One chroma sample per unit. No camera writes any other subsampling.
            (ColourModel::Ycbcr, [luma, (1, 1), (1, 1)]) => match luma {
                (1, 1) => Some(Subsamp::None),
                (2, 1) => Some(Subsamp::Sub2x1),
                (2, 2) => Some(Subsamp::Sub2x2),
                (1, 2) => Some(Subsamp::Sub1x2),
                (4, 1) => Some(Subsamp::Sub4x1),
                (1, 4) => Some(Subsamp::Sub1x4),
                _ => None,
            },
            _ => None,
        }
    }

    /// Exact size of a scaled picture, which can end inside its last pixels.
    fn extent(&self, scale: ScalingFactor) -> Extent {
        let exact = |side: u32| f64::from(side) * scale.num() as f64 / scale.denom() as f64;
        Extent { width: exact(self.header.stored.width), height: exact(self.header.stored.height) }
    }

    /// Converts libjpeg-turbo's warning to ours, and counts the rows of a truncated file.
    ///
    /// # Errors
    /// Refuses a file with made-up pixels or too few rows.
    fn judge(&mut self, warning: Option<String>) -> Result<(), MediaError> {
        let no_end = || Warning::new(WarningCode::Repaired, "the JPEG file has no end mark");
        match warning {
            None if self.ended => {}
            None if !self.markers.arithmetic => self.header.warnings.push(no_end()),
            None | Some(_) if !self.ended => {
                let (rows, all) = self.rows_there()?;
                let warning = if rows < all {
                    cut_off("JPEG", rows, all)?
                } else if self.markers.progressive {
                    Warning::new(WarningCode::CutOff, "the JPEG file is cut off: fine details of some rows are missing")
                } else {
                    no_end()
                };
                self.header.warnings.push(warning);
            }
            None => {}
            // Some cameras pad between segments; no pixel is missing.
            Some(warning) if warning.contains("extraneous bytes before marker") => {
                let message = "the JPEG file has bytes between its segments";
                self.header.warnings.push(Warning::new(WarningCode::Repaired, message));
            }
            // All other warnings of libjpeg mean that it made up pixels.
            Some(warning) => return Err(corrupt("JPEG", warning)),
        }
        Ok(())
    }

    /// Number of rows present in a truncated file, and number of all rows. A row is present if it looks the same with
    /// different bytes appended to the file. In a progressive file whose last scan is truncated, rows that only lose
    /// sharpness count as present.
    fn rows_there(&self) -> Result<(u32, u32), MediaError> {
        // For a large picture, an eighth of the size is precise enough, and cheap.
        let small = self.markers.lossless || self.header.stored.height < LARGE_ROWS;
        let scale = if small { ScalingFactor::ONE } else { ScalingFactor::new(1, 8) };
        let cut = self.content.strip_suffix(&[0xff, 0xd9]).unwrap_or(&self.content);
        let filled = |step: u32| {
            // Without 255, which begins a marker.
            let filling = (0..FILLING_BYTES).map(|at| (at.wrapping_mul(step) >> 5) as u8 % 255);
            let content: Vec<u8> = cut.iter().copied().chain(filling).chain([0xff, 0xd9]).collect();
            self.decompress(&content, scale).map(|(raster, _)| raster)
        };
        let (one, other) = (filled(2_654_435_761)?, filled(1_597_334_677)?);
        let row = row_samples(one.size.width, self.channels).max(1);
        let all = one.size.height;
        let alike_up_to = |samples: usize| {
            let alike = |(one, other): &(&[u8], &[u8])| {
                let pairs = one[..samples].iter().zip(&other[..samples]);
                let difference: u64 = pairs.map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
                difference <= MOST_DIFFERENCE * samples as u64
            };
            one.samples.chunks_exact(row).zip(other.samples.chunks_exact(row)).take_while(alike).count()
        };
        let whole = alike_up_to(row);
        // The row of blocks that contains the cut is partly present; in a picture with many rows of blocks, it counts.
        let rows = if whole < all as usize && self.header.stored.height >= MANY_ROWS {
            alike_up_to(row.min(8 * self.channels.count())).min(all as usize - 1)
        } else {
            whole
        };
        Ok((u32::try_from(rows).unwrap_or(0), all))
    }
}

/// Number of pixels decoded each time that [`Jpeg::rows_there`] measures a picture.
const fn measured_pixels(stored: Size) -> u64 {
    let pixels = stored.pixels();
    if stored.height < LARGE_ROWS { pixels } else { pixels / 64 + 1 }
}

/// From this height on, one row of blocks is at most a twentieth of the picture.
const MANY_ROWS: u32 = 320;
/// From this height on, an eighth of the size is precise enough to find where a file is truncated.
const LARGE_ROWS: u32 = 2000;
/// Bytes appended to a truncated file: enough to change the next pixels for certain.
const FILLING_BYTES: u32 = 64 * 1024;
/// Maximum mean difference of samples in a row that is invisible.
const MOST_DIFFERENCE: u64 = 3;

/// Removes the line breaks that some tools write before the first marker, and returns their number.
fn from_first_marker(mut content: Vec<u8>) -> (Vec<u8>, usize) {
    let line_ends = content.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    content.drain(..line_ends);
    (content, line_ends)
}

/// Scales to decode at, in eighths of the stored size.
const SCALES: [usize; 7] = [1, 2, 3, 4, 5, 6, 7];

/// A libjpeg-turbo decompressor that fails on files with more than [`MAX_SCANS`].
pub(super) fn decompressor() -> Result<Decompressor, MediaError> {
    let mut decompressor = Decompressor::new().map_err(|error| corrupt("JPEG", error))?;
    decompressor.set_scan_limit(MAX_SCANS).map_err(|error| corrupt("JPEG", error))?;
    Ok(decompressor)
}

impl Decode for Jpeg {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        let decoded = self.decoded_size(self.scale(target));
        // For a file with several scans, progressive or not, libjpeg holds all coefficients until the last scan.
        let coefficients = if self.markers.one_scan { 0 } else { self.markers.coefficient_bytes() };
        let channels = self.channels.count() as u64;
        // For a truncated file, two more pictures are decoded and compared; small ones if it is large.
        let measuring =
            if self.ended { 0 } else { self.content.len() as u64 + 2 * measured_pixels(self.header.stored) * channels };
        self.content.len() as u64 + coefficients + shrink_bytes(decoded, target, channels) + measuring
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        let scale = self.scale(target);
        let (mut raster, warning) = self.decompress(&self.content, scale)?;
        self.judge(warning)?;
        if self.channels == Channels::Cmyk && self.markers.adobe {
            raster.samples.iter_mut().for_each(|ink| *ink = 255 - *ink);
        }
        resize::shrink(&raster, self.extent(scale), target).map(Decoded::from)
    }

    fn planes(&mut self, target: Size) -> Result<Option<Planes>, MediaError> {
        let Some(sampling) = self.sampling() else { return Ok(None) };
        let scale = self.scale(target);
        let (image, warning) = self.decompress_planes(scale, sampling)?;
        self.judge(warning)?;
        let whole = self.extent(scale);
        let (across, down) = sampling.size();
        let part = Extent { width: whole.width / across as f64, height: whole.height / down as f64 };
        let plane = |samples, (width, height): (usize, usize), extent| Plane {
            size: Size { width: width as u32, height: height as u32 },
            extent,
            samples,
        };
        let (luma_size, chroma_size) = (image.y_size(), image.uv_size());
        let (luma, chroma) = image.pixels.split_at(luma_size.0 * luma_size.1);
        let chroma = (sampling != Subsamp::Gray).then(|| {
            let (cb, cr) = chroma.split_at(chroma_size.0 * chroma_size.1);
            [plane(cb, chroma_size, part), plane(cr, chroma_size, part)]
        });
        let luma = plane(luma, luma_size, whole);
        Planes::reduced(luma, chroma, target, self.header.orientation).map(Some)
    }
}
