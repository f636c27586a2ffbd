//! A first look at a container's headers, before any worker starts: is there a moving picture, is
//! there sound, how long, how large.
//!
//! It decides where a file goes and what that may cost, nothing else; the worker probes the file
//! itself. It is sans-IO: [`Outline::read`] says which bytes it misses, the caller fetches them and
//! asks again. The readers on crates.io (`mp4`, `re_mp4`, `mp4parse`, `matroska`, `symphonia`) want
//! a blocking `Read + Seek` and read whole sample tables, where this needs some hundred bytes.

mod iso_bmff;
mod matroska;
#[cfg(test)]
mod tests;

use crate::{detect::Format, image::Size, kind::MediaKind};
use std::{collections::BTreeMap, ops::Range};

/// How many reads are asked for at most; what is not known by then stays unknown.
const MAX_READS: usize = 64;
/// How many bytes one read has at most.
const READ_BYTES: u64 = 16 * 1024;

/// Whether a container has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Presence {
    /// It does.
    Present,
    /// It does not.
    Absent,
    /// The headers do not say, or not where they were looked for.
    #[default]
    Unknown,
}

/// What the headers of a file say. They may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outline {
    /// A moving picture.
    pub picture: Presence,
    /// Sound.
    pub sound: Presence,
    /// Duration in milliseconds.
    pub duration_ms: Option<u64>,
    /// Width and height in pixels of the largest picture.
    pub size: Option<Size>,
}

/// The bytes of a file that must be known before its outline is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub Range<u64>);

/// The parts of a file that were read so far.
#[derive(Debug, Clone, Default)]
pub struct Ranges {
    by_offset: BTreeMap<u64, Vec<u8>>,
    reads: usize,
}

impl Ranges {
    /// Adds what one read brought.
    pub fn insert(&mut self, offset: u64, bytes: Vec<u8>) {
        self.by_offset.insert(offset, bytes);
        self.reads += 1;
    }

    /// The bytes from `offset` on, as far as one read brought them.
    fn known_from(&self, offset: u64) -> &[u8] {
        let before = self.by_offset.range(..=offset).next_back();
        let rest = before.and_then(|(start, bytes)| bytes.get(usize::try_from(offset - start).ok()?..));
        rest.unwrap_or_default()
    }
}

impl Outline {
    /// The outline of a file of `total_bytes` whose first bytes show `format`. Asked again after
    /// each read it ends with an answer, after 64 reads of 16 KiB at the latest.
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

    /// What a format alone says.
    fn evident(kind: MediaKind) -> Self {
        let (picture, sound) = match kind {
            MediaKind::Image => (Presence::Absent, Presence::Absent),
            MediaKind::Audio => (Presence::Absent, Presence::Present),
            MediaKind::Video => (Presence::Unknown, Presence::Unknown),
        };
        Self { picture, sound, duration_ms: None, size: None }
    }

    /// The kind of a file whose format says `claimed`: a container of video that has only sound is audio.
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

/// What was met on the way through a file.
#[derive(Debug, Default)]
struct Seen {
    picture: bool,
    sound: bool,
    /// There was a track of which nobody can say whether it is shown.
    doubt: bool,
    duration_ms: Option<u64>,
    size: Option<Size>,
}

impl Seen {
    /// `all`: nothing of the file was left out, so what was not met is not there.
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

    /// A picture of this size in pixels; none counts where it has none.
    fn picture_of(&mut self, width: u64, height: u64) {
        self.picture = true;
        if let (Ok(width @ 1..), Ok(height @ 1..)) = (u32::try_from(width), u32::try_from(height)) {
            let size = Size { width, height };
            self.size = self.size.into_iter().chain([size]).max_by_key(|size| size.pixels());
        }
    }
}

/// Why a file was not read to its end.
enum Stop {
    Missing(Missing),
    /// It is not built as its format asks, or is too involved to follow.
    Unreadable,
}

/// A file of which parts are known.
#[derive(Clone, Copy)]
struct File<'a> {
    known: &'a Ranges,
    total_bytes: u64,
}

impl File<'_> {
    /// The bytes at an offset, a header's worth of them.
    fn array<const COUNT: usize>(self, offset: u64) -> Result<[u8; COUNT], Stop> {
        let end = offset.checked_add(COUNT as u64).ok_or(Stop::Unreadable)?;
        if end > self.total_bytes {
            return Err(Stop::Unreadable);
        }
        // What straddles the end of one read is read anew, in one piece.
        let until = offset.saturating_add(READ_BYTES).min(self.total_bytes);
        self.known.known_from(offset).first_chunk().copied().ok_or(Stop::Missing(Missing(offset..until)))
    }
}
