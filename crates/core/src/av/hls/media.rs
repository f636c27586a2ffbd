//! Reads the media playlist of one rung, whose segments are byte ranges of one file.

use std::num::NonZeroU64;

/// A range of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// Offset of its first byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl ByteRange {
    /// Offset after its last byte; `None` on overflow.
    const fn end(self) -> Option<u64> {
        self.offset.checked_add(self.length)
    }
}

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaylistSegment {
    /// Duration in microseconds; never 0.
    pub duration_us: NonZeroU64,
    /// Its bytes in the file.
    pub range: ByteRange,
}

/// A complete (VOD) playlist of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// Name of the file.
    pub uri: String,
    /// `EXT-X-TARGETDURATION` in seconds.
    pub target_duration_s: u32,
    /// Byte range of the movie header, which decoders need first.
    pub init: ByteRange,
    /// The segments, in order; at least one.
    pub segments: Vec<PlaylistSegment>,
}

/// The text is not a playlist of the expected form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a playlist of byte ranges: {0}")]
pub struct InvalidPlaylist(&'static str);

impl MediaPlaylist {
    /// Parses the output of ffmpeg's HLS muxer with `-hls_segment_type fmp4 -hls_flags single_file -hls_playlist_type
    /// vod`. Refuses a playlist without an end, one with several files, or one with a segment that starts before the
    /// previous one ends.
    pub fn read(text: &str) -> Result<Self, InvalidPlaylist> {
        let mut lines = text.lines().map(str::trim_end);
        if lines.next() != Some("#EXTM3U") {
            return Err(InvalidPlaylist("it does not begin with #EXTM3U"));
        }
        let mut reader = Reader::default();
        for line in lines {
            reader.line(line)?;
        }
        reader.finish()
    }

    /// Average bit rate of the segments in bits per second. Excludes the header, which is loaded once.
    #[must_use]
    pub fn average_bit_rate(&self) -> u64 {
        let bytes = self.segments.iter().map(|segment| u128::from(segment.range.length)).sum();
        rate(bytes, self.duration_us())
    }

    /// Peak segment bit rate in bits per second: the highest rate of consecutive segments that together last between
    /// half and one and a half target durations (RFC 8216, 4.1). For a shorter playlist it is the average.
    #[must_use]
    pub fn peak_bit_rate(&self) -> u64 {
        let target_us = u128::from(self.target_duration_s) * 1_000_000;
        let mut peak = None;
        for first in 0..self.segments.len() {
            let (mut bytes, mut lasts_us) = (0, 0);
            for segment in &self.segments[first..] {
                bytes += u128::from(segment.range.length);
                lasts_us += u128::from(segment.duration_us.get());
                if lasts_us * 2 > target_us * 3 {
                    break;
                }
                if lasts_us * 2 >= target_us {
                    peak = peak.max(Some(rate(bytes, lasts_us)));
                }
            }
        }
        peak.unwrap_or_else(|| self.average_bit_rate())
    }

    /// Total duration in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        u64::try_from(self.duration_us() / 1000).unwrap_or(u64::MAX)
    }

    fn duration_us(&self) -> u128 {
        self.segments.iter().map(|segment| u128::from(segment.duration_us.get())).sum()
    }
}

/// Bits per second, rounded up: a stated bandwidth is an upper bound.
fn rate(bytes: u128, lasts_us: u128) -> u64 {
    if lasts_us == 0 {
        return 0;
    }
    u64::try_from((bytes * 8 * 1_000_000).div_ceil(lasts_us)).unwrap_or(u64::MAX)
}

