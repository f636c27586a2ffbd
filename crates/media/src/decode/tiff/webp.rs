//! Strips and tiles that are WebP files (libtiff's `COMPRESSION_WEBP`).

use super::{layout::Layout, unit::damaged};
use crate::{raster::Channels, webp};
use smmu_core::image::Size;
use std::io::{self, ErrorKind};

/// Decodes a strip of `rows` rows, or a tile, to samples.
pub(super) fn decode(stream: &[u8], layout: &Layout, rows: u32) -> io::Result<Vec<u8>> {
    if stream.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let found = webp::parse(stream).ok_or_else(|| damaged("its WebP headers are incomplete"))?;
    let size = Size { width: layout.chunk.width, height: if layout.tiled { layout.chunk.height } else { rows } };
    if found.size != size || found.animated_file {
        return Err(damaged("a WebP picture's size differs from that of its strip or tile"));
    }
    let channels = if layout.unit_samples() == 4 { Channels::Rgba } else { Channels::Rgb };
    match webp::decode(stream, size, size, channels) {
        Ok(raster) => Ok(raster.samples),
        Err(error) => Err(damaged(error.to_string())),
    }
}
