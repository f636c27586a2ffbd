//! Storage of a page's samples: size, strips or tiles, compression and number format.

use super::jpeg::Components;
use crate::{
    decode::jpeg_markers::Markers,
    error::{MediaError, corrupt, unsupported},
};
use smmu_core::{
    ifd::{Directory, tag},
    image::{ImageLimits, Size},
};

/// Compression of strips and tiles.
pub(super) enum Compression {
    None,
    PackBits,
    Lzw,
    Deflate,
    Zstd,
    Lzma,
    Webp,
    FaxRuns,
    FaxRunsOfWords,
    Fax3 { two_dimensional: bool },
    Fax4,
    Jpeg(Jpeg),
}

/// Properties that all JPEG streams of a page share.
pub(super) struct Jpeg {
    /// An abbreviated stream with the tables that the other streams lack.
    pub(super) tables: Vec<u8>,
    pub(super) components: Components,
    /// Bytes of the coefficients of one stream, if it has several scans; otherwise 0.
    pub(super) coefficient_bytes: u64,
}

/// Difference that is stored instead of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// From the sample to the left (TIFF 6.0, section 14).
    Horizontal,
    /// Between bytes of floating-point numbers, with the most significant bytes of a row first (TIFF Technical Note 3).
    Float,
}

/// Number type of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// Number format of samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    pub(super) kind: Kind,
    pub(super) bits: u8,
    /// Values of black and white. Not used for unsigned numbers of up to 16 bits.
    pub(super) range: (f64, f64),
    /// Set if the file states the range.
    pub(super) stated_range: bool,
    /// Set if the most significant byte of a sample comes first.
    pub(super) big_endian: bool,
}

impl Numbers {
    /// The level of white, after unpacking.
    pub(super) const fn max(self) -> u16 {
        match self.kind {
            Kind::Unsigned if self.bits <= 16 => (u16::MAX as u32 >> (16 - self.bits as u32)) as u16,
            Kind::Unsigned | Kind::Signed | Kind::Float => u16::MAX,
        }
    }
}

/// Storage of the samples in the file.
pub(super) struct Layout {
    pub(super) size: Size,
    pub(super) numbers: Numbers,
    /// Samples per pixel, including those that are not shown.
    pub(super) samples: usize,
    /// Set if each sample has its own strips or tiles.
    pub(super) planar: bool,
    /// Luma samples across and down for each pair of chroma samples; `None` without subsampling, or if the decoder
    /// undoes it.
    pub(super) subsampling: Option<(u32, u32)>,
    pub(super) compression: Compression,
    pub(super) predictor: Predictor,
    /// Set if the bits of each byte are stored in reverse.
    pub(super) reversed_bits: bool,
    pub(super) tiled: bool,
    /// Size of a strip or tile.
    pub(super) chunk: Size,
    /// Offset and length of each strip or tile, in bytes.
    units: Vec<(u64, u64)>,
}

/// Maximum number of strips and tiles.
const MAX_UNITS: u64 = 1_000_000;
/// Longest side of a tile, in pixels.
const MAX_TILE_SIDE: u64 = 1 << 20;
/// Maximum ratio of the total length of strips and tiles to the size of the file, or to that of their pixels. Some files
/// share blank tiles, even one for all.
const MAX_SHARED: u64 = 16;
const MAX_STORED: u64 = 2;

/// A refusal that names an unsupported feature.
pub(super) fn named(what: impl std::fmt::Display) -> MediaError {
    unsupported(format!("TIFF with {what} is not supported"))
}

impl Layout {
    /// Reads the layout of a page.
    ///
    /// # Errors
    /// Refuses a canvas beyond the limits, damaged directories, and unsupported features by name.
    pub(super) fn read(page: &Directory, content: &[u8], limits: &ImageLimits) -> Result<Self, MediaError> {
        let side = |tag| page.number(tag).and_then(|side| u32::try_from(side).ok());
        let size = side(tag::IMAGE_WIDTH).zip(side(tag::IMAGE_LENGTH)).map(|(width, height)| Size { width, height });
        let size = size.ok_or_else(|| corrupt("TIFF", "its size is missing"))?;
        limits.check_canvas(size)?;
        let samples = usize::from(page.short(tag::SAMPLES_PER_PIXEL).unwrap_or(1));
        if samples == 0 {
            return Err(corrupt("TIFF", "its pixels have no samples"));
        }
        let numbers = numbers(page, samples)?;
        let planar = samples > 1 && page.short(tag::PLANAR_CONFIGURATION) == Some(2);
        let compression = compression(page, numbers)?;
        let tiled = page.has(tag::TILE_WIDTH);
        let chunk = chunk(page, size, tiled)?;
        let mut layout = Self {
            size,
            numbers,
            samples,
            planar,
            subsampling: None,
            predictor: predictor(page, &compression, numbers)?,
            compression,
            reversed_bits: page.short(tag::FILL_ORDER) == Some(2),
            tiled,
            chunk,
            units: Vec::new(),
        };
        layout.read_units(page, content)?;
        layout.read_jpeg(page, content)?;
        if matches!(layout.compression, Compression::Webp) && !matches!(layout.unit_samples(), 3 | 4) {
            return Err(named("WebP without three or four samples"));
        }
        Ok(layout)
    }

