//! Boxes of ISO/IEC 14496-12, clause 4.2, the structure of MP4, `QuickTime`, HEIF and AVIF.

/// Four-character type of a box.
pub type Kind = [u8; 4];

/// Header of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Type of the box.
    pub kind: Kind,
    /// Size of the header in bytes: 8, or 16 if the size has 64 bits.
    pub header_bytes: u64,
    /// Size of the content in bytes.
    pub content_bytes: u64,
}

/// The box is smaller than its header or larger than its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a box is cut off")]
pub struct BadSize;

impl Header {
    /// Parses a header. `left` is the number of bytes from its start to the end of its parent; `eight` reads eight
    /// bytes at an offset from its start.
    ///
    /// # Errors
    ///
    /// Errors of `eight`, and [`BadSize`].
    pub fn read<E: From<BadSize>>(left: u64, mut eight: impl FnMut(u64) -> Result<[u8; 8], E>) -> Result<Self, E> {
        let [a, b, c, d, kind @ ..] = eight(0)?;
        let (header_bytes, bytes) = match u32::from_be_bytes([a, b, c, d]) {
            // The box reaches to the end of the file; in QuickTime, 0 also ends a list.
            0 => (8, left),
            1 => (16, u64::from_be_bytes(eight(8)?)),
            bytes => (8, bytes.into()),
        };
        match bytes.checked_sub(header_bytes) {
            Some(content_bytes) if bytes <= left => Ok(Self { kind, header_bytes, content_bytes }),
            _ => Err(BadSize.into()),
        }
    }

    /// Size of the whole box in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.header_bytes + self.content_bytes
    }
}

/// The sibling boxes in some bytes, each with its content. Fewer than eight bytes at the end are ignored; iteration
/// ends after a box that is cut off.
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

/// The first box: its type, its content and the bytes after it.
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
    fn a_box_larger_than_its_parent_or_smaller_than_its_header_is_cut_off() {
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
