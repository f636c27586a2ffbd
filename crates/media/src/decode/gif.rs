//! GIF, still and moving: frames drawn onto a canvas as a player would (GIF89a, section 23).

use super::{Decode, Header, TakeFrame, cut_off, frames_missing, shortened, shrink_bytes};
use crate::{
    error::{Fault, MediaError, corrupt, reading},
    raster::{Channels, Decoded, Raster},
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
    io::{BufReader, ErrorKind, Seek as _},
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

/// Whether the file ended before the decoder had what it needs.
fn is_early_end(error: &DecodingError) -> bool {
    match error {
        DecodingError::UnexpectedEof => true,
        DecodingError::Io(error) => error.kind() == ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// For how many milliseconds a frame is shown; its delay counts in hundredths of a second.
fn shown_ms(frame: &Frame) -> u32 {
    super::shown_ms(u64::from(frame.delay) * 10)
}

/// Memory that even the smallest picture's decoder may use.
const MIN_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// A decoder without the pixels of frames, or with them as RGBA.
fn decoder(file: &File, skip_pixels: bool, canvas: u64) -> Result<Decoder<BufReader<File>>, MediaError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.skip_frame_decoding(skip_pixels);
    // Extensions that nobody knows are skipped, as browsers do.
    options.allow_unknown_blocks(true);
    // The limit is for extensions too: photo editors store megabytes of XMP in small pictures.
    let bytes = NonZeroU64::new((canvas * 4).max(MIN_MEMORY_BYTES)).expect("the least is above 0");
    options.set_memory_limit(MemoryLimit::Bytes(bytes));
    let mut file = file.try_clone().map_err(Fault::Read)?;
    file.rewind().map_err(Fault::Read)?;
    options.read_info(BufReader::new(file)).map_err(refusal)
}

/// How many of the frames, the last of which may be cut off, are whole.
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
        let stored = Size { width: counter.width().into(), height: counter.height().into() };
        limits.check_canvas(stored)?;
        let (mut frames, mut duration_ms) = (0, 0);
        let (mut has_alpha, mut last_ms) = (false, 0);
        let mut warnings = Vec::new();
        let most = limits.frames(stored);
        loop {
            let frame = match counter.next_frame_info() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                // Pictures are shown as far as they go, as browsers do.
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
            if frames == most {
                warnings.push(shortened(most));
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
            // The Netscape extension counts repetitions after the first pass, WebP counts passes.
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
        // The canvas, what a frame covered, and the frame.
        self.header.stored.pixels() * 12 + shrink_bytes(self.header.stored, target, 4)
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        let mut canvas = Canvas::clear(self.header.stored);
        let mut decoder = decoder(&self.file, false, self.header.stored.pixels())?;
        let info = decoder.next_frame_info().map_err(refusal)?.ok_or_else(|| corrupt("GIF", "it has no frames"))?;
        let mut frame = info.clone();
        // A frame may be larger than its canvas, as the decoder's own limit knows.
        let bytes = u64::from(frame.width) * u64::from(frame.height) * 4;
        if bytes > (self.header.stored.pixels() * 4).max(MIN_MEMORY_BYTES) {
            return Err(corrupt("GIF", "a frame is far larger than the picture"));
        }
        let mut pixels = vec![0; decoder.buffer_size()];
        match decoder.read_into_buffer(&mut pixels) {
            Ok(()) => {}
            // Of an animation the first frame was found to be whole.
            Err(error) if is_early_end(&error) => {
                let row = usize::from(frame.width).max(1) * 4;
                let drawn = pixels.chunks(row).rposition(|row| row.iter().any(|sample| *sample != 0)).unwrap_or(0);
                let warning = cut_off("GIF", u32::try_from(drawn).unwrap_or(0), frame.height.into())?;
                self.header.warnings.push(warning);
                // What is missing of a picture without transparent parts is as its last row.
                let (there, missing) = pixels.split_at_mut(drawn * row);
                if let Some(last) = there.len().checked_sub(row).map(|start| &there[start..]) {
                    missing.chunks_exact_mut(row).for_each(|row| row.copy_from_slice(last));
                }
            }
            Err(error) => return Err(refusal(error)),
        }
        frame.buffer = pixels.into();
        canvas.draw(&frame);
        resize::shrink(&canvas.raster, canvas.raster.size.into(), target).map(Decoded::from)
    }

    fn frames(&mut self, target: Size, take: &mut TakeFrame) -> Result<(), MediaError> {
        let mut canvas = Canvas::clear(self.header.stored);
        let mut decoder = decoder(&self.file, false, self.header.stored.pixels())?;
        for _ in 0..self.header.animation.map_or(1, |animation| animation.frames) {
            let Some(frame) = decoder.read_next_frame().map_err(refusal)? else { break };
            let covered = canvas.draw(frame);
            let shown_ms = shown_ms(frame);
            let disposal = frame.dispose;
            let shrunk = resize::shrink(&canvas.raster, canvas.raster.size.into(), target)?;
            canvas.dispose(disposal, covered);
            take(shrunk.into(), shown_ms)?;
        }
        Ok(())
    }
}

/// What a player has on its screen.
struct Canvas {
    raster: Raster,
}

/// A part of the canvas and the pixels that were there.
struct Covered {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn clear(size: Size) -> Self {
        Self { raster: Raster::zeroed(size, Channels::Rgba) }
    }

    /// Draws a frame, as far as it lies on the canvas, and tells what it covers. Kept pixels are
    /// those that only [`DisposalMethod::Previous`] asks for again.
    fn draw(&mut self, frame: &Frame) -> Covered {
        let size = self.raster.size;
        let left = usize::from(frame.left).min(size.width as usize);
        let top = usize::from(frame.top).min(size.height as usize);
        let width = usize::from(frame.width).min(size.width as usize - left);
        let height = usize::from(frame.height).min(size.height as usize - top);
        let mut covered = Covered { left, top, width, height, pixels: Vec::new() };
        let keep = frame.dispose == DisposalMethod::Previous;
        let frame_rows = frame.buffer.chunks_exact(usize::from(frame.width).max(1) * 4);
        for (row, drawn) in (top..top + height).zip(frame_rows) {
            let under = self.row(row, left, width);
            if keep {
                covered.pixels.extend_from_slice(under);
            }
            for (pixel, ink) in under.chunks_exact_mut(4).zip(drawn.chunks_exact(4)) {
                if ink[3] != 0 {
                    pixel.copy_from_slice(ink);
                }
            }
        }
        covered
    }

    fn dispose(&mut self, disposal: DisposalMethod, covered: Covered) {
        let Covered { left, top, width, height, pixels } = covered;
        match disposal {
            DisposalMethod::Any | DisposalMethod::Keep => {}
            // Players clear to transparent, whatever the file's background colour.
            DisposalMethod::Background => (top..top + height).for_each(|row| self.row(row, left, width).fill(0)),
            DisposalMethod::Previous => {
                for (row, before) in (top..top + height).zip(pixels.chunks_exact((width * 4).max(1))) {
                    self.row(row, left, width).copy_from_slice(before);
                }
            }
        }
    }

    fn row(&mut self, row: usize, left: usize, width: usize) -> &mut [u8] {
        let start = (row * self.raster.size.width as usize + left) * 4;
        &mut self.raster.samples[start..start + width * 4]
    }
}
