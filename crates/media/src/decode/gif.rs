//! GIF, still and animated: frames are drawn onto a canvas as in a player (GIF89a, section 23).

use super::{
    Decode, Header, TakeFrame,
    canvas::{Blend, Canvas, Disposal, Placement},
    cut_off, frames_missing, shortened, shrink_bytes,
};
use crate::{
    error::{MediaError, Transient, corrupt, reading},
    raster::Decoded,
    resize,
    source::Source,
};
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, DisposalMethod, Frame, MemoryLimit, Repeat};
use smmu_core::{
    Warning, WarningCode,
    image::{Animation, ColourModel, ImageLimits, Orientation, Size},
};
use std::{
    fs::File,
    io::{self, BufReader, Chain, Cursor, ErrorKind, Read as _, Seek as _},
    num::NonZeroU64,
};

/// An opened GIF file.
pub(crate) struct Gif {
    file: File,
    header: Header,
}

fn refusal(error: DecodingError) -> MediaError {
    match error {
        DecodingError::Io(error) => reading("GIF", error),
        other => corrupt("GIF", other),
    }
}

/// Returns whether the error is an unexpected end of file.
fn is_early_end(error: &DecodingError) -> bool {
    match error {
        DecodingError::UnexpectedEof => true,
        DecodingError::Io(error) => error.kind() == ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// Display time of a frame in milliseconds; the delay in the file is in hundredths of a second.
fn shown_ms(frame: &Frame) -> u32 {
    super::shown_ms(u64::from(frame.delay) * 10)
}

fn placement(frame: &Frame) -> Placement {
    Placement {
        left: frame.left.into(),
        top: frame.top.into(),
        size: Size { width: frame.width.into(), height: frame.height.into() },
        blend: Blend::Over,
        disposal: match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => Disposal::Keep,
            // Players clear to transparent and ignore the file's background colour.
            DisposalMethod::Background => Disposal::Clear,
            DisposalMethod::Previous => Disposal::Restore,
        },
    }
}

/// Minimum memory limit of a decoder, however small the picture.
const MIN_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// A file, with its first bytes in memory.
type Prepared = Chain<Cursor<Vec<u8>>, BufReader<File>>;

/// Reads a file from its start. If it has no palette for all frames, it gets one of opaque black, which browsers use for
/// frames without a palette of their own.
fn with_palette(mut file: File) -> io::Result<Prepared> {
    const HAS_PALETTE: u8 = 0x80;
    const OF_256: u8 = 7;
    let mut head = Vec::new();
    file.rewind()?;
    let mut file = BufReader::new(file);
    // The signature and the logical screen (GIF89a, sections 17 and 18).
    file.by_ref().take(13).read_to_end(&mut head)?;
    if let Some(flags) = head.get_mut(10).filter(|flags| **flags & HAS_PALETTE == 0) {
        *flags |= HAS_PALETTE | OF_256;
        if head.len() == 13 {
            head.resize(13 + 256 * 3, 0);
        }
    }
    Ok(Cursor::new(head).chain(file))
}

/// Size of the canvas. As in browsers, a first frame that is larger than the logical screen enlarges it.
fn canvas_of(screen: Size, first: &Frame) -> Size {
    let frame = Size { width: first.width.into(), height: first.height.into() };
    if frame.width <= screen.width && frame.height <= screen.height {
        return screen;
    }
    let (left, top) = (u32::from(first.left), u32::from(first.top));
    Size { width: screen.width.max(left + frame.width), height: screen.height.max(top + frame.height) }
}

/// A decoder that skips the pixels of frames, or decodes them to RGBA.
fn decoder(file: &File, skip_pixels: bool, canvas: u64) -> Result<Decoder<Prepared>, MediaError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.skip_frame_decoding(skip_pixels);
    // Skips unknown extensions, as browsers do.
    options.allow_unknown_blocks(true);
    // The limit also covers extensions: photo editors store megabytes of XMP in small pictures.
    let bytes = NonZeroU64::new((canvas * 4).max(MIN_MEMORY_BYTES)).expect("the least is above 0");
    options.set_memory_limit(MemoryLimit::Bytes(bytes));
    let file = file.try_clone().and_then(with_palette).map_err(Transient::Read)?;
    options.read_info(file).map_err(refusal)
}

/// Number of complete frames; the last can be truncated.
fn complete_frames(file: &File, canvas: Size, frames: u32) -> Result<u32, MediaError> {
    let mut decoder = decoder(file, false, canvas.pixels())?;
    let mut complete = 0;
    while complete < frames && decoder.read_next_frame().is_ok_and(|frame| frame.is_some()) {
        complete += 1;
    }
    Ok(complete)
}

