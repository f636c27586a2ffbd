//! Zstandard and LZMA, which libtiff took up later: both repeat what lies in a window of the bytes before, whose size the
//! stream says itself and which is held in memory.

use lzma_rust2::XzReader;
use ruzstd::decoding::{StreamingDecoder, errors::FrameDecoderError};
use std::{
    borrow::Cow,
    io::{self, Cursor, ErrorKind, Read},
};

/// The largest window of Zstandard that is held: what its own tools take without being told to (`--ultra` included).
const ZSTD_WINDOW: u64 = 128 * 1024 * 1024;
/// The same of LZMA: what xz makes unless it is told otherwise, and libtiff always.
const LZMA_WINDOW: u64 = 8 * 1024 * 1024;

/// The most that decoding a strip or tile of so many bytes takes besides them. The window of Zstandard holds no more than
/// what was decoded, in a buffer that doubles as it grows; that of LZMA is there from the start.
pub(super) fn zstd_bytes(unit_bytes: u64) -> u64 {
    const TABLES: u64 = 512 * 1024;
    3 * unit_bytes.min(ZSTD_WINDOW) + TABLES
}

/// As [`zstd_bytes`], of LZMA.
pub(super) const LZMA_BYTES: u64 = LZMA_WINDOW + 512 * 1024;

/// Zstandard (RFC 8878).
pub(super) fn zstd(data: Cow<'_, [u8]>) -> io::Result<Box<dyn Read + '_>> {
    // The decoder says of an early end only that something failed.
    if data.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    match StreamingDecoder::new_with_max_window_size(Cursor::new(data), ZSTD_WINDOW) {
        Ok(decoder) => Ok(Box::new(Zstd(decoder))),
        Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
            Err(io::Error::new(ErrorKind::Unsupported, "Zstandard compression with a window of more than 128 MB"))
        }
        Err(error) => Err(io::Error::other(error)),
    }
}

struct Zstd<'a>(StreamingDecoder<Cursor<Cow<'a, [u8]>>, ruzstd::decoding::FrameDecoder>);

impl Read for Zstd<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| {
            let source = self.0.get_ref();
            let ended = source.position() >= source.get_ref().len() as u64;
            if ended { ErrorKind::UnexpectedEof.into() } else { error }
        })
    }
}

/// LZMA in the container of xz, as libtiff writes it.
pub(super) fn lzma(data: Cow<'_, [u8]>) -> Box<dyn Read + '_> {
    // In KiB, with what the decoder wants besides.
    const LIMIT: u32 = (LZMA_BYTES / 1024) as u32;
    Box::new(Lzma(XzReader::new_mem_limit(Cursor::new(data), false, LIMIT)))
}

struct Lzma<'a>(XzReader<Cursor<Cow<'a, [u8]>>>);

impl Read for Lzma<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| match error.kind() {
            ErrorKind::OutOfMemory => {
                io::Error::new(ErrorKind::Unsupported, "LZMA compression with a window of more than 8 MB")
            }
            _ => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_are_too_large_are_named_and_nothing_of_their_size_is_allocated() {
        // A frame of a window of 2 GiB (RFC 8878, 3.1.1.1.2), and no block.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3];
        let error = zstd(frame.as_slice().into()).err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        // A block of a dictionary of 64 MiB (xz 1.2, 5.3.1), as `xz -9` writes it.
        let stream = include_bytes!("../../../fixtures/tiff/window-64-mib.xz");
        let error = lzma(stream.as_slice().into()).read(&mut [0; 9]).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}
