//! The boxes of ISO/IEC 14496-12, clause 4.2, which MP4, `QuickTime`, HEIF and AVIF are made of.

/// The four characters that name a box.
pub type Kind = [u8; 4];

/// What stands before the content of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the box is.
    pub kind: Kind,
    /// Bytes of the header itself: 8, or 16 where the size has 64 bits.
    pub header_bytes: u64,
    /// Bytes of the content.
    pub content_bytes: u64,
}

/// A box that is smaller than its own header, or larger than what it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a box is cut off")]
pub struct BadSize;

impl Header {
    /// Reads a header. `left` is how many bytes there are from its beginning to the end of what the box is in;
    /// `eight` reads that many bytes at an offset from the beginning.
    ///
    /// # Errors
    ///
    /// Those of `eight`, and [`BadSize`].
    pub fn read<E: From<BadSize>>(left: u64, mut eight: impl FnMut(u64) -> Result<[u8; 8], E>) -> Result<Self, E> {
        let [a, b, c, d, kind @ ..] = eight(0)?;
        let (header_bytes, bytes) = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file; in QuickTime also the end of a list.
            0 => (8, left),
            1 => (16, u64::from_be_bytes(eight(8)?)),
            bytes => (8, bytes.into()),
        };
        match bytes.checked_sub(header_bytes) {
            Some(content_bytes) if bytes <= left => Ok(Self { kind, header_bytes, content_bytes }),
            _ => Err(BadSize.into()),
        }
    }

    /// Bytes of the whole box.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.header_bytes + self.content_bytes
    }
}

/// The boxes side by side in some bytes, each with its content. Fewer than eight bytes at the end are no box; after
/// one that is cut off there is nothing.
pub fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = Result<(Kind, &[u8]), BadSize>> {
    std::iter::from_fn(move || {
        if bytes.len() < 8 {
            return None;
        }
        let read = take(bytes);
        bytes = read.map_or(&[], |(_, _, rest)| rest);
        Some(read.map(|(kind, content, _)| (kind, content)))
    })
}

/// The first box of some bytes: its kind, its content and what comes after it.
fn take(bytes: &[u8]) -> Result<(Kind, &[u8], &[u8]), BadSize> {
    let header = Header::read(bytes.len() as u64, |offset| {
        let offset = usize::try_from(offset).map_err(|_| BadSize)?;
        bytes.get(offset..).and_then(<[u8]>::first_chunk).copied().ok_or(BadSize)
    })?;
    let at = |bytes: u64| usize::try_from(bytes).map_err(|_| BadSize);
    let (this, rest) = bytes.split_at_checked(at(header.bytes())?).ok_or(BadSize)?;
    Ok((header.kind, this.get(at(header.header_bytes)?..).ok_or(BadSize)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(bytes: &[u8]) -> Result<Vec<(Kind, usize)>, BadSize> {
        boxes(bytes).map(|found| found.map(|(kind, content)| (kind, content.len()))).collect()
    }

    #[test]
    fn sizes_have_32_bits_or_64_or_reach_to_the_end() {
        let long = [&b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x12ab"[..], b"\0\0\0\x00free123"].concat();
        assert_eq!(kinds(&long), Ok(vec![(*b"mdat", 2), (*b"free", 3)]));
        assert_eq!(kinds(b"\0\0\0\x08wide\0\0\0"), Ok(vec![(*b"wide", 0)]));
        assert_eq!(kinds(b""), Ok(vec![]));
    }

    #[test]
    fn a_box_that_claims_more_than_there_is_or_less_than_it_has_is_cut_off() {
        for bytes in [
            &b"\0\0\0\x10ftypavif"[..],
            b"\0\0\0\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\0\0\x01ftyp",
            b"\0\0\0\x07ftyp",
        ] {
            assert_eq!(kinds(bytes), Err(BadSize));
        }
        let mut after = boxes(b"\0\0\0\x07ftyp\0\0\0\x08wide");
        assert_eq!((after.next(), after.next()), (Some(Err(BadSize)), None));
    }
}
