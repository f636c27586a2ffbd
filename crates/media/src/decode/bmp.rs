//! Windows bitmaps, by the `image` crate.

use super::{Decode, Header, shrink_bytes};
use crate::{
    error::{MediaError, corrupt, reading, unsupported},
    raster::{Channels, Decoded, Raster},
    resize,
    source::Source,
};
use image::{ColorType, ImageDecoder as _, ImageError, codecs::bmp::BmpDecoder};
use smmu_core::image::{ColourModel, ImageLimits, Orientation, Size};
use std::{
    fs::File,
    io::{BufReader, Read as _},
};

/// An opened bitmap.
pub(crate) struct Bmp {
    /// Taken by decoding.
    decoder: Option<BmpDecoder<BufReader<File>>>,
    header: Header,
    channels: Channels,
}

fn refusal(error: ImageError) -> MediaError {
    match error {
        ImageError::IoError(error) => reading("BMP", error),
        ImageError::Unsupported(error) => unsupported(format!("this kind of BMP is not supported: {error}")),
        ImageError::Limits(error) => corrupt("BMP", error),
        ImageError::Decoding(error) => corrupt("BMP", error),
        ImageError::Encoding(error) => corrupt("BMP", error),
        ImageError::Parameter(error) => corrupt("BMP", error),
    }
}

/// Bits per pixel, from the file header's 14 bytes and the core or info header after it.
fn bits_per_pixel(source: &Source) -> Result<u16, MediaError> {
    let mut head = [0; 30];
    source.reader()?.read_exact(&mut head).map_err(|error| reading("BMP", error))?;
    let core_header = head[14..18] == 12_u32.to_le_bytes();
    let at = if core_header { 24 } else { 28 };
    Ok(u16::from_le_bytes([head[at], head[at + 1]]))
}

impl Bmp {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let bits = bits_per_pixel(source)?;
        let mut decoder = BmpDecoder::new(source.reader()?).map_err(refusal)?;
        let (width, height) = decoder.dimensions();
        let stored = Size { width, height };
        limits.check_canvas(stored)?;
        let mut bounds = image::Limits::default();
        bounds.max_alloc = Some(limits.max_memory_bytes);
        decoder.set_limits(bounds).map_err(refusal)?;
        let channels = match decoder.color_type() {
            ColorType::L8 => Channels::Grey,
            ColorType::Rgb8 => Channels::Rgb,
            ColorType::Rgba8 => Channels::Rgba,
            other => return Err(unsupported(format!("BMP with pixels of the kind {other:?} is not supported"))),
        };
        let header = Header {
            stored,
            orientation: Orientation::Upright,
            has_alpha: channels.has_alpha(),
            bit_depth: if bits <= 8 { bits as u8 } else { 8 },
            colour_model: if bits <= 8 { ColourModel::Palette } else { ColourModel::Rgb },
            profile: None,
            camera: None,
            animation: None,
            warnings: Vec::new(),
        };
        Ok(Self { decoder: Some(decoder), header, channels })
    }
}

impl Decode for Bmp {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        shrink_bytes(self.header.stored, target, self.channels.count() as u64)
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        let decoder = self.decoder.take().ok_or_else(|| corrupt("BMP", "it was read already"))?;
        let mut raster: Raster = Raster::zeroed(self.header.stored, self.channels);
        if decoder.total_bytes() != raster.samples.len() as u64 {
            return Err(corrupt("BMP", "its headers contradict one another"));
        }
        decoder.read_image(&mut raster.samples).map_err(refusal)?;
        resize::shrink(&raster, raster.size.into(), target).map(Decoded::from)
    }
}
