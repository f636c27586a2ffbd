//! Tags before audio: ID3, version 2.

/// Bytes of the header of a tag, and of its footer.
const HEADER: u64 = 10;

/// Bytes of the ID3 tag at the start of a file (version 2.4.0, section 3.1), or `None` if there is no tag. A cover in it
/// can take megabytes.
#[must_use]
pub fn tag_bytes(head: &[u8]) -> Option<u64> {
    let [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] = *head else { return None };
    // Seven bits of each byte.
    let content = [a, b, c, d]
        .iter()
        .all(|byte| *byte < 0x80)
        .then(|| [a, b, c, d].iter().fold(0, |bytes, byte| bytes << 7 | u64::from(*byte)))?;
    let footer = if flags & 0x10 == 0 { 0 } else { HEADER };
    Some(HEADER + content + footer)
}

#[cfg(test)]
mod tests {
    use super::tag_bytes;

    #[test]
    fn a_tags_length_has_seven_bits_per_byte_and_includes_its_header_and_footer() {
        assert_eq!(tag_bytes(b"ID3\x03\0\0\0\0\x02\x01rest"), Some(10 + 257));
        assert_eq!(tag_bytes(b"ID3\x04\0\x10\x7f\x7f\x7f\x7f"), Some(20 + (1 << 28) - 1));
        for other in [&b"ID3\x03\0\0\0\0\x02"[..], b"ID3\x03\0\0\x80\0\0\0", b"fLaC\0\0\0\0\0\0\0\0", b""] {
            assert_eq!(tag_bytes(other), None, "{other:?}");
        }
    }
}
