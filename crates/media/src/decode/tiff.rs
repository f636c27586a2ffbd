//! TIFF and `BigTIFF`, the first page, one band of strips or tiles at a time.

mod tags;

use super::{Decode, Header};
use crate::{
    colour::Profile,
    error::{MediaError, corrupt, reading, unsupported},
    raster::{Channels, Decoded, Raster, Sample, row_samples},
    resize::RowResizer,
    source::Source,
};
use ::tiff::{
    ColorType, TiffError,
    decoder::{Decoder, Limits, TiffCodingUnit},
    tags::{CompressionMethod, ExtraSamples, PhotometricInterpretation, PlanarConfiguration, SampleFormat, Tag},
};
use smmu_core::image::{ColourModel, ImageLimits, Size};
use std::{fs::File, io::BufReader};

/// An opened TIFF file.
pub(crate) struct Tiff {
    decoder: Decoder<BufReader<File>>,
    header: Header,
    layout: Layout,
}

/// How samples lie in the file.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "TIFF's own independent flags")]
struct Layout {
    channels: Channels,
    bits: u8,
    /// Luma and chroma that are still to be made RGB.
    ycbcr: bool,
    /// Colours already multiplied by their alpha.
    premultiplied: bool,
    /// JPEG inside, whose own idea of its size must be checked.
    jpeg: bool,
    /// Each channel in strips or tiles of its own.
    planar: bool,
    /// Size of a strip or tile.
    chunk: Size,
}

fn refusal(error: TiffError) -> MediaError {
    match error {
        TiffError::IoError(error) => reading("TIFF", error),
        TiffError::UnsupportedError(error) => unsupported(format!("this kind of TIFF is not supported: {error}")),
        TiffError::FormatError(_) | TiffError::LimitsExceeded | TiffError::IntSizeError | TiffError::UsageError(_) => {
            corrupt("TIFF", error)
        }
    }
}

impl Tiff {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let buffers = usize::try_from(limits.max_memory_bytes).unwrap_or(usize::MAX);
        let mut bounds = Limits::default();
        bounds.decoding_buffer_size = buffers;
        bounds.intermediate_buffer_size = buffers;
        let mut decoder = Decoder::new(source.reader()?).map_err(refusal)?.with_limits(bounds);
        let (width, height) = decoder.dimensions().map_err(refusal)?;
        let stored = Size { width, height };
        limits.check_canvas(stored)?;
        if tags::is_camera_raw(&mut decoder) {
            return Err(unsupported("camera raw files are not supported; develop them to JPEG, TIFF or AVIF first"));
        }
        let layout = Layout::read(&mut decoder, stored)?;
        let profile = decoder.get_tag_u8_vec(Tag::IccProfile).ok().and_then(|icc| Profile::parse(&icc));
        let header = Header {
            stored,
            orientation: tags::orientation(&mut decoder),
            has_alpha: layout.channels.has_alpha(),
            bit_depth: layout.bits,
            colour_model: match layout.channels {
                Channels::Grey | Channels::GreyAlpha => ColourModel::Grey,
                Channels::Rgb | Channels::Rgba if layout.ycbcr => ColourModel::Ycbcr,
                Channels::Rgb | Channels::Rgba => ColourModel::Rgb,
                Channels::Cmyk => ColourModel::Cmyk,
            },
            profile,
            camera: tags::camera(&mut decoder),
            animation: None,
            warnings: Vec::new(),
        };
        Ok(Self { decoder, header, layout })
    }

    /// Decodes band by band.
    fn decode<S: Sample + Alpha>(&mut self, target: Size) -> Result<Raster<S>, MediaError> {
        let height = self.header.stored.height;
        let mut resizer = RowResizer::<S>::new(self.header.stored, target, self.layout.channels);
        for top in (0..height).step_by(self.layout.chunk.height as usize) {
            let mut band = self.band::<S>(top)?;
            if self.layout.premultiplied {
                S::divide_by_alpha(&mut band, self.layout.channels.count());
            }
            resizer.push_copy(&band)?;
        }
        resizer.finish()
    }

    /// The rows of one strip, or of one row of tiles.
    fn band<S: Sample>(&mut self, top: u32) -> Result<Vec<S>, MediaError> {
        let Size { width, height } = self.header.stored;
        let chunk = self.layout.chunk;
        let rows = chunk.height.min(height - top) as usize;
        let across = width.div_ceil(chunk.width);
        let band_row = row_samples(width, self.layout.channels);
        let mut band = vec![S::default(); band_row * rows];
        for column in 0..across {
            let number = (top / chunk.height) * across + column;
            let left = column * chunk.width;
            let columns = chunk.width.min(width - left);
            let unit = self.unit::<S>(number)?;
            let from_row = row_samples(columns, self.layout.channels);
            if unit.len() < from_row * rows {
                return Err(corrupt("TIFF", "a strip or tile is too short"));
            }
            if across == 1 && unit.len() == band.len() {
                return Ok(unit);
            }
            let start = row_samples(left, self.layout.channels);
            for (into, from) in band.chunks_exact_mut(band_row).zip(unit.chunks_exact(from_row)) {
                into[start..start + from_row].copy_from_slice(from);
            }
        }
        Ok(band)
    }

    /// One strip or tile, its planes interleaved, nothing between its rows.
    fn unit<S: Sample>(&mut self, number: u32) -> Result<Vec<S>, MediaError> {
        if self.layout.jpeg {
            tags::check_jpeg(&mut self.decoder, number, self.layout.chunk)?;
        }
        let unit = TiffCodingUnit(number);
        let (columns, rows) = self.decoder.chunk_data_dimensions(number);
        let wanted = self.decoder.image_coding_unit_layout(unit).map_err(refusal)?;
        let mut samples = vec![S::default(); wanted.complete_len.div_ceil(size_of::<S>())];
        self.decoder.read_coding_unit_bytes(unit, bytemuck::cast_slice_mut(&mut samples)).map_err(refusal)?;
        let plane = wanted.plane_stride.map_or(samples.len(), |bytes| bytes.get() / size_of::<S>());
        let (columns, rows) = (columns as usize, rows as usize);
        if wanted.planes > 1 {
            let channels = self.layout.channels.count();
            if wanted.planes < channels || plane < columns * rows {
                return Err(corrupt("TIFF", "a plane is missing"));
            }
            let planes: Vec<&[S]> = samples.chunks(plane).take(channels).collect();
            return Ok((0..columns * rows).flat_map(|at| planes.iter().map(move |plane| plane[at])).collect());
        }
        if self.layout.bits < 8 {
            let packed: &[u8] = bytemuck::cast_slice(&samples);
            return Ok(unpack(packed, columns, rows, self.layout.bits).into_iter().map(sample_of_byte).collect());
        }
        if self.layout.ycbcr {
            ycbcr_to_rgb(bytemuck::cast_slice_mut(&mut samples));
        }
        Ok(samples)
    }
}

