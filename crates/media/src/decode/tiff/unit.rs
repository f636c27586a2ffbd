//! Strips and tiles: locates one in the file and decompresses it.

use super::{
    fax::{Coding, Fax},
    jpeg,
    layout::{Compression, Layout},
    webp, windows,
};
use flate2::bufread::ZlibDecoder;
use std::{
    borrow::Cow,
    cell::Cell,
    io::{self, Cursor, ErrorKind, Read},
};
use weezl::{BitOrder, LzwStatus, decode::Decoder};

/// An error about the data of a strip or tile.
pub(super) fn damaged(reason: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason.into())
}

/// Reads the decompressed bytes of a strip or tile.
pub(super) struct Unit<'a>(Box<dyn Read + 'a>);

impl<'a> Unit<'a> {
    /// Opens strip or tile `number`, from which `rows` rows will be read. A strip is decoded as it is read. A tile is
    /// decoded at once, which keeps only one decoder in memory at a time.
    pub(super) fn open(
        content: &'a [u8],
        layout: &'a Layout,
        number: usize,
        rows: u32,
        repaired: &'a Cell<bool>,
    ) -> io::Result<Self> {
        let stored = layout.unit_bytes(content, number, rows);
        let data = if layout.reversed_bits {
            Cow::Owned(stored.iter().map(|byte| byte.reverse_bits()).collect())
        } else {
            Cow::Borrowed(stored)
        };
        let fax =
            |data, coding| -> Box<dyn Read> { Box::new(Fax::new(data, coding, layout.chunk.width, rows, repaired)) };
        let reader: Box<dyn Read> = match layout.compression {
            Compression::None => Box::new(Cursor::new(data)),
            Compression::PackBits => Box::new(PackBits { data, at: 0, left: 0, repeated: false }),
            Compression::Lzw => Box::new(Lzw::new(data)),
            Compression::Deflate => Box::new(ZlibDecoder::new(Cursor::new(data))),
            Compression::FaxRuns => fax(data, Coding::Runs { align: 8 }),
            Compression::FaxRunsOfWords => fax(data, Coding::Runs { align: 16 }),
            Compression::Fax3 { two_dimensional } => fax(data, Coding::Group3 { two_dimensional }),
            Compression::Fax4 => fax(data, Coding::Group4),
            // The last strip can be padded to the height of the others.
            Compression::Zstd => {
                let height = layout.chunk.height.min(layout.size.height).max(rows);
                windows::zstd(data, layout.unit_data_bytes(height))?
            }
            Compression::Lzma => windows::lzma(data),
            Compression::Webp => Box::new(Cursor::new(webp::decode(&data, layout, rows)?)),
            Compression::Jpeg(_) => Box::new(Cursor::new(jpeg::decode(stored, layout)?)),
        };
        let mut unit = Self(reader);
        if layout.tiled {
            unit.hold(layout.unit_data_bytes(rows));
        }
        Ok(unit)
    }

    /// Decodes `bytes` bytes now, and drops the decoder.
    fn hold(&mut self, bytes: u64) {
        // Allocated up front: a growing vector could take twice as much.
        let mut held = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        let failed = Read::take(&mut self.0, bytes).read_to_end(&mut held).err();
        self.0 = Box::new(Cursor::new(held).chain(Failed(failed)));
    }

    /// Fills the buffer with the next bytes; fails if there are fewer.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(into)
    }
}

/// Reports an earlier error of a decoder, once, and then the end of the data.
pub(super) struct Failed(pub(super) Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Runs of a repeated byte, and literal bytes (TIFF 6.0, section 9).
struct PackBits<'a> {
    data: Cow<'a, [u8]>,
    at: usize,
    /// Bytes left in the current run, and whether it repeats a single byte.
    left: usize,
    repeated: bool,
}

impl Read for PackBits<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let Some(&head) = self.data.get(self.at) else { return Ok(0) };
            self.at += 1;
            match head {
                0..=127 => (self.left, self.repeated) = (usize::from(head) + 1, false),
                128 => {}
                129..=255 => (self.left, self.repeated) = (257 - usize::from(head), true),
            }
        }
        let count = self.left.min(into.len());
        let Some(from) = self.data.get(self.at..).filter(|from| !from.is_empty()) else { return Ok(0) };
        if self.repeated {
            into[..count].fill(from[0]);
            self.left -= count;
            self.at += usize::from(self.left == 0);
            return Ok(count);
        }
        let count = count.min(from.len());
        into[..count].copy_from_slice(&from[..count]);
        self.at += count;
        self.left -= count;
        Ok(count)
    }
}

/// LZW (TIFF 6.0, section 13), including the variant of the first programs: reversed bit order, and code lengths that
/// grow one code later.
struct Lzw<'a> {
    data: Cow<'a, [u8]>,
    at: usize,
    decoder: Decoder,
}

impl<'a> Lzw<'a> {
    fn new(data: Cow<'a, [u8]>) -> Self {
        // The first code has 9 bits and is 256: with the old bit order, these are its bytes.
        let old = matches!(*data, [0, second, ..] if second & 1 == 1);
        let decoder =
            if old { Decoder::new(BitOrder::Lsb, 8) } else { Decoder::with_tiff_size_switch(BitOrder::Msb, 8) };
        Self { data, at: 0, decoder }
    }
}

impl Read for Lzw<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let made = self.decoder.decode_bytes(&self.data[self.at..], into);
            self.at += made.consumed_in;
            if made.consumed_out > 0 || into.is_empty() {
                return Ok(made.consumed_out);
            }
            match made.status {
                Ok(LzwStatus::Ok) if made.consumed_in > 0 => {}
                Ok(LzwStatus::Ok | LzwStatus::NoProgress | LzwStatus::Done) => return Ok(0),
                Err(error) => return Err(damaged(format!("its LZW data: {error}"))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut reader: impl Read) -> Vec<u8> {
        let mut made = Vec::new();
        reader.read_to_end(&mut made).expect("read");
        made
    }

    #[test]
    fn the_pack_bits_example_of_the_specification_is_decoded() {
        let data: &[u8] =
            &[0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0x80, 0xf7, 0xaa];
        let wanted = [
            0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0x22, 0xaa, 0xaa, 0xaa, 0xaa,
            0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
        ];
        assert_eq!(all(PackBits { data: data.into(), at: 0, left: 0, repeated: false }), wanted);
        for end in 0..data.len() {
            let cut = all(PackBits { data: (&data[..end]).into(), at: 0, left: 0, repeated: false });
            assert!(wanted.starts_with(&cut), "cut at {end}");
        }
    }

    #[test]
    fn lzw_is_decoded_in_both_bit_orders() {
        let plain: Vec<u8> = (0..20_000_u32).map(|at| (at * at / 700) as u8).collect();
        let old = weezl::encode::Encoder::new(BitOrder::Lsb, 8).encode(&plain).expect("encoded");
        let new = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(&plain).expect("encoded");
        assert_eq!(all(Lzw::new(old.into())), plain);
        assert_eq!(all(Lzw::new(new.into())), plain);
    }
}
