//! Strips and tiles that are JPEG streams (TIFF Technical Note 2), and whole pictures that are one stream (TIFF 6.0,
//! section 22), decoded with libjpeg-turbo.

use super::{
    layout::{self, Compression, Jpeg, Layout},
    unit::damaged,
};
use crate::decode::{
    jpeg::decompressor,
    jpeg_markers::{Markers, next_marker},
};
use smmu_core::image::Size;
use std::io::{self, ErrorKind};
use turbojpeg::{Image, PixelFormat};

/// Colour space of a stream's components, which its own markers seldom state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Components {
    /// Stated by the stream's own markers.
    FromMarkers,
    /// Not to be converted: red, green and blue; four inks; or a single component.
    Plain,
    /// Luma and chroma, to be converted to red, green and blue.
    Ycbcr,
}

/// An Adobe segment (Adobe Technical Note 5116, section 18) without its last byte, the transform.
const ADOBE: [u8; 15] = [0xff, 0xee, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0];

/// Warnings of libjpeg-turbo about streams with harmless errors: no pixel is missing.
const HARMLESS: [&str; 2] = ["extraneous bytes before marker", "Invalid SOS parameters"];

/// Number of pixels that a stream's MCUs can extend beyond the strip or tile.
const PADDING: u32 = 32;

/// Decodes a strip or tile to rows of its width.
pub(super) fn decode(stream: &[u8], layout: &Layout) -> io::Result<Vec<u8>> {
    let Compression::Jpeg(jpeg) = &layout.compression else { return Err(damaged("it is not a JPEG stream")) };
    let stream = with_tables(&jpeg.tables, stream, jpeg.components)
        .ok_or_else(|| if stream.is_empty() { ErrorKind::UnexpectedEof.into() } else { damaged("its JPEG headers") })?;
    let markers = Markers::parse(&stream).ok_or_else(|| damaged("its JPEG headers are incomplete"))?;
    let size = markers.size.ok_or_else(|| damaged("a JPEG stream has no frame header"))?;
    check(&markers, size, layout, jpeg)?;
    let channels = markers.sampling.len();
    let format = match channels {
        1 => PixelFormat::GRAY,
        3 => PixelFormat::RGB,
        _ => PixelFormat::CMYK,
    };
    let (width, height) = (size.width as usize, size.height as usize);
    let mut pixels = vec![0; width * height * channels];
    let mut decompressor = decompressor().map_err(|error| damaged(error.to_string()))?;
    decompressor.read_header(&stream).map_err(|error| damaged(error.to_string()))?;
    let image = Image { pixels: pixels.as_mut_slice(), width, pitch: width * channels, height, format };
    match decompressor.decompress(&stream, image) {
        Ok(()) => {}
        Err(turbojpeg::Error::TurboJpegError(warning)) if HARMLESS.iter().any(|words| warning.contains(words)) => {}
        Err(turbojpeg::Error::TurboJpegError(warning)) if warning.contains("Premature end") => {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Err(error) => return Err(damaged(error.to_string())),
    }
    Ok(widened(pixels, width * channels, layout.chunk.width as usize * channels))
}

/// Refuses a stream that does not fit the strip or tile. Nothing is allocated by the stream's size before this check.
fn check(markers: &Markers, size: Size, layout: &Layout, jpeg: &Jpeg) -> io::Result<()> {
    let Size { width, height } = layout.chunk;
    let padded = |side: u32| side.saturating_add(PADDING);
    if size.width == 0 || size.height == 0 || size.width > padded(width) || size.height > padded(height) {
        return Err(damaged("a JPEG stream's size differs from that of its strip or tile"));
    }
    if size.width < width.min(layout.size.width) {
        return Err(damaged("a JPEG stream is narrower than its strip or tile"));
    }
    if markers.precision != 8 || markers.sampling.len() != layout.unit_samples() {
        return Err(damaged("a JPEG stream's samples differ from those in the directory"));
    }
    if layout::is_buffered(markers) && markers.coefficient_bytes() > jpeg.coefficient_bytes {
        return Err(damaged("its JPEG streams differ in kind"));
    }
    Ok(())
}

/// Cuts or zero-fills each row to another length, in bytes.
fn widened(pixels: Vec<u8>, from: usize, into: usize) -> Vec<u8> {
    if from == into {
        return pixels;
    }
    let rows = pixels.chunks_exact(from);
    // Allocated at its final size, as the memory estimate assumes.
    let mut wide = Vec::with_capacity(rows.len() * into);
    for (number, row) in rows.enumerate() {
        wide.extend_from_slice(&row[..from.min(into)]);
        wide.resize((number + 1) * into, 0);
    }
    wide
}

/// Completes a stream with its tables, and with the Adobe segment that tells libjpeg the colour space; `None` if it is
/// not a JPEG stream.
fn with_tables(tables: &[u8], stream: &[u8], components: Components) -> Option<Vec<u8>> {
    if components == Components::FromMarkers {
        return Some(stream.to_vec());
    }
    let mut tables_there = Vec::new();
    // Damaged tables cause an error later, if they are needed.
    let _ = copy_segments(tables, &mut tables_there);
    let mut head = Vec::new();
    let rest = copy_segments(stream, &mut head)?;
    let subsampled = || {
        let sampling = Markers::parse(stream).map(|found| found.sampling).unwrap_or_default();
        sampling.len() == 3 && sampling.iter().any(|pair| *pair != sampling[0])
    };
    // Red, green and blue are never subsampled; such a stream is really luma and chroma.
    let transform = u8::from(components == Components::Ycbcr || subsampled());
    Some([&[0xff, 0xd8], &ADOBE[..], &[transform], &tables_there, &head, rest].concat())
}

/// Copies the segments before the first scan, except application segments and comments. Returns the rest of the stream,
/// from the scan's marker on.
fn copy_segments<'a>(stream: &'a [u8], into: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = stream.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let (marker, after) = next_marker(rest)?;
        match marker {
            0xda => return Some(&rest[rest.len() - after.len() - 2..]),
            0xd9 => return None,
            0x01 | 0xd0..=0xd8 => rest = after,
            _ => {
                let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
                let segment = after.get(..length.max(2))?;
                if !matches!(marker, 0xe0..=0xef | 0xfe) {
                    into.extend_from_slice(&[0xff, marker]);
                    into.extend_from_slice(segment);
                }
                rest = &after[segment.len()..];
            }
        }
    }
}
