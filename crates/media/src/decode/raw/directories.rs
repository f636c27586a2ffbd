//! Raw files made of TIFF directories: DNG, CR2, NEF, ARW, PEF, SRW, ORF, RW2 and their like.

use super::{Found, Place, facts};
use smmu_core::{
    ifd::{Directory, ReadAt, Tiff, tag},
    image::{Orientation, Size},
    raw,
};

/// Panasonic's own tags: the sensor's size, and the JPEG file as a value.
const PANASONIC_WIDTH: u16 = 2;
const PANASONIC_HEIGHT: u16 = 3;
const PANASONIC_JPEG: u16 = 46;

pub(super) fn find<R: ReadAt + ?Sized>(file: &R) -> Option<Found> {
    let tiff = Tiff::open(file, 0)?;
    let directories = tiff.directories();
    let main = directories.first()?;
    let exif = tiff.below(main, tag::EXIF_IFD);
    let mut streams: Vec<Place> = directories.iter().flat_map(|directory| streams(&tiff, directory)).collect();
    streams.extend(exif.as_ref().and_then(|exif| of_olympus(file, &tiff, exif)));
    let orientation = tiff.number(main, tag::ORIENTATION).and_then(|number| u32::try_from(number).ok());
    Some(Found {
        streams,
        orientation: orientation.and_then(Orientation::of_number),
        camera: facts::camera((&tiff, main), exif.as_ref().map(|exif| (&tiff, exif))),
        sensor: sensor(&tiff, &directories, exif.as_ref()),
    })
}

/// Bits of a subfile's type that make it no picture: a mask of any kind, a map of depths (DNG 1.7, `NewSubFileType`).
const NO_PICTURE: u64 = 4 | 8;

/// Whether the directory describes what can be looked at.
fn is_picture<R: ReadAt + ?Sized>(tiff: &Tiff<'_, R>, directory: &Directory) -> bool {
    let kind = tiff.number(directory, tag::NEW_SUBFILE_TYPE).unwrap_or(0);
    kind & NO_PICTURE == 0 && !raw::is_sensor(tiff, directory)
}

/// JPEG streams of a directory, each in one piece.
fn streams<R: ReadAt + ?Sized>(tiff: &Tiff<'_, R>, directory: &Directory) -> impl Iterator<Item = Place> {
    let piece = |offset, bytes| match (&tiff.numbers(directory, offset)[..], &tiff.numbers(directory, bytes)[..]) {
        ([offset], [bytes]) => Some((tiff.absolute(*offset), *bytes)),
        _ => None,
    };
    let is_picture = is_picture(tiff, directory);
    let is_jpeg = is_picture && matches!(tiff.number(directory, tag::COMPRESSION), Some(6 | 7));
    let strip = || piece(tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS).filter(|_| is_jpeg);
    let tile = || piece(tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS).filter(|_| is_jpeg);
    let found = [
        piece(tag::JPEG_OFFSET, tag::JPEG_BYTES).filter(|_| is_picture),
        strip(),
        tile(),
        tiff.place(directory, PANASONIC_JPEG),
    ];
    found.into_iter().flatten()
}

/// The preview that Olympus keeps in its maker note, among the settings of the camera. Nothing else is read there.
fn of_olympus<R: ReadAt + ?Sized>(file: &R, tiff: &Tiff<'_, R>, exif: &Directory) -> Option<Place> {
    const SETTINGS: u16 = 0x2020;
    const PREVIEW_START: u16 = 0x0101;
    const PREVIEW_BYTES: u16 = 0x0102;
    let (at, _) = tiff.place(exif, tag::MAKER_NOTE)?;
    let mut mark = [0; 10];
    file.fill(at, &mut mark)?;
    // Offsets count from the note, those of old cameras from the file's beginning.
    let (base, first) = match &mark {
        b"OLYMPUS\0II" | b"OLYMPUS\0MM" => (at, 12),
        b"OM SYSTEM\0" => (at, 16),
        _ if mark.starts_with(b"OLYMP\0") => (0, at.checked_add(8)?),
        _ => return None,
    };
    let note = tiff.at(base);
    let directory = note.directory(first)?;
    let settings_at = match note.place(&directory, SETTINGS)? {
        (_, 4) => note.number(&directory, SETTINGS)?,
        (within, _) => within.checked_sub(base)?,
    };
    let settings = note.directory(settings_at)?;
    let start = note.number(&settings, PREVIEW_START)?;
    Some((note.absolute(start), note.number(&settings, PREVIEW_BYTES)?))
}

/// How large the sensor's data is: as the directory of that data says, or else the largest size that is stated.
fn sensor<R: ReadAt + ?Sized>(tiff: &Tiff<'_, R>, directories: &[Directory], exif: Option<&Directory>) -> Option<Size> {
    let size = |directory: &Directory, width, height| {
        let side = |tag| tiff.number(directory, tag).and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
        Some(Size { width: side(width)?, height: side(height)? })
    };
    let plain = |directory: &Directory| size(directory, tag::IMAGE_WIDTH, tag::IMAGE_LENGTH);
    let largest = |sizes: &mut dyn Iterator<Item = Size>| sizes.max_by_key(|size| size.pixels());
    let of_sensor =
        largest(&mut directories.iter().filter(|directory| raw::is_sensor(tiff, directory)).filter_map(plain));
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