    fn read_units(&mut self, page: &Directory, content: &[u8]) -> Result<(), MediaError> {
        let planes = if self.planar { self.samples as u64 } else { 1 };
        let count = u64::from(self.across()) * u64::from(self.size.height.div_ceil(self.chunk.height)) * planes;
        if count > MAX_UNITS {
            return Err(named("more than a million strips or tiles"));
        }
        let count = count as usize;
        let (offsets, lengths) = if self.tiled && page.has(tag::TILE_OFFSETS) {
            (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS)
        } else {
            (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS)
        };
        let offsets = page.numbers(offsets, count).unwrap_or_default();
        let old_stream = page.number(tag::JPEG_OFFSET);
        if offsets.len() < count && old_stream.is_none() {
            return Err(corrupt("TIFF", "the offsets of its strips or tiles are missing"));
        }
        let lengths = page.numbers(lengths, count).unwrap_or_default();
        let mut starts = offsets.clone();
        starts.sort_unstable();
        // Without a length, a strip ends where another begins.
        let up_to_next = |offset: u64| {
            let next = starts.get(starts.partition_point(|start| *start <= offset));
            next.copied().unwrap_or(content.len() as u64).saturating_sub(offset)
        };
        let length = |index: usize, offset| {
            lengths.get(index).copied().filter(|length| *length > 0).unwrap_or_else(|| up_to_next(offset))
        };
        let units = offsets.into_iter().enumerate().map(|(index, offset)| (offset, length(index, offset)));
        self.units = units.collect();
        let total: u64 = self.units.iter().map(|(_, length)| (*length).min(content.len() as u64)).sum();
        if total / MAX_SHARED > content.len() as u64 && total / MAX_STORED > self.shown_bytes(count as u64) {
            return Err(corrupt("TIFF", "its strips or tiles overlap"));
        }
        Ok(())
    }

    /// Bytes of the pixels that are shown of so many strips or tiles.
    fn shown_bytes(&self, units: u64) -> u64 {
        let width = u64::from(self.chunk.width.min(self.size.width));
        let bits = width.saturating_mul(self.unit_samples() as u64).saturating_mul(self.numbers.bits.into());
        bits.div_ceil(8).saturating_mul(self.chunk.height.min(self.size.height).into()).saturating_mul(units)
    }

    /// Reads the properties of JPEG streams that are needed before decoding.
    fn read_jpeg(&mut self, page: &Directory, content: &[u8]) -> Result<(), MediaError> {
        let Compression::Jpeg(_) = self.compression else { return Ok(()) };
        // libjpeg-turbo only decodes one, three or four samples.
        if self.unit_samples() == 2 {
            return Err(named("JPEG of two samples"));
        }
        let old = page.short(tag::COMPRESSION) == Some(6);
        let mut components = Components::Plain;
        if old {
            let refusal = || named("JPEG of the old kind (compression 6), its stream in parts,");
            self.units = old_stream(page, content, &self.units).ok_or_else(refusal)?;
            components = Components::FromMarkers;
            if self.units.len() == 1 {
                (self.chunk, self.tiled) = (self.size, false);
            }
        } else if page.short(tag::PHOTOMETRIC) == Some(6) && !self.planar {
            components = Components::Ycbcr;
        }
        let first = Markers::parse(self.unit_bytes(content, 0, self.chunk.height)).filter(is_buffered);
        self.compression = Compression::Jpeg(Jpeg {
            tables: page.bytes(tag::JPEG_TABLES).unwrap_or_default().to_vec(),
            components,
            coefficient_bytes: first.map_or(0, |markers| markers.coefficient_bytes()),
        });
        Ok(())
    }

    /// Number of strips or tiles from the left edge to the right.
    pub(super) const fn across(&self) -> u32 {
        self.size.width.div_ceil(self.chunk.width)
    }

    /// Index of a strip or tile in the file's tables.
    pub(super) fn unit_number(&self, plane: usize, band: u32, column: u32) -> usize {
        let down = self.size.height.div_ceil(self.chunk.height) as usize;
        (plane * down + band as usize) * self.across() as usize + column as usize
    }

