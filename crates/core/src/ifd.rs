//! Directories of TIFF 6.0 (section 2) and `BigTIFF`. Exif, DNG and the raw files of most cameras use them too.
//!
//! Offsets and counts come from the file and may lie: every read is bounds-checked, and missing data is `None`.

use std::collections::{BTreeSet, VecDeque};

/// A source that can be read at any offset: a file or its first part.
pub trait ReadAt {
    /// Fills `into` with the bytes from an offset on; `None` if there are fewer.
    fn fill(&self, offset: u64, into: &mut [u8]) -> Option<()>;
}

impl ReadAt for [u8] {
    fn fill(&self, offset: u64, into: &mut [u8]) -> Option<()> {
        let rest = self.get(usize::try_from(offset).ok()?..)?;
        into.copy_from_slice(rest.get(..into.len())?);
        Some(())
    }
}

/// Numbers of the tags used by this crate and its dependents.
pub mod tag {
    #![expect(missing_docs, reason = "the names are those of TIFF 6.0, TIFF/EP, Exif 3.0 and DNG 1.7")]
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const SUBFILE_TYPE: u16 = 255;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const MAKE: u16 = 271;
    pub const MODEL: u16 = 272;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTE_COUNTS: u16 = 279;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const FAX_OPTIONS: u16 = 292;
    pub const PREDICTOR: u16 = 317;
    pub const COLOR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTE_COUNTS: u16 = 325;
    pub const SUB_IFDS: u16 = 330;
    pub const INK_SET: u16 = 332;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const SMALLEST_SAMPLE: u16 = 340;
    pub const LARGEST_SAMPLE: u16 = 341;
    pub const JPEG_TABLES: u16 = 347;
    pub const JPEG_OFFSET: u16 = 513;
    pub const JPEG_BYTES: u16 = 514;
    pub const YCBCR_COEFFICIENTS: u16 = 529;
    pub const YCBCR_SUBSAMPLING: u16 = 530;
    pub const REFERENCE_BLACK_WHITE: u16 = 532;
    pub const EXPOSURE_TIME: u16 = 33434;
    pub const F_NUMBER: u16 = 33437;
    pub const EXIF_IFD: u16 = 34665;
    pub const ICC: u16 = 34675;
    pub const ISO: u16 = 34855;
    pub const DATE_TIME_ORIGINAL: u16 = 36867;
    pub const OFFSET_TIME_ORIGINAL: u16 = 36881;
    pub const FOCAL_LENGTH: u16 = 37386;
    pub const MAKER_NOTE: u16 = 37500;
    pub const PIXEL_X_DIMENSION: u16 = 40962;
    pub const PIXEL_Y_DIMENSION: u16 = 40963;
    pub const LENS_MODEL: u16 = 42036;
    pub const DNG_VERSION: u16 = 50706;
    pub const DNG_PRIVATE_DATA: u16 = 50740;
}

/// Most entries read per directory. Real ones have up to about 150.
const MAX_ENTRIES: u64 = 1000;
/// Most directories read per file. Real raw files have up to about 10.
const MAX_DIRECTORIES: usize = 64;
/// Most pages read per file; scanners write hundreds.
const MAX_PAGES: usize = 1000;
/// Most bytes read of a text.
const MAX_TEXT_BYTES: u64 = 1024;

/// A TIFF structure whose header was parsed.
#[derive(Debug)]
pub struct Tiff<'a, R: ?Sized> {
    bytes: &'a R,
    /// Position of offset 0.
    base: u64,
    little_endian: bool,
    /// Set if counts and offsets have eight bytes.
    big: bool,
    /// Offset of the first directory.
    first: u64,
}

// A derived implementation would require readers to be cloneable.
impl<R: ?Sized> Clone for Tiff<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: ?Sized> Copy for Tiff<'_, R> {}

/// One directory of a TIFF structure.
#[derive(Debug, Clone)]
pub struct Directory<'a, R: ?Sized = [u8]> {
    tiff: Tiff<'a, R>,
    entries: Vec<Entry>,
    /// Offset of the next directory; 0 if there is none.
    next: u64,
    /// Set if the data ends before the entries do.
    cut_off: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Offset of the value in the structure.
    at: u64,
}

impl Entry {
    /// At most `most` values, each computed from its offset.
    fn values<T>(self, most: usize, value: impl Fn(u64) -> Option<T>) -> Option<Vec<T>> {
        let unit = self.unit_bytes()?;
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        (0..self.count.min(most)).map(|index| value(self.at.checked_add(index.checked_mul(unit)?)?)).collect()
    }

