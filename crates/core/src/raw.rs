//! Detects the raw format of a camera from its TIFF structure.
//!
//! The first page of a raw file looks like a TIFF with a thumbnail; the presence of sensor data distinguishes them.

use crate::ifd::{Directory, ReadAt, Tiff, tag};

/// Photometric interpretations of sensor data (DNG 1.7, chapter 4): a colour filter array, and linear raw, which was
/// interpolated.
const SENSOR_DATA: [u64; 2] = [32_803, 34_892];

/// Compressions used only for sensor data: by Sony, Samsung, DNG's lossy mode, Nikon, Kodak and Pentax.
const SENSOR_COMPRESSIONS: [u64; 6] = [32_767, 32_770, 34_892, 34_713, 65_000, 65_535];

/// Media types by prefix of the maker's name in capitals.
const MAKERS: &[(&str, &str)] = &[
    ("CANON", "image/x-canon-cr2"),
    ("NIKON", "image/x-nikon-nef"),
    ("SONY", "image/x-sony-arw"),
    ("PENTAX", "image/x-pentax-pef"),
    ("RICOH", "image/x-pentax-pef"),
    ("ASAHI", "image/x-pentax-pef"),
    ("SAMSUNG", "image/x-samsung-srw"),
    ("EASTMAN KODAK", "image/x-kodak-dcr"),
    ("KODAK", "image/x-kodak-dcr"),
];

/// Returns whether a directory describes sensor data.
#[must_use]
pub fn is_sensor<R: ReadAt + ?Sized>(directory: &Directory<'_, R>) -> bool {
    let has = |tag, values: &[u64]| directory.number(tag).is_some_and(|value| values.contains(&value));
    has(tag::PHOTOMETRIC, &SENSOR_DATA) || has(tag::COMPRESSION, &SENSOR_COMPRESSIONS)
}

/// The media type of a camera's raw format; `None` for any other TIFF. If only the start of a file is given, it may be
/// `None` although the whole file is raw.
#[must_use]
pub fn content_type<R: ReadAt + ?Sized>(bytes: &R) -> Option<&'static str> {
    let directories = Tiff::open(bytes, 0)?.directories();
    let main = directories.first()?;
    if main.has(tag::DNG_VERSION) {
        return Some("image/x-adobe-dng");
    }
    let make = main.text(tag::MAKE).unwrap_or_default().to_ascii_uppercase();
    let sensor = directories.iter().any(is_sensor);
    // Early Sony files have no directory for sensor data, but always have private data.
    let sony = make.starts_with("SONY") && main.has(tag::DNG_PRIVATE_DATA);
    if !sensor && !sony {
        return None;
    }
    let by_maker = MAKERS.iter().find(|(maker, _)| make.starts_with(maker));
    Some(by_maker.map_or("image/x-raw", |(_, content_type)| content_type))
}

#[cfg(test)]
mod tests {
    use super::content_type;

    /// A file with one directory of short numbers and a maker of up to four bytes.
    fn file(entries: &[(u16, u16)], make: Option<[u8; 4]>) -> Vec<u8> {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        file.extend((u16::try_from(entries.len()).expect("few") + u16::from(make.is_some())).to_le_bytes());
        for (tag, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend([3, 0, 1, 0, 0, 0]);
            file.extend(value.to_le_bytes());
            file.extend([0, 0]);
        }
        if let Some(make) = make {
            file.extend([15, 1, 2, 0, 4, 0, 0, 0]);
            file.extend(make);
        }
        file.extend([0; 4]);
        file
    }

    #[test]
    fn only_sensor_data_makes_a_tiff_raw() {
        let (rgb, filters) = ((262, 2), (262, 32_803));
        for (entries, make, found) in [
            (&[rgb][..], None, None),
            (&[rgb], Some(*b"SONY"), None),
            (&[filters], Some(*b"SONY"), Some("image/x-sony-arw")),
            (&[rgb, (50_740, 0)], Some(*b"SONY"), Some("image/x-sony-arw")),
            (&[rgb, (50_740, 0)], None, None),
            (&[filters], None, Some("image/x-raw")),
            (&[(259, 34_713)], None, Some("image/x-raw")),
            (&[rgb, (50_706, 1)], None, Some("image/x-adobe-dng")),
        ] {
            assert_eq!(content_type(&file(entries, make)[..]), found, "{entries:?} {make:?}");
        }
        assert_eq!(content_type(&b"no TIFF"[..]), None);
    }
}
