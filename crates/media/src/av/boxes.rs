//! Reads the fragmented MP4 files with one track that we wrote (ISO/IEC 14496-12, CMAF in ISO/IEC 23000-19).
//!
//! Sizes, durations and codecs in playlists are measured here, not taken from the encoder's options. Also corrects one
//! field: the matrix that tells players how to rotate the picture.

use crate::error::Transient;
use smmu_core::{av::hls, iso_bmff};
use std::{
    fs::File,
    io::{BufReader, Read},
    ops::Range,
    os::unix::fs::FileExt,
    path::Path,
};

/// A track file: its header, then its segments to the end of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrackFile {
    /// Bytes of the header (`ftyp` and `moov`) at the start of the file.
    pub(crate) header_bytes: u64,
    /// The codec, as an RFC 6381 string.
    pub(crate) codec: String,
    /// The segments, in order.
    pub(crate) segments: Vec<TrackSegment>,
    /// Time units per second.
    pub(crate) timescale: u32,
}

/// One movie fragment with its media, or several consecutive ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrackSegment {
    /// Byte offset in the file.
    pub(crate) offset: u64,
    /// Length in bytes.
    pub(crate) bytes: u64,
    /// Bytes from its start to the end of its first sample, which is a keyframe in a video track.
    pub(crate) first_bytes: u64,
    /// Duration in units of the timescale.
    pub(crate) duration: u64,
}

impl TrackFile {
    /// Total duration of all segments, in milliseconds, rounded.
    pub(crate) fn duration_ms(&self) -> u64 {
        let units: u64 = self.segments.iter().map(|segment| segment.duration).sum();
        (units * 1000 + u64::from(self.timescale) / 2) / u64::from(self.timescale)
    }

    /// Reads a track file that we wrote. Only headers are held in memory.
    pub(crate) fn read(path: &Path) -> Result<Self, Transient> {
        let file = File::open(path).map_err(Transient::Read)?;
        let end = file.metadata().map_err(Transient::Read)?.len();
        let mut reader = BufReader::new(file);
        let mut header = None;
        let mut segments: Vec<TrackSegment> = Vec::new();
        let mut offset = 0;
        while offset < end {
            let found = next_box(&mut reader, end - offset)?;
            let (kind, body, bytes) = (found.kind, found.content_bytes, found.bytes());
            match &kind {
                b"moov" => header = Some(Header::read(&content(&mut reader, body)?, offset + bytes)?),
                b"moof" => {
                    let header = header.as_ref().ok_or_else(|| malformed("a fragment comes before the header"))?;
                    let fragment = Fragment::read(&content(&mut reader, body)?, header.defaults)?;
                    let Fragment { duration, first_bytes } = fragment;
                    segments.push(TrackSegment { offset, bytes, first_bytes, duration });
                }
                _ => {
                    let skip = i64::try_from(body).map_err(|_| malformed("a box is too long"))?;
                    reader.seek_relative(skip).map_err(Transient::Read)?;
                    if &kind == b"mdat" {
                        segments.last_mut().ok_or_else(|| malformed("media comes before its fragment"))?.bytes += bytes;
                    }
                }
            }
            offset += bytes;
        }
        let header = header.ok_or_else(|| malformed("it has no header"))?;
        let Header { bytes: header_bytes, codec, timescale, .. } = header;
        Ok(Self { header_bytes, codec, segments, timescale })
    }
}

/// The identity matrix (ISO/IEC 14496-12, 6.2.2).
const UPRIGHT: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// Writes the identity matrix into the header of a track file. ffmpeg copies the source's matrix into its outputs,
/// unless it also rotates the picture itself.
pub(crate) fn set_upright(path: &Path, header_bytes: u64) -> Result<(), Transient> {
    let file = File::options().read(true).write(true).open(path).map_err(Transient::Read)?;
    let header = content(&mut &file, header_bytes)?;
    let track = locate(&header, &[b"moov", b"trak", b"tkhd"]).ok_or_else(|| malformed("it has no track"))?;
    // The preceding times are 64 bits wide in version 1 (8.3.2).
    let at = track.start + if header.get(track.start) == Some(&1) { 52 } else { 40 };
    let matrix: Vec<u8> = UPRIGHT.iter().flat_map(|entry| entry.to_be_bytes()).collect();
    if at + matrix.len() > track.end {
        return Err(malformed("its track has no matrix"));
    }
    file.write_all_at(&matrix, at as u64).map_err(|source| Transient::Write { path: path.to_owned(), source })
}

