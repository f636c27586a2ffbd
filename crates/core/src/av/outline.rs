//! A first look at a container's headers, before any worker starts: whether it has pictures or sound, its duration and
//! its size.
//!
//! It only decides which worker gets a file and estimates the cost; the worker probes the file itself. It is sans-IO:
//! [`Outline::read`] returns which bytes it still needs, the caller fetches them and calls again. The readers on
//! crates.io (`mp4`, `re_mp4`, `mp4parse`, `matroska`, `symphonia`) need a blocking `Read + Seek` and read whole sample
//! tables, where this needs some hundred bytes.

mod iso_bmff;
mod matroska;
#[cfg(test)]
mod tests;

use crate::{detect::Format, image::Size, kind::MediaKind};
use std::{collections::BTreeMap, ops::Range};

/// Most reads requested; anything not found by then stays unknown.
const MAX_READS: usize = 64;
/// Most bytes per read.
const READ_BYTES: u64 = 16 * 1024;

/// Presence of a kind of stream in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Presence {
    /// The stream exists.
    Present,
    /// The stream does not exist.
    Absent,
    /// The headers don't state it, or not in the parts that were read.
    #[default]
    Unknown,
}

/// Content of a file according to its headers, which may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outline {
    /// Presence of a video stream.
    pub picture: Presence,
    /// Presence of an audio stream.
    pub sound: Presence,
    /// Duration in milliseconds.
    pub duration_ms: Option<u64>,
    /// Width and height in pixels of the largest picture.
    pub size: Option<Size>,
}

/// The byte range of the file to read next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub Range<u64>);

/// Parts of a file read so far.
#[derive(Debug, Clone, Default)]
pub struct Ranges {
    by_offset: BTreeMap<u64, Vec<u8>>,
    reads: usize,
}

impl Ranges {
    /// Adds the bytes of one read.
    pub fn insert(&mut self, offset: u64, bytes: Vec<u8>) {
        self.by_offset.insert(offset, bytes);
        self.reads += 1;
    }

    /// Known bytes from `offset` to the end of the read that holds it.
    fn known_from(&self, offset: u64) -> &[u8] {
        let before = self.by_offset.range(..=offset).next_back();
        let rest = before.and_then(|(start, bytes)| bytes.get(usize::try_from(offset - start).ok()?..));
        rest.unwrap_or_default()
    }
}

impl Outline {
    /// The outline of a file of `total_bytes` with this `format`. Called again after each read, it returns a result
    /// after at most 64 reads of 16 KiB.
    pub fn read(format: Format, known: &Ranges, total_bytes: u64) -> Result<Self, Missing> {
        let file = File { known, total_bytes };
        let mut seen = Seen::default();
        let ended = match format.content_type {
            "video/mp4" | "video/x-m4v" | "video/quicktime" | "video/3gpp" | "video/3gpp2" | "audio/m4a" => {
                iso_bmff::read(file, &mut seen)
            }
            "video/webm" | "video/x-matroska" => matroska::read(file, &mut seen),
            _ => return Ok(Self::evident(format.kind)),
        };
        match ended {
            Ok(()) => Ok(seen.outline(true)),
            Err(Stop::Unreadable) => Ok(seen.outline(false)),
            Err(Stop::Missing(_)) if known.reads >= MAX_READS => Ok(seen.outline(false)),
            Err(Stop::Missing(missing)) => Err(missing),
        }
    }

    /// The outline that follows from the format alone.
    fn evident(kind: MediaKind) -> Self {
        let (picture, sound) = match kind {
            MediaKind::Image => (Presence::Absent, Presence::Absent),
            MediaKind::Audio => (Presence::Absent, Presence::Present),
            MediaKind::Video => (Presence::Unknown, Presence::Unknown),
        };
        Self { picture, sound, duration_ms: None, size: None }
    }

    /// The kind of a file whose format indicates `claimed`: a video container that has only sound is audio.
    #[must_use]
    pub const fn kind(&self, claimed: MediaKind) -> MediaKind {
        match (claimed, self.picture, self.sound) {
            (MediaKind::Image, _, _) => MediaKind::Image,
            (MediaKind::Video | MediaKind::Audio, Presence::Present, _) => MediaKind::Video,
            (MediaKind::Video | MediaKind::Audio, Presence::Absent, Presence::Present) => MediaKind::Audio,
            (claimed, Presence::Absent | Presence::Unknown, _) => claimed,
        }
    }
}

/// Tracks found so far.
#[derive(Debug, Default)]
struct Seen {
    picture: bool,
    sound: bool,
    /// Set if a track was found that may or may not be shown.
    doubt: bool,
    duration_ms: Option<u64>,
    size: Option<Size>,
}

impl Seen {
    /// `all`: the whole file was read, so anything not found is absent.
    fn outline(self, all: bool) -> Outline {
        let presence = |met: bool| match (met, all && !self.doubt) {
            (true, _) => Presence::Present,
            (false, true) => Presence::Absent,
            (false, false) => Presence::Unknown,
        };
        Outline {
            picture: presence(self.picture),
            sound: presence(self.sound),
            duration_ms: self.duration_ms.filter(|duration| *duration > 0),
            size: self.size,
        }
    }

    /// Records a picture of this size in pixels; a size of 0 is ignored.
    fn picture_of(&mut self, width: u64, height: u64) {
        self.picture = true;
        if let (Ok(width @ 1..), Ok(height @ 1..)) = (u32::try_from(width), u32::try_from(height)) {
            let size = Size { width, height };
            self.size = self.size.into_iter().chain([size]).max_by_key(|size| size.pixels());
        }
    }
}

/// Why reading stopped early.
enum Stop {
    Missing(Missing),
    /// Malformed, or too complex to follow.
    Unreadable,
}

/// A partly known file.
#[derive(Clone, Copy)]
struct File<'a> {
    known: &'a Ranges,
    total_bytes: u64,
}

impl File<'_> {
    /// The `COUNT` bytes at an offset.
    fn array<const COUNT: usize>(self, offset: u64) -> Result<[u8; COUNT], Stop> {
        let end = offset.checked_add(COUNT as u64).ok_or(Stop::Unreadable)?;
        if end > self.total_bytes {
            return Err(Stop::Unreadable);
        }
        // A value that crosses the end of one read is read again in one piece.
        let until = offset.saturating_add(READ_BYTES).min(self.total_bytes);
        self.known.known_from(offset).first_chunk().copied().ok_or(Stop::Missing(Missing(offset..until)))
    }
}
