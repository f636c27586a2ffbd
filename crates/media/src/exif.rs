//! The few Exif fields that are of use. Everything else, position and maker notes above all, is never read out.

use exif::{Exif, In, Tag, Value};
use smmu_core::image::{CameraFacts, Orientation};

/// Exif that was understood, at least in part.
pub(crate) struct Metadata(Exif);

/// The largest block that is looked at. A JPEG segment holds 64 KiB; other containers have no bound of their own.
const MAX_BYTES: usize = 1024 * 1024;

impl Metadata {
    /// Reads a TIFF structure as it stands in a file, with or without JPEG's `Exif` prefix. One that
    /// cannot be read counts as absent; of one that is damaged, the sound part counts.
    pub(crate) fn parse(block: &[u8]) -> Option<Self> {
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        if block.len() > MAX_BYTES {
            return None;
        }
        let mut reader = exif::Reader::new();
        let read = reader.continue_on_error(true).read_raw(block.to_vec());
        read.or_else(|error| error.distill_partial_result(|_| ())).ok().map(Self)
    }

    /// How the pixels lie.
    pub(crate) fn orientation(&self) -> Option<Orientation> {
        Orientation::of_number(self.number(Tag::Orientation)?)
    }

    /// What the camera wrote, if it wrote anything useful.
    pub(crate) fn camera(&self) -> Option<CameraFacts> {
        let facts = CameraFacts {
            make: self.text(Tag::Make),
            model: self.text(Tag::Model),
            lens: self.text(Tag::LensModel),
            exposure_seconds: self.ratio(Tag::ExposureTime),
            f_number: self.ratio(Tag::FNumber),
            iso: self.number(Tag::PhotographicSensitivity),
            focal_length_mm: self.ratio(Tag::FocalLength),
            captured_at: self
                .ascii(Tag::DateTimeOriginal)
                .and_then(|at| captured_at(&at, self.ascii(Tag::OffsetTimeOriginal).as_deref())),
        };
        (facts != CameraFacts::default()).then_some(facts)
    }

    fn value(&self, tag: Tag) -> Option<&Value> {
        self.0.get_field(tag, In::PRIMARY).map(|field| &field.value)
    }

    fn number(&self, tag: Tag) -> Option<u32> {
        self.value(tag)?.get_uint(0)
    }

    fn ascii(&self, tag: Tag) -> Option<String> {
        match self.value(tag)? {
            Value::Ascii(texts) => texts.first().map(|text| String::from_utf8_lossy(text).into_owned()),
            _ => None,
        }
    }

    fn text(&self, tag: Tag) -> Option<String> {
        crate::text::clean(&self.ascii(tag)?)
    }

    fn ratio(&self, tag: Tag) -> Option<f64> {
        match self.value(tag)? {
            Value::Rational(ratios) => ratios.first().and_then(|ratio| quotient(ratio.num, ratio.denom)),
            _ => None,
        }
    }
}

/// A positive fraction, rounded to what a person would read off a camera.
pub(crate) fn quotient(numerator: u32, denominator: u32) -> Option<f64> {
    if numerator == 0 || denominator == 0 {
        return None;
    }
    let exact = f64::from(numerator) / f64::from(denominator);
    let digits = 10_f64.powf(5.0 - exact.log10().floor());
    Some((exact * digits).round() / digits)
}

/// `YYYY:MM:DD hh:mm:ss` and `±hh:mm` of Exif as `YYYY-MM-DDThh:mm:ss±hh:mm`; no time where the
/// first is none, no offset where the second is none.
pub(crate) fn captured_at(at: &str, offset: Option<&str>) -> Option<String> {
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
    // 60 is a leap second. The year 0 is how cameras say that nobody set the clock.
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
    fn a_time_is_kept_in_the_cameras_own_zone() {
        assert_eq!(captured_at("2024:05:01 12:34:56", Some("+02:00")).as_deref(), Some("2024-05-01T12:34:56+02:00"));
        assert_eq!(captured_at("2024:05:01 12:34:56\0", None).as_deref(), Some("2024-05-01T12:34:56"));
        assert_eq!(captured_at("2024:05:01 12:34:56", Some("Berlin")).as_deref(), Some("2024-05-01T12:34:56"));
    }

    #[test]
    fn what_is_no_time_is_none() {
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
    fn rubbish_is_no_exif() {
        assert!(Metadata::parse(b"").is_none());
        assert!(Metadata::parse(b"Exif\0\0MM\0*").is_none());
        assert!(Metadata::parse(&vec![0; MAX_BYTES + 1]).is_none());
    }
}
