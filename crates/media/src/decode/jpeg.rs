//! JPEG by libjpeg-turbo, which shrinks in the frequency domain: most of a large photo is never decoded.

use super::{
    Decode, Header,
    jpeg_markers::{self, Markers},
    shrink_bytes,
};
use crate::{
    colour::Profile,
    error::{MediaError, corrupt, unsupported},
    exif::Metadata,
    raster::{Channels, Decoded, Raster},
    resize::{self, Extent},
    source::Source,
};
use smmu_core::image::{ColourModel, ImageLimits, Size};
use turbojpeg::{Colorspace, Decompressor, PixelFormat, ScalingFactor};

/// How much larger than the target the decoded picture stays. With 1 the picture is visibly softer
/// (52 dB against 57 dB of the best possible); more than 2 gains nothing.
const MARGIN: u64 = 2;

/// Scans of a progressive file. Encoders write about 10; each costs time for every pixel.
const MAX_SCANS: u32 = 100;

/// An opened JPEG file.
pub(crate) struct Jpeg {
    content: Vec<u8>,
    header: Header,
    markers: Markers,
    format: PixelFormat,
    channels: Channels,
}

impl Jpeg {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let mut content = from_first_marker(source.content()?);
        let mut markers = Markers::parse(&content).ok_or_else(|| corrupt("JPEG", "its headers are incomplete"))?;
        // Some cameras write no end of image. With one put there, libjpeg-turbo complains of pixels that are missing, and
        // of nothing else; of several scans it cannot tell that the last ones are missing.
        if markers.one_scan && !content.ends_with(&[0xff, 0xd9]) {
            content.extend_from_slice(&[0xff, 0xd9]);
        }
        let stored = markers.size.ok_or_else(|| corrupt("JPEG", "it has no frame header"))?;
        limits.check_canvas(stored)?;
        if markers.precision != 8 {
            let message = format!("JPEG with {} bits per sample is not supported; 8 are", markers.precision);
            return Err(unsupported(message));
        }
        let head = match decompressor()?.read_header(&content) {
            Ok(head) if markers.tidy => head,
            read => {
                let Some(tidy) = jpeg_markers::tidied(&content) else {
                    let reason = read.err().map_or_else(|| "its headers are incomplete".to_owned(), |e| e.to_string());
                    return Err(corrupt("JPEG", reason));
                };
                content = tidy;
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
        let metadata = markers.exif.take().and_then(|block| Metadata::parse(&block));
        let header = Header {
            stored,
            orientation: metadata.as_ref().and_then(Metadata::orientation).unwrap_or_default(),
            has_alpha: false,
            bit_depth: 8,
            colour_model,
            profile: markers.icc.take().and_then(|icc| Profile::parse(&icc)),
            camera: metadata.as_ref().and_then(Metadata::camera),
            animation: None,
        };
        Ok(Self { content, header, markers, format, channels })
    }

    /// The smallest scale that leaves the margin.
    fn scale(&self, target: Size) -> ScalingFactor {
        if self.markers.lossless {
            return ScalingFactor::ONE;
        }
        let enough = |stored: u32, target: u32, eighths: usize| {
            u64::from(stored) * eighths as u64 >= u64::from(target) * MARGIN * 8
        };
        let Size { width, height } = self.header.stored;
        let fits = |&eighths: &usize| enough(width, target.width, eighths) && enough(height, target.height, eighths);
        SCALES.into_iter().find(fits).map_or(ScalingFactor::ONE, |eighths| ScalingFactor::new(eighths, 8))
    }

    fn decoded_size(&self, scale: ScalingFactor) -> Size {
        // Scaled down from a u16, it stays one.
        let scaled = |side: u32| u32::try_from(scale.scale(side as usize)).unwrap_or(side);
        Size { width: scaled(self.header.stored.width), height: scaled(self.header.stored.height) }
    }
}

/// Some tools write line ends in front.
fn from_first_marker(mut content: Vec<u8>) -> Vec<u8> {
    let line_ends = content.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    content.drain(..line_ends);
    content
}

/// Eighths of the stored size that are decoded to.
const SCALES: [usize; 7] = [1, 2, 3, 4, 5, 6, 7];

fn decompressor() -> Result<Decompressor, MediaError> {
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
        let coefficients = if self.markers.progressive { self.markers.coefficient_bytes() } else { 0 };
        self.content.len() as u64 + coefficients + shrink_bytes(decoded, target, self.channels.count() as u64)
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        let scale = self.scale(target);
        let mut raster: Raster = Raster::zeroed(self.decoded_size(scale), self.channels);
        let (width, height) = (raster.size.width as usize, raster.size.height as usize);
        let mut decompressor = decompressor()?;
        decompressor.read_header(&self.content).map_err(|error| corrupt("JPEG", error))?;
        decompressor.set_scaling_factor(scale).map_err(|error| corrupt("JPEG", error))?;
        let output = turbojpeg::Image {
            pixels: raster.samples.as_mut_slice(),
            width,
            pitch: width * self.channels.count(),
            height,
            format: self.format,
        };
        match decompressor.decompress(&self.content, output) {
            Ok(()) => {}
            // Some cameras pad between segments; every pixel is there.
            Err(turbojpeg::Error::TurboJpegError(warning)) if warning.contains("extraneous bytes before marker") => {}
            // libjpeg's other warnings mean that it made pixels up.
            Err(error) => return Err(corrupt("JPEG", error)),
        }
        drop(decompressor);
        if self.channels == Channels::Cmyk && self.markers.adobe {
            raster.samples.iter_mut().for_each(|ink| *ink = 255 - *ink);
        }
        let exact = |side: u32| f64::from(side) * scale.num() as f64 / scale.denom() as f64;
        let extent = Extent { width: exact(self.header.stored.width), height: exact(self.header.stored.height) };
        resize::shrink(&raster, extent, target).map(Decoded::from)
    }
}