/// Fields of `moov` that we need.
struct Header {
    bytes: u64,
    codec: String,
    timescale: u32,
    defaults: Sample,
}

/// Default values of a sample, unless its run overrides them.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    duration: u32,
    bytes: u32,
}

impl Header {
    fn read(moov: &[u8], bytes: u64) -> Result<Self, Transient> {
        let media = find(moov, &[b"trak", b"mdia"]).ok_or_else(|| malformed("it has no track"))?;
        let times = find(media, &[b"mdhd"]).ok_or_else(|| malformed("it has no timescale"))?;
        // The preceding times are 64 bits wide in version 1 (ISO/IEC 14496-12, 8.4.2).
        let timescale = u32_at(times, if times.first() == Some(&1) { 20 } else { 12 }).filter(|&scale| scale > 0);
        let entries = find(media, &[b"minf", b"stbl", b"stsd"]).ok_or_else(|| malformed("it has no sample entry"))?;
        let (kind, entry) = boxes(entries.get(8..).unwrap_or_default()).next().ok_or_else(|| malformed("no codec"))?;
        Ok(Self {
            bytes,
            codec: codec(kind, entry).ok_or_else(|| malformed("its codec is not known"))?,
            timescale: timescale.ok_or_else(|| malformed("it has no timescale"))?,
            defaults: find(moov, &[b"mvex", b"trex"])
                .and_then(|trex| Some(Sample { duration: u32_at(trex, 12)?, bytes: u32_at(trex, 16)? }))
                .unwrap_or_default(),
        })
    }
}

/// Names a codec by RFC 6381, 3.3; AV1 by the "Codecs Parameter String" of the AV1 ISOBMFF binding.
fn codec(kind: [u8; 4], entry: &[u8]) -> Option<String> {
    const VISUAL_BYTES: usize = 78;
    const SOUND_BYTES: usize = 28;
    match &kind {
        b"avc1" => {
            let config = find(entry.get(VISUAL_BYTES..)?, &[b"avcC"])?;
            let &[_, profile, constraints, level, ..] = config else { return None };
            Some(hls::avc1(profile, constraints, level))
        }
        b"av01" => {
            let config = find(entry.get(VISUAL_BYTES..)?, &[b"av1C"])?;
            let &[_, sequence, flags, ..] = config else { return None };
            let depth = match (flags & 0x40 != 0, flags & 0x20 != 0) {
                (false, _) => 8,
                (true, false) => 10,
                (true, true) => 12,
            };
            Some(hls::av01(sequence >> 5, sequence & 31, flags & 0x80 != 0, depth))
        }
        b"mp4a" => {
            let config = find(entry.get(SOUND_BYTES..)?, &[b"esds"])?;
            let decoder = descriptor(config.get(4..)?, 3).and_then(|es| descriptor(es.get(3..)?, 4))?;
            let object_type = decoder.first()?;
            let specific = descriptor(decoder.get(13..)?, 5)?;
            Some(format!("mp4a.{object_type:02x}.{}", specific.first()? >> 3))
        }
        _ => None,
    }
}

/// Content of the first descriptor with the tag `wanted` (ISO/IEC 14496-1, 8.3.3).
fn descriptor(mut bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (&tag, mut rest) = bytes.split_first()?;
        let mut length = 0;
        loop {
            let (&part, after) = rest.split_first()?;
            rest = after;
            length = length << 7 | usize::from(part & 0x7f);
            if part & 0x80 == 0 {
                break;
            }
        }
        let (body, after) = rest.split_at_checked(length)?;
        if tag == wanted {
            return Some(body);
        }
        bytes = after;
    }
}

/// Measurements of a fragment's only track, from its header.
struct Fragment {
    /// Total duration of its runs, in units of the timescale.
    duration: u64,
    /// Bytes from the start of the header to the end of the first sample.
    first_bytes: u64,
}

