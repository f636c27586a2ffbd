//! Reads the few useful fields that a camera wrote, from Exif or from the directories of a raw file. Everything else,
//! above all position and maker notes, is never read.

use crate::text;
use smmu_core::{
    ifd::{Directory, ReadAt, Tiff, tag},
    image::{CameraFacts, Orientation},
};

/// Exif metadata that could be parsed, at least in part.
pub(crate) struct Metadata<'a> {
    main: Directory<'a>,
}

impl<'a> Metadata<'a> {
    /// Parses a TIFF structure as stored in a file, with or without JPEG's `Exif` prefix. If it cannot be read it
    /// counts as absent; if it is damaged, the intact part is used.
    pub(crate) fn parse(block: &'a [u8]) -> Option<Self> {
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        Some(Self { main: Tiff::open(block, 0)?.main()? })
    }

    /// Orientation of the stored pixels.
    pub(crate) fn orientation(&self) -> Option<Orientation> {
        orientation(&self.main)
    }

    /// The camera's facts, if it wrote any.
    pub(crate) fn camera(&self) -> Option<CameraFacts> {
        facts(&self.main, self.main.below(tag::EXIF_IFD).as_ref())
    }
}

/// Orientation of the stored pixels, from a main directory.
pub(crate) fn orientation<R: ReadAt + ?Sized>(main: &Directory<'_, R>) -> Option<Orientation> {
    main.long(tag::ORIENTATION).and_then(Orientation::of_number)
}

/// The camera's facts, from a main directory and its Exif directory; `None` if it has none.
pub(crate) fn facts<R: ReadAt + ?Sized>(
    main: &Directory<'_, R>,
    exif: Option<&Directory<'_, R>>,
) -> Option<CameraFacts> {
    let words = |directory: Option<&Directory<'_, R>>, tag| text::clean(&directory?.text(tag)?);
    let ratio = |tag| exif?.fraction(tag).and_then(|(above, below)| quotient(above, below));
    let text = |tag| exif?.text(tag);
    let offset = text(tag::OFFSET_TIME_ORIGINAL);
    let facts = CameraFacts {
        make: words(Some(main), tag::MAKE),
        model: words(Some(main), tag::MODEL),
        lens: words(exif, tag::LENS_MODEL),
        exposure_seconds: ratio(tag::EXPOSURE_TIME),
        f_number: ratio(tag::F_NUMBER),
        iso: exif.and_then(|exif| exif.long(tag::ISO)),
        focal_length_mm: ratio(tag::FOCAL_LENGTH),
        captured_at: text(tag::DATE_TIME_ORIGINAL).and_then(|at| captured_at(&at, offset.as_deref())),
    };
    (facts != CameraFacts::default()).then_some(facts)
}

/// The facts of a raw file, completed by those of its preview.
pub(crate) fn joined(own: Option<CameraFacts>, preview: Option<CameraFacts>) -> Option<CameraFacts> {
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

/// A positive fraction, rounded to six significant digits.
fn quotient(numerator: u32, denominator: u32) -> Option<f64> {
    if numerator == 0 || denominator == 0 {
        return None;
    }
    let exact = f64::from(numerator) / f64::from(denominator);
    let digits = 10_f64.powf(5.0 - exact.log10().floor());
    Some((exact * digits).round() / digits)
}

/// Converts Exif's `YYYY:MM:DD hh:mm:ss` and `±hh:mm` to `YYYY-MM-DDThh:mm:ss±hh:mm`. Returns `None` if the time is
/// invalid, and omits the offset if that is invalid.
fn captured_at(at: &str, offset: Option<&str>) -> Option<String> {
    let at = at.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let shape = at.len() == 19
        && at.bytes().zip("0000:00:00 00:00:00".bytes()).all(|(byte, model)| match model {
            b'0' => byte.is_ascii_digit(),
            _ => byte == model,
        });
    if !shape {
        return None;
    }
    let part = |range| at.get(range).and_then(|digits: &str| digits.parse::<u32>().ok());
    let (month, day) = (part(5..7)?, part(8..10)?);
    let (hour, minute, second) = (part(11..13)?, part(14..16)?, part(17..19)?);
    // 60 is a leap second. Cameras whose clock was never set write the year 0.
    let sound = part(0..4)? > 0 && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sound || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let offset = offset.map(|offset| offset.trim_matches(|c: char| c.is_whitespace() || c == '\0')).filter(is_offset);
    Some(format!("{}T{}{}", at[..10].replace(':', "-"), &at[11..], offset.unwrap_or_default()))
}

fn is_offset(text: &&str) -> bool {
    text.len() == 6
        && text.bytes().enumerate().all(|(index, byte)| match index {
            0 => matches!(byte, b'+' | b'-'),
            3 => byte == b':',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_the_cameras_time_zone() {
        assert_eq!(captured_at("2024:05:01 12:34:56", Some("+02:00")).as_deref(), Some("2024-05-01T12:34:56+02:00"));
        assert_eq!(captured_at("2024:05:01 12:34:56\0", None).as_deref(), Some("2024-05-01T12:34:56"));
        assert_eq!(captured_at("2024:05:01 12:34:56", Some("Berlin")).as_deref(), Some("2024-05-01T12:34:56"));
    }

    #[test]
    fn an_invalid_time_is_none() {
        for text in [
            "",
            "0000:00:00 00:00:00",
            "2024:13:01 12:34:56",
            "2024-05-01 12:34:56",
            "    :  :     :  :  ",
            "2024:05:01 24:00:00",
        ] {
            assert_eq!(captured_at(text, None), None, "{text}");
        }
    }

    #[test]
    fn fractions_are_rounded_to_six_digits() {
        assert_eq!(quotient(1, 250), Some(0.004));
        assert_eq!(quotient(10, 1250), Some(0.008));
        assert_eq!(quotient(1, 3), Some(0.333_333));
        assert_eq!(quotient(1, 0), None);
        assert_eq!(quotient(0, 7), None);
    }

    #[test]
    fn invalid_exif_is_none() {
        assert!(Metadata::parse(b"").is_none());
        assert!(Metadata::parse(b"Exif\0\0MM\0*").is_none());
        assert!(Metadata::parse(&[0; 64]).is_none());
    }
}
