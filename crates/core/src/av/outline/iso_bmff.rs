//! The ISO base media file format (ISO/IEC 14496-12), and its predecessor `QuickTime`.

use super::{File, Seen, Stop};
use crate::iso_bmff::{BadSize, Header, Kind};
use std::ops::{ControlFlow, Range};

impl From<BadSize> for Stop {
    fn from(BadSize: BadSize) -> Self {
        Self::Unreadable
    }
}

/// Walks the top-level boxes to `moov`, wherever it is, and then its tracks.
pub(super) fn read(file: File<'_>, seen: &mut Seen) -> Result<(), Stop> {
    let mut found = Err(Stop::Unreadable);
    each_box(file, 0..file.total_bytes, |kind, body| {
        if &kind == b"moov" {
            found = movie(file, body, seen);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    found
}

fn movie(file: File<'_>, body: Range<u64>, seen: &mut Seen) -> Result<(), Stop> {
    each_box(file, body, |kind, body| {
        match &kind {
            b"mvhd" => seen.duration_ms = duration_ms(file, body.start)?,
            b"trak" => track(file, body, seen)?,
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// Duration from a `MovieHeaderBox`: time scale and duration follow two times of the duration's width.
fn duration_ms(file: File<'_>, body: u64) -> Result<Option<u64>, Stop> {
    let (scale, duration) = if is_long(file, body)? {
        (file.array(body + 20)?, u64::from_be_bytes(file.array(body + 24)?))
    } else {
        (file.array(body + 12)?, u32::from_be_bytes(file.array(body + 16)?).into())
    };
    let milliseconds = u128::from(duration) * 1000 / u128::from(u32::from_be_bytes(scale).max(1));
    // All ones means "unknown", as 0 does.
    let unknown = duration == u64::MAX || duration == u64::from(u32::MAX);
    Ok(u64::try_from(milliseconds).ok().filter(|_| !unknown))
}

/// Returns whether a full box has the version with 64-bit times.
fn is_long(file: File<'_>, body: u64) -> Result<bool, Stop> {
    let [version, ..] = file.array::<4>(body)?;
    Ok(version == 1)
}

fn track(file: File<'_>, body: Range<u64>, seen: &mut Seen) -> Result<(), Stop> {
    let mut header = None;
    let mut handler = None;
    each_box(file, body, |kind, body| {
        match &kind {
            b"tkhd" => header = Some(body.start),
            b"mdia" => handler = self::handler(file, body)?,
            _ => {}
        }
        Ok(if header.is_some() && handler.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let (Some(header), Some(handler)) = (header, handler) else {
        seen.doubt = true;
        return Ok(());
    };
    // A disabled picture may belong to a chapter; only the worker can find out.
    let [.., flags] = file.array::<4>(header)?;
    let enabled = flags & 1 == 1;
    match &handler {
        b"vide" if enabled => {
            // Width and height are the last eight bytes of `TrackHeaderBox`, as 16.16 fixed-point numbers.
            let at = header + if is_long(file, header)? { 88 } else { 76 };
            let [width, height] = [file.array(at)?, file.array(at + 4)?].map(|side| u32::from_be_bytes(side) >> 16);
            seen.picture_of(width.into(), height.into());
        }
        b"vide" => seen.doubt = true,
        b"soun" => seen.sound = true,
        _ => {}
    }
    Ok(())
}

/// The track's type, from the `HandlerBox` in its `mdia`.
fn handler(file: File<'_>, body: Range<u64>) -> Result<Option<Kind>, Stop> {
    let mut handler = None;
    each_box(file, body, |kind, body| {
        if &kind == b"hdlr" {
            handler = Some(file.array(body.start + 8)?);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(handler)
}

/// Calls `visit` with each sibling box and its body, until it breaks.
///
/// A box must lie within its parent, so boxes cannot overlap and every header takes bytes of its own: the bytes read
/// bound the number of boxes.
fn each_box(
    file: File<'_>,
    inside: Range<u64>,
    mut visit: impl FnMut(Kind, Range<u64>) -> Result<ControlFlow<()>, Stop>,
) -> Result<(), Stop> {
    let mut at = inside.start;
    while inside.end - at >= 8 {
        let header = Header::read(inside.end - at, |offset| file.array(at + offset))?;
        let end = at + header.bytes();
        if visit(header.kind, at + header.header_bytes..end)?.is_break() {
            break;
        }
        at = end;
    }
    Ok(())
}