impl Fragment {
    /// Reads `moof` (ISO/IEC 14496-12, 8.8.7 and 8.8.8). Offsets are relative to its start, as CMAF requires.
    fn read(moof: &[u8], defaults: Sample) -> Result<Self, Transient> {
        let short = || malformed("a fragment is cut off");
        let track = find(moof, &[b"traf"]).ok_or_else(short)?;
        let head = find(track, &[b"tfhd"]).ok_or_else(short)?;
        let defaults = track_defaults(head, defaults).ok_or_else(short)?;
        let runs = boxes(track).filter(|(kind, _)| kind == b"trun").map(|(_, run)| Run::read(run).ok_or_else(short));
        let (mut duration, mut first_bytes) = (0, None);
        for run in runs {
            let run = run?;
            duration += run.duration(defaults.duration).ok_or_else(short)?;
            if first_bytes.is_none() {
                let bytes = run.first_sample_bytes(defaults.bytes).ok_or_else(short)?;
                first_bytes = Some(u64::from(run.offset) + u64::from(bytes));
            }
        }
        Ok(Self { duration, first_bytes: first_bytes.ok_or_else(|| malformed("a fragment has no samples"))? })
    }
}

/// Default values of a fragment's samples, unless their run overrides them (8.8.7).
fn track_defaults(head: &[u8], defaults: Sample) -> Option<Sample> {
    let flags = u32_at(head, 0)?;
    let has = |flag: u32| flags & flag != 0;
    let at = 8 + if has(1) { 8 } else { 0 } + if has(2) { 4 } else { 0 };
    let duration = if has(8) { u32_at(head, at)? } else { defaults.duration };
    let bytes = if has(16) { u32_at(head, at + if has(8) { 4 } else { 0 })? } else { defaults.bytes };
    Some(Sample { duration, bytes })
}

/// A run of consecutive samples (8.8.8).
struct Run<'a> {
    flags: u32,
    count: u32,
    /// Offset of the first sample from the start of `moof`.
    offset: u32,
    /// Fields of each sample: a duration, a size, flags and a composition offset, all optional.
    samples: &'a [u8],
}

impl<'a> Run<'a> {
    const DURATIONS: u32 = 0x100;
    const SIZES: u32 = 0x200;

    fn read(run: &'a [u8]) -> Option<Self> {
        let flags = u32_at(run, 0)?;
        let offset = if flags & 1 == 0 { 0 } else { u32_at(run, 8)? };
        let first = 8 + if flags & 1 == 0 { 0 } else { 4 } + if flags & 4 == 0 { 0 } else { 4 };
        Some(Self { flags, count: u32_at(run, 4)?, offset, samples: run.get(first..)? })
    }

    fn duration(&self, default: u32) -> Option<u64> {
        if self.flags & Self::DURATIONS == 0 {
            return Some(u64::from(self.count) * u64::from(default));
        }
        let stride = (self.flags >> 8 & 15).count_ones() as usize * 4;
        (0..self.count as usize).map(|index| u32_at(self.samples, index * stride).map(u64::from)).sum()
    }

    fn first_sample_bytes(&self, default: u32) -> Option<u32> {
        match (self.count, self.flags & Self::SIZES, self.flags & Self::DURATIONS) {
            (0, ..) => None,
            (_, 0, _) => Some(default),
            (_, _, 0) => u32_at(self.samples, 0),
            (_, _, _) => u32_at(self.samples, 4),
        }
    }
}

/// Reads the header of the next box, `left` bytes before the end of the file.
fn next_box(reader: &mut impl Read, left: u64) -> Result<iso_bmff::Header, Transient> {
    iso_bmff::Header::read(left, |_| {
        let mut eight = [0; 8];
        reader.read_exact(&mut eight).map_err(Transient::Read)?;
        Ok(eight)
    })
}

/// Larger than any header that we write: an hour in one fragment needs less.
const MAX_HEADER_BYTES: u64 = 64 * 1024 * 1024;

