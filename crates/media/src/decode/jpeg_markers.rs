//! The marker segments of a JPEG file up to its first scan (ITU-T T.81, Annex B). libjpeg-turbo's interface exposes
//! neither the precision nor the content of application segments.

use smmu_core::image::Size;

/// Properties of a file, from its marker segments.
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact about the file")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Markers {
    /// Bits per sample.
    pub(crate) precision: u8,
    /// Width and height.
    pub(crate) size: Option<Size>,
    /// Set if coefficients come in several scans, and must all be held in memory.
    pub(crate) progressive: bool,
    /// Set for the processes that predict samples instead of transforming blocks.
    pub(crate) lossless: bool,
    /// Set for JPEG-LS (ITU-T T.87), which has the same markers but a different coding.
    pub(crate) near_lossless: bool,
    /// Set for arithmetic coding, whose decoder makes up missing pixels without a warning.
    pub(crate) arithmetic: bool,
    /// Horizontal and vertical sampling factor of each component.
    pub(crate) sampling: Vec<(u8, u8)>,
    /// Exif block, without its `Exif\0\0` prefix.
    pub(crate) exif: Option<Vec<u8>>,
    /// ICC profile, joined from its segments (ICC.1, B.4).
    pub(crate) icc: Option<Vec<u8>>,
    /// Set if an Adobe program wrote the file: inks are then stored inverted.
    pub(crate) adobe: bool,
    /// Set if the first scan's parameters are valid for the frame's process.
    pub(crate) tidy: bool,
    /// Offset just after the first start-of-scan marker.
    pub(crate) pixels_at: usize,
    /// Set if the first scan is the only one: it holds all components, complete.
    pub(crate) one_scan: bool,
}

impl Markers {
    /// Reads the segments; `None` if they are not those of a JPEG file.
    pub(crate) fn parse(content: &[u8]) -> Option<Self> {
        let mut rest = content.strip_prefix(&[0xff, 0xd8])?;
        let mut found = Self::default();
        let mut icc_parts: Vec<(u8, &[u8])> = Vec::new();
        loop {
            let (marker, after) = next_marker(rest)?;
            rest = after;
            match marker {
                // Start of scan: pixels follow.
                0xda => {
                    let scan = || rest.get(2..usize::from(u16::from_be_bytes(*rest.first_chunk()?)));
                    let components = scan().and_then(|scan| scan.first().copied());
                    found.one_scan = !found.progressive && components.map(usize::from) == Some(found.sampling.len());
                    let other_process = found.progressive || found.lossless;
                    found.tidy = other_process || scan().is_none_or(|scan| scan.ends_with(&[0, 63, 0]));
                    found.pixels_at = content.len() - rest.len();
                    break;
                }
                // End of image without pixels.
                0xd9 => break,
                // Restart markers and TEM have no segment.
                0x01 | 0xd0..=0xd7 => continue,
                _ => {}
            }
            let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
            let segment = rest.get(2..length)?;
            rest = &rest[length..];
            match marker {
                // Start of frame. The three excluded numbers are other markers (T.81, Table B.1).
                0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => found.read_frame(marker, segment)?,
                0xf7 => found.near_lossless = true,
                0xe1 if found.exif.is_none() => found.exif = segment.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec),
                0xe2 => icc_parts.extend(icc_part(segment)),
                0xee => found.adobe |= segment.starts_with(b"Adobe"),
                _ => {}
            }
        }
        found.icc = joined(icc_parts);
        Some(found)
    }

    fn read_frame(&mut self, marker: u8, segment: &[u8]) -> Option<()> {
        let &[precision, h1, h0, w1, w0, _, ref components @ ..] = segment else { return None };
        self.precision = precision;
        self.size =
            Some(Size { width: u16::from_be_bytes([w1, w0]).into(), height: u16::from_be_bytes([h1, h0]).into() });
        self.progressive = matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce);
        self.lossless = matches!(marker, 0xc3 | 0xc7 | 0xcb | 0xcf);
        self.arithmetic = marker > 0xc8;
        self.sampling = components.chunks_exact(3).map(|component| (component[1] >> 4, component[1] & 15)).collect();
        Some(())
    }

    /// Bytes of all coefficients, which libjpeg holds in memory for a file with several scans.
    pub(crate) fn coefficient_bytes(&self) -> u64 {
        let Some(size) = self.size else { return 0 };
        let most = |side: fn(&(u8, u8)) -> u8| u64::from(self.sampling.iter().map(side).max().unwrap_or(1).max(1));
        let (most_across, most_down) = (most(|s| s.0), most(|s| s.1));
        let mcus = u64::from(size.width).div_ceil(8 * most_across) * u64::from(size.height).div_ceil(8 * most_down);
        let blocks: u64 = self.sampling.iter().map(|&(across, down)| u64::from(across) * u64::from(down)).sum();
        mcus * blocks * 64 * 2
    }
}