/// A sample whose bytes all are the given one: for 8 bits, that byte.
fn sample_of_byte<S: Sample>(value: u8) -> S {
    let mut sample = S::default();
    bytemuck::bytes_of_mut(&mut sample).fill(value);
    sample
}

impl Layout {
    fn read(decoder: &mut Decoder<BufReader<File>>, stored: Size) -> Result<Self, MediaError> {
        let colour = decoder.colortype().map_err(refusal)?;
        let numbers = |decoder: &mut Decoder<_>, tag| decoder.find_tag_unsigned_vec::<u16>(tag).map_err(refusal);
        let number = |decoder: &mut Decoder<_>, tag| {
            Ok::<_, MediaError>(numbers(decoder, tag)?.and_then(|all| all.first().copied()))
        };
        let integers = number(decoder, Tag::SampleFormat)?.is_none_or(|format| format == SampleFormat::Uint.to_u16());
        let extra = number(decoder, Tag::ExtraSamples)?;
        let photometric = number(decoder, Tag::PhotometricInterpretation)?;
        let grey = photometric == Some(PhotometricInterpretation::BlackIsZero.to_u16());
        let jpeg = number(decoder, Tag::Compression)? == Some(CompressionMethod::ModernJPEG.to_u16());
        let planar = number(decoder, Tag::PlanarConfiguration)? == Some(PlanarConfiguration::Planar.to_u16());

        let named = |what: String| unsupported(format!("TIFF with {what} is not supported"));
        if !integers {
            return Err(named("numbers other than unsigned integers".to_owned()));
        }
        let (channels, bits) = match colour {
            ColorType::Gray(bits @ (1 | 2 | 4 | 8 | 16)) => (Channels::Grey, bits),
            ColorType::GrayA(bits @ (8 | 16)) => (Channels::GreyAlpha, bits),
            ColorType::Multiband { bit_depth: bits @ (8 | 16), num_samples: 2 } if grey => (Channels::GreyAlpha, bits),
            ColorType::RGB(bits @ (8 | 16)) => (Channels::Rgb, bits),
            ColorType::RGBA(bits @ (8 | 16)) => (Channels::Rgba, bits),
            ColorType::CMYK(bits @ (8 | 16)) => (Channels::Cmyk, bits),
            // The decoder brings JPEG's chroma to full size; other subsampling it leaves packed.
            ColorType::YCbCr(8) if jpeg && !planar => (Channels::Rgb, 8),
            other => return Err(named(format!("pixels of the kind {other:?}"))),
        };
        // The decoder reads neither, and would bring wrong pixels without a word.
        if number(decoder, Tag::FillOrder)?.is_some_and(|order| order != 1) {
            return Err(named("bits in reversed order (FillOrder 2)".to_owned()));
        }
        let samples = number(decoder, Tag::SamplesPerPixel)?.map_or(1, usize::from);
        if samples != channels.count() {
            return Err(named(format!("{samples} samples per pixel, {} of them known,", channels.count())));
        }
        let (width, height) = decoder.chunk_dimensions();
        if width == 0 || height == 0 {
            return Err(corrupt("TIFF", "its strips have no rows"));
        }
        Ok(Self {
            channels,
            bits,
            ycbcr: matches!(colour, ColorType::YCbCr(_)),
            premultiplied: channels.has_alpha() && extra == Some(ExtraSamples::AssociatedAlpha.to_u16()),
            jpeg,
            planar,
            // A strip can claim more rows than the picture has.
            chunk: Size { width, height: height.min(stored.height) },
        })
    }
}

