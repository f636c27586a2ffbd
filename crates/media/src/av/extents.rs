//! Where the boxes of an MP4 end, and whether the file ends before (ISO/IEC 14496-12, 4.2).

use std::{fs::File, io, os::unix::fs::FileExt};

/// Boxes side by side that are looked at. Fragments of a second for a day are fewer.
const MAX_BOXES: usize = 1_000_000;

/// What the boxes at the top of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extents {
    /// Whether the media comes in fragments, of which each says how long it is.
    pub(crate) fragmented: bool,
    /// Whether the file ends in the middle of a box that media needs.
    pub(crate) cut: bool,
    /// How much of it is whole boxes, where it ends in a fragment's header: ffmpeg opens no file with half of one.
    pub(crate) whole_bytes: Option<u64>,
    /// How many bytes there should be, where a file of RIFF (WAV, AVI) says so and is far shorter.
    pub(crate) promised_bytes: Option<u64>,
}

impl Extents {
    /// Reads the heads of all boxes. A file that is no MP4 has none.
    pub(crate) fn read(file: &File) -> io::Result<Self> {
        let end = file.metadata()?.len();
        let mut head = [0; 12];
        if read_up_to(file, &mut head, 0)? == head.len() && head.starts_with(b"RIFF") {
            return Ok(Self::of_riff(&head, end));
        }
        let mut found = Self::default();
        let mut at = 0;
        for _ in 0..MAX_BOXES {
            let mut head = [0; 16];
            let read = read_up_to(file, &mut head, at)?;
            let Some(([a, b, c, d, kind @ ..], rest)) = head[..read].split_first_chunk::<8>() else {
                // Less than a head: the next fragment's beginning, if anything.
                found.cut |= read > 0 && found.fragmented;
                return Ok(found.trimmed(at, read > 0));
            };
            let size = match (u32::from_be_bytes([*a, *b, *c, *d]), rest.first_chunk::<8>()) {
                (0, _) => return Ok(found),
                (1, None) => return Ok(found.trimmed(at, true)),
                (1, Some(large)) => u64::from_be_bytes(*large),
                (size, _) => u64::from(size),
            };
            if size < 8 || !kind.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
                return Ok(found);
            }
            found.fragmented |= kind == b"moof";
            let Some(next) = at.checked_add(size).filter(|&next| next <= end) else {
                found.cut = matches!(kind, b"mdat" | b"moof");
                return Ok(found.trimmed(at, kind != b"mdat"));
            };
            at = next;
        }
        Ok(found)
    }

    /// What the head of a file of RIFF says. Whoever writes while he records puts 0 or all ones there.
    fn of_riff(head: &[u8; 12], end: u64) -> Self {
        let [_, _, _, _, a, b, c, d, ..] = *head;
        let (size, open) = (u32::from_le_bytes([a, b, c, d]), [0, u32::MAX, u32::MAX - 8]);
        let promised = u64::from(size) + 8;
        let short = !open.contains(&size) && end < promised - promised / 20;
        Self { cut: short, promised_bytes: short.then_some(promised), ..Self::default() }
    }

    /// With the bytes to which a fragmented file is whole, where what follows cannot be read.
    fn trimmed(self, at: u64, unreadable: bool) -> Self {
        Self { whole_bytes: (self.fragmented && unreadable && at > 0).then_some(at), ..self }
    }
}

/// As much as there is, up to the length of `buffer`.
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
    fn a_whole_file_is_not_cut() {
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
    fn a_wave_file_says_how_many_bytes_it_has() {
        let of = |size: u32| {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(&[&b"RIFF"[..], &size.to_le_bytes(), b"WAVE", &[0; 988]].concat()).expect("written");
            let Extents { cut, promised_bytes, .. } = Extents::read(&file).expect("read");
            (cut, promised_bytes)
        };
        for size in [992, 0, u32::MAX, 1000, 10] {
            assert_eq!(of(size), (false, None), "{size}");
        }
        assert_eq!(of(1992), (true, Some(2000)));
    }

    #[test]
    fn a_cut_is_seen_wherever_it_is() {
        let plain = [boxed(*b"ftyp", 8), boxed(*b"moov", 100), boxed(*b"mdat", 1000)].concat();
        assert_eq!(extents(&plain[..600]), (false, true, None));
        let live = [boxed(*b"ftyp", 8), boxed(*b"moov", 50), boxed(*b"moof", 30), boxed(*b"mdat", 100)].concat();
        let whole = live.len() as u64;
        let next = [boxed(*b"moof", 30), boxed(*b"mdat", 100)].concat();
        for more in 1..next.len() {
            let content = [&live[..], &next[..more]].concat();
            // Half of a fragment's header is left out; half of its media is not, nor what is whole before it.
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