/// Rewrites harmless header errors, as a strict reader expects: no bytes between segments, no ICC profile (which
/// [`Markers`] already has), major version 1 of JFIF, a valid Adobe transform, and the scan parameters of a sequential
/// process (T.81, Table B.3; some phones write others). Browsers show such files in full.
///
/// `None` if the headers are not those of a JPEG file.
pub(crate) fn tidied(content: &[u8]) -> Option<Vec<u8>> {
    let mut rest = content.strip_prefix(&[0xff, 0xd8])?;
    let mut tidy = Vec::with_capacity(content.len());
    tidy.extend_from_slice(&[0xff, 0xd8]);
    let mut sequential = false;
    loop {
        let (marker, after) = next_marker(rest)?;
        rest = after;
        match marker {
            0xd9 => return None,
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
        let mut segment = rest.get(2..length)?.to_vec();
        rest = &rest[length..];
        match marker {
            0xc0 | 0xc1 => sequential = true,
            0xe0 if segment.starts_with(b"JFIF\0") => {
                if let Some(major) = segment.get_mut(5) {
                    *major = 1;
                }
            }
            0xe2 if segment.starts_with(b"ICC_PROFILE\0") => continue,
            // The transform is the twelfth byte (Adobe Technical Note 5116, section 18); 1 is the usual one.
            0xee if segment.starts_with(b"Adobe") => {
                if let Some(transform) = segment.get_mut(11).filter(|transform| **transform > 2) {
                    *transform = 1;
                }
            }
            0xda if sequential => {
                let parameters = segment.len().checked_sub(3)?;
                segment[parameters..].copy_from_slice(&[0, 63, 0]);
            }
            _ => {}
        }
        tidy.extend_from_slice(&[0xff, marker]);
        tidy.extend_from_slice(&u16::try_from(length).ok()?.to_be_bytes());
        tidy.extend_from_slice(&segment);
        if marker == 0xda {
            tidy.extend_from_slice(rest);
            return Some(tidy);
        }
    }
}

/// The next marker's number and the bytes after it. Like libjpeg, skips fill bytes and garbage before a marker.
pub(crate) fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        while *bytes.get(at)? == 0xff {
            at += 1;
        }
        let marker = bytes[at];
        at += 1;
        if marker != 0 {
            return Some((marker, &bytes[at..]));
        }
    }
}

/// Number and bytes of one part of an ICC profile.
fn icc_part(segment: &[u8]) -> Option<(u8, &[u8])> {
    let &[number, _total, ref part @ ..] = segment.strip_prefix(b"ICC_PROFILE\0")? else { return None };
    Some((number, part))
}

/// Joins the parts of an ICC profile; `None` if one is missing.
fn joined(mut parts: Vec<(u8, &[u8])>) -> Option<Vec<u8>> {
    parts.sort_by_key(|&(number, _)| number);
    let whole = parts.iter().enumerate().all(|(index, &(number, _))| usize::from(number) == index + 1);
    (whole && !parts.is_empty()).then(|| parts.into_iter().flat_map(|(_, part)| part).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len() + 2).expect("short").to_be_bytes();
        [&[0xff, marker], &length[..], payload].concat()
    }

    #[test]
    fn segments_are_found_in_any_order() {
        let file = [
            vec![0xff, 0xd8],
            segment(0xe2, b"ICC_PROFILE\0\x02\x02world"),
            segment(0xee, b"Adobe\0d\0\0\0\0\x02"),
            segment(0xe2, b"ICC_PROFILE\0\x01\x02hello "),
            segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
            segment(0xe1, b"Exif\0\0MM"),
            segment(0xc2, &[8, 0, 100, 0, 200, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]),
            vec![0xff, 0xff, 0xda, 0, 2],
        ]
        .concat();
        let found = Markers::parse(&file).expect("a JPEG head");
        assert_eq!(found.icc.as_deref(), Some(&b"hello world"[..]));
        assert_eq!(found.exif.as_deref(), Some(&b"MM"[..]));
        assert_eq!(found.size, Some(Size { width: 200, height: 100 }));
        assert!(found.adobe && found.progressive && !found.lossless);
        // 13 × 7 units of 16 × 16 pixels, 6 blocks each.
        assert_eq!(found.coefficient_bytes(), 13 * 7 * 6 * 128);
    }

    #[test]
    fn a_profile_with_a_missing_part_is_ignored() {
        let file = [vec![0xff, 0xd8], segment(0xe2, b"ICC_PROFILE\0\x02\x02world"), vec![0xff, 0xd9]].concat();
        assert_eq!(Markers::parse(&file).expect("a JPEG head").icc, None);
    }

    #[test]
    fn untidy_headers_are_repaired_and_pixels_are_unchanged() {
        let frame = segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]);
        let pixels = [1, 2, 3, 0xff, 0xd9];
        let untidy = [
            vec![0xff, 0xd8],
            segment(0xe2, b"ICC_PROFILE\0\x01\x01"),
            vec![0, 0, 0, 7],
            segment(0xee, b"Adobe\0d\0\0\0\0\x09"),
            frame.clone(),
            segment(0xda, &[1, 1, 0, 1, 0, 0]),
            pixels.to_vec(),
        ];
        let tidy = [
            vec![0xff, 0xd8],
            segment(0xee, b"Adobe\0d\0\0\0\0\x01"),
            frame,
            segment(0xda, &[1, 1, 0, 0, 63, 0]),
            pixels.to_vec(),
        ];
        assert_eq!(tidied(&untidy.concat()), Some(tidy.concat()));
        let file = untidy.concat();
        for end in 0..file.len() - pixels.len() {
            assert_eq!(tidied(&file[..end]), None);
        }
    }

    #[test]
    fn every_truncated_header_is_rejected_without_a_panic() {
        let file = [vec![0xff, 0xd8], segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]), vec![0xff, 0xda]].concat();
        for end in 0..file.len() {
            assert_eq!(Markers::parse(&file[..end]), None);
        }
    }
}
