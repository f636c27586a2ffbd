//! Checks whether an MP4 file ends before its boxes do (ISO/IEC 14496-12, 4.2), or another file before its stated size.

mod promised;

use smmu_core::iso_bmff::{BadSize, Header};
use std::{fs::File, io, os::unix::fs::FileExt};

/// Most top-level boxes that are read. A day in fragments of one second has fewer.
const MAX_BOXES: usize = 1_000_000;

/// Layout of a file, from its top-level boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extents {
    /// Set if the media is stored in fragments, each of which states its own length.
    pub(crate) fragmented: bool,
    /// Set if the file ends inside a box that the media needs.
    pub(crate) cut: bool,
    /// Length of the complete boxes, if the file ends inside a fragment's header: ffmpeg refuses to open such a file.
    pub(crate) whole_bytes: Option<u64>,
    /// The length that the header states, if the file is much shorter; not for MP4.
    pub(crate) promised_bytes: Option<u64>,
}

impl Extents {
    /// Reads the headers of all top-level boxes. For a file that is not MP4, only a stated length counts.
    pub(crate) fn read(file: &File) -> io::Result<Self> {
        let end = file.metadata()?.len();
        if let Some(promised) = promised::missed(file, end)? {
            return Ok(Self { cut: true, promised_bytes: Some(promised), ..Self::default() });
        }
        let mut found = Self::default();
        let mut at = 0;
        for _ in 0..MAX_BOXES {
            let header = match header(file, at) {
                Ok(header) => header,
                Err(Unread::Io(error)) => return Err(error),
                Err(Unread::NoBox) => return Ok(found),
                // Less than a header is left: the start of the next fragment, or nothing.
                Err(Unread::Short { from: 0, bytes }) => {
                    found.cut |= bytes > 0 && found.fragmented;
                    return Ok(found.trimmed(at, bytes > 0));
                }
                Err(Unread::Short { .. }) => return Ok(found.trimmed(at, true)),
            };
            let kind = header.kind;
            if header.bytes() == TO_THE_END || !kind.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
                return Ok(found);
            }
            found.fragmented |= &kind == b"moof";
            let Some(next) = at.checked_add(header.bytes()).filter(|&next| next <= end) else {
                found.cut = matches!(&kind, b"mdat" | b"moof");
                return Ok(found.trimmed(at, &kind != b"mdat"));
            };
            at = next;
        }
        Ok(found)
    }

    /// Sets `whole_bytes` for a fragmented file whose remainder cannot be read.
    fn trimmed(self, at: u64, unreadable: bool) -> Self {
        Self { whole_bytes: (self.fragmented && unreadable && at > 0).then_some(at), ..self }
    }
}

/// Bytes of a box that does not state its end, in a file without end.
const TO_THE_END: u64 = u64::MAX;

/// Reason why a box's header cannot be read.
enum Unread {
    Io(io::Error),
    /// The size is smaller than the header.
    NoBox,
    /// Only `bytes` of eight bytes are left, at this offset in the header.
    Short {
        from: u64,
        bytes: usize,
    },
}

impl From<BadSize> for Unread {
    fn from(BadSize: BadSize) -> Self {
        Self::NoBox
    }
}

/// Reads the header of a box that may reach past the end of the file.
fn header(file: &File, at: u64) -> Result<Header, Unread> {
    Header::read(TO_THE_END, |from| {
        let mut word = [0; 8];
        match read_up_to(file, &mut word, at + from).map_err(Unread::Io)? {
            8 => Ok(word),
            bytes => Err(Unread::Short { from, bytes }),
        }
    })
}

/// Fills `buffer` as far as the file goes; returns the number of bytes read.
fn read_up_to(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], at + read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn boxed(kind: [u8; 4], body: usize) -> Vec<u8> {
        let length = u32::try_from(body + 8).expect("small").to_be_bytes();
        [&length[..], &kind, &vec![1; body]].concat()
    }

    fn extents(content: &[u8]) -> (bool, bool, Option<u64>) {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(content).expect("written");
        let Extents { fragmented, cut, whole_bytes, .. } = Extents::read(&file).expect("read");
        (fragmented, cut, whole_bytes)
    }

    #[test]
    fn a_complete_file_is_not_cut() {
        let plain = [boxed(*b"ftyp", 8), boxed(*b"moov", 100), boxed(*b"mdat", 1000)].concat();
        assert_eq!(extents(&plain), (false, false, None));
        let large = [&plain[..], b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x18", &[0; 8]].concat();
        assert_eq!(extents(&large), (false, false, None));
        let live = [&plain[..], &boxed(*b"moof", 30), &boxed(*b"mdat", 9)].concat();
        assert_eq!(extents(&live), (true, false, None));
        for junk in [&[0; 40][..], b"\xff\xfe\0\0\xff\xff\xff\xff", b"\0\0\0\x04free"] {
            assert_eq!(extents(&[&plain, junk].concat()), (false, false, None), "{junk:?}");
        }
        assert_eq!(extents(b""), (false, false, None));
        assert_eq!(extents(b"RIFF\0\0\0\0WAVE"), (false, false, None));
    }

    #[test]
    fn a_cut_is_detected_at_any_position() {
        let plain = [boxed(*b"ftyp", 8), boxed(*b"moov", 100), boxed(*b"mdat", 1000)].concat();
        assert_eq!(extents(&plain[..600]), (false, true, None));
        let live = [boxed(*b"ftyp", 8), boxed(*b"moov", 50), boxed(*b"moof", 30), boxed(*b"mdat", 100)].concat();
        let whole = live.len() as u64;
        let next = [boxed(*b"moof", 30), boxed(*b"mdat", 100)].concat();
        for more in 1..next.len() {
            let content = [&live[..], &next[..more]].concat();
            // A partial fragment header is left out; partial media and complete boxes before it are kept.
            let expected = match more {
                38 => (true, false, None),
                1..38 => (true, true, Some(whole)),
                39..46 => (true, true, Some(whole + 38)),
                _ => (true, true, None),
            };
            assert_eq!(extents(&content), expected, "{more}");
        }
    }
}
