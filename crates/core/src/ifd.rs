//! The directories of TIFF 6.0 (section 2) and `BigTIFF`, which DNG and the raw files of most cameras are made of.
//!
//! Offsets and counts are the file's own and may lie: every read is bounded, and what is not there is `None`.

use std::collections::{BTreeSet, VecDeque};

/// Bytes that are read at any offset: of a file, or of its first part.
pub trait ReadAt {
    /// Fills `into` with the bytes from an offset on; `None` where there are fewer.
    fn fill(&self, offset: u64, into: &mut [u8]) -> Option<()>;
}

impl ReadAt for [u8] {
    fn fill(&self, offset: u64, into: &mut [u8]) -> Option<()> {
        let rest = self.get(usize::try_from(offset).ok()?..)?;
        into.copy_from_slice(rest.get(..into.len())?);
        Some(())
    }
}

/// Numbers of tags that are read here or by those who use this module.
pub mod tag {
    #![expect(missing_docs, reason = "the names are those of TIFF 6.0, TIFF/EP, Exif 3.0 and DNG 1.7")]
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const MAKE: u16 = 271;
    pub const MODEL: u16 = 272;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const STRIP_BYTE_COUNTS: u16 = 279;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTE_COUNTS: u16 = 325;
    pub const SUB_IFDS: u16 = 330;
    pub const JPEG_OFFSET: u16 = 513;
    pub const JPEG_BYTES: u16 = 514;
    pub const EXPOSURE_TIME: u16 = 33434;
    pub const F_NUMBER: u16 = 33437;
    pub const EXIF_IFD: u16 = 34665;
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

/// Entries of a directory that are read. Real ones have up to about 150.
const MAX_ENTRIES: u64 = 1000;
/// Directories of a file that are read. Real raw files have up to about 10.
const MAX_DIRECTORIES: usize = 64;
/// Numbers of one value that are read, and bytes of one text.
const MAX_VALUES: u64 = 1024;

/// A TIFF structure whose header was read.
#[derive(Debug)]
pub struct Tiff<'a, R: ?Sized> {
    bytes: &'a R,
    /// Where offset 0 is.
    base: u64,
    little_endian: bool,
    /// Whether counts and offsets have eight bytes.
    big: bool,
    /// Offset of the first directory.
    first: u64,
}

// Derived, it would want readers to be copied too.
impl<R: ?Sized> Clone for Tiff<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: ?Sized> Copy for Tiff<'_, R> {}

/// One directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directory {
    entries: Vec<Entry>,
    /// Offset of the next directory; 0 where there is none.
    next: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Offset of the value.
    at: u64,
}

impl Entry {
    /// Bytes of one number; `None` where its kind is unknown.
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

impl Directory {
    /// Whether it has a tag.
    #[must_use]
    pub fn has(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }

    fn entry(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().copied().find(|entry| entry.tag == tag)
    }
}

impl<'a, R: ReadAt + ?Sized> Tiff<'a, R> {
    /// Reads the header at `base`, from where on offsets count. The number after the byte order is 42, 43 of a `BigTIFF`,
    /// or one that Olympus or Panasonic put in its place.
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

    /// One with the same byte order whose offsets count from `base`, as those of a maker note may.
    #[must_use]
    pub const fn at(self, base: u64) -> Self {
        Self { base, ..self }
    }

    /// Where an offset of this structure lies among all bytes.
    #[must_use]
    pub const fn absolute(&self, offset: u64) -> u64 {
        self.base.saturating_add(offset)
    }

    /// The directory at an offset. One that is cut off ends early.
    #[must_use]
    pub fn directory(&self, offset: u64) -> Option<Directory> {
        let (count_bytes, entry_bytes) = if self.big { (8, 20) } else { (2, 12) };
        let count = self.number_at(offset, count_bytes)?;
        let start = offset.checked_add(count_bytes)?;
        let entries =
            (0..count.min(MAX_ENTRIES)).map_while(|index| self.entry(start.checked_add(index * entry_bytes)?));
        let mut directory = Directory { entries: entries.collect(), next: 0 };
        let end = start.checked_add(count.checked_mul(entry_bytes)?)?;
        directory.next = self.number_at(end, if self.big { 8 } else { 4 }).unwrap_or(0);
        Some(directory)
    }

    fn entry(&self, at: u64) -> Option<Entry> {
        let (tag, kind) = (self.number_at(at, 2)?, self.number_at(at.checked_add(2)?, 2)?);
        let word = if self.big { 8 } else { 4 };
        let count = self.number_at(at.checked_add(4)?, word)?;
        let value_at = at.checked_add(4 + word)?;
        let mut entry = Entry { tag: u16::try_from(tag).ok()?, kind: u16::try_from(kind).ok()?, count, at: value_at };
        // A value that does not fit into the entry is elsewhere.
        if entry.unit_bytes().is_some_and(|unit| count.saturating_mul(unit) > word) {
            entry.at = self.number_at(value_at, word)?;
        }
        Some(entry)
    }