    /// Samples per pixel in one strip or tile.
    pub(super) const fn unit_samples(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Bytes of a row in one strip or tile; with subsampled chroma, of the rows that are stored together.
    pub(super) fn unit_row_bytes(&self) -> u64 {
        let width = u64::from(self.chunk.width);
        let samples = match self.subsampling {
            Some((across, down)) => width.div_ceil(across.into()) * (u64::from(across) * u64::from(down) + 2),
            None => width.saturating_mul(self.unit_samples() as u64),
        };
        samples.saturating_mul(self.numbers.bits.into()).div_ceil(8)
    }

    /// Bytes of `rows` rows in one strip or tile.
    pub(super) fn unit_data_bytes(&self, rows: u32) -> u64 {
        let groups = rows.div_ceil(self.subsampling.map_or(1, |(_, down)| down));
        self.unit_row_bytes().saturating_mul(groups.into())
    }

    /// Stored bytes of a strip or tile of which `rows` rows are needed; fewer, or none, if the file is truncated.
    pub(super) fn unit_bytes<'a>(&self, content: &'a [u8], number: usize, rows: u32) -> &'a [u8] {
        let Some(&(offset, length)) = self.units.get(number) else { return &[] };
        // Some programs omit blank tiles and give them offset 0, which is that of the header.
        if offset == 0 {
            return &[];
        }
        let from = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        let length = match self.compression {
            // Programs write arbitrary lengths for a single uncompressed strip.
            Compression::None if self.units.len() == 1 => self.unit_data_bytes(rows),
            _ => length,
        };
        &from[..from.len().min(usize::try_from(length).unwrap_or(usize::MAX))]
    }

    /// Stored bytes of the longest strip or tile.
    pub(super) fn longest_unit(&self, content: &[u8]) -> u64 {
        let bytes = |number| self.unit_bytes(content, number, self.chunk.height).len() as u64;
        (0..self.units.len()).map(bytes).max().unwrap_or(0)
    }
}

/// Returns whether a decoder must hold the coefficients of the whole stream.
pub(super) const fn is_buffered(markers: &Markers) -> bool {
    markers.progressive || !markers.one_scan
}

