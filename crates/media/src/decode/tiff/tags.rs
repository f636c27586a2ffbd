//! What a TIFF file says beside its pixels.

use super::directory::{Directory, tag};
use crate::{exif, text};
use smmu_core::image::{CameraFacts, Orientation};

/// How the pixels lie.
pub(super) fn orientation(page: &Directory) -> Orientation {
    let number = page.number(tag::ORIENTATION).and_then(|number| u32::try_from(number).ok());
    number.and_then(Orientation::of_number).unwrap_or_default()
}

/// Whether a page shows a picture only smaller than it is elsewhere.
pub(super) fn is_reduced(page: &Directory) -> bool {
    match page.number(tag::NEW_SUBFILE_TYPE) {
        Some(kind) => kind & 1 == 1,
        None => page.number(tag::SUBFILE_TYPE) == Some(2),
    }
}

/// Whether the first page is only the preview of a camera's raw data: DNG says so, and others mark
/// it as reduced and keep the rest in pages below it.
pub(super) fn is_camera_raw(first: &Directory) -> bool {
    first.has(tag::DNG_VERSION) || (first.has(tag::SUB_DIRECTORIES) && is_reduced(first))
}

/// What the camera wrote, if it wrote anything useful: the same fields as [`exif::Metadata::camera`].
pub(super) fn camera(page: &Directory) -> Option<CameraFacts> {
    let words = |tag| page.text(tag).and_then(|found| text::clean(&found));
    let mut facts = CameraFacts { make: words(tag::MAKE), model: words(tag::MODEL), ..CameraFacts::default() };
    if let Some(below) = page.below(tag::EXIF) {
        let ratio =
            |tag| below.fraction(tag).and_then(|(numerator, denominator)| exif::quotient(numerator, denominator));
        facts.exposure_seconds = ratio(tag::EXPOSURE_TIME);
        facts.f_number = ratio(tag::F_NUMBER);
        facts.iso = below.number(tag::ISO).and_then(|iso| u32::try_from(iso).ok());
        facts.focal_length_mm = ratio(tag::FOCAL_LENGTH);
        facts.lens = below.text(tag::LENS_MODEL).and_then(|found| text::clean(&found));
        let offset = below.text(tag::CAPTURED_OFFSET);
        facts.captured_at = below.text(tag::CAPTURED_AT).and_then(|at| exif::captured_at(&at, offset.as_deref()));
    }
    (facts != CameraFacts::default()).then_some(facts)
}