fn content(reader: &mut impl Read, bytes: u64) -> Result<Vec<u8>, Transient> {
    if bytes > MAX_HEADER_BYTES {
        return Err(malformed("a header is too long"));
    }
    let mut content = vec![0; usize::try_from(bytes).map_err(|_| malformed("a header is too long"))?];
    reader.read_exact(&mut content).map_err(Transient::Read)?;
    Ok(content)
}

/// Iterates over consecutive boxes; stops at the first bytes that are not a box.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    iso_bmff::boxes(bytes).map_while(Result::ok)
}

/// Finds the content of a nested box.
fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter()
        .try_fold(bytes, |inside, wanted| boxes(inside).find(|(kind, _)| kind == *wanted).map(|(_, content)| content))
}

/// Finds the byte range of a nested box's content.
fn locate(bytes: &[u8], path: &[&[u8; 4]]) -> Option<Range<usize>> {
    let content = find(bytes, path)?;
    let start = content.as_ptr().addr() - bytes.as_ptr().addr();
    Some(start..start + content.len())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl From<iso_bmff::BadSize> for Transient {
    fn from(error: iso_bmff::BadSize) -> Self {
        malformed(&error.to_string())
    }
}

fn malformed(reason: &str) -> Transient {
    Transient::Output(format!("a track file: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        let length = u32::try_from(body.len() + 8).expect("small").to_be_bytes();
        [&length[..], &kind, &body].concat()
    }

    #[test]
    fn codecs_are_named_by_rfc_6381() {
        let visual = [0; 78];
        let avc = [&visual[..], &boxed(*b"avcC", &[&[1, 0x64, 0, 0x1f, 0xff]])].concat();
        assert_eq!(codec(*b"avc1", &avc).as_deref(), Some("avc1.64001F"));
        let av1 = [&visual[..], &boxed(*b"av1C", &[&[0x81, 0x05, 0x0c, 0]])].concat();
        assert_eq!(codec(*b"av01", &av1).as_deref(), Some("av01.0.05M.08"));
        let specific = [5, 2, 0x12, 0x10];
        let decoder = [&[4, 17, 0x40, 0x15][..], &[0; 11], &specific].concat();
        let es = [&[3, 0x80, 0x80, 22][..], &[0; 3], &decoder].concat();
        let esds = [&[0; 28][..], &boxed(*b"esds", &[&[0; 4], &es])].concat();
        assert_eq!(codec(*b"mp4a", &esds).as_deref(), Some("mp4a.40.2"));
        assert_eq!(codec(*b"hvc1", &avc), None);
    }

    #[test]
    fn setting_a_rotated_track_upright_changes_only_its_matrix() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("track.mp4");
        for (version, before) in [(0, 39), (1, 51)] {
            let tkhd = boxed(*b"tkhd", &[&[version], &vec![7; before], &[9; 36], &[5; 8]]);
            let header = [
                boxed(*b"ftyp", &[b"cmfc"]),
                boxed(*b"moov", &[&boxed(*b"mvhd", &[&[1; 9]]), &boxed(*b"trak", &[&tkhd])]),
            ];
            let file = [&header.concat()[..], b"segments"].concat();
            std::fs::write(&path, &file).expect("written");
            set_upright(&path, file.len() as u64 - 8).expect("set");
            let upright = b"\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0";
            let at = file.windows(36).position(|window| window == [9; 36]).expect("the matrix");
            let wanted = [&file[..at], upright, &file[at + 36..]].concat();
            assert_eq!(std::fs::read(&path).expect("read"), wanted);
        }
        std::fs::write(&path, boxed(*b"moov", &[&boxed(*b"trak", &[&boxed(*b"tkhd", &[&[0; 50]])])])).expect("written");
        assert!(set_upright(&path, 74).is_err(), "there is no room for a matrix");
    }

    #[test]
    fn a_header_truncated_anywhere_is_an_error() {
        let track = boxed(*b"traf", &[&boxed(*b"tfhd", &[&[0; 8]]), &boxed(*b"trun", &[&[0, 0, 1, 0, 0, 0, 0, 9]])]);
        for end in 0..track.len() {
            assert!(Fragment::read(&track[..end], Sample::default()).is_err(), "cut at {end}");
        }
        assert!(Fragment::read(&track, Sample::default()).is_err(), "nine samples are declared and none exists");
    }
}
