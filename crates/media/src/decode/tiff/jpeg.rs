//! Strips and tiles that are JPEG streams (TIFF Technical Note 2), and whole pictures that are one (TIFF 6.0,
//! section 22), by libjpeg-turbo.

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

/// What a stream's components are, which its own markers seldom tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Components {
    /// What the stream's own markers say.
    OwnWord,
    /// As they are: red, green, blue; four inks; or one of anything.
    Plain,
    /// Luma and chroma, to be made red, green, blue.
    Ycbcr,
}

/// Bytes of an Adobe segment (Adobe Technical Note 5116, section 18) that ends with its transform.
const ADOBE: [u8; 15] = [0xff, 0xee, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0];

/// What libjpeg-turbo says of streams that only break a rule.
const HARMLESS: [&str; 2] = ["extraneous bytes before marker", "Invalid SOS parameters"];

/// Where the MCUs of a stream may end beyond the strip or tile, in pixels.
const PADDING: u32 = 32;

/// The rows of a strip or tile, each as wide as it.
pub(super) fn decode(stream: &[u8], layout: &Layout) -> io::Result<Vec<u8>> {
    let Compression::Jpeg(jpeg) = &layout.compression else { return Err(damaged("it is no JPEG stream")) };
    let stream = put_together(&jpeg.tables, stream, jpeg.components)
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
        // Of these every pixel is there.
        Err(turbojpeg::Error::TurboJpegError(warning)) if HARMLESS.iter().any(|words| warning.contains(words)) => {}
        Err(turbojpeg::Error::TurboJpegError(warning)) if warning.contains("Premature end") => {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Err(error) => return Err(damaged(error.to_string())),
    }
    Ok(widened(pixels, width * channels, layout.chunk.width as usize * channels))
}

/// Refuses what is not the strip or tile, or larger than it: nothing of its size is allocated before.
fn check(markers: &Markers, size: Size, layout: &Layout, jpeg: &Jpeg) -> io::Result<()> {
    let Size { width, height } = layout.chunk;
    let padded = |side: u32| side.saturating_add(PADDING);
    if size.width == 0 || size.height == 0 || size.width > padded(width) || size.height > padded(height) {
        return Err(damaged("a JPEG stream has another size than its strip or tile"));
    }
    if size.width < width.min(layout.size.width) {
        return Err(damaged("a JPEG stream is narrower than its strip or tile"));
    }
    if markers.precision != 8 || markers.sampling.len() != layout.unit_samples() {
        return Err(damaged("a JPEG stream has other samples than the file says"));
    }
    if layout::is_buffered(markers) && markers.coefficient_bytes() > jpeg.coefficient_bytes {
        return Err(damaged("its JPEG streams differ in kind"));
    }
    Ok(())
}

/// Rows of another width: what is wider is cut, what is narrower filled.
fn widened(pixels: Vec<u8>, from: usize, into: usize) -> Vec<u8> {
    if from == into {
        return pixels;
    }
    let rows = pixels.chunks_exact(from);
    // As large as it becomes, at once: the estimate of memory counts on it.
    let mut wide = Vec::with_capacity(rows.len() * into);
    for (number, row) in rows.enumerate() {
        wide.extend_from_slice(&row[..from.min(into)]);
        wide.resize((number + 1) * into, 0);
    }
    wide
}

/// A stream with its tables and with the word for its components that libjpeg goes by; `None` where it is none.
fn put_together(tables: &[u8], stream: &[u8], components: Components) -> Option<Vec<u8>> {
    if components == Components::OwnWord {
        return Some(stream.to_vec());
    }
    let mut tables_there = Vec::new();
    // Tables that are damaged will be missed where they are needed.
    let _ = copy_segments(tables, &mut tables_there);
    let mut head = Vec::new();
    let rest = copy_segments(stream, &mut head)?;
    let subsampled = || {
        let sampling = Markers::parse(stream).map(|found| found.sampling).unwrap_or_default();
        sampling.len() == 3 && sampling.iter().any(|pair| *pair != sampling[0])
    };
    // Red, green and blue are never stored at different sizes; who says so means luma and chroma.
    let transform = u8::from(components == Components::Ycbcr || subsampled());
    Some([&[0xff, 0xd8], &ADOBE[..], &[transform], &tables_there, &head, rest].concat())
}

/// Copies the segments up to the first scan, without those of applications; the rest, from that scan's marker on.
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
