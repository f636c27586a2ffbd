//! Matroska and `WebM` (RFC 9559) on EBML (RFC 8794).

use super::{File, Seen, Stop};
use std::{
    ops::{ControlFlow, Range},
    time::Duration,
};

// Element IDs, RFC 9559, section 5.1 and RFC 8794, section 11.2.
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_A966;
const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_TYPE: u32 = 0x83;
const VIDEO: u32 = 0xE0;
const PIXEL_WIDTH: u32 = 0xB0;
const PIXEL_HEIGHT: u32 = 0xBA;
const CLUSTER: u32 = 0x1F43_B675;

const CONTINUE: ControlFlow<()> = ControlFlow::Continue(());

/// Reads `Info` and `Tracks` in the segment, up to the first cluster.
pub(super) fn read(file: File<'_>, seen: &mut Seen) -> Result<(), Stop> {
    let (mut informed, mut tracked) = (false, false);
    each_element(file, 0..file.total_bytes, |id, body| {
        if id != SEGMENT {
            return Ok(CONTINUE);
        }
        each_element(file, body, |id, body| {
            match id {
                INFO => {
                    info(file, body, seen)?;
                    informed = true;
                }
                TRACKS => {
                    tracks(file, body, seen)?;
                    tracked = true;
                }
                _ => {}
            }
            Ok(if id == CLUSTER || informed && tracked { ControlFlow::Break(()) } else { CONTINUE })
        })?;
        Ok(ControlFlow::Break(()))
    })?;
    if tracked { Ok(()) } else { Err(Stop::Unreadable) }
}

fn info(file: File<'_>, body: Range<u64>, seen: &mut Seen) -> Result<(), Stop> {
    let (mut scale, mut duration) = (1_000_000, None);
    each_element(file, body, |id, body| {
        match id {
            TIMESTAMP_SCALE => scale = unsigned(file, &body)?,
            DURATION => duration = Some(float(file, &body)?),
            _ => {}
        }
        Ok(CONTINUE)
    })?;
    let seconds = |ticks: f64| Duration::try_from_secs_f64(ticks * Duration::from_nanos(scale).as_secs_f64()).ok();
    seen.duration_ms = duration.and_then(seconds).and_then(|duration| u64::try_from(duration.as_millis()).ok());
    Ok(())
}

fn tracks(file: File<'_>, body: Range<u64>, seen: &mut Seen) -> Result<(), Stop> {
    each_element(file, body, |id, body| {
        if id == TRACK_ENTRY {
            track(file, body, seen)?;
        }
        Ok(CONTINUE)
    })
}

fn track(file: File<'_>, body: Range<u64>, seen: &mut Seen) -> Result<(), Stop> {
    let (mut kind, mut width, mut height) = (0, 0, 0);
    each_element(file, body, |id, body| {
        match id {
            TRACK_TYPE => kind = unsigned(file, &body)?,
            VIDEO => each_element(file, body, |id, body| {
                match id {
                    PIXEL_WIDTH => width = unsigned(file, &body)?,
                    PIXEL_HEIGHT => height = unsigned(file, &body)?,
                    _ => {}
                }
                Ok(CONTINUE)
            })?,
            _ => {}
        }
        Ok(CONTINUE)
    })?;
    match kind {
        1 => seen.picture_of(width, height),
        2 => seen.sound = true,
        // A "complex" track may have pictures, sound or both.
        3 => seen.doubt = true,
        _ => {}
    }
    Ok(())
}

/// Calls `visit` with each sibling element and its body, until it breaks.
///
/// As with boxes, elements cannot overlap. A segment may be longer than the file if the recording was cut off, or of
/// unknown size if it was recorded live; so may a cluster, which is never entered.
fn each_element(
    file: File<'_>,
    inside: Range<u64>,
    mut visit: impl FnMut(u32, Range<u64>) -> Result<ControlFlow<()>, Stop>,
) -> Result<(), Stop> {
    let mut at = inside.start;
    while at < inside.end {
        let (id, body) = id(file, at)?;
        let (size, body) = size(file, body)?;
        let end = match size.and_then(|size| body.checked_add(size)).filter(|end| *end <= inside.end) {
            Some(end) => end,
            None if matches!(id, SEGMENT | CLUSTER) && body <= inside.end => inside.end,
            None => return Err(Stop::Unreadable),
        };
        if visit(id, body..end)?.is_break() {
            break;
        }
        at = end;
    }
    Ok(())
}

/// Reads an element ID of one to four bytes, including its marker; returns it and the offset after it.
fn id(file: File<'_>, at: u64) -> Result<(u32, u64), Stop> {
    let [first] = file.array(at)?;
    match first.leading_zeros() {
        further @ 0..=3 => {
            let (value, after) = number(file, at, further)?;
            Ok((u32::try_from(value).expect("four bytes fit"), after))
        }
        _ => Err(Stop::Unreadable),
    }
}

/// Reads a data size of one to eight bytes, `None` if unknown; returns it and the offset after it.
fn size(file: File<'_>, at: u64) -> Result<(Option<u64>, u64), Stop> {
    let [first] = file.array(at)?;
    match first.leading_zeros() {
        further @ 0..=7 => {
            let (value, after) = number(file, at, further)?;
            let mask = (1 << (7 * (further + 1))) - 1;
            Ok(((value & mask != mask).then_some(value & mask), after))
        }
        _ => Err(Stop::Unreadable),
    }
}

/// Reads a number of one byte and `further` more; returns it and the offset after it.
fn number(file: File<'_>, at: u64, further: u32) -> Result<(u64, u64), Stop> {
    let after = at + u64::from(further) + 1;
    Ok((unsigned(file, &(at..after))?, after))
}

/// Reads an unsigned integer of up to eight bytes.
fn unsigned(file: File<'_>, body: &Range<u64>) -> Result<u64, Stop> {
    if body.end - body.start > 8 {
        return Err(Stop::Unreadable);
    }
    body.clone().try_fold(0, |value: u64, at| Ok(value << 8 | u64::from(file.array::<1>(at)?[0])))
}

/// Reads a float of four or eight bytes; an empty one is zero.
fn float(file: File<'_>, body: &Range<u64>) -> Result<f64, Stop> {
    match body.end - body.start {
        0 => Ok(0.0),
        4 => Ok(f32::from_be_bytes(file.array(body.start)?).into()),
        8 => Ok(f64::from_be_bytes(file.array(body.start)?)),
        _ => Err(Stop::Unreadable),
    }
}
