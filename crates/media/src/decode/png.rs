//! PNG, decoded row by row: memory holds only the rows that the next output rows need. Animations are drawn onto a
//! canvas.

mod colours;

use super::{
    Decode, Header, TakeFrame,
    apng::{Chunks, Moving},
    cut_off, shrink_bytes,
};
use crate::{
    camera::Metadata,
    error::{MediaError, Transient, corrupt, reading, unsupported},
    raster::{Channels, Decoded, Raster, row_samples},
    resize::{self, RowResizer},
    source::Source,
};
use png::{
    BitDepth, ColorType, Decoder, DecodingError, InterlaceInfo, Limits, Reader, Transformations, expand_interlaced_row,
};
use smmu_core::{
    Warning, WarningCode,
    image::{ColourModel, ImageLimits, Size},
};
use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write as _},
};

/// An opened PNG file.
pub(crate) struct Png {
    file: File,
    limits: Limits,
    reader: Reader<BufReader<File>>,
    header: Header,
    channels: Channels,
    sixteen: bool,
    interlaced: bool,
    /// Set once the file has ended before its last row.
    cut: bool,
    moving: Option<Moving>,
}

pub(super) fn refusal(error: DecodingError) -> MediaError {
    match error {
        DecodingError::IoError(error) => reading("PNG", error),
        DecodingError::Format(_) | DecodingError::Parameter(_) | DecodingError::LimitsExceeded => corrupt("PNG", error),
    }
}

