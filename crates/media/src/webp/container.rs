//! Reads the chunks of a WebP file (RFC 9649, section 2) without decoding pixels.

use smmu_core::image::{Animation, Size};

/// Properties of a file, from its chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    /// Size of the canvas.
    pub(crate) size: Size,
    /// Set if any part can be transparent.
    pub(crate) has_alpha: bool,
    /// Set for a still that is stored losslessly.
    pub(crate) lossless: bool,
    /// Frames, duration and plays, if it is an animation of at least two frames.
    pub(crate) animation: Option<Animation>,
    /// Set if the file is stored as an animation, even with only one frame.
    pub(crate) animated_file: bool,
    /// ICC profile.
    pub(crate) icc: Option<Vec<u8>>,
    /// Exif block.
    pub(crate) exif: Option<Vec<u8>>,
}

/// The part that is missing from a truncated file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The last rows of its only picture.
    Rows,
    /// Frames of an animation.
    Frames,
    /// Only metadata; every picture is complete.
    Extras,
}

/// Repairs a truncated file and returns the missing part; `None` if it is complete. Removes an incomplete chunk, except
/// the picture's own.
pub(crate) fn mend(content: &mut Vec<u8>) -> Option<Missing> {
    const HEAD: usize = 8;
    let stated = content.get(4..HEAD)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize)?;
    // Some programs do not count the last chunk's padding, or leave it out.
    if stated.saturating_add(HEAD) <= content.len() + 1 {
        return None;
    }
    let (mut end, mut picture, mut animated) = (HEAD + 4, false, false);
    let mut missing = Missing::Extras;
    while let Some((name, length)) = content.get(end..end + HEAD).and_then(|head| {
        let (name, length) = head.split_first_chunk::<4>()?;
        Some((*name, u32::from_le_bytes(*length.first_chunk()?) as usize))
    }) {
        let is_picture = matches!(&name, b"VP8 " | b"VP8L");
        animated |= &name == b"ANIM";
        let next = end.saturating_add(HEAD).saturating_add(length).saturating_add(length % 2);
        if next > content.len() + 1 {
            if is_picture {
                return Some(Missing::Rows);
            }
            break;
        }
        picture |= is_picture;
        end = next.min(content.len());
    }
    if animated {
        missing = Missing::Frames;
    } else if !picture {
        return Some(Missing::Rows);
    }
    content.truncate(end);
    let stated = u32::try_from(end - HEAD).unwrap_or(u32::MAX);
    content[4..HEAD].copy_from_slice(&stated.to_le_bytes());
    Some(missing)
}

/// A chunk's name and payload.
type Chunk<'a> = (&'a [u8; 4], &'a [u8]);

/// Reads the chunks; `None` if they are not those of a WebP file.
pub(crate) fn parse(content: &[u8]) -> Option<Container> {
    let body = content.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBP")?;
    let mut found = Container {
        size: Size { width: 0, height: 0 },
        has_alpha: false,
        lossless: false,
        animation: None,
        animated_file: false,
        icc: None,
        exif: None,
    };
    let (mut frames, mut duration_ms, mut plays) = (0_u32, 0_u64, 0_u32);
    let mut canvas_known = false;
    for (name, payload) in chunks(body) {
        match name {
            b"VP8X" => {
                let flags = *payload.first()?;
                found.has_alpha = flags & 0x10 != 0;
                found.animated_file = flags & 0x02 != 0;
                found.size = Size { width: u24(payload.get(4..7)?)? + 1, height: u24(payload.get(7..10)?)? + 1 };
                canvas_known = true;
            }
            b"VP8 " if !canvas_known => {
                found.size = lossy_size(payload)?;
                canvas_known = true;
            }
            b"VP8L" => {
                let bits = u32::from_le_bytes(*payload.strip_prefix(&[0x2f])?.first_chunk()?);
                found.lossless = true;
                if !canvas_known {
                    found.size = Size { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1 };
                    found.has_alpha = bits >> 28 & 1 != 0;
                    canvas_known = true;
                }
            }
            b"ANIM" => plays = u16::from_le_bytes(*payload.get(4..)?.first_chunk()?).into(),
            b"ANMF" => {
                frames = frames.saturating_add(1);
                duration_ms += u64::from(u24(payload.get(12..15)?)?);
            }
            b"ICCP" => found.icc = Some(payload.to_vec()),
            b"EXIF" => found.exif = Some(payload.to_vec()),
            _ => {}
        }
    }
    found.animation = (found.animated_file && frames > 1).then_some(Animation { frames, duration_ms, plays });
    canvas_known.then_some(found)
}

/// Iterates over the chunks up to the first incomplete one. An incomplete picture is returned as far as it goes.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || {
        let (name, after) = rest.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let payload = match (after.get(..length), name) {
            (None, b"VP8 " | b"VP8L") => after,
            (payload, _) => payload?,
        };
        // Payloads of odd length are followed by one byte of padding.
        rest = after.get(length.saturating_add(length % 2)..).unwrap_or_default();
        Some((name, payload))
    })
}

/// Reads the size from the first frame header of a VP8 stream (RFC 6386, 9.1).
fn lossy_size(payload: &[u8]) -> Option<Size> {
    let header = payload.get(3..)?.strip_prefix(&[0x9d, 0x01, 0x2a])?;
    let side = |range| {
        Some(u32::from(u16::from_le_bytes(*header.get::<std::ops::Range<usize>>(range)?.first_chunk()?) & 0x3fff))
    };
    Some(Size { width: side(0..2)?, height: side(2..4)? })
}

/// A little-endian number of three bytes.
fn u24(bytes: &[u8]) -> Option<u32> {
    let [low, middle, high] = *bytes.first_chunk()?;
    Some(u32::from_le_bytes([low, middle, high, 0]))
}

/// Marks a file as transparent (RFC 9649, 2.7.1). libwebp does not if every part that it draws is opaque, although the
/// canvas behind them is empty.
pub(super) fn mark_transparent(file: &mut [u8]) {
    const ALPHA: u8 = 0x10;
    if let Some([b'V', b'P', b'8', b'X', _, _, _, _, flags]) = file.get_mut(12..21) {
        *flags |= ALPHA;
    }
}