    /// Size of one number in bytes; `None` if its type is unknown.
    const fn unit_bytes(self) -> Option<u64> {
        Some(match self.kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16..=18 => 8,
            _ => return None,
        })
    }
}

impl<'a, R: ReadAt + ?Sized> Tiff<'a, R> {
    /// Parses the header at `base`, from which offsets count. The number after the byte order is 42, 43 for `BigTIFF`,
    /// or a value specific to Olympus or Panasonic.
    #[must_use]
    pub fn open(bytes: &'a R, base: u64) -> Option<Self> {
        let mut head = [0; 4];
        bytes.fill(base, &mut head)?;
        let (little_endian, big) = match &head {
            b"II*\0" | b"IIU\0" | b"IIRO" | b"IIRS" => (true, false),
            b"MM\0*" | b"MMOR" => (false, false),
            b"II+\0" => (true, true),
            b"MM\0+" => (false, true),
            _ => return None,
        };
        let mut tiff = Self { bytes, base, little_endian, big, first: 0 };
        tiff.first = if big { tiff.number_at(8, 8)? } else { tiff.number_at(4, 4)? };
        Some(tiff)
    }

    /// A structure with the same byte order whose offsets count from `base`, as in some maker notes.
    #[must_use]
    pub const fn at(self, base: u64) -> Self {
        Self { base, ..self }
    }

    /// Returns whether numbers start with their most significant byte.
    #[must_use]
    pub const fn is_big_endian(&self) -> bool {
        !self.little_endian
    }

    /// Converts an offset of this structure to a position in the source.
    #[must_use]
    pub const fn absolute(&self, offset: u64) -> u64 {
        self.base.saturating_add(offset)
    }

    /// Reads the directory at an offset. If the data is cut off, it has fewer entries.
    #[must_use]
    pub fn directory(&self, offset: u64) -> Option<Directory<'a, R>> {
        let (count_bytes, entry_bytes) = if self.big { (8, 20) } else { (2, 12) };
        let stated = self.number_at(offset, count_bytes)?;
        let start = offset.checked_add(count_bytes)?;
        let count = stated.min(MAX_ENTRIES);
        let entries = (0..count).map_while(|index| self.entry(start.checked_add(index * entry_bytes)?));
        let entries: Vec<Entry> = entries.collect();
        let end = start.checked_add(stated.checked_mul(entry_bytes)?)?;
        let next = self.number_at(end, if self.big { 8 } else { 4 }).unwrap_or(0);
        let cut_off = (entries.len() as u64) < count;
        Some(Directory { tiff: *self, entries, next, cut_off })
    }

    fn entry(&self, at: u64) -> Option<Entry> {
        let (tag, kind) = (self.number_at(at, 2)?, self.number_at(at.checked_add(2)?, 2)?);
        let word = if self.big { 8 } else { 4 };
        let count = self.number_at(at.checked_add(4)?, word)?;
        let value_at = at.checked_add(4 + word)?;
        let elsewhere = self.number_at(value_at, word)?;
        let mut entry = Entry { tag: u16::try_from(tag).ok()?, kind: u16::try_from(kind).ok()?, count, at: value_at };
        // A value that does not fit into the entry is stored at an offset.
        if entry.unit_bytes().is_some_and(|unit| count.saturating_mul(unit) > word) {
            entry.at = elsewhere;
        }
        Some(entry)
    }

    /// The first directory.
    #[must_use]
    pub fn main(&self) -> Option<Directory<'a, R>> {
        self.directory(self.first)
    }

    /// The chain of directories, each once, up to the first that is cut off.
    #[must_use]
    pub fn pages(&self) -> Vec<Directory<'a, R>> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut offset = self.first;
        while offset != 0
            && found.len() < MAX_PAGES
            && seen.insert(offset)
            && let Some(page) = self.directory(offset).filter(|page| !page.cut_off)
        {
            offset = page.next;
            found.push(page);
        }
        found
    }

    /// The chain of directories and their sub-directories, in breadth-first order, each once.
    #[must_use]
    pub fn directories(&self) -> Vec<Directory<'a, R>> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut offsets = VecDeque::from([self.first]);
        while let Some(offset) = offsets.pop_front() {
            if found.len() == MAX_DIRECTORIES {
                break;
            }
            if offset == 0 || !seen.insert(offset) {
                continue;
            }
            if let Some(directory) = self.directory(offset) {
                offsets.extend(directory.numbers(tag::SUB_IFDS, MAX_DIRECTORIES).unwrap_or_default());
                offsets.push_back(directory.next);
                found.push(directory);
            }
        }
        found
    }

    /// The unsigned number of `bytes` bytes (1, 2, 4 or 8) at an offset.
    fn number_at(&self, offset: u64, bytes: u64) -> Option<u64> {
        let mut number = [0; 8];
        let part = number.get_mut(..usize::try_from(bytes).ok()?)?;
        self.bytes.fill(self.base.checked_add(offset)?, part)?;
        if !self.little_endian {
            part.reverse();
        }
        Some(u64::from_le_bytes(number))
    }
}

