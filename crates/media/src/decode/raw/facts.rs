//! What the camera wrote into a raw file: the same fields as of Exif elsewhere, never a place.

use crate::{exif, text};
use smmu_core::{
    ifd::{Directory, ReadAt, Tiff, tag},
    image::CameraFacts,
};

/// A directory, and the structure that it is in.
type In<'a, 'b, R> = (&'a Tiff<'b, R>, &'a Directory);

/// The facts of a main directory and of the Exif directory.
pub(super) fn camera<R: ReadAt + ?Sized>(
    (tiff, main): In<'_, '_, R>,
    exif: Option<In<'_, '_, R>>,
) -> Option<CameraFacts> {
    let words = |(tiff, directory): In<'_, '_, R>, tag| tiff.text(directory, tag).and_then(|found| text::clean(&found));
    let mut facts = CameraFacts {
        make: words((tiff, main), tag::MAKE),
        model: words((tiff, main), tag::MODEL),
        ..CameraFacts::default()
    };
    if let Some((tiff, directory)) = exif {
        let ratio = |tag| tiff.fraction(directory, tag).and_then(|(above, below)| exif::quotient(above, below));
        let offset = tiff.text(directory, tag::OFFSET_TIME_ORIGINAL);
        facts.lens = words((tiff, directory), tag::LENS_MODEL);
        facts.exposure_seconds = ratio(tag::EXPOSURE_TIME);
        facts.f_number = ratio(tag::F_NUMBER);
        facts.iso = tiff.number(directory, tag::ISO).and_then(|iso| u32::try_from(iso).ok());
        facts.focal_length_mm = ratio(tag::FOCAL_LENGTH);
        facts.captured_at =
            tiff.text(directory, tag::DATE_TIME_ORIGINAL).and_then(|at| exif::captured_at(&at, offset.as_deref()));
    }
    (facts != CameraFacts::default()).then_some(facts)
}

/// The facts of the raw file, and what only its preview says.
pub(super) fn joined(own: Option<CameraFacts>, preview: Option<CameraFacts>) -> Option<CameraFacts> {
    let (own, preview) = match (own, preview) {
        (Some(own), Some(preview)) => (own, preview),
        (own, preview) => return own.or(preview),
    };
    Some(CameraFacts {
        make: own.make.or(preview.make),
        model: own.model.or(preview.model),
        lens: own.lens.or(preview.lens),
        exposure_seconds: own.exposure_seconds.or(preview.exposure_seconds),
        f_number: own.f_number.or(preview.f_number),
        iso: own.iso.or(preview.iso),
        focal_length_mm: own.focal_length_mm.or(preview.focal_length_mm),
        captured_at: own.captured_at.or(preview.captured_at),
    })
}
