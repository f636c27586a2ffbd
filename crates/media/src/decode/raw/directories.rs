//! Raw files made of TIFF directories: DNG, CR2, NEF, ARW, PEF, SRW, ORF, RW2 and similar formats.

use super::{Found, Place};
use crate::camera;
use smmu_core::{
    ifd::{Directory, ReadAt, Tiff, tag},
    image::Size,
    raw,
};

/// Panasonic's own tags: the sensor's size, and a JPEG file stored as the tag's value.
const PANASONIC_WIDTH: u16 = 2;
const PANASONIC_HEIGHT: u16 = 3;
const PANASONIC_JPEG: u16 = 46;

pub(super) fn find<R: ReadAt + ?Sized>(file: &R) -> Option<Found> {
    let directories = Tiff::open(file, 0)?.directories();
    let main = directories.first()?;
    let exif = main.below(tag::EXIF_IFD);
    let mut streams: Vec<Place> = directories.iter().flat_map(streams).collect();
    streams.extend(exif.as_ref().and_then(|exif| of_olympus(file, exif)));
    Some(Found {
        streams,
        orientation: camera::orientation(main),
        camera: camera::facts(main, exif.as_ref()),
        sensor: sensor(&directories, exif.as_ref()),
    })
}

/// Bits of `NewSubFileType` that mark a mask of any kind or a depth map (DNG 1.7).
const NO_PICTURE: u64 = 4 | 8;

/// Returns whether the directory describes a viewable picture.
fn is_picture<R: ReadAt + ?Sized>(directory: &Directory<'_, R>) -> bool {
    let kind = directory.number(tag::NEW_SUBFILE_TYPE).unwrap_or(0);
    kind & NO_PICTURE == 0 && !raw::is_sensor(directory)
}

/// JPEG streams of a directory that are stored in one piece.
fn streams<R: ReadAt + ?Sized>(directory: &Directory<'_, R>) -> impl Iterator<Item = Place> + use<R> {
    let numbers = |tag| directory.numbers(tag, 2).unwrap_or_default();
    let piece = |offset, bytes| match (&numbers(offset)[..], &numbers(bytes)[..]) {
        ([offset], [bytes]) => Some((directory.tiff().absolute(*offset), *bytes)),
        _ => None,
    };
    let is_picture = is_picture(directory);
    let is_jpeg = is_picture && matches!(directory.number(tag::COMPRESSION), Some(6 | 7));
    let strip = || piece(tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS).filter(|_| is_jpeg);
    let tile = || piece(tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS).filter(|_| is_jpeg);
    let found = [
        piece(tag::JPEG_OFFSET, tag::JPEG_BYTES).filter(|_| is_picture),
        strip(),
        tile(),
        directory.place(PANASONIC_JPEG),
    ];
    found.into_iter().flatten()
}

/// The preview in Olympus' maker note, among the camera settings. Nothing else is read from the note.
fn of_olympus<R: ReadAt + ?Sized>(file: &R, exif: &Directory<'_, R>) -> Option<Place> {
    const SETTINGS: u16 = 0x2020;
    const PREVIEW_START: u16 = 0x0101;
    const PREVIEW_BYTES: u16 = 0x0102;
    let (at, _) = exif.place(tag::MAKER_NOTE)?;
    let mut mark = [0; 10];
    file.fill(at, &mut mark)?;
    // Offsets are relative to the note; with old cameras, to the start of the file.
    let (base, first) = match &mark {
        b"OLYMPUS\0II" | b"OLYMPUS\0MM" => (at, 12),
        b"OM SYSTEM\0" => (at, 16),
        _ if mark.starts_with(b"OLYMP\0") => (0, at.checked_add(8)?),
        _ => return None,
    };
    let note = exif.tiff().at(base);
    let directory = note.directory(first)?;
    let settings_at = match directory.place(SETTINGS)? {
        (_, 4) => directory.number(SETTINGS)?,
        (within, _) => within.checked_sub(base)?,
    };
    let settings = note.directory(settings_at)?;
    let start = settings.number(PREVIEW_START)?;
    Some((note.absolute(start), settings.number(PREVIEW_BYTES)?))
}

/// Size of the sensor's data, from the data's own directory, Panasonic's tags, or else the largest stated size.
fn sensor<R: ReadAt + ?Sized>(directories: &[Directory<'_, R>], exif: Option<&Directory<'_, R>>) -> Option<Size> {
    let size = |directory: &Directory<'_, R>, width, height| {
        let side = |tag| directory.long(tag).filter(|side| *side > 0);
        Some(Size { width: side(width)?, height: side(height)? })
    };
    let plain = |directory: &Directory<'_, R>| size(directory, tag::IMAGE_WIDTH, tag::IMAGE_LENGTH);
    let largest = |sizes: &mut dyn Iterator<Item = Size>| sizes.max_by_key(|size| size.pixels());
    let of_sensor = largest(&mut directories.iter().filter(|directory| raw::is_sensor(directory)).filter_map(plain));
    let panasonic = || {
        let main = directories.first().filter(|main| main.has(PANASONIC_JPEG))?;
        size(main, PANASONIC_WIDTH, PANASONIC_HEIGHT)
    };
    let stated = || {
        let exif = exif.and_then(|exif| size(exif, tag::PIXEL_X_DIMENSION, tag::PIXEL_Y_DIMENSION));
        largest(&mut directories.iter().filter_map(plain).chain(exif))
    };
    of_sensor.or_else(panasonic).or_else(stated)
}
