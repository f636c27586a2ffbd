//! Extracts the largest picture of an icon. The decoder of the `image` crate accepts PNG only with alpha, and no
//! truncated files; browsers, and the programs that write icons, are not so strict.

use crate::{
    decode::{cut_off, png::refusal},
    error::{MediaError, corrupt},
};
use png::{DecodingError, Limits, Transformations};
use smmu_core::{
    Warning,
    image::{ImageLimits, Size},
};
use std::io::{Cursor, ErrorKind};

const NAME: &str = "ICO";

/// The largest picture of an icon.
pub(super) enum Largest {
    /// A PNG file.
    Png(Vec<u8>),
    /// A bitmap, with the whole icon file around it.
    Bitmap(Vec<u8>),
}

fn u16_at(content: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*content.get(at..)?.first_chunk()?))
}

fn u32_at(content: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(*content.get(at..)?.first_chunk()?)).ok()
}

impl Largest {
    /// Extracts the picture, and completes it, with a warning, if it is truncated.
    pub(super) fn of(content: Vec<u8>, limits: &ImageLimits) -> Result<(Self, Option<Warning>), MediaError> {
        let Some((bytes, start)) = place(&content) else { return Ok((Self::Bitmap(content), None)) };
        let end = start.saturating_add(bytes);
        let picture = content.get(start..end.min(content.len())).unwrap_or_default();
        let (there, is_png) = (end <= content.len(), picture.starts_with(b"\x89PNG\r\n\x1a\n"));
        if is_png && there {
            return Ok((Self::Png(picture.to_vec()), None));
        }
        if is_png {
            return filled(picture, limits).map(|(png, warning)| (Self::Png(png), warning));
        }
        let rows = if there { None } else { Rows::of(picture) };
        // A picture can be complete even though it is shorter than its stated length.
        let Some(rows) = rows.filter(|rows| picture.len() < rows.end) else { return Ok((Self::Bitmap(content), None)) };
        let (rest, warning) = rows.missing(picture)?;
        Ok((Self::Bitmap([content, rest].concat()), Some(warning)))
    }
}

/// Completes a truncated PNG: missing rows repeat the last complete one.
fn filled(cut: &[u8], limits: &ImageLimits) -> Result<(Vec<u8>, Option<Warning>), MediaError> {
    let allowed = usize::try_from(limits.max_memory_bytes / 4).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(cut), Limits { bytes: allowed });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(refusal)?;
    let (size, interlaced) =
        (Size { width: reader.info().width, height: reader.info().height }, reader.info().interlaced);
    limits.check_canvas(size)?;
    let (colour, depth) = reader.output_color_type();
    let row_bytes = reader.output_line_size(size.width).unwrap_or(0);
    limits.check_memory(4 * row_bytes as u64 * u64::from(size.height))?;
    let (mut pixels, mut row) = (Vec::new(), vec![0; row_bytes]);
    let mut rows = 0;
    while !interlaced && rows < size.height {
        match reader.read_row(&mut row) {
            Ok(Some(_)) => pixels.extend_from_slice(&row),
            Ok(None) => break,
            Err(DecodingError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(refusal(error)),
        }
        rows += 1;
    }
    let warning = if rows < size.height { Some(cut_off(NAME, rows, size.height)?) } else { None };
    pixels.extend(row.repeat((size.height - rows) as usize));
    let mut whole = Vec::new();
    let mut encoder = png::Encoder::new(&mut whole, size.width, size.height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fastest);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|error| corrupt(NAME, error))?;
    Ok((whole, warning))
}

/// Length and offset of the picture with the most bits and pixels, the same as the decoder chooses.
fn place(content: &[u8]) -> Option<(usize, usize)> {
    let count = u16_at(content, 4)?;
    let (entries, _) = content.get(6..)?.as_chunks::<16>();
    let side = |byte: u8| if byte == 0 { 256 } else { u32::from(byte) };
    let pixels = |entry: &[u8; 16]| side(entry[0]) * side(entry[1]);
    let is_png = |entry: &[u8; 16]| {
        let start = u32_at(entry, 12)?;
        Some(content.get(start..)?.starts_with(b"\x89PNG\r\n\x1a\n"))
    };
    let entries = &entries[..entries.len().min(count.into())];
    let largest = entries.iter().max_by_key(|entry| (pixels(entry), entry[6]))?;
    // For bitmaps, the decoder compares bits first, and prefers the last entry among equals.
    let chosen = || {
        let (last, before) = entries.split_last()?;
        let score = |entry: &[u8; 16]| (u16_at(entry, 6), pixels(entry));
        Some(before.iter().fold(last, |best, entry| if score(entry) > score(best) { entry } else { best }))
    };
    let entry = if is_png(largest) == Some(true) { largest } else { chosen()? };
    Some((u32_at(entry, 8)?, u32_at(entry, 12)?))
}

/// Layout of a bitmap in an icon: a header, a palette, rows from bottom to top, and a mask with a bit for each
/// transparent pixel.
struct Rows {
    at: usize,
    bytes: usize,
    height: usize,
    /// Offset of the end of the transparency mask.
    end: usize,
}

impl Rows {
    fn of(picture: &[u8]) -> Option<Self> {
        let header = u32_at(picture, 0).filter(|header| *header == 40)?;
        let (width, height, bits) = (u32_at(picture, 4)?, u32_at(picture, 8)? / 2, u16_at(picture, 14)?);
        let stated = u32_at(picture, 32)?;
        let colours = match bits {
            1 | 4 | 8 if stated == 0 => 1 << bits,
            1 | 4 | 8 => stated.min(256),
            _ => 0,
        };
        // Bitmaps in icons have at most 256 × 256 pixels; the bound keeps the products below small.
        let (width, height) = (width.min(1024), height.min(1024));
        let line = |bits: usize| (width * bits).div_ceil(32) * 4;
        let (at, bytes) = (header + 4 * colours, line(usize::from(bits)));
        Some(Self { at, bytes, height, end: at + (bytes + line(1)) * height })
    }

    /// Bytes that complete the bitmap, with a warning. Pixels without transparency bits become opaque.
    fn missing(&self, picture: &[u8]) -> Result<(Vec<u8>, Warning), MediaError> {
        let all = self.at + self.bytes * self.height;
        let there = picture.len().saturating_sub(self.at).checked_div(self.bytes).unwrap_or(0).min(self.height);
        let warning = cut_off(NAME, there as u32, self.height as u32)?;
        let last = there.checked_sub(1).map(|row| self.at + row * self.bytes);
        let last = last.and_then(|at| picture.get(at..at + self.bytes)).unwrap_or_default();
        let begun = picture.len().saturating_sub(self.at).checked_rem(self.bytes).unwrap_or(0);
        let colours = last[begun.min(last.len())..].iter().chain(last.iter().cycle());
        let mut rest: Vec<u8> = colours.take(all.saturating_sub(picture.len())).copied().collect();
        rest.resize(self.end.saturating_sub(picture.len()), 0);
        Ok((rest, warning))
    }
}
