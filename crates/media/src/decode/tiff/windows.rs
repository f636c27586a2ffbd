//! Zstandard and LZMA, which libtiff added later. Both copy from a window of previous bytes, which is held in memory
//! and whose size the stream itself states.

use super::unit::Failed;
use lzma_rust2::XzReader;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder, errors::FrameDecoderError};
use std::{
    borrow::Cow,
    io::{self, Cursor, ErrorKind, Read},
};

/// Largest accepted window of Zstandard, in bytes: the default limit of its own tools, and enough for `--ultra`.
const ZSTD_WINDOW: u64 = 128 * 1024 * 1024;
/// Largest accepted window of LZMA, in bytes: the default of xz, and always that of libtiff.
const LZMA_WINDOW: u64 = 8 * 1024 * 1024;

/// Maximum memory for decoding a strip or tile with Zstandard, in addition to its own `unit_bytes`. The window holds
/// only decoded bytes, in a buffer that doubles as it grows.
pub(super) fn zstd_bytes(unit_bytes: u64) -> u64 {
    const TABLES: u64 = 512 * 1024;
    3 * unit_bytes.min(ZSTD_WINDOW) + TABLES
}

/// Like [`zstd_bytes`], for LZMA, whose window is allocated at the start.
pub(super) const LZMA_BYTES: u64 = LZMA_WINDOW + 512 * 1024;

/// Decodes a strip or tile in Zstandard (RFC 8878) that holds at most `most_bytes`.
///
/// The decoder outputs nothing of a frame before the window is full, so a few bytes could make it decode 128 MB that
/// are not needed. To prevent this, decoding stops after `most_bytes`.
pub(super) fn zstd(data: Cow<'_, [u8]>, most_bytes: u64) -> io::Result<Box<dyn Read + '_>> {
    // For an early end, the decoder only reports a general failure.
    if data.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let mut source = Cursor::new(data);
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW);
    decoder.init(&mut source).map_err(|error| match error {
        FrameDecoderError::WindowSizeTooBig { .. } => {
            io::Error::new(ErrorKind::Unsupported, "Zstandard compression with a window of more than 128 MB")
        }
        error => io::Error::other(error),
    })?;
    let failed = blocks(&mut decoder, &mut source, most_bytes).err();
    Ok(Box::new(decoder.chain(Failed(failed))))
}

/// Decodes a frame to its end, or to little more than `most_bytes`.
fn blocks(decoder: &mut FrameDecoder, source: &mut Cursor<Cow<'_, [u8]>>, most_bytes: u64) -> io::Result<()> {
    /// Number of blocks to decode after the last needed byte: libtiff ends with an empty block.
    const MORE: usize = 2;
    let most = usize::try_from(most_bytes).unwrap_or(usize::MAX);
    let strategies = [BlockDecodingStrategy::UptoBytes(most)].into_iter();
    let strategies = strategies.chain((0..MORE).map(|_| BlockDecodingStrategy::UptoBlocks(1)));
    for strategy in strategies {
        let decoded = decoder.decode_blocks(&mut *source, strategy);
        let finished = decoded.map_err(|error| {
            let ended = source.position() >= source.get_ref().len() as u64;
            if ended { ErrorKind::UnexpectedEof.into() } else { io::Error::other(error) }
        })?;
        if finished {
            return Ok(());
        }
    }
    Err(io::Error::new(ErrorKind::InvalidData, "a strip or tile holds more than its rows"))
}

/// Decodes LZMA in the xz container, as libtiff writes it.
pub(super) fn lzma(data: Cow<'_, [u8]>) -> Box<dyn Read + '_> {
    // In KiB, including the decoder's other memory.
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
    fn large_windows_are_refused_as_unsupported() {
        // A frame with a window of 2 GiB (RFC 8878, 3.1.1.1.2), and no block.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3];
        let error = zstd(frame.as_slice().into(), 9).err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        // A block with a dictionary of 64 MiB (xz 1.2, 5.3.1), as `xz -9` writes it.
        let stream = include_bytes!("../../../fixtures/tiff/window-64-mib.xz");
        let error = lzma(stream.as_slice().into()).read(&mut [0; 9]).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    #[test]
    fn decoding_stops_after_the_bytes_of_a_strip() {
        // A window of 128 MiB, and a gigabyte in blocks of a single repeated byte (RFC 8878, 3.1.1.2).
        let head = [0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3];
        let frame = [&head[..], &[2, 0, 0x10, 7].repeat(8192)].concat();
        let mut source = Cursor::new(Cow::from(&frame));
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW);
        decoder.init(&mut source).expect("a frame");
        let error = blocks(&mut decoder, &mut source, 300_000).expect_err("more data than the strip holds");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(decoder.blocks_decoded(), 5, "three blocks of 128 KiB hold the strip; two more are tried");
        let error = zstd(frame.into(), 300_000).expect("a frame").read_to_end(&mut Vec::new()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
}
