//! Windows and OS/2 bitmaps. Run lengths have our own decoder; the `image` crate decodes the rest.

mod runs;

use self::runs::Runs;
use super::{Decode, Header, cut_off, incomplete::Rows, refused, shrink_bytes};
use crate::{
    error::{MediaError, corrupt, unsupported},
    raster::{Channels, Decoded, Raster},
    resize,
    source::Source,
};
use image::{ColorType, ImageDecoder as _, ImageError, codecs::bmp::BmpDecoder};
use smmu_core::{
    Warning,
    image::{ColourModel, ImageLimits, Orientation, Size},
};
use std::io::Cursor;

/// An opened bitmap.
pub(crate) struct Bmp {
    /// `None` after decoding.
    coding: Option<Coding>,
    header: Header,
    channels: Channels,
    content_bytes: u64,
}

enum Coding {
    Image(Box<BmpDecoder<Cursor<Vec<u8>>>>),
    Runs(Runs),
}

fn refusal(error: ImageError) -> MediaError {
    refused("BMP", error)
}

/// Bytes of the file header, and of the header that follows it.
const FILE_HEADER: usize = 14;
const INFO_HEADER: usize = 40;
const OS2_HEADER: usize = 64;

/// Reads a 4-byte number at an offset; `None` beyond the end of the file.
fn number(content: &[u8], at: usize) -> Option<u32> {
    content.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Replaces a header of OS/2 2.0 with that of Windows. The OS/2 header has the same first fields and can be shortened.
fn with_info_header(mut content: Vec<u8>) -> Result<Vec<u8>, MediaError> {
    // Headers of 52 and 56 bytes are from Windows.
    let size = number(&content, FILE_HEADER).map_or(0, |size| size as usize);
    if !(16..=OS2_HEADER).contains(&size) || [INFO_HEADER, 52, 56].contains(&size) {
        return Ok(content);
    }
    let end = FILE_HEADER + size;
    let (Some(pixels_at), Some(header)) = (number(&content, 10), content.get(FILE_HEADER + 4..end)) else {
        return Err(corrupt("BMP", "it ends too early"));
    };
    let mut info = (INFO_HEADER as u32).to_le_bytes().to_vec();
    info.extend(header);
    info.resize(INFO_HEADER, 0);
    match info[16] {
        3 => return Err(unsupported("BMP with OS/2 Huffman compression is not supported")),
        4 => return Err(unsupported("BMP with OS/2 24-bit run lengths is not supported")),
        _ => {}
    }
    let moved = (u64::from(pixels_at) + INFO_HEADER as u64).saturating_sub(size as u64);
    content[10..14].copy_from_slice(&u32::try_from(moved).unwrap_or(u32::MAX).to_le_bytes());
    content.splice(FILE_HEADER..end, info);
    Ok(content)
}

/// Bits per pixel, from the core or info header.
fn bits_per_pixel(content: &[u8]) -> Result<u16, MediaError> {
    let at = if number(content, FILE_HEADER) == Some(12) { 24 } else { 28 };
    let bits = content.get(at..).and_then(<[u8]>::first_chunk);
    bits.map(|bits| u16::from_le_bytes(*bits)).ok_or_else(|| corrupt("BMP", "it ends too early"))
}

/// Layout of uncompressed rows, each padded to a multiple of 4 bytes. `None` if the pixels are compressed.
fn rows(content: &[u8], bits: u16) -> Option<Rows> {
    let field = |at: usize| number(content, FILE_HEADER + at);
    let (width, height) = match field(0)? {
        12 => (field(4)? & 0xffff, field(4)? >> 16),
        _ if !matches!(field(16)?, 0 | 3 | 6) => return None,
        _ => (field(4)?, field(8)?.cast_signed().unsigned_abs()),
    };
    let bytes = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
    Some(Rows { at: number(content, 10)?.into(), bytes, size: Size { width, height } })
}

/// Completes the pixels of a truncated file.
fn complete(content: &mut Vec<u8>, bits: u16, limits: &ImageLimits) -> Result<Option<Warning>, MediaError> {
    // Some programs omit the padding of the last row.
    const MAX_PADDING_BYTES: usize = 3;
    let Some(rows) = rows(content, bits) else { return Ok(None) };
    let whole = rows.bytes.saturating_mul(rows.size.height.into()).saturating_add(rows.at);
    if content.len() as u64 + MAX_PADDING_BYTES as u64 >= whole {
        content.resize(content.len().max(whole as usize), 0);
        return Ok(None);
    }
    let missing = rows.missing("BMP", (&content[..], content.len() as u64), limits)?;
    Ok(missing.map(|(rest, warning)| {
        content.extend(rest);
        warning
    }))
}

impl Bmp {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let mut content = with_info_header(source.content()?)?;
        let bits = bits_per_pixel(&content)?;
        if let Some(runs) = Runs::open(&content, bits)? {
            limits.check_canvas(runs.size)?;
            let (header, content_bytes) = (header(runs.size, bits, Channels::Rgb), content.len() as u64);
            return Ok(Self { coding: Some(Coding::Runs(runs)), header, channels: Channels::Rgb, content_bytes });
        }
        let warning = complete(&mut content, bits, limits)?;
        let content_bytes = content.len() as u64;
        let mut decoder = BmpDecoder::new(Cursor::new(content)).map_err(refusal)?;
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
        let mut header = header(stored, bits, channels);
        header.warnings.extend(warning);
        Ok(Self { coding: Some(Coding::Image(Box::new(decoder))), header, channels, content_bytes })
    }
}

fn header(stored: Size, bits: u16, channels: Channels) -> Header {
    Header {
        stored,
        orientation: Orientation::Upright,
        has_alpha: channels.has_alpha(),
        bit_depth: if bits <= 8 { bits as u8 } else { 8 },
        colour_model: if bits <= 8 { ColourModel::Palette } else { ColourModel::Rgb },
        profile: None,
        camera: None,
        animation: None,
        warnings: Vec::new(),
    }
}

impl Decode for Bmp {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        self.content_bytes + shrink_bytes(self.header.stored, target, self.channels.count() as u64)
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        let coding = self.coding.take().ok_or_else(|| corrupt("BMP", "it was already decoded"))?;
        let raster = match coding {
            Coding::Image(decoder) => {
                let mut raster: Raster = Raster::zeroed(self.header.stored, self.channels);
                if decoder.total_bytes() != raster.samples.len() as u64 {
                    return Err(corrupt("BMP", "its headers contradict one another"));
                }
                decoder.read_image(&mut raster.samples).map_err(refusal)?;
                raster
            }
            Coding::Runs(runs) => {
                let (raster, rows) = runs.decode();
                if rows < self.header.stored.height {
                    self.header.warnings.push(cut_off("BMP", rows, self.header.stored.height)?);
                }
                raster
            }
        };
        resize::shrink(&raster, raster.size.into(), target).map(Decoded::from)
    }
}
