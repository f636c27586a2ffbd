//! The PPM family, TGA and ICO, decoded with the `image` crate. The whole picture is held in memory.

mod ico;
mod pnm;
mod tga;

use super::{Decode, Header, incomplete::Rows, refused, shrink_bytes};
use crate::{
    error::{MediaError, Transient, corrupt, unsupported},
    raster::{Channels, Decoded, Raster, Sample},
    resize,
    source::Source,
};
use ico::Largest;
use image::{
    ColorType, ImageDecoder,
    codecs::{ico::IcoDecoder, png::PngDecoder, pnm::PnmDecoder, tga::TgaDecoder},
};
use pnm::Samples;
use smmu_core::{
    Warning,
    image::{ColourModel, ImageFormat, ImageLimits, Orientation, Size},
};
use std::io::{BufRead, Cursor, Read as _};
use tga::Tga;

/// An opened file.
pub(crate) struct Plain {
    /// `None` after decoding.
    decoder: Option<Box<dyn ImageDecoder>>,
    name: &'static str,
    header: Header,
    channels: Channels,
    /// Always valid, except in TGA.
    alpha: Alpha,
}

/// Validity of the decoder's alpha sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alpha {
    /// It is alpha.
    Valid,
    /// It is alpha, unless it is zero in every pixel: programs without support for alpha write zeros.
    ValidUnlessZero,
    /// It is not alpha: the file declares no alpha bits.
    None,
}

/// Bytes that complete a truncated file.
struct Rest {
    /// Number of bytes to read from the file; `content` follows them.
    behind: u64,
    content: Vec<u8>,
    warning: Warning,
}

/// Facts about a file that are read before its decoder is created.
enum Kind {
    Tga(Tga),
    Ppm(Samples),
    Ico,
}

/// A reader of the file, followed by the bytes that are missing at its end.
fn filled(
    source: &Source,
    rows: Option<Rows>,
    rest: Option<Rest>,
    limits: &ImageLimits,
) -> Result<(impl BufRead + 'static, Option<Warning>), MediaError> {
    let file = source.any_offset()?;
    let name = source.format.name();
    let missing = rows.map(|rows| rows.missing(name, (&file, source.bytes), limits)).transpose()?.flatten();
    file.check().map_err(Transient::Read)?;
    let of_rows = missing.map(|(content, warning)| Rest { behind: u64::MAX, content, warning });
    let (behind, content, warning) = match rest.or(of_rows) {
        Some(Rest { behind, content, warning }) => (behind, content, Some(warning)),
        None => (u64::MAX, Vec::new(), None),
    };
    Ok((source.reader()?.take(behind).chain(Cursor::new(content)), warning))
}

impl Plain {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let name = source.format.name();
        let refused = |error| refused(name, error);
        let kind = match source.format {
            ImageFormat::Tga => Kind::Tga(Tga::read(source)?),
            ImageFormat::Ico => Kind::Ico,
            _ => Kind::Ppm(Samples::read(source)?),
        };
        let (mut decoder, warning): (Box<dyn ImageDecoder>, _) = match &kind {
            Kind::Ico => {
                let (picture, warning) = Largest::of(source.content()?, limits)?;
                let decoder: Box<dyn ImageDecoder> = match picture {
                    Largest::Png(png) => Box::new(PngDecoder::new(Cursor::new(png)).map_err(refused)?),
                    Largest::Bitmap(file) => Box::new(IcoDecoder::new(Cursor::new(file)).map_err(refused)?),
                };
                (decoder, warning)
            }
            Kind::Tga(tga) => {
                let rest = tga.missing(source, limits)?;
                let (reader, warning) = filled(source, tga.rows(), rest, limits)?;
                (Box::new(TgaDecoder::new(reader).map_err(refused)?), warning)
            }
            Kind::Ppm(samples) => {
                let rest = samples.missing(source, limits)?;
                let (reader, warning) = filled(source, samples.rows(), rest, limits)?;
                (Box::new(PnmDecoder::new(reader).map_err(refused)?), warning)
            }
        };
        let (width, height) = decoder.dimensions();
        let stored = Size { width, height };
        limits.check_canvas(stored)?;
        let mut bounds = image::Limits::default();
        bounds.max_alloc = Some(limits.max_memory_bytes);
        decoder.set_limits(bounds).map_err(refused)?;
        let (channels, bit_depth) = match decoder.color_type() {
            ColorType::L8 => (Channels::Grey, 8),
            ColorType::La8 => (Channels::GreyAlpha, 8),
            ColorType::Rgb8 => (Channels::Rgb, 8),
            ColorType::Rgba8 => (Channels::Rgba, 8),
            ColorType::L16 => (Channels::Grey, 16),
            ColorType::La16 => (Channels::GreyAlpha, 16),
            ColorType::Rgb16 => (Channels::Rgb, 16),
            ColorType::Rgba16 => (Channels::Rgba, 16),
            other => return Err(unsupported(format!("{name} with pixels of the kind {other:?} is not supported"))),
        };
        let alpha = match &kind {
            Kind::Ppm(_) | Kind::Ico => Alpha::Valid,
            Kind::Tga(tga) if tga.alpha_bits == 0 => Alpha::None,
            Kind::Tga(_) => Alpha::ValidUnlessZero,
        };
        let header = Header {
            stored,
            orientation: Orientation::Upright,
            has_alpha: channels.has_alpha() && alpha != Alpha::None,
            bit_depth,
            colour_model: match channels {
                _ if matches!(kind, Kind::Tga(Tga { mapped: true, .. })) => ColourModel::Palette,
                Channels::Grey | Channels::GreyAlpha => ColourModel::Grey,
                Channels::Rgb | Channels::Rgba | Channels::Cmyk => ColourModel::Rgb,
            },
            profile: None,
            camera: None,
            animation: None,
            warnings: warning.into_iter().collect(),
        };
        Ok(Self { decoder: Some(decoder), name, header, channels, alpha })
    }

    fn decode<S: Sample>(&mut self, target: Size, most: S) -> Result<Decoded, MediaError>
    where
        Decoded: From<Raster<S>>,
    {
        let decoder = self.decoder.take().ok_or_else(|| corrupt(self.name, "it was already decoded"))?;
        let mut raster = Raster::<S>::zeroed(self.header.stored, self.channels);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut raster.samples);
        if decoder.total_bytes() != bytes.len() as u64 {
            return Err(corrupt(self.name, "its headers contradict one another"));
        }
        decoder.read_image_boxed(bytes).map_err(|error| refused(self.name, error))?;
        if self.channels.has_alpha() && self.alpha != Alpha::Valid {
            let count = self.channels.count();
            let alpha = |pixel: &[S]| bytemuck::bytes_of(&pixel[count - 1]).iter().any(|byte| *byte != 0);
            if self.alpha == Alpha::None || !raster.samples.chunks_exact(count).any(alpha) {
                raster.samples.chunks_exact_mut(count).for_each(|pixel| pixel[count - 1] = most);
            }
        }
        resize::shrink(&raster, raster.size.into(), target).map(Decoded::from)
    }

    const fn sample_bytes(&self) -> u64 {
        if self.header.bit_depth > 8 { 2 } else { 1 }
    }
}

impl Decode for Plain {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        let pixel = self.channels.count() as u64 * self.sample_bytes();
        // Decoders hold a second copy of the pixels while they convert them.
        shrink_bytes(self.header.stored, target, pixel) + self.header.stored.pixels() * pixel
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        if self.sample_bytes() > 1 { self.decode::<u16>(target, u16::MAX) } else { self.decode::<u8>(target, u8::MAX) }
    }
}
