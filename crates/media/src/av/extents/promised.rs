//! Lengths that headers state for the whole file: RIFF (WAV, AVI), Wave64, Windows Media and CAF. ffmpeg ignores them if
//! the file is shorter.

use super::read_up_to;
use std::{fs::File, io};

/// First bytes of a Wave64 file: the GUID of its RIFF chunk, whose length of 8 bytes follows.
const WAVE64: &[u8] = b"riff\x2E\x91\xCF\x11\xA5\xD6\x28\xDB\x04\xC1\0\0";
/// GUIDs of the header of Windows Media, and of its file properties (Advanced Systems Format 1.2, 3.1 and 3.2).
const ASF: &[u8] = b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C";
const ASF_FILE: &[u8] = b"\xA1\xDC\xAB\x8C\x47\xA9\xCF\x11\x8E\xE4\x00\xC0\x0C\x20\x53\x65";
/// Bytes of Windows Media's header that are searched for the file properties, which usually come first.
const ASF_HEADER: usize = 64 * 1024;
/// Most chunks of a CAF file that are read.
const CAF_CHUNKS: usize = 1000;

/// The length in bytes that the file's header states, if it is known and the file is at least a twentieth shorter.
/// Programs that write while recording may leave the length open.
pub(super) fn missed(file: &File, end: u64) -> io::Result<Option<u64>> {
    let mut head = vec![0; ASF_HEADER];
    let read = read_up_to(file, &mut head, 0)?;
    let head = &head[..read];
    let promised = if head.starts_with(b"caff") { of_caf(file)? } else { of_head(head) };
    Ok(promised.filter(|&promised| end < promised - promised / 20))
}

fn of_head(head: &[u8]) -> Option<u64> {
    let eight = |at: usize| head.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    if head.starts_with(b"RIFF") {
        let size = head.get(4..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))?;
        let open = [0, u32::MAX, u32::MAX - 8].contains(&size);
        return (!open).then(|| u64::from(size) + 8);
    }
    if head.starts_with(WAVE64) {
        return eight(WAVE64.len()).filter(|size| *size > 0 && *size < 1 << 62);
    }
    if !head.starts_with(ASF) {
        return None;
    }
    let at = head.windows(ASF_FILE.len()).position(|guid| guid == ASF_FILE)?;
    let (size, flags) = (eight(at + 40)?, *head.get(at + 88)?);
    // Flag 1: a broadcast, which states no length.
    (flags & 1 == 0 && size > 0 && size < 1 << 62).then_some(size)
}

/// End of the sound's chunk, whose length is −1 while recording (Core Audio Format, "Audio Data chunk").
fn of_caf(file: &File) -> io::Result<Option<u64>> {
    const FILE_HEADER: u64 = 8;
    const CHUNK_HEADER: usize = 12;
    let mut at = FILE_HEADER;
    for _ in 0..CAF_CHUNKS {
        let mut head = [0; CHUNK_HEADER];
        if read_up_to(file, &mut head, at)? < head.len() {
            break;
        }
        let [a, b, c, d, size @ ..] = head;
        let next =
            u64::try_from(i64::from_be_bytes(size)).ok().and_then(|size| (at + CHUNK_HEADER as u64).checked_add(size));
        match next.filter(|next| *next < 1 << 62) {
            Some(next) if [a, b, c, d] != *b"data" => at = next,
            end => return Ok(end),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn missed(parts: &[&[u8]]) -> Option<u64> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&parts.concat()).expect("written");
        let end = file.metadata().expect("facts").len();
        super::missed(&file, end).expect("read")
    }

    #[test]
    fn a_wave_file_is_compared_with_its_stated_size() {
        let of = |size: u32| missed(&[b"RIFF", &size.to_le_bytes(), b"WAVE", &[0; 988]]);
        for size in [992, 0, u32::MAX, 1000, 10] {
            assert_eq!(of(size), None, "{size}");
        }
        assert_eq!(of(1992), Some(2000));
        let wave64 = |size: u64| missed(&[WAVE64, &size.to_le_bytes(), &[0; 976]]);
        assert_eq!((wave64(2000), wave64(1000), wave64(u64::MAX), wave64(0)), (Some(2000), None, None, None));
    }

    #[test]
    fn windows_media_is_compared_unless_it_is_a_broadcast() {
        let of = |size: u64, flags: u8| {
            let file_properties = [ASF_FILE, &[0; 24], &size.to_le_bytes(), &[0; 40], &[flags, 0, 0, 0]].concat();
            missed(&[ASF, &[0; 14], &[7; 40], &file_properties, &[0; 800]])
        };
        assert_eq!((of(2000, 2), of(2000, 3), of(900, 2), of(0, 2)), (Some(2000), None, None, None));
        assert_eq!(missed(&[ASF, &[0; 800]]), None);
    }

    #[test]
    fn the_chunk_of_sound_in_a_caf_file_is_compared() {
        let chunk = |kind: &[u8; 4], size: i64| [&kind[..], &size.to_be_bytes()].concat();
        let of = |size| missed(&[b"caff\0\x01\0\0", &chunk(b"desc", 32), &[0; 32], &chunk(b"data", size), &[0; 936]]);
        assert_eq!((of(1936), of(936), of(-1), of(i64::MAX)), (Some(2000), None, None, None));
        assert_eq!(missed(&[b"caff\0\x01\0\0", &chunk(b"desc", 5000), &[0; 32]]), None);
    }
}