/// Places of complete old-style JPEG streams: one for the picture, or one for each strip.
fn old_stream(page: &Directory, content: &[u8], units: &[(u64, u64)]) -> Option<Vec<(u64, u64)>> {
    let is_whole = |&(offset, length): &(u64, u64)| {
        let from = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        let stream = &from[..from.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
        Markers::parse(stream).is_some_and(|markers| markers.size.is_some() && markers.pixels_at > 0)
    };
    if let Some(offset) = page.number(tag::JPEG_OFFSET) {
        let length = page.number(tag::JPEG_BYTES).filter(|length| *length > 0);
        // Some programs state only the length of the headers.
        let stream = [length.unwrap_or(u64::MAX), u64::MAX].map(|length| (offset, length)).into_iter().find(is_whole);
        if let Some(stream) = stream {
            return Some(vec![stream]);
        }
    }
    (!units.is_empty() && units.iter().all(is_whole)).then(|| units.to_vec())
}

fn numbers(page: &Directory, samples: usize) -> Result<Numbers, MediaError> {
    let bits = page.numbers(tag::BITS_PER_SAMPLE, samples).unwrap_or_else(|| vec![1]);
    let first = bits.first().copied().unwrap_or(1);
    if bits.iter().any(|bits| *bits != first) {
        return Err(named(format!("samples of different sizes ({bits:?} bits)")));
    }
    let formats = page.numbers(tag::SAMPLE_FORMAT, samples).unwrap_or_default();
    // In CIELab, lightness is unsigned and the rest signed; only some files state this.
    let format = match page.short(tag::PHOTOMETRIC) {
        Some(8..=10) => 1,
        _ => formats.first().copied().unwrap_or(1),
    };
    if format != 1 && formats.iter().any(|other| *other != format) {
        return Err(named("samples of different kinds"));
    }
    let kind = match (format, first) {
        // 4 means "undefined"; like libtiff, treat it as unsigned.
        (1 | 4, 1..=16 | 24 | 32 | 64) => Kind::Unsigned,
        (2, 8 | 16 | 24 | 32 | 64) => Kind::Signed,
        (3, 16 | 32 | 64) => Kind::Float,
        (5 | 6, _) => return Err(named("complex numbers")),
        (3, bits) => return Err(named(format!("floating-point numbers of {bits} bits"))),
        (_, bits) => return Err(named(format!("samples of {bits} bits"))),
    };
    let bits = first as u8;
    let most = |bits: u8| 2_f64.powi(i32::from(bits)) - 1.0;
    let all = |tag| page.reals(tag, samples).filter(|values| values.iter().all(|value| value.is_finite()));
    let stated = all(tag::SMALLEST_SAMPLE).zip(all(tag::LARGEST_SAMPLE)).map(|(smallest, largest)| {
        (smallest.into_iter().fold(f64::INFINITY, f64::min), largest.into_iter().fold(f64::NEG_INFINITY, f64::max))
    });
    let stated = stated.filter(|(smallest, largest)| smallest < largest);
    let range = stated.unwrap_or(match kind {
        Kind::Unsigned => (0.0, most(bits)),
        Kind::Signed => (-most(bits - 1) - 1.0, most(bits - 1)),
        Kind::Float => (0.0, 1.0),
    });
    Ok(Numbers { kind, bits, range, stated_range: stated.is_some(), big_endian: page.tiff().is_big_endian() })
}

fn compression(page: &Directory, numbers: Numbers) -> Result<Compression, MediaError> {
    let options = page.number(tag::FAX_OPTIONS).unwrap_or(0);
    let number = page.short(tag::COMPRESSION).unwrap_or(1);
    let compression = match number {
        1 => Compression::None,
        2 => Compression::FaxRuns,
        3 => Compression::Fax3 { two_dimensional: options & 1 == 1 },
        4 => Compression::Fax4,
        5 => Compression::Lzw,
        6 | 7 => {
            let (tables, components) = (Vec::new(), Components::Plain);
            Compression::Jpeg(Jpeg { tables, components, coefficient_bytes: 0 })
        }
        8 | 32946 => Compression::Deflate,
        32771 => Compression::FaxRunsOfWords,
        32773 => Compression::PackBits,
        34925 => Compression::Lzma,
        50000 | 34926 => Compression::Zstd,
        50001 | 34927 => Compression::Webp,
        other => return Err(named(compression_name(other))),
    };
    match compression {
        Compression::FaxRuns | Compression::FaxRunsOfWords | Compression::Fax3 { .. } | Compression::Fax4
            if numbers.bits != 1 =>
        {
            Err(corrupt("TIFF", "fax compression of samples that are not bits"))
        }
        Compression::Jpeg(_) if numbers.bits != 8 => Err(named(format!("JPEG of {} bits", numbers.bits))),
        Compression::Webp if numbers.bits != 8 => Err(named(format!("WebP of {} bits", numbers.bits))),
        sound => Ok(sound),
    }
}

/// Name of an unsupported compression.
fn compression_name(number: u16) -> String {
    let name = match number {
        9 | 10 | 34661 => "JBIG",
        32766 => "NeXT",
        32809 => "ThunderScan",
        32908 | 32909 => "Pixar",
        33003 | 33004 | 33005 | 34712 => "JPEG 2000",
        34676 | 34677 => "SGI LogLuv",
        34887 => "LERC",
        34892 => "lossy DNG",
        34934 | 22610 => "JPEG XR",
        50002 | 52546 => "JPEG XL",
        other => return format!("compression {other}"),
    };
    format!("{name} compression")
}

fn predictor(page: &Directory, compression: &Compression, numbers: Numbers) -> Result<Predictor, MediaError> {
    // Other compressions have no predictor, whatever the tag says.
    if !matches!(compression, Compression::Lzw | Compression::Deflate | Compression::Zstd | Compression::Lzma) {
        return Ok(Predictor::None);
    }
    match (page.short(tag::PREDICTOR).unwrap_or(1), numbers.kind, numbers.bits) {
        (1, _, _) => Ok(Predictor::None),
        (2, _, 8 | 16 | 32 | 64) => Ok(Predictor::Horizontal),
        (3, Kind::Float, _) => Ok(Predictor::Float),
        (predictor, _, bits) => Err(named(format!("predictor {predictor} of {bits}-bit samples"))),
    }
}

fn chunk(page: &Directory, size: Size, tiled: bool) -> Result<Size, MediaError> {
    if !tiled {
        let rows = page.number(tag::ROWS_PER_STRIP).unwrap_or(u64::MAX).min(size.height.into());
        let height = u32::try_from(rows).unwrap_or(size.height);
        if height == 0 {
            return Err(corrupt("TIFF", "its strips have no rows"));
        }
        return Ok(Size { width: size.width, height });
    }
    let side = |tag| match page.number(tag).unwrap_or(0) {
        0 => Err(corrupt("TIFF", "its tiles have no size")),
        side if side > MAX_TILE_SIDE => Err(named("tiles of more than a million rows or columns")),
        side => Ok(side as u32),
    };
    Ok(Size { width: side(tag::TILE_WIDTH)?, height: side(tag::TILE_HEIGHT)? })
}
