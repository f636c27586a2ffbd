//! What a TIFF file says beside its pixels.

use super::refusal;
use crate::{
    decode::jpeg_markers::Markers,
    error::{Fault, MediaError, corrupt, unsupported},
    exif, text,
};
use ::tiff::{
    decoder::{Decoder, ifd::Value},
    tags::{IfdPointer, Tag},
};
use smmu_core::image::{CameraFacts, Orientation, Size};
use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _, SeekFrom},
};

type Reader = Decoder<BufReader<File>>;

/// How the pixels lie.
pub(super) fn orientation(decoder: &mut Reader) -> Orientation {
    let number = decoder.find_tag_unsigned::<u32>(Tag::Orientation).ok().flatten();
    number.and_then(Orientation::of_number).unwrap_or_default()
}

/// Whether the first page is only the preview of a camera's raw data: DNG says so, and others mark
/// it as reduced and keep the rest in pages below it.
pub(super) fn is_camera_raw(decoder: &mut Reader) -> bool {
    const DNG_VERSION: Tag = Tag::Unknown(50706);
    let mut has = |tag: Tag| decoder.find_tag(tag).ok().flatten().is_some();
    if has(DNG_VERSION) {
        return true;
    }
    let below = has(Tag::SubIfd);
    let kind = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType).ok().flatten();
    below && kind.is_some_and(|kind| kind & 1 == 1)
}

/// What the camera wrote, if it wrote anything useful: the same fields as [`exif::Metadata::camera`].
pub(super) fn camera(decoder: &mut Reader) -> Option<CameraFacts> {
    let words = |value: Option<Value>| value?.into_string().ok();
    let first =
        |decoder: &mut Reader, tag| words(decoder.find_tag(tag).ok().flatten()).and_then(|found| text::clean(&found));
    let mut facts =
        CameraFacts { make: first(decoder, Tag::Make), model: first(decoder, Tag::Model), ..CameraFacts::default() };

    let below = decoder.find_tag_unsigned::<u64>(Tag::ExifDirectory).ok().flatten();
    if let Some(directory) = below.and_then(|at| decoder.read_directory(IfdPointer(at)).ok()) {
        let mut tags = decoder.read_directory_tags(&directory);
        let mut find = |number: u16| tags.find_tag(Tag::Unknown(number)).ok().flatten();
        facts.exposure_seconds = find(33434).and_then(ratio);
        facts.f_number = find(33437).and_then(ratio);
        facts.iso = find(34855).and_then(|value| match value {
            Value::List(values) => values.into_iter().next()?.into_u32().ok(),
            other => other.into_u32().ok(),
        });
        facts.focal_length_mm = find(37386).and_then(ratio);
        facts.lens = words(find(42036)).and_then(|found| text::clean(&found));
        let offset = words(find(36881));
        facts.captured_at = words(find(36867)).and_then(|at| exif::captured_at(&at, offset.as_deref()));
    }
    (facts != CameraFacts::default()).then_some(facts)
}

fn ratio(value: Value) -> Option<f64> {
    match value {
        Value::Rational(numerator, denominator) => exif::quotient(numerator, denominator),
        Value::List(values) => values.into_iter().next().and_then(ratio),
        _ => None,
    }
}

/// Refuses a strip or tile whose JPEG stream claims to be larger than the strip or tile: its
/// decoder would believe it, and allocate.
pub(super) fn check_jpeg(decoder: &mut Reader, number: u32, chunk: Size) -> Result<(), MediaError> {
    let mut of_chunk = |strips: Tag, tiles: Tag| {
        let strips = decoder.find_tag_unsigned_vec::<u64>(strips).map_err(refusal)?;
        let all = match strips {
            Some(all) => all,
            None => decoder.find_tag_unsigned_vec::<u64>(tiles).map_err(refusal)?.unwrap_or_default(),
        };
        all.get(number as usize).copied().ok_or_else(|| corrupt("TIFF", "a strip or tile is missing"))
    };
    let offset = of_chunk(Tag::StripOffsets, Tag::TileOffsets)?;
    let bytes = of_chunk(Tag::StripByteCounts, Tag::TileByteCounts)?;

    let file = decoder.inner();
    file.seek(SeekFrom::Start(offset)).map_err(Fault::Read)?;
    let mut stream = Vec::new();
    file.take(bytes).read_to_end(&mut stream).map_err(Fault::Read)?;
    let size = Markers::parse(&stream).and_then(|markers| markers.size);
    match size {
        Some(size) if size.width <= chunk.width && size.height <= chunk.height => Ok(()),
        Some(_) => Err(unsupported("TIFF with JPEG strips or tiles of another size than their frame is not supported")),
        None => Err(corrupt("TIFF", "a strip or tile holds no JPEG stream")),
    }
}