impl Gif {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let file = source.file()?;
        let mut counter = decoder(&file, true, limits.max_pixels)?;
        let screen = Size { width: counter.width().into(), height: counter.height().into() };
        if screen.pixels() > 0 {
            limits.check_canvas(screen)?;
        }
        let mut stored = screen;
        let (mut frames, mut duration_ms) = (0, 0);
        let (mut has_alpha, mut last_ms) = (false, 0);
        let mut warnings = Vec::new();
        loop {
            let frame = match counter.next_frame_info() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                // As in browsers, the complete frames of a truncated file are used.
                Err(error) if frames > 0 && is_early_end(&error) => {
                    let complete = complete_frames(&file, stored, frames)?;
                    if complete == frames {
                        warnings.push(Warning::new(WarningCode::Repaired, "the GIF file has no end mark"));
                    } else if frames > 1 {
                        frames = complete.max(1);
                        duration_ms -= last_ms;
                        warnings.push(frames_missing("GIF", frames));
                    }
                    break;
                }
                Err(error) => return Err(refusal(error)),
            };
            if frames == 0 {
                stored = canvas_of(screen, frame);
                limits.check_canvas(stored)?;
            }
            if frames == limits.frames(stored) {
                warnings.push(shortened(frames));
                break;
            }
            frames += 1;
            last_ms = u64::from(shown_ms(frame));
            duration_ms += last_ms;
            let covers = (frame.left, frame.top, u32::from(frame.width), u32::from(frame.height))
                == (0, 0, stored.width, stored.height);
            has_alpha |= frame.transparent.is_some() || (frames == 1 && !covers);
        }
        let plays = match counter.repeat() {
            Repeat::Infinite => 0,
            // The Netscape extension counts repetitions after the first play; we count plays, like WebP.
            Repeat::Finite(again) => u32::from(again) + 1,
        };
        let header = Header {
            stored,
            orientation: Orientation::Upright,
            has_alpha,
            bit_depth: 8,
            colour_model: ColourModel::Palette,
            profile: None,
            camera: None,
            animation: (frames > 1).then_some(Animation { frames, duration_ms, plays }),
            warnings,
        };
        if frames == 0 {
            return Err(corrupt("GIF", "it has no frames"));
        }
        Ok(Self { file, header })
    }
}

impl Decode for Gif {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        // The canvas, the pixels that a frame covered, and the frame; 4 bytes per pixel each.
        self.header.stored.pixels() * 12 + shrink_bytes(self.header.stored, target, 4)
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        let mut canvas = Canvas::clear(self.header.stored);
        let mut decoder = decoder(&self.file, false, self.header.stored.pixels())?;
        let info = decoder.next_frame_info().map_err(refusal)?.ok_or_else(|| corrupt("GIF", "it has no frames"))?;
        let mut frame = info.clone();
        // A frame can be larger than its canvas; the bound is the decoder's own limit.
        let bytes = u64::from(frame.width) * u64::from(frame.height) * 4;
        if bytes > (self.header.stored.pixels() * 4).max(MIN_MEMORY_BYTES) {
            return Err(corrupt("GIF", "a frame is far larger than the picture"));
        }
        let mut pixels = vec![0; decoder.buffer_size()];
        match decoder.read_into_buffer(&mut pixels) {
            Ok(()) => {}
            // Only a still picture can fail here: the first frame of an animation is complete.
            Err(error) if is_early_end(&error) => {
                let row = usize::from(frame.width).max(1) * 4;
                let drawn = pixels.chunks(row).rposition(|row| row.iter().any(|sample| *sample != 0)).unwrap_or(0);
                let warning = cut_off("GIF", u32::try_from(drawn).unwrap_or(0), frame.height.into())?;
                self.header.warnings.push(warning);
                // Missing rows repeat the last complete row.
                let (there, missing) = pixels.split_at_mut(drawn * row);
                if let Some(last) = there.len().checked_sub(row).map(|start| &there[start..]) {
                    missing.chunks_exact_mut(row).for_each(|row| row.copy_from_slice(last));
                }
            }
            Err(error) => return Err(refusal(error)),
        }
        frame.buffer = pixels.into();
        canvas.draw(placement(&frame), &frame.buffer);
        resize::shrink(&canvas.raster, canvas.raster.size.into(), target).map(Decoded::from)
    }

    fn frames(&mut self, target: Size, take: &mut TakeFrame) -> Result<(), MediaError> {
        let mut canvas = Canvas::clear(self.header.stored);
        let mut decoder = decoder(&self.file, false, self.header.stored.pixels())?;
        for _ in 0..self.header.animation.map_or(1, |animation| animation.frames) {
            let Some(frame) = decoder.read_next_frame().map_err(refusal)? else { break };
            let covered = canvas.draw(placement(frame), &frame.buffer);
            let shown_ms = shown_ms(frame);
            let shrunk = resize::shrink(&canvas.raster, canvas.raster.size.into(), target)?;
            canvas.dispose(covered);
            take(shrunk.into(), shown_ms)?;
        }
        Ok(())
    }
}