    /// The directories of the chain and those below them, the first one first, each once.
    #[must_use]
    pub fn directories(&self) -> Vec<Directory> {
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
                offsets.extend(self.numbers(&directory, tag::SUB_IFDS).into_iter().take(MAX_DIRECTORIES));
                offsets.push_back(directory.next);
                found.push(directory);
            }
        }
        found
    }

    /// The directory that a tag points to.
    #[must_use]
    pub fn below(&self, directory: &Directory, tag: u16) -> Option<Directory> {
        self.directory(self.number(directory, tag)?)
    }

    /// The first number of a tag.
    #[must_use]
    pub fn number(&self, directory: &Directory, tag: u16) -> Option<u64> {
        let entry = directory.entry(tag)?;
        self.number_at(entry.at, Self::whole(entry)?)
    }

    /// The numbers of a tag; none where it is not there.
    #[must_use]
    pub fn numbers(&self, directory: &Directory, tag: u16) -> Vec<u64> {
        let read = |entry: Entry| {
            let unit = Self::whole(entry)?;
            let number = |index| self.number_at(entry.at.checked_add(index * unit)?, unit);
            Some((0..entry.count.min(MAX_VALUES)).map_while(number).collect())
        };
        directory.entry(tag).and_then(read).unwrap_or_default()
    }

    /// Bytes of a number, if the entry has unsigned whole ones.
    fn whole(entry: Entry) -> Option<u64> {
        matches!(entry.kind, 1 | 3 | 4 | 7 | 13 | 16 | 18).then(|| entry.unit_bytes())?
    }

    /// The text of a tag, up to its first zero.
    #[must_use]
    pub fn text(&self, directory: &Directory, tag: u16) -> Option<String> {
        let entry = directory.entry(tag).filter(|entry| entry.kind == 2)?;
        let mut text = vec![0; usize::try_from(entry.count.min(MAX_VALUES)).ok()?];
        self.bytes.fill(self.absolute(entry.at), &mut text)?;
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        Some(String::from_utf8_lossy(&text[..end]).into_owned())
    }

    /// The first fraction of a tag.
    #[must_use]
    pub fn fraction(&self, directory: &Directory, tag: u16) -> Option<(u32, u32)> {
        let entry = directory.entry(tag).filter(|entry| entry.kind == 5 && entry.count > 0)?;
        let part = |at: u64| u32::try_from(self.number_at(at, 4)?).ok();
        Some((part(entry.at)?, part(entry.at.checked_add(4)?)?))
    }

    /// Where the value of a tag lies among all bytes, and how many bytes it has.
    #[must_use]
    pub fn place(&self, directory: &Directory, tag: u16) -> Option<(u64, u64)> {
        let entry = directory.entry(tag)?;
        Some((self.absolute(entry.at), entry.count.checked_mul(entry.unit_bytes()?)?))
    }

    /// The unsigned number of so many bytes (1, 2, 4 or 8) at an offset.
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

#[cfg(test)]
mod tests {
    use super::{MAX_DIRECTORIES, Tiff, tag};

    /// A directory of long numbers, little-endian, and the offset of the next one.
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
    fn chained_and_lower_directories_are_found_once_each() {
        // At 8 the first, which points to the second as the next one and as one below it; the second points back.
        let file = [
            b"II*\0\x08\0\0\0".to_vec(),
            directory(&[(tag::IMAGE_WIDTH, 7), (tag::SUB_IFDS, 38)], 38),
            directory(&[(tag::IMAGE_WIDTH, 9)], 8),
        ]
        .concat();
        let tiff = Tiff::open(&file[..], 0).expect("a header");
        let found = tiff.directories();
        let widths: Vec<_> = found.iter().map(|directory| tiff.number(directory, tag::IMAGE_WIDTH)).collect();
        assert_eq!(widths, [Some(7), Some(9)]);
    }

    #[test]
    fn numbers_have_either_byte_order_and_four_or_eight_bytes() {
        let mut big = b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10".to_vec();
        big.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        big.extend([1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0x12, 0x34, 0, 0, 0, 0, 0, 0]);
        let tiff = Tiff::open(&big[..], 0).expect("a header");
        let found = tiff.directories();
        assert_eq!(tiff.number(&found[0], tag::IMAGE_WIDTH), Some(0x1234));
    }

    #[test]
    fn a_directory_that_is_cut_off_ends_early_and_one_that_lies_ends_somewhere() {
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
