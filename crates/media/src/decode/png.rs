//! PNG, row by row: no more of it is in memory than the rows that the next output rows need.

use super::{Decode, Header, shrink_bytes};
use crate::{
    colour::Profile,
    error::{MediaError, corrupt, reading},
    exif::Metadata,
    raster::{Channels, Decoded, Raster},
    resize::{self, RowResizer},
    source::Source,
};
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Reader, Transformations};
use smmu_core::image::{ColourModel, ImageLimits, Size};
use std::{fs::File, io::BufReader};

/// An opened PNG file.
pub(crate) struct Png {
    reader: Reader<BufReader<File>>,
    header: Header,
    channels: Channels,
    sixteen: bool,
    interlaced: bool,
}

fn refusal(error: DecodingError) -> MediaError {
    match error {
        DecodingError::IoError(error) => reading("PNG", error),
        DecodingError::Format(_) | DecodingError::Parameter(_) | DecodingError::LimitsExceeded => corrupt("PNG", error),
    }
}

impl Png {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        // Rows and compressed metadata; pixels are held by us.
        let allowed = Limits { bytes: usize::try_from(limits.max_memory_bytes / 2).unwrap_or(usize::MAX) };
        let mut decoder = Decoder::new_with_limits(source.reader()?, allowed);
        decoder.set_ignore_text_chunk(true);
        decoder.set_transformations(Transformations::EXPAND);
        let info = decoder.read_header_info().map_err(refusal)?;
        let stored = Size { width: info.width, height: info.height };
        limits.check_canvas(stored)?;

        let reader = decoder.read_info().map_err(refusal)?;
        let info = reader.info();
        let (colour, depth) = reader.output_color_type();
        let channels = match colour {
            ColorType::Grayscale => Channels::Grey,
            ColorType::GrayscaleAlpha => Channels::GreyAlpha,
            ColorType::Rgb => Channels::Rgb,
            ColorType::Rgba => Channels::Rgba,
            ColorType::Indexed => return Err(corrupt("PNG", "it has no palette")),
        };
        let metadata = info.exif_metadata.as_deref().and_then(Metadata::parse);
        let header = Header {
            stored,
            orientation: metadata.as_ref().and_then(Metadata::orientation).unwrap_or_default(),
            has_alpha: channels.has_alpha(),
            bit_depth: info.bit_depth as u8,
            colour_model: match info.color_type {
                ColorType::Grayscale | ColorType::GrayscaleAlpha => ColourModel::Grey,
                ColorType::Rgb | ColorType::Rgba => ColourModel::Rgb,
                ColorType::Indexed => ColourModel::Palette,
            },
            profile: info.icc_profile.as_deref().and_then(Profile::parse),
            camera: metadata.as_ref().and_then(Metadata::camera),
            animation: None,
        };
        let interlaced = info.interlaced;
        Ok(Self { reader, header, channels, sixteen: depth == BitDepth::Sixteen, interlaced })
    }

    /// Interlaced rows come in an order in which none is complete before nearly all have come.
    fn whole(&mut self) -> Result<Vec<u8>, MediaError> {
        let bytes = self.reader.output_buffer_size().ok_or_else(|| corrupt("PNG", "it has too many pixels"))?;
        let mut pixels = vec![0; bytes];
        self.reader.next_frame(&mut pixels).map_err(refusal)?;
        Ok(pixels)
    }

    /// The next row.
    fn row(&mut self, room: &mut [u8]) -> Result<(), MediaError> {
        match self.reader.read_row(room).map_err(refusal)? {
            Some(_) => Ok(()),
            None => Err(corrupt("PNG", "it has too few rows")),
        }
    }

    const fn sample_bytes(&self) -> u64 {
        if self.sixteen { 2 } else { 1 }
    }
}

/// PNG is big-endian.
fn sixteen(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks().0.iter().map(|&sample| u16::from_be_bytes(sample)).collect()
}

impl Decode for Png {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        let stored = self.header.stored;
        let pixel = self.channels.count() as u64 * self.sample_bytes();
        if self.interlaced {
            // Bytes, and in the case of 16 bits their numbers, too.
            return shrink_bytes(stored, target, pixel) + stored.pixels() * pixel * (self.sample_bytes() - 1);
        }
        let resizer = if self.sixteen {
            RowResizer::<u16>::memory_bytes(stored, target, self.channels)
        } else {
            RowResizer::<u8>::memory_bytes(stored, target, self.channels)
        };
        // The decoder's own rows, filtered and not.
        resizer + 4 * u64::from(stored.width) * pixel
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        let (stored, channels) = (self.header.stored, self.channels);
        if self.interlaced {
            let bytes = self.whole()?;
            return if self.sixteen {
                let raster = Raster { size: stored, channels, samples: sixteen(&bytes) };
                drop(bytes);
                resize::shrink(&raster, stored.into(), target).map(Decoded::from)
            } else {
                let raster = Raster { size: stored, channels, samples: bytes };
                resize::shrink(&raster, stored.into(), target).map(Decoded::from)
            };
        }
        if self.sixteen {
            let mut resizer = RowResizer::<u16>::new(stored, target, channels);
            for _ in 0..stored.height {
                resizer.push(1, |room| {
                    self.row(bytemuck::cast_slice_mut(room))?;
                    for sample in room {
                        *sample = u16::from_be(*sample);
                    }
                    Ok(())
                })?;
            }
            resizer.finish().map(Decoded::from)
        } else {
            let mut resizer = RowResizer::<u8>::new(stored, target, channels);
            for _ in 0..stored.height {
                resizer.push(1, |room| self.row(room))?;
            }
            resizer.finish().map(Decoded::from)
        }
    }
}
