//! The directories of a TIFF file, classic and `BigTIFF` (TIFF 6.0, section 2), read from its content in memory.

use crate::error::{MediaError, corrupt};

/// Tags that are read here (TIFF 6.0, and what came after it).
pub(super) mod tag {
    pub(in super::super) const NEW_SUBFILE_TYPE: u16 = 254;
    pub(in super::super) const SUBFILE_TYPE: u16 = 255;
    pub(in super::super) const WIDTH: u16 = 256;
    pub(in super::super) const HEIGHT: u16 = 257;
    pub(in super::super) const BITS_PER_SAMPLE: u16 = 258;
    pub(in super::super) const COMPRESSION: u16 = 259;
    pub(in super::super) const PHOTOMETRIC: u16 = 262;
    pub(in super::super) const FILL_ORDER: u16 = 266;
    pub(in super::super) const MAKE: u16 = 271;
    pub(in super::super) const MODEL: u16 = 272;
    pub(in super::super) const STRIP_OFFSETS: u16 = 273;
    pub(in super::super) const ORIENTATION: u16 = 274;
    pub(in super::super) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(in super::super) const ROWS_PER_STRIP: u16 = 278;
    pub(in super::super) const STRIP_LENGTHS: u16 = 279;
    pub(in super::super) const PLANAR: u16 = 284;
    pub(in super::super) const FAX_OPTIONS: u16 = 292;
    pub(in super::super) const PREDICTOR: u16 = 317;
    pub(in super::super) const COLOR_MAP: u16 = 320;
    pub(in super::super) const TILE_WIDTH: u16 = 322;
    pub(in super::super) const TILE_HEIGHT: u16 = 323;
    pub(in super::super) const TILE_OFFSETS: u16 = 324;
    pub(in super::super) const TILE_LENGTHS: u16 = 325;
    pub(in super::super) const SUB_DIRECTORIES: u16 = 330;
    pub(in super::super) const INK_SET: u16 = 332;
    pub(in super::super) const EXTRA_SAMPLES: u16 = 338;
    pub(in super::super) const SAMPLE_FORMAT: u16 = 339;
    pub(in super::super) const SMALLEST_SAMPLE: u16 = 340;
    pub(in super::super) const LARGEST_SAMPLE: u16 = 341;
    pub(in super::super) const JPEG_TABLES: u16 = 347;
    pub(in super::super) const OLD_JPEG_STREAM: u16 = 513;
    pub(in super::super) const OLD_JPEG_LENGTH: u16 = 514;
    pub(in super::super) const YCBCR_COEFFICIENTS: u16 = 529;
    pub(in super::super) const YCBCR_SUBSAMPLING: u16 = 530;
    pub(in super::super) const REFERENCE_BLACK_WHITE: u16 = 532;
    pub(in super::super) const EXPOSURE_TIME: u16 = 33434;
    pub(in super::super) const F_NUMBER: u16 = 33437;
    pub(in super::super) const EXIF: u16 = 34665;
    pub(in super::super) const ICC: u16 = 34675;
    pub(in super::super) const ISO: u16 = 34855;
    pub(in super::super) const CAPTURED_AT: u16 = 36867;
    pub(in super::super) const CAPTURED_OFFSET: u16 = 36881;
    pub(in super::super) const FOCAL_LENGTH: u16 = 37386;
    pub(in super::super) const LENS_MODEL: u16 = 42036;
    pub(in super::super) const DNG_VERSION: u16 = 50706;
}

/// How the file writes numbers and places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notation {
    pub(super) big_endian: bool,
    /// `BigTIFF`: places and counts of 8 bytes.
    big: bool,
}

impl Notation {
    /// An unsigned number of up to 8 bytes.
    fn number(self, bytes: &[u8]) -> u64 {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    }
}

struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Where its values are.
    at: u64,
}

/// One directory: what is said of one page.
pub(super) struct Directory<'a> {
    content: &'a [u8],
    pub(super) notation: Notation,
    entries: Vec<Entry>,
    next: u64,
}

