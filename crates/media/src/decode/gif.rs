//! GIF, still and moving: frames drawn onto a canvas as a player would (GIF89a, section 23).

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

fn placement(frame: &Frame) -> Placement {
    Placement {
        left: frame.left.into(),
        top: frame.top.into(),
        size: Size { width: frame.width.into(), height: frame.height.into() },
        blend: Blend::Over,
        disposal: match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => Disposal::Keep,
            // Players clear to transparent, whatever the file's background colour.
            DisposalMethod::Background => Disposal::Clear,
            DisposalMethod::Previous => Disposal::Restore,
        },
    }
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
    let mut file = file.try_clone().map_err(Transient::Read)?;
    file.rewind().map_err(Transient::Read)?;
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