impl<'a, R: ReadAt + ?Sized> Directory<'a, R> {
    /// The structure that contains the directory.
    #[must_use]
    pub const fn tiff(&self) -> Tiff<'a, R> {
        self.tiff
    }

    /// Returns whether the directory has a tag.
    #[must_use]
    pub fn has(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }

    fn entry(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().copied().find(|entry| entry.tag == tag)
    }

    /// The directory that a tag points to.
    #[must_use]
    pub fn below(&self, tag: u16) -> Option<Self> {
        self.tiff.directory(self.number(tag)?)
    }

    /// The unsigned numbers of a tag, at most `most`; `None` if any is missing. Some programs write counts as signed
    /// numbers; a negative one is read as a number too large to be valid.
    #[must_use]
    pub fn numbers(&self, tag: u16, most: usize) -> Option<Vec<u64>> {
        let entry = self.entry(tag)?;
        if !matches!(entry.kind, 1 | 3 | 4 | 6..=9 | 13 | 16..=18) {
            return None;
        }
        let unit = entry.unit_bytes()?;
        entry.values(most, |at| self.tiff.number_at(at, unit))
    }

    /// The first number of a tag.
    #[must_use]
    pub fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag, 1)?.first().copied()
    }

    /// The first number of a tag, if it fits 32 bits.
    #[must_use]
    pub fn long(&self, tag: u16) -> Option<u32> {
        u32::try_from(self.number(tag)?).ok()
    }

    /// The first number of a tag, if it fits 16 bits.
    #[must_use]
    pub fn short(&self, tag: u16) -> Option<u16> {
        u16::try_from(self.number(tag)?).ok()
    }

    /// Numbers of any type, at most `most`; `None` if any is missing.
    #[must_use]
    pub fn reals(&self, tag: u16, most: usize) -> Option<Vec<f64>> {
        let entry = self.entry(tag)?;
        let number = |at, bytes| self.tiff.number_at(at, bytes);
        let long = |at: u64| number(at, 4).and_then(|number| u32::try_from(number).ok());
        entry.values(most, |at| {
            Some(match entry.kind {
                5 => f64::from(long(at)?) / f64::from(long(at.checked_add(4)?)?),
                10 => f64::from(long(at)?.cast_signed()) / f64::from(long(at.checked_add(4)?)?.cast_signed()),
                6 => f64::from(u8::try_from(number(at, 1)?).ok()?.cast_signed()),
                8 => f64::from(u16::try_from(number(at, 2)?).ok()?.cast_signed()),
                9 => f64::from(long(at)?.cast_signed()),
                11 => f64::from(f32::from_bits(long(at)?)),
                12 => f64::from_bits(number(at, 8)?),
                #[expect(clippy::cast_precision_loss, reason = "an f64 is the closest representation")]
                17 => number(at, 8)?.cast_signed() as f64,
                #[expect(clippy::cast_precision_loss, reason = "an f64 is the closest representation")]
                _ => number(at, entry.unit_bytes()?)? as f64,
            })
        })
    }

    /// The text of a tag, up to the first NUL.
    #[must_use]
    pub fn text(&self, tag: u16) -> Option<String> {
        let entry = self.entry(tag).filter(|entry| entry.kind == 2)?;
        let mut text = vec![0; usize::try_from(entry.count.min(MAX_TEXT_BYTES)).ok()?];
        self.tiff.bytes.fill(self.tiff.absolute(entry.at), &mut text)?;
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        Some(String::from_utf8_lossy(&text[..end]).into_owned())
    }

    /// The first rational of a tag.
    #[must_use]
    pub fn fraction(&self, tag: u16) -> Option<(u32, u32)> {
        let entry = self.entry(tag).filter(|entry| entry.kind == 5 && entry.count > 0)?;
        let part = |at: u64| u32::try_from(self.tiff.number_at(at, 4)?).ok();
        Some((part(entry.at)?, part(entry.at.checked_add(4)?)?))
    }

    /// Position and size in bytes of a tag's value in the source.
    #[must_use]
    pub fn place(&self, tag: u16) -> Option<(u64, u64)> {
        let entry = self.entry(tag)?;
        Some((self.tiff.absolute(entry.at), entry.count.checked_mul(entry.unit_bytes()?)?))
    }
}

