//! PPM and its family, TGA and ICO, by the `image` crate: formats whose pixels are held whole.

use super::{Decode, Header, incomplete::Rows, refused, shrink_bytes};
use crate::{
    error::{MediaError, Transient, corrupt, reading, unsupported},
    raster::{Channels, Decoded, Raster, Sample},
    resize,
    source::Source,
};
use image::{
    ColorType, ImageDecoder,
    codecs::{
        ico::IcoDecoder,
        png::PngDecoder,
        pnm::{PnmDecoder, PnmSubtype, SampleEncoding},
        tga::TgaDecoder,
    },
};
use smmu_core::image::{ColourModel, ImageFormat, ImageLimits, Orientation, Size};
use std::io::{Cursor, Read as _, Seek as _};

/// An opened file.
pub(crate) struct Plain {
    /// Taken by decoding.
    decoder: Option<Box<dyn ImageDecoder>>,
    name: &'static str,
    header: Header,
    channels: Channels,
    /// Of a TGA: whether its alpha is none, whatever the decoder takes it for, or may turn out to be none.
    alpha: Alpha,
}

/// How far the last sample of a pixel is to be believed where it can be alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alpha {
    Sound,
    /// Programs that know no alpha leave zeros in its place.
    SoundUnlessZero,
    None,
}

/// What the header of a TGA says that its decoder keeps to itself (Truevision TGA 2.0, section C).
struct Tga {
    mapped: bool,
    alpha_bits: u8,
    /// Where its rows are, if they are not compressed.
    rows: Option<Rows>,
}

impl Tga {
    fn read(source: &Source) -> Result<Self, MediaError> {
        let mut head = [0; 18];
        source.reader()?.read_exact(&mut head).map_err(|error| reading("TGA", error))?;
        let short = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        if head[16] == 1 {
            return Err(unsupported("TGA with pixels of one bit is not supported"));
        }
        let mapped = head[1] == 1;
        let map_bytes = if mapped { u64::from(short(5)) * u64::from(head[7].div_ceil(8)) } else { 0 };
        let rows = Rows {
            at: 18 + u64::from(head[0]) + map_bytes,
            bytes: u64::from(short(12)) * u64::from(head[16].div_ceil(8)),
            size: Size { width: short(12).into(), height: short(14).into() },
        };
        Ok(Self { mapped, alpha_bits: head[17] & 15, rows: matches!(head[2], 1..=3).then_some(rows) })
    }
}

/// Where the rows of a file of the family of PPM are, if they are binary.
fn rows_of_pnm(source: &Source) -> Result<Option<Rows>, MediaError> {
    let decoder = PnmDecoder::new(source.reader()?).map_err(|error| refused(source.format.name(), error))?;
    let (subtype, (width, height), bytes) = (decoder.subtype(), decoder.dimensions(), decoder.total_bytes());
    let (mut reader, _) = decoder.into_inner();
    let at = reader.stream_position().map_err(Transient::Read)?;
    let bytes = match subtype {
        PnmSubtype::Bitmap(SampleEncoding::Binary) => u64::from(width).div_ceil(8),
        PnmSubtype::Graymap(SampleEncoding::Binary)
        | PnmSubtype::Pixmap(SampleEncoding::Binary)
        | PnmSubtype::ArbitraryMap => bytes / u64::from(height.max(1)),
        PnmSubtype::Bitmap(SampleEncoding::Ascii)
        | PnmSubtype::Graymap(SampleEncoding::Ascii)
        | PnmSubtype::Pixmap(SampleEncoding::Ascii) => return Ok(None),
    };
    Ok(Some(Rows { at, bytes, size: Size { width, height } }))
}

/// The largest picture of an icon, where it is a PNG. The decoder of icons takes such a one only with alpha; browsers
/// and the programs that write icons don't ask for it.
fn png_of_icon(content: &[u8]) -> Option<Vec<u8>> {
    let count = u16::from_le_bytes(*content.get(4..6)?.first_chunk()?);
    let (entries, _) = content.get(6..)?.as_chunks::<16>();
    let side = |byte: u8| if byte == 0 { 256 } else { u32::from(byte) };
    let largest = entries.iter().take(count.into()).max_by_key(|entry| (side(entry[0]) * side(entry[1]), entry[6]))?;
    let number = |at: usize| usize::try_from(u32::from_le_bytes(*largest.get(at..)?.first_chunk()?)).ok();
    let (bytes, start) = (number(8)?, number(12)?);
    let picture = content.get(start..start.checked_add(bytes)?)?;
    picture.starts_with(b"\x89PNG\r\n\x1a\n").then(|| picture.to_vec())
}

impl Plain {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let name = source.format.name();
        let refused = |error| refused(name, error);
        let tga = (source.format == ImageFormat::Tga).then(|| Tga::read(source)).transpose()?;
        // Before the reader, whose place in the file is the file's own.
        let png = if source.format == ImageFormat::Ico { png_of_icon(&source.content()?) } else { None };
        let rows = match source.format {
            ImageFormat::Ppm => rows_of_pnm(source)?,
            _ => tga.as_ref().and_then(|tga| tga.rows),
        };
        let file = source.any_offset()?;
        let missing = rows.map(|rows| rows.missing(name, (&file, source.bytes), limits)).transpose()?.flatten();
        file.check().map_err(Transient::Read)?;
        let (rest, warning) = missing.unzip();
        let reader = source.reader()?.chain(Cursor::new(rest.unwrap_or_default()));
        let mut decoder: Box<dyn ImageDecoder> = match source.format {
            ImageFormat::Tga => Box::new(TgaDecoder::new(reader).map_err(refused)?),
            ImageFormat::Ico => match png {
                Some(png) => Box::new(PngDecoder::new(Cursor::new(png)).map_err(refused)?),
                None => Box::new(IcoDecoder::new(reader.into_inner().0).map_err(refused)?),
            },
            _ => Box::new(PnmDecoder::new(reader).map_err(refused)?),
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
        let alpha = match &tga {
            None => Alpha::Sound,
            Some(tga) if tga.alpha_bits == 0 => Alpha::None,
            Some(_) => Alpha::SoundUnlessZero,
        };
        let header = Header {
            stored,
            orientation: Orientation::Upright,
            has_alpha: channels.has_alpha() && alpha != Alpha::None,
            bit_depth,
            colour_model: match channels {
                _ if tga.is_some_and(|tga| tga.mapped) => ColourModel::Palette,
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
        let decoder = self.decoder.take().ok_or_else(|| corrupt(self.name, "it was read already"))?;
        let mut raster = Raster::<S>::zeroed(self.header.stored, self.channels);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut raster.samples);
        if decoder.total_bytes() != bytes.len() as u64 {
            return Err(corrupt(self.name, "its headers contradict one another"));
        }
        decoder.read_image_boxed(bytes).map_err(|error| refused(self.name, error))?;
        if self.channels.has_alpha() && self.alpha != Alpha::Sound {
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
        // Decoders hold what they read a second time while they convert it.
        shrink_bytes(self.header.stored, target, pixel) + self.header.stored.pixels() * pixel
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        if self.sample_bytes() > 1 { self.decode::<u16>(target, u16::MAX) } else { self.decode::<u8>(target, u8::MAX) }
    }
}