/// State after the lines read so far.
#[derive(Default)]
struct Reader {
    uri: Option<String>,
    target_duration_s: Option<u32>,
    init: Option<ByteRange>,
    segments: Vec<PlaylistSegment>,
    duration_us: Option<NonZeroU64>,
    range: Option<ByteRange>,
    ended: bool,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), InvalidPlaylist> {
        if let Some(seconds) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
            let seconds = seconds.parse().map_err(|_| InvalidPlaylist("the target duration is not a whole number"))?;
            self.target_duration_s = Some(seconds);
        } else if let Some(attributes) = line.strip_prefix("#EXT-X-MAP:") {
            let (uri, range) = map(attributes).ok_or(InvalidPlaylist("the header's range cannot be read"))?;
            self.init = Some(range);
            self.same_file(uri)?;
        } else if let Some(duration) = line.strip_prefix("#EXTINF:") {
            let seconds = duration.split(',').next().unwrap_or_default();
            self.duration_us = Some(microseconds(seconds).ok_or(InvalidPlaylist("a duration cannot be read"))?);
        } else if let Some(range) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            let next = self.segments.last().and_then(|segment| segment.range.end());
            self.range = Some(byte_range(range, next).ok_or(InvalidPlaylist("a range cannot be read"))?);
        } else if line == "#EXT-X-ENDLIST" {
            self.ended = true;
        } else if !line.is_empty() && !line.starts_with('#') {
            self.segment(line)?;
        }
        Ok(())
    }

    fn segment(&mut self, uri: &str) -> Result<(), InvalidPlaylist> {
        let (Some(duration_us), Some(range)) = (self.duration_us.take(), self.range.take()) else {
            return Err(InvalidPlaylist("a segment lacks its duration or its range"));
        };
        let before = self.segments.last().map(|segment| segment.range).or(self.init);
        if before.and_then(ByteRange::end).is_none_or(|end| range.offset < end) {
            return Err(InvalidPlaylist("a segment begins before the previous one ends"));
        }
        self.segments.push(PlaylistSegment { duration_us, range });
        self.same_file(uri)
    }

    fn same_file(&mut self, uri: &str) -> Result<(), InvalidPlaylist> {
        if self.uri.get_or_insert_with(|| uri.to_owned()) == uri {
            Ok(())
        } else {
            Err(InvalidPlaylist("its segments are in more than one file"))
        }
    }

    fn finish(self) -> Result<MediaPlaylist, InvalidPlaylist> {
        let (Some(uri), Some(target_duration_s), Some(init)) = (self.uri, self.target_duration_s, self.init) else {
            return Err(InvalidPlaylist("it lacks its target duration or its header"));
        };
        if self.segments.is_empty() {
            return Err(InvalidPlaylist("it has no segments"));
        }
        if !self.ended {
            return Err(InvalidPlaylist("it has no end"));
        }
        Ok(MediaPlaylist { uri, target_duration_s, init, segments: self.segments })
    }
}

/// Parses `URI="…",BYTERANGE="length@offset"`, in the order that ffmpeg writes.
fn map(attributes: &str) -> Option<(&str, ByteRange)> {
    let (uri, rest) = attributes.strip_prefix("URI=\"")?.split_once('"')?;
    let (range, _) = rest.strip_prefix(",BYTERANGE=\"")?.split_once('"')?;
    Some((uri, byte_range(range, None)?))
}

/// Parses `length@offset`, or only `length` for a range that follows the previous segment (RFC 8216, 4.3.2.2).
fn byte_range(text: &str, next: Option<u64>) -> Option<ByteRange> {
    let (length, offset) = match text.split_once('@') {
        Some((length, offset)) => (length, offset.parse().ok()?),
        None => (text, next?),
    };
    let range = ByteRange { offset, length: length.parse().ok()? };
    range.end().map(|_| range)
}

/// Parses decimal seconds, up to a day, into microseconds.
fn microseconds(seconds: &str) -> Option<NonZeroU64> {
    let seconds: f64 = seconds.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was just checked")]
    let us = (0.0..=86_400.0).contains(&seconds).then(|| (seconds * 1_000_000.0).round() as u64)?;
    NonZeroU64::new(us)
}