/// A decoder positioned at the start of the file.
fn decoder(file: &File, limits: Limits) -> Result<Decoder<BufReader<File>>, MediaError> {
    let mut file = file.try_clone().map_err(Transient::Read)?;
    file.rewind().map_err(Transient::Read)?;
    let mut decoder = Decoder::new_with_limits(BufReader::with_capacity(64 * 1024, file), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    Ok(decoder)
}

/// Copies the file without the ancillary chunks before its header; `None` if there are none. The decoder requires the
/// header to come first (PNG, third edition, 5.6).
fn header_first(source: &Source) -> Result<Option<File>, MediaError> {
    let mut reader = source.reader()?;
    let Some(header_at) = header_at(&mut reader).filter(|at| *at > SIGNATURE.len() as u64) else { return Ok(None) };
    let mut copied = || {
        let mut copy = tempfile::tempfile()?;
        copy.write_all(SIGNATURE)?;
        reader.seek(SeekFrom::Start(header_at))?;
        io::copy(&mut reader, &mut copy)?;
        Ok(copy)
    };
    copied().map(Some).map_err(|error| Transient::Read(error).into())
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Maximum number of chunks skipped before the header.
const MAX_CHUNKS_BEFORE_HEADER: usize = 64;

/// Refuses what Xcode makes of an app's PNG files: its compression and its order of samples are those of no standard,
/// and browsers do not show it.
fn check_apple(source: &Source) -> Result<(), MediaError> {
    let mut head = [0; SIGNATURE.len() + 8];
    match source.reader()?.read_exact(&mut head) {
        Ok(()) if head.ends_with(b"CgBI") => {
            Err(unsupported("PNG in the form that Xcode makes for iOS apps (CgBI) is not supported"))
        }
        // A file that is too short is refused by the decoder.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Offset of the header's chunk, if only ancillary chunks come before it.
fn header_at(reader: &mut (impl Read + Seek)) -> Option<u64> {
    let mut at = reader.seek(SeekFrom::Start(SIGNATURE.len() as u64)).ok()?;
    for _ in 0..MAX_CHUNKS_BEFORE_HEADER {
        let mut head = [0; 8];
        reader.read_exact(&mut head).ok()?;
        let [a, b, c, d, kind @ ..] = head;
        match kind {
            [b'I', b'H', b'D', b'R'] => return Some(at),
            [b'a'..=b'z', ..] => {}
            _ => return None,
        }
        // Length, type and checksum take 12 bytes.
        at = reader.seek(SeekFrom::Start(at + 12 + u64::from(u32::from_be_bytes([a, b, c, d])))).ok()?;
    }
    None
}

/// Number of frames that can be decoded.
fn complete_frames(moving: &Moving, file: &File, limits: Limits) -> Result<u32, MediaError> {
    let mut complete = 0;
    let counted = moving.draw(decoder(file, limits)?.read_info().map_err(refusal)?, |_, _| {
        complete += 1;
        Ok(true)
    });
    match counted {
        Err(MediaError::Transient(fault)) => Err(fault.into()),
        Ok(()) | Err(MediaError::Refused(_)) => Ok(complete),
    }
}

impl Png {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        check_apple(source)?;
        let copy = header_first(source)?;
        let untidy = copy.is_some();
        let file = copy.map_or_else(|| source.file(), Ok)?;
        // For rows and compressed metadata; the pixels are in our own buffers.
        let allowed = Limits { bytes: usize::try_from(limits.max_memory_bytes / 2).unwrap_or(usize::MAX) };
        let mut first = decoder(&file, allowed)?;
        let info = first.read_header_info().map_err(refusal)?;
        let stored = Size { width: info.width, height: info.height };
        limits.check_canvas(stored)?;
        let mut from_start = file.try_clone().map_err(Transient::Read)?;
        from_start.rewind().map_err(Transient::Read)?;
        let mut chunks = Chunks::read(BufReader::with_capacity(64 * 1024, from_start), limits.frames(stored));
        let exif_behind = chunks.exif_behind.take();
        let canvas_bytes = Moving::memory_bytes(stored, 8);
        let (moving, mut warnings) = chunks.moving(stored, limits, |moving| {
            limits.check_memory(canvas_bytes)?;
            complete_frames(moving, &file, allowed)
        })?;
        if untidy {
            warnings.push(Warning::new(WarningCode::Repaired, "the PNG file has chunks before its header"));
        }

        let reader = decoder(&file, allowed)?.read_info().map_err(refusal)?;
        let info = reader.info();
        let (colour, depth) = reader.output_color_type();
        let channels = match colour {
            ColorType::Grayscale => Channels::Grey,
            ColorType::GrayscaleAlpha => Channels::GreyAlpha,
            ColorType::Rgb => Channels::Rgb,
            ColorType::Rgba => Channels::Rgba,
            ColorType::Indexed => return Err(corrupt("PNG", "it has no palette")),
        };
        let exif = info.exif_metadata.as_deref().or(exif_behind.as_deref());
        let metadata = exif.and_then(Metadata::parse);
        let header = Header {
            stored,
            orientation: metadata.as_ref().and_then(Metadata::orientation).unwrap_or_default(),
            has_alpha: channels.has_alpha() || moving.as_ref().is_some_and(|moving| moving.see_through),
            bit_depth: info.bit_depth as u8,
            colour_model: match info.color_type {
                ColorType::Grayscale | ColorType::GrayscaleAlpha => ColourModel::Grey,
                ColorType::Rgb | ColorType::Rgba => ColourModel::Rgb,
                ColorType::Indexed => ColourModel::Palette,
            },
            profile: colours::profile(info, matches!(channels, Channels::Grey | Channels::GreyAlpha)),
            camera: metadata.as_ref().and_then(Metadata::camera),
            animation: moving.as_ref().map(Moving::animation),
            warnings,
        };
        let (interlaced, sixteen) = (info.interlaced, depth == BitDepth::Sixteen);
        Ok(Self { file, limits: allowed, reader, header, channels, sixteen, interlaced, cut: false, moving })
    }

    /// Decodes an interlaced picture as a whole: no row is complete before half of all pixels are decoded.
    fn whole(&mut self) -> Result<Vec<u8>, MediaError> {
        let bytes = self.reader.output_buffer_size().ok_or_else(|| corrupt("PNG", "it has too many pixels"))?;
        let mut pixels = vec![0; bytes];
        let pixel_bits = self.channels.count() as u64 * self.sample_bytes() * 8;
        let stride = row_samples(self.header.stored.width, self.channels) * self.sample_bytes() as usize;
        let mut lines = 0;
        loop {
            match self.reader.next_interlaced_row() {
                Ok(Some(row)) => match row.interlace() {
                    InterlaceInfo::Adam7(place) => {
                        expand_interlaced_row(&mut pixels, stride, row.data(), place, pixel_bits as u8);
                        lines += 1;
                    }
                    InterlaceInfo::Null(_) => return Err(corrupt("PNG", "it is interlaced in part")),
                },
                Ok(None) => return Ok(pixels),
                Err(error) => {
                    let complete = complete_rows(self.header.stored, lines);
                    self.cut_off(error, complete)?;
                    self.fill(&mut pixels, stride, complete);
                    return Ok(pixels);
                }
            }
        }
    }

    /// Fills the missing odd rows of a truncated interlaced picture whose even rows are all complete.
    fn fill(&self, pixels: &mut [u8], stride: usize, complete: u32) {
        let height = self.header.stored.height;
        let odd_there = complete.saturating_sub(height.div_ceil(2));
        for number in (1..height as usize).step_by(2).skip(odd_there as usize) {
            pixels.copy_within((number - 1) * stride..number * stride, number * stride);
        }
    }

    /// Records that the pixels end after `rows`, since their file or their compressed stream does.
    ///
    /// # Errors
    /// Refuses a picture without nearly all of its rows, and other errors.
    fn cut_off(&mut self, error: DecodingError, rows: u32) -> Result<(), MediaError> {
        let warning = cut_off("PNG", rows, self.header.stored.height);
        let warning = match error {
            DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => warning?,
            error @ DecodingError::Format(_) => warning.map_err(|_| refusal(error))?,
            error => return Err(refusal(error)),
        };
        self.header.warnings.push(warning);
        Ok(())
    }

    /// Reads a row. Past the end of a truncated file, it repeats the row before.
    ///
    /// # Errors
    /// Refuses a file that is truncated before nearly all of its rows.
    fn row(&mut self, number: u32, before: &mut [u8], room: &mut [u8]) -> Result<(), MediaError> {
        if !self.cut {
            match self.reader.read_row(room) {
                Ok(Some(_)) => {
                    before.copy_from_slice(room);
                    return Ok(());
                }
                Ok(None) => return Err(corrupt("PNG", "it has too few rows")),
                Err(error) => {
                    self.cut_off(error, number)?;
                    self.cut = true;
                }
            }
        }
        room.copy_from_slice(before);
        Ok(())
    }

    const fn sample_bytes(&self) -> u64 {
        if self.sixteen { 2 } else { 1 }
    }
}

/// Number of complete rows after `lines` lines of the Adam7 passes (PNG, 8.2). Each line of the sixth pass completes an
/// even row, each line of the seventh an odd row.
fn complete_rows(size: Size, lines: u32) -> u32 {
    // First column, first row and row step of each of the first five passes.
    let before = [(0, 0, 8), (4, 0, 8), (0, 4, 8), (2, 0, 4), (0, 2, 4)];
    let before = before.iter().filter(|(left, ..)| size.width > *left);
    let before: u32 = before.map(|(_, top, step)| size.height.saturating_sub(*top).div_ceil(*step)).sum();
    // A picture with one column has no sixth pass; its even rows are complete after the fifth.
    let even = if size.width == 1 && lines >= before { size.height.div_ceil(2) } else { 0 };
    lines.saturating_sub(before) + even
}

/// Samples of 16 bits from the big-endian bytes of PNG.
fn sixteen(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks().0.iter().map(|&sample| u16::from_be_bytes(sample)).collect()
}

impl Decode for Png {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        let stored = self.header.stored;
        let pixel = self.channels.count() as u64 * self.sample_bytes();
        if self.moving.is_some() {
            return Moving::memory_bytes(stored, pixel) + shrink_bytes(stored, target, 4);
        }
        if self.interlaced {
            // The bytes, plus the converted samples if they have 16 bits.
            return shrink_bytes(stored, target, pixel) + stored.pixels() * pixel * (self.sample_bytes() - 1);
        }
        let resizer = if self.sixteen {
            RowResizer::<u16>::memory_bytes(stored, target, self.channels)
        } else {
            RowResizer::<u8>::memory_bytes(stored, target, self.channels)
        };
        // The decoder's own rows, filtered and unfiltered.
        resizer + 4 * u64::from(stored.width) * pixel
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        let (stored, channels) = (self.header.stored, self.channels);
        if let Some(moving) = &self.moving {
            let mut first = None;
            moving.draw(decoder(&self.file, self.limits)?.read_info().map_err(refusal)?, |canvas, _| {
                first = Some(resize::shrink(canvas, canvas.size.into(), target)?);
                Ok(false)
            })?;
            return first.map(Decoded::from).ok_or_else(|| corrupt("PNG", "it has no frames"));
        }
        if self.interlaced {
            let bytes = self.whole()?;
            return if self.sixteen {
                let raster = Raster { size: stored, channels, samples: sixteen(&bytes) };
                drop(bytes);
                resize::shrink(&raster, stored.into(), target).map(Decoded::from)
            } else {
                let raster = Raster { size: stored, channels, samples: bytes };
                resize::shrink(&raster, stored.into(), target).map(Decoded::from)
            };
        }
        let mut before = vec![0; row_samples(stored.width, channels) * self.sample_bytes() as usize];
        if self.sixteen {
            let mut resizer = RowResizer::<u16>::new(stored, target, channels);
            for number in 0..stored.height {
                resizer.push(1, |room| {
                    self.row(number, &mut before, bytemuck::cast_slice_mut(room))?;
                    for sample in room {
                        *sample = u16::from_be(*sample);
                    }
                    Ok(())
                })?;
            }
            resizer.finish().map(Decoded::from)
        } else {
            let mut resizer = RowResizer::<u8>::new(stored, target, channels);
            for number in 0..stored.height {
                resizer.push(1, |room| self.row(number, &mut before, room))?;
            }
            resizer.finish().map(Decoded::from)
        }
    }

    fn frames(&mut self, target: Size, take: &mut TakeFrame) -> Result<(), MediaError> {
        let Some(moving) = &self.moving else { return take(self.still(target)?, 0) };
        moving.draw(decoder(&self.file, self.limits)?.read_info().map_err(refusal)?, |canvas, shown_ms| {
            take(resize::shrink(canvas, canvas.size.into(), target)?.into(), shown_ms)?;
            Ok(true)
        })
    }
}