/// Bytes of a value of each kind (TIFF 6.0, section 2; `BigTIFF`); 0 of those that nobody knows.
const fn kind_bytes(kind: u16) -> u64 {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 0,
    }
}

/// More pages than this are not looked through.
const MAX_PAGES: usize = 1000;

/// The pages of a file in their order, at least one.
pub(super) fn pages(content: &[u8]) -> Result<Vec<Directory<'_>>, MediaError> {
    let missing = || corrupt("TIFF", "its directory is missing or cut off");
    let (notation, first) = header(content).ok_or_else(missing)?;
    let mut pages = vec![Directory::read(content, notation, first).ok_or_else(missing)?];
    let mut seen = vec![first];
    while let Some(next) = pages.last().map(|page| page.next).filter(|next| *next != 0)
        && pages.len() < MAX_PAGES
        && !seen.contains(&next)
        && let Some(page) = Directory::read(content, notation, next)
    {
        seen.push(next);
        pages.push(page);
    }
    Ok(pages)
}

/// The notation, and where the first directory is.
fn header(content: &[u8]) -> Option<(Notation, u64)> {
    let big_endian = match content.get(..2)? {
        b"II" => false,
        b"MM" => true,
        _ => return None,
    };
    let mut notation = Notation { big_endian, big: false };
    match notation.number(content.get(2..4)?) {
        42 => Some((notation, notation.number(content.get(4..8)?))),
        43 => {
            notation.big = true;
            Some((notation, notation.number(content.get(8..16)?)))
        }
        _ => None,
    }
}

fn part(content: &[u8], at: u64, bytes: u64) -> Option<&[u8]> {
    let start = usize::try_from(at).ok()?;
    content.get(start..start.checked_add(usize::try_from(bytes).ok()?)?)
}

impl<'a> Directory<'a> {
    fn read(content: &'a [u8], notation: Notation, at: u64) -> Option<Self> {
        // Bytes of the number of entries, of an entry, and of the count and the place in it.
        let (head, size, wide) = if notation.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = notation.number(part(content, at, head)?);
        if count > u64::from(u16::MAX) {
            return None;
        }
        let start = at + head;
        let table = part(content, start, count * size)?;
        let entry = |(index, entry): (u64, &[u8])| {
            let kind = notation.number(&entry[2..4]) as u16;
            let count = notation.number(&entry[4..4 + wide]);
            let inside = kind_bytes(kind).checked_mul(count)? <= wide as u64;
            let value = 4 + wide;
            let at = if inside { start + index * size + value as u64 } else { notation.number(&entry[value..]) };
            Some(Entry { tag: notation.number(&entry[..2]) as u16, kind, count, at })
        };
        let entries = (0..).zip(table.chunks_exact(size as usize)).filter_map(entry).collect();
        let next = part(content, start + count * size, wide as u64).map_or(0, |next| notation.number(next));
        Some(Self { content, notation, entries, next })
    }

    /// The directory that a tag points at.
    pub(super) fn below(&self, tag: u16) -> Option<Self> {
        Self::read(self.content, self.notation, self.number(tag)?)
    }

    pub(super) fn has(&self, tag: u16) -> bool {
        self.entries.iter().any(|entry| entry.tag == tag)
    }

    /// The kind of a tag's values, and their bytes.
    fn values(&self, tag: u16) -> Option<(u16, &'a [u8])> {
        let entry = self.entries.iter().find(|entry| entry.tag == tag)?;
        let bytes = kind_bytes(entry.kind).checked_mul(entry.count)?;
        Some((entry.kind, part(self.content, entry.at, bytes)?))
    }

