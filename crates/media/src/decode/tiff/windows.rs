//! Zstandard and LZMA, which libtiff took up later: both repeat what lies in a window of the bytes before, whose size the
//! stream says itself and which is held in memory.

use super::unit::Failed;
use lzma_rust2::XzReader;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder, errors::FrameDecoderError};
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

/// Zstandard (RFC 8878), of which a strip or tile holds at most so many bytes.
///
/// The decoder gives out nothing of a frame before it has more than the window holds, so that a few bytes could have it
/// decode 128 MB of which nothing is wanted. It is told to stop instead.
pub(super) fn zstd(data: Cow<'_, [u8]>, most_bytes: u64) -> io::Result<Box<dyn Read + '_>> {
    // The decoder says of an early end only that something failed.
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

/// Decodes a frame to its end, or not much further than so many bytes.
fn blocks(decoder: &mut FrameDecoder, source: &mut Cursor<Cow<'_, [u8]>>, most_bytes: u64) -> io::Result<()> {
    /// Blocks after the last byte that is wanted: libtiff ends with an empty one.
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
        let error = zstd(frame.as_slice().into(), 9).err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        // A block of a dictionary of 64 MiB (xz 1.2, 5.3.1), as `xz -9` writes it.
        let stream = include_bytes!("../../../fixtures/tiff/window-64-mib.xz");
        let error = lzma(stream.as_slice().into()).read(&mut [0; 9]).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    #[test]
    fn no_more_is_decoded_than_a_strip_can_hold() {
        // A window of 128 MiB, and a gigabyte in blocks of one repeated byte (RFC 8878, 3.1.1.2).
        let head = [0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3];
        let frame = [&head[..], &[2, 0, 0x10, 7].repeat(8192)].concat();
        let mut source = Cursor::new(Cow::from(&frame));
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW);
        decoder.init(&mut source).expect("a frame");
        let error = blocks(&mut decoder, &mut source, 300_000).expect_err("it goes on");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(decoder.blocks_decoded(), 5, "three blocks of 128 KiB hold what is wanted");
        let error = zstd(frame.into(), 300_000).expect("a frame").read_to_end(&mut Vec::new()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
}