impl Decode for Tiff {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        let Size { width, height } = self.header.stored;
        let Layout { channels, chunk, jpeg, planar, .. } = self.layout;
        let pixel = channels.count() as u64 * if self.layout.bits == 16 { 2 } else { 1 };
        let band = u64::from(width) * u64::from(chunk.height.min(height)) * pixel;
        let unit = chunk.pixels() * pixel;
        // A strip is its own band; tiles are put together. Planes, bits and JPEG are decoded beside it.
        let beside = if chunk.width < width || jpeg || planar || self.layout.bits < 8 { 2 * unit } else { 0 };
        let resizer = match self.layout.bits {
            16 => RowResizer::<u16>::memory_bytes(self.header.stored, target, channels),
            _ => RowResizer::<u8>::memory_bytes(self.header.stored, target, channels),
        };
        band + beside + resizer
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        match self.layout.bits {
            16 => self.decode::<u16>(target).map(Decoded::from),
            _ => self.decode::<u8>(target).map(Decoded::from),
        }
    }
}

/// Grey of 1, 2 or 4 bits, rows padded to whole bytes, as bytes over the full range.
fn unpack(packed: &[u8], columns: usize, rows: usize, bits: u8) -> Vec<u8> {
    let per_byte = usize::from(8 / bits);
    let most = (1_u8 << bits) - 1;
    let stride = columns.div_ceil(per_byte);
    let mut grey = Vec::with_capacity(columns * rows);
    for row in packed.chunks_exact(stride.max(1)).take(rows) {
        let values =
            row.iter().flat_map(|byte| (0..per_byte).map(move |at| byte >> (8 - usize::from(bits) * (at + 1)) & most));
        grey.extend(values.take(columns).map(|value| value * (255 / most)));
    }
    grey
}

/// Full-range YCbCr (ITU-T T.871) as RGB, in place.
fn ycbcr_to_rgb(samples: &mut [u8]) {
    for pixel in samples.as_chunks_mut::<3>().0 {
        let [luma, blue, red] = pixel.map(f32::from);
        let (blue, red) = (blue - 128.0, red - 128.0);
        let rgb = [luma + 1.402 * red, luma - 0.344_136 * blue - 0.714_136 * red, luma + 1.772 * blue];
        // Casts of floats saturate.
        *pixel = rgb.map(|value| value.round() as u8);
    }
}

/// Samples that colours can be divided by.
trait Alpha: Sample {
    /// Undoes premultiplication of pixels of so many channels, the last of which is alpha.
    fn divide_by_alpha(samples: &mut [Self], channels: usize);
}

macro_rules! alpha {
    ($sample:ty, $wide:ty) => {
        impl Alpha for $sample {
            fn divide_by_alpha(samples: &mut [Self], channels: usize) {
                for pixel in samples.chunks_exact_mut(channels) {
                    let Some((alpha, colours)) = pixel.split_last_mut() else { continue };
                    let alpha = <$wide>::from(*alpha);
                    for colour in colours {
                        let most = <$wide>::from(<$sample>::MAX);
                        let divided = (<$wide>::from(*colour) * most + alpha / 2).checked_div(alpha).unwrap_or(0);
                        *colour = <$sample>::try_from(divided.min(most)).unwrap_or(<$sample>::MAX);
                    }
                }
            }
        }
    };
}

alpha!(u8, u32);
alpha!(u16, u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_spread_over_the_full_range() {
        assert_eq!(unpack(&[0b1010_0000, 0b0100_0000], 3, 2, 1), [255, 0, 255, 0, 255, 0]);
        assert_eq!(unpack(&[0b0001_1011], 4, 1, 2), [0, 85, 170, 255]);
        assert_eq!(unpack(&[0x0f, 0x80], 3, 1, 4), [0, 255, 136]);
    }

    #[test]
    fn premultiplied_colours_come_back() {
        let mut pixels = [100_u8, 50, 0, 128, 9, 9, 9, 0];
        u8::divide_by_alpha(&mut pixels, 4);
        assert_eq!(pixels, [199, 100, 0, 128, 0, 0, 0, 0]);
    }

    #[test]
    fn luma_without_chroma_is_grey() {
        let mut pixels = [200, 128, 128, 76, 85, 255];
        ycbcr_to_rgb(&mut pixels);
        assert_eq!(pixels[..3], [200, 200, 200]);
        assert!(pixels[3] > 250 && pixels[4] < 5 && pixels[5] < 5, "{pixels:?}");
    }
}