    /// A tag's values as they stand in the file.
    pub(super) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.values(tag).map(|(_, bytes)| bytes)
    }

    /// Unsigned numbers, at most so many of them.
    pub(super) fn numbers(&self, tag: u16, most: usize) -> Option<Vec<u64>> {
        let (kind, bytes) = self.values(tag)?;
        let size = match kind {
            // Some write counts as signed numbers; a negative one is far too large for anything.
            1 | 3 | 4 | 6..=9 | 13 | 16..=18 => kind_bytes(kind) as usize,
            _ => return None,
        };
        Some(bytes.chunks_exact(size).take(most).map(|value| self.notation.number(value)).collect())
    }

    /// The first of a tag's unsigned numbers.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag, 1)?.first().copied()
    }

    /// The first of a tag's numbers, if it fits.
    pub(super) fn short(&self, tag: u16) -> Option<u16> {
        u16::try_from(self.number(tag)?).ok()
    }

    /// Numbers of any kind, at most so many of them.
    pub(super) fn reals(&self, tag: u16, most: usize) -> Option<Vec<f64>> {
        let (kind, bytes) = self.values(tag)?;
        let number = |bytes: &[u8]| self.notation.number(bytes);
        let real = |value: &[u8]| match kind {
            5 => number(&value[..4]) as f64 / number(&value[4..]) as f64,
            10 => {
                f64::from((number(&value[..4]) as u32).cast_signed())
                    / f64::from((number(&value[4..]) as u32).cast_signed())
            }
            6 => f64::from((number(value) as u8).cast_signed()),
            8 => f64::from((number(value) as u16).cast_signed()),
            9 => f64::from((number(value) as u32).cast_signed()),
            17 => number(value).cast_signed() as f64,
            11 => f64::from(f32::from_bits(number(value) as u32)),
            12 => f64::from_bits(number(value)),
            _ => number(value) as f64,
        };
        let size = kind_bytes(kind) as usize;
        (size > 0).then(|| bytes.chunks_exact(size).take(most).map(real).collect())
    }

    /// The first fraction of a tag.
    pub(super) fn fraction(&self, tag: u16) -> Option<(u32, u32)> {
        let (5, bytes) = self.values(tag)? else { return None };
        let (numerator, denominator) = bytes.get(..8)?.split_at(4);
        Some((self.notation.number(numerator) as u32, self.notation.number(denominator) as u32))
    }

    /// A text, up to its first zero.
    pub(super) fn text(&self, tag: u16) -> Option<String> {
        let (2, bytes) = self.values(tag)? else { return None };
        bytes.split(|byte| *byte == 0).next().map(|text| String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_lead_back_to_the_first_end_there() {
        let file = b"II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\x01\0\0\0\x07\0\0\0\x08\0\0\0";
        let pages = pages(file).expect("a page");
        assert_eq!(pages.len(), 1);
        assert_eq!(pages[0].number(tag::WIDTH), Some(7));
    }

    #[test]
    fn every_kind_of_number_is_read_in_either_order() {
        let file = b"MM\0*\0\0\0\x08\0\x03\x01\0\0\x03\0\0\0\x02\0\x07\0\x09\x01\x01\0\x05\0\0\0\x01\0\0\0\x32\
            \x01\x54\0\x0b\0\0\0\x01\xbf\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\x04";
        let page = pages(file).expect("a page").remove(0);
        assert_eq!(page.numbers(256, 9), Some(vec![7, 9]));
        assert_eq!(page.fraction(257), Some((3, 4)));
        assert_eq!(page.reals(257, 1), Some(vec![0.75]));
        assert_eq!(page.reals(340, 1), Some(vec![-0.5]));
        assert_eq!(page.number(340), None);
    }

    #[test]
    fn what_lies_behind_the_end_is_absent() {
        let file = b"II*\0\x08\0\0\0\x01\0\x11\x01\x04\0\x09\0\0\0\xf0\xff\xff\xff\0\0\0\0";
        let page = pages(file).expect("a page").remove(0);
        assert_eq!(page.numbers(tag::STRIP_OFFSETS, 9), None);
        for end in 0..22 {
            assert!(pages(&file[..end]).is_err());
        }
    }
}
