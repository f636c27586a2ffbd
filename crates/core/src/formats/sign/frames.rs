//! Detects audio without a container after any junk, since players search for the first frame too.

use super::looks;

/// Fewest consecutive frames up to the end of the head that are not a coincidence: 64 KiB of random bytes have as many
/// in one of 10¹³ files.
const LEAST: usize = 4;

/// Consecutive frames after which other data, such as a tag or a cut, may follow.
const PLENTY: usize = 16;

/// A frame's length in bytes, and the header bits that its neighbours share.
type Frame = (usize, [u8; 2]);

/// Parses a frame header.
type Header = fn(&[u8]) -> Option<Frame>;

/// The media type of MPEG audio or AAC, if consecutive frames start somewhere in the head.
pub(in crate::formats) fn after_junk(head: &[u8]) -> Option<&'static str> {
    let kinds: [(Header, &str); 2] = [(mpeg_audio, "audio/mpeg"), (adts, "audio/aac")];
    (0..head.len()).filter(|at| head[*at] == 0xFF).find_map(|at| {
        let (_, media_type) = kinds.iter().find(|(frame, _)| follow_each_other(&head[at..], *frame))?;
        Some(*media_type)
    })
}

fn follow_each_other(bytes: &[u8], frame: Header) -> bool {
    let Some((_, common)) = frame(bytes) else { return false };
    let (mut at, mut count) = (0, 0);
    while let Some((length, _)) = bytes.get(at..).and_then(frame).filter(|(_, own)| *own == common) {
        (at, count) = (at + length, count + 1);
        if count >= PLENTY {
            return true;
        }
    }
    // The next header would cross or lie past the end of the head.
    count >= LEAST && at + 6 >= bytes.len()
}

/// Parses a frame header of layer II or III (ISO/IEC 11172-3, 2.4.1.3; 13818-3, 2.4.2.3).
fn mpeg_audio(bytes: &[u8]) -> Option<Frame> {
    /// In kilobits per second: version 1, layers II and III; then versions 2 and 2.5.
    const RATES: [[u32; 15]; 3] = [
        [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let [0xFF, second, third, _, ..] = *bytes else { return None };
    if !looks::mpeg_audio(bytes) {
        return None;
    }
    let (first_version, third_layer) = (second & 0x18 == 0x18, second & 0x06 == 0x02);
    let rates = match (first_version, third_layer) {
        (true, false) => RATES[0],
        (true, true) => RATES[1],
        (false, _) => RATES[2],
    };
    let bits = rates[usize::from(third >> 4)] * 1000;
    let halved = match second & 0x18 {
        0x18 => 0,
        0x10 => 1,
        _ => 2,
    };
    let hertz = [44_100, 48_000, 32_000][usize::from(third >> 2 & 3)] >> halved;
    let samples_in_bytes = if third_layer && !first_version { 72 } else { 144 };
    let length = samples_in_bytes * bits / hertz + u32::from(third >> 1 & 1);
    let length = usize::try_from(length).ok().filter(|_| bits > 0)?;
    Some((length, [second & 0xFE, third & 0x0C]))
}

/// Parses a frame header of AAC (ISO/IEC 14496-3, 1.A.2.2).
fn adts(bytes: &[u8]) -> Option<Frame> {
    const HEADER: usize = 7;
    let [0xFF, second, third, fourth, fifth, sixth, ..] = *bytes else { return None };
    let length = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    let known_rate = third >> 2 & 0x0F < 13;
    (looks::adts(bytes) && known_rate && length > HEADER).then_some((length, [second & 0xFE, third & 0xFD]))
}