impl<'a> Directory<'a, [u8]> {
    /// The bytes of a tag's value.
    #[must_use]
    pub fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        let (at, bytes) = self.place(tag)?;
        let start = usize::try_from(at).ok()?;
        self.tiff.bytes.get(start..start.checked_add(usize::try_from(bytes).ok()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_DIRECTORIES, Tiff, tag};

    /// A little-endian directory of long numbers, followed by the offset of the next one.
    fn directory(entries: &[(u16, u32)], next: u32) -> Vec<u8> {
        let mut bytes = u16::try_from(entries.len()).expect("few").to_le_bytes().to_vec();
        for (tag, value) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend([4, 0, 1, 0, 0, 0]);
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(next.to_le_bytes());
        bytes
    }

    #[test]
    fn chained_and_sub_directories_are_found_once_each() {
        // The first, at 8, points to the second both as its next and as its sub-directory; the second points back.
        let file = [
            b"II*\0\x08\0\0\0".to_vec(),
            directory(&[(tag::IMAGE_WIDTH, 7), (tag::SUB_IFDS, 38)], 38),
            directory(&[(tag::IMAGE_WIDTH, 9)], 8),
        ]
        .concat();
        let tiff = Tiff::open(&file[..], 0).expect("a header");
        let found = tiff.directories();
        let widths: Vec<_> = found.iter().map(|directory| directory.number(tag::IMAGE_WIDTH)).collect();
        assert_eq!(widths, [Some(7), Some(9)]);
        assert_eq!(tiff.pages().len(), 2, "each points to the other");
    }

    #[test]
    fn numbers_have_either_byte_order_and_four_or_eight_bytes() {
        let mut big = b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10".to_vec();
        big.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        big.extend([1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0x12, 0x34, 0, 0, 0, 0, 0, 0]);
        let tiff = Tiff::open(&big[..], 0).expect("a header");
        let found = tiff.directories();
        assert_eq!(found[0].number(tag::IMAGE_WIDTH), Some(0x1234));
    }

    #[test]
    fn every_type_of_number_is_read() {
        let file = b"MM\0*\0\0\0\x08\0\x03\x01\0\0\x03\0\0\0\x02\0\x07\0\x09\x01\x01\0\x05\0\0\0\x01\0\0\0\x32\
            \x01\x54\0\x0b\0\0\0\x01\xbf\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\x04";
        let page = Tiff::open(&file[..], 0).and_then(|tiff| tiff.main()).expect("a page");
        assert_eq!(page.numbers(256, 9), Some(vec![7, 9]));
        assert_eq!(page.numbers(256, 1), Some(vec![7]));
        assert_eq!(page.fraction(257), Some((3, 4)));
        assert_eq!(page.reals(257, 1), Some(vec![0.75]));
        assert_eq!(page.reals(340, 1), Some(vec![-0.5]));
        assert_eq!(page.number(340), None);
        assert_eq!(page.bytes(256), Some(&[0, 7, 0, 9][..]));
    }

    #[test]
    fn data_past_the_end_is_absent() {
        let file = b"II*\0\x08\0\0\0\x01\0\x11\x01\x04\0\x09\0\0\0\xf0\xff\xff\xff\0\0\0\0";
        let page = Tiff::open(&file[..], 0).and_then(|tiff| tiff.main()).expect("a page");
        assert_eq!((page.numbers(tag::STRIP_OFFSETS, 9), page.bytes(tag::STRIP_OFFSETS)), (None, None));
        for end in 0..22 {
            assert!(Tiff::open(&file[..end], 0).is_none_or(|tiff| tiff.pages().is_empty()), "cut at {end}");
        }
    }

    #[test]
    fn cut_off_and_lying_directories_do_not_run_on() {
        let file = [b"II*\0\x08\0\0\0".to_vec(), directory(&[(tag::IMAGE_WIDTH, 7), (tag::SUB_IFDS, 8)], 0)].concat();
        for end in 0..file.len() {
            let found = Tiff::open(&file[..end], 0).map(|tiff| tiff.directories().len());
            assert!(found.is_none_or(|count| count <= 1), "cut at {end}");
        }
        let claims = [b"II*\0\x08\0\0\0".to_vec(), vec![0xFF; 5000]].concat();
        assert!(Tiff::open(&claims[..], 0).expect("a header").directories().len() <= MAX_DIRECTORIES);
        assert!(Tiff::open(&b"II*\0\xFF\xFF\xFF\xFF"[..], u64::MAX).is_none());
    }
}
