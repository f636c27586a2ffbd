//! Fujifilm's RAF: the header has the offsets of the camera's JPEG file and of its notes on the sensor.

use super::Found;
use smmu_core::{ifd::ReadAt, image::Size};

/// Positions in the header: offset and length of the JPEG file, and offset of the notes, all big-endian.
const JPEG: u64 = 84;
const NOTES: u64 = 92;
/// The note with the height and width of the whole sensor.
const SENSOR_SIZE: u16 = 0x0100;
/// Maximum number of notes to examine. Real files have about 30.
const MAX_NOTES: u32 = 256;

pub(super) fn find<R: ReadAt + ?Sized>(file: &R) -> Option<Found> {
    let jpeg = (long(file, JPEG)?.into(), long(file, JPEG + 4)?.into());
    Some(Found { streams: vec![jpeg], sensor: sensor(file), ..Found::default() })
}

fn sensor<R: ReadAt + ?Sized>(file: &R) -> Option<Size> {
    let notes = u64::from(long(file, NOTES)?);
    let mut at = notes + 4;
    for _ in 0..long(file, notes)?.min(MAX_NOTES) {
        let (tag, bytes) = (short(file, at)?, short(file, at + 2)?);
        if tag == SENSOR_SIZE {
            return Some(Size { height: short(file, at + 4)?.into(), width: short(file, at + 6)?.into() });
        }
        at += 4 + u64::from(bytes);
    }
    None
}

fn long<R: ReadAt + ?Sized>(file: &R, offset: u64) -> Option<u32> {
    let mut bytes = [0; 4];
    file.fill(offset, &mut bytes)?;
    Some(u32::from_be_bytes(bytes))
}

fn short<R: ReadAt + ?Sized>(file: &R, offset: u64) -> Option<u16> {
    let mut bytes = [0; 2];
    file.fill(offset, &mut bytes)?;
    Some(u16::from_be_bytes(bytes))
}
