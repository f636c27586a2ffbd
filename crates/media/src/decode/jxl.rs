//! JPEG XL, decoded with jxl-oxide; in bands of rows if the parts of the picture are independent.

mod colours;
mod container;
mod load;

use super::{Decode, Header, TakeFrame, cut_off, shortened};
use crate::{
    camera::Metadata,
    error::{MediaError, corrupt},
    orient,
    raster::{Channels, Decoded, Raster, Sample, row_samples},
    resize::RowResizer,
    source::Source,
};
use jxl_oxide::{
    AllocTracker, CropInfo, FrameBufferSample, JxlImage, Render,
    frame::Encoding,
    image::{AnimationHeader, BitDepth},
};
use load::Loaded;
use smmu_core::{
    ErrorCode, Refusal, Warning, WarningCode,
    image::{Animation, ImageLimits, Orientation, Size},
};
use std::{
    error::Error,
    panic::{AssertUnwindSafe, catch_unwind},
};

const NAME: &str = "JPEG XL";

/// An opened JPEG XL file.
pub(crate) struct Jxl {
    image: JxlImage,
    tracker: AllocTracker,
    /// Bytes that the tracker allows for pixels so far.
    allowed: u64,
    codestream_bytes: u64,
    header: Header,
    channels: Channels,
    premultiplied: bool,
    sixteen: bool,
    /// Number of rows to render at a time; `None` if bands would not save memory.
    band_rows: Option<u32>,
    ended: bool,
    shown_ms: Vec<u32>,
}

/// Converts an error of the decoder.
fn refusal(error: Box<dyn Error + Send + Sync>) -> MediaError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error.as_ref());
    while let Some(one) = cause {
        if one.is::<jxl_grid::OutOfMemory>() {
            let message = format!("the {NAME} file needs more memory than its header says");
            return Refusal::new(ErrorCode::TooMuchMemory, message).into();
        }
        cause = one.source();
    }
    corrupt(NAME, error)
}

/// Calls the decoder, and converts a panic to a refusal.
fn guarded<T>(call: impl FnOnce() -> Result<T, MediaError>) -> Result<T, MediaError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(corrupt(NAME, "its parts contradict one another")))
}

impl Jxl {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let found = container::parse(source.content()?).ok_or_else(|| corrupt(NAME, "it holds no picture"))?;
        let canvas = load::check_header(&found.codestream, limits)?;
        let codestream_bytes = found.codestream.len() as u64;
        let most = limits.frames(canvas);
        let Loaded { mut image, tracker, ended } = load::load(&found.codestream, limits, most as usize)?;
        colours::ask_for_srgb(&mut image);
        colours::check_inks(&image)?;
        colours::check_range(&image)?;
        let metadata = &image.image_header().metadata;
        let shown_ms = match &metadata.animation {
            Some(animation) => shown_ms(&image, animation, most as usize),
            None => Vec::new(),
        };
        let moves = shown_ms.len() > 1;
        let warnings = warnings(&image, ended, shown_ms.len())?;
        let (channels, colour_model) = colours::meaning(&image);
        let profile = colours::profile(&image);
        let (bits, integer) = match metadata.bit_depth {
            BitDepth::IntegerSample { bits_per_sample } => (bits_per_sample, true),
            BitDepth::FloatSample { bits_per_sample, .. } => (bits_per_sample, false),
        };
        let premultiplied =
            channels.has_alpha() && metadata.ec_info.iter().find_map(|e| e.alpha_associated()) == Some(true);
        let exif = found.exif.as_deref().and_then(Metadata::parse);
        let header = Header {
            stored: canvas,
            // From the codestream; the orientation in Exif is only informative (18181-2, 9.6).
            orientation: Orientation::of_number(metadata.orientation).unwrap_or_default(),
            has_alpha: channels.has_alpha(),
            bit_depth: u8::try_from(bits).unwrap_or(u8::MAX),
            colour_model,
            animation: metadata.animation.as_ref().filter(|_| moves).map(|animation| Animation {
                frames: shown_ms.len() as u32,
                duration_ms: shown_ms.iter().copied().map(u64::from).sum(),
                plays: animation.num_loops,
            }),
            camera: exif.as_ref().and_then(Metadata::camera),
            warnings,
            profile,
        };
        // XYB samples are not rounded to 8 bits until their colours are converted.
        let converted = metadata.xyb_encoded && header.profile.is_some();
        let sixteen = bits > 8 || !integer || premultiplied || converted;
        let band_rows = if moves { None } else { band_rows(&image, &tracker, limits)? };
        Ok(Self {
            image,
            tracker,
            allowed: 0,
            codestream_bytes,
            header,
            channels,
            premultiplied,
            sixteen,
            band_rows,
            ended,
            shown_ms,
        })
    }

    /// Width and height of the decoder's output, which is upright.
    fn shown(&self) -> Size {
        orient::turned(self.header.stored, self.header.orientation)
    }

    /// Bytes that the decoder can allocate for pixels: those it needs, plus an eighth for small allocations.
    fn allowed_bytes(&self) -> u64 {
        self.pixel_bytes() * 9 / 8 + SMALL_BYTES
    }

    /// Bytes that the decoder needs for pixels.
    fn pixel_bytes(&self) -> u64 {
        let metadata = &self.image.image_header().metadata;
        let (pixels, extra) = (self.header.stored.pixels(), metadata.ec_info.len() as u64);
        let sample = if metadata.modular_16bit_buffers { 2 } else { 4 };
        let last = self.image.num_loaded_frames().saturating_sub(usize::from(self.ended));
        let last = self.image.frame(last).map(|frame| frame.header());
        let by_blocks = last.is_none_or(|header| header.encoding == Encoding::VarDct);
        let colours = last.map_or(3, |header| header.encoded_color_channels() as u64);
        // Extra channels are decoded as a whole, and held twice.
        let whole_extra = pixels * extra * 2 * sample;
        // Colours are floats; filters and the colour conversion copy them.
        let floats = 2 * 3 * 4 + extra * 4;
        let frame = match self.band_rows {
            Some(rows) => {
                let Size { width, height } = self.shown();
                let of_rows = |rows: u32| Size { width, height: rows.min(height) }.pixels();
                // Filters read some rows around the band. Groups are decoded as a whole; those of low frequencies are
                // eight times as high.
                let parts = (rows + FILTER_ROWS).div_ceil(GROUP_EDGE) + 1;
                of_rows(parts * GROUP_EDGE) * floats + whole_extra + of_rows(16 * GROUP_EDGE) * LOW_FREQUENCY_BYTES / 64
            }
            None if by_blocks => pixels * floats + whole_extra + pixels * LOW_FREQUENCY_BYTES / 64,
            None => {
                let converted = metadata.xyb_encoded || self.image.num_loaded_frames() > 1;
                pixels * ((colours + extra) * sample + if converted { floats } else { 0 })
            }
        };
        // The canvas and reference frames: three pictures of floats.
        let kept = if self.image.num_loaded_frames() > 1 { pixels * (3 + extra) * 4 * 3 } else { 0 };
        frame + kept
    }

    /// Bytes that the decoder allocates but never writes to, so that they take no memory: modular frames are decoded
    /// into a copy of an empty picture.
    fn untouched_bytes(&self) -> u64 {
        if self.band_rows.is_some() {
            return 0;
        }
        let metadata = &self.image.image_header().metadata;
        let sample = if metadata.modular_16bit_buffers { 2 } else { 4 };
        self.header.stored.pixels() * (3 + metadata.ec_info.len() as u64) * sample
    }

    /// Raises the tracker's limit to the memory that was estimated for the decoder.
    fn allow_memory(&mut self) {
        let more = (self.allowed_bytes() + self.untouched_bytes()).saturating_sub(self.allowed);
        self.tracker.expand_limit(usize::try_from(more).unwrap_or(0));
        self.allowed += more;
    }

    /// Decodes one frame, in stored orientation.
    fn picture<S: Level>(&mut self, keyframe: usize, target: Size) -> Result<Raster<S>, MediaError> {
        let orientation = self.header.orientation;
        let shown = self.shown();
        let mut resizer = RowResizer::<S>::new(shown, orient::turned(target, orientation), self.channels);
        let rows_at_once = self.band_rows.unwrap_or(shown.height);
        let mut top = 0;
        while top < shown.height {
            let rows = rows_at_once.min(shown.height - top);
            if self.band_rows.is_some() {
                self.image.set_image_region(CropInfo { left: 0, top, width: shown.width, height: rows });
            }
            let render = self.render(keyframe)?;
            let mut stream = render.stream();
            if (stream.width(), stream.height(), stream.channels() as usize)
                != (shown.width, rows, self.channels.count())
            {
                return Err(corrupt(NAME, "its frames contradict its header"));
            }
            for _ in 0..rows {
                resizer.push(1, |room| {
                    guarded(|| Ok(stream.write_to_buffer(room)))?;
                    self.finish_row(room);
                    Ok(())
                })?;
            }
            top += rows;
        }
        Ok(orient::stored(resizer.finish()?, orientation))
    }

    /// Renders one frame, or the available part of a truncated one.
    fn render(&mut self, keyframe: usize) -> Result<Render, MediaError> {
        if !self.ended && keyframe >= self.image.num_loaded_keyframes() {
            return guarded(|| self.image.render_loading_frame().map_err(refusal));
        }
        let render = guarded(|| self.image.render_frame(keyframe).map_err(refusal));
        match render {
            // The decoder keeps every rendered frame. Setting the region drops them; then try again.
            Err(MediaError::Refused(Refusal { code: ErrorCode::TooMuchMemory, .. })) if keyframe > 0 => {
                let Size { width, height } = self.shown();
                self.image.set_image_region(CropInfo { left: 0, top: 0, width, height });
                guarded(|| self.image.render_frame(keyframe).map_err(refusal))
            }
            render => render,
        }
    }

    /// Converts samples to the conventions of [`Channels`]: inverted inks, straight alpha.
    fn finish_row<S: Level>(&self, row: &mut [S]) {
        if self.channels == Channels::Cmyk {
            // In the file, 0 is full ink.
            for ink in row.iter_mut() {
                *ink = S::of(S::MOST - ink.level());
            }
        }
        if self.premultiplied {
            let colours = self.channels.count() - 1;
            for pixel in row.chunks_exact_mut(colours + 1) {
                let alpha = pixel[colours].level();
                for sample in &mut pixel[..colours] {
                    let straight = (u64::from(sample.level()) * u64::from(S::MOST) + u64::from(alpha / 2))
                        .checked_div(alpha.into())
                        .unwrap_or(0);
                    *sample = S::of(straight.min(S::MOST.into()) as u32);
                }
            }
        }
    }

    fn decode(&mut self, keyframe: usize, target: Size) -> Result<Decoded, MediaError> {
        self.allow_memory();
        if self.sixteen {
            self.picture::<u16>(keyframe, target).map(Decoded::from)
        } else {
            self.picture::<u8>(keyframe, target).map(Decoded::from)
        }
    }
}

/// Edge of a group, in pixels.
const GROUP_EDGE: u32 = 256;
/// Rows above and below a band, together, that its filters read.
const FILTER_ROWS: u32 = 16;
/// Bytes for each block of 8 × 8 pixels: its mean colours twice, and its coding parameters.
const LOW_FREQUENCY_BYTES: u64 = 96;
/// Bytes for tables, and for small pictures whose groups are mostly padding.
const SMALL_BYTES: u64 = 24 * 1024 * 1024;

/// A sample as a number.
trait Level: Sample + FrameBufferSample {
    const MOST: u32;
    fn level(self) -> u32;
    fn of(level: u32) -> Self;
}

impl Level for u8 {
    const MOST: u32 = 255;
    fn level(self) -> u32 {
        self.into()
    }
    fn of(level: u32) -> Self {
        level as Self
    }
}

impl Level for u16 {
    const MOST: u32 = 65_535;
    fn level(self) -> u32 {
        self.into()
    }
    fn of(level: u32) -> Self {
        level as Self
    }
}

/// Warnings about a shortened or truncated file. `frames` is the number of frames to process, 0 for a still picture.
///
/// # Errors
/// Refuses a still picture with too few rows.
fn warnings(image: &JxlImage, ended: bool, frames: usize) -> Result<Vec<Warning>, MediaError> {
    Ok(if frames > 0 && image.num_loaded_keyframes() > frames {
        vec![shortened(frames as u32)]
    } else if ended {
        Vec::new()
    } else if frames > 0 {
        let message = format!("the {NAME} file is cut off: {frames} frames are present");
        vec![Warning::new(WarningCode::CutOff, message)]
    } else {
        let (rows, all) = guarded(|| Ok(load::rows_there(image)))?;
        vec![cut_off(NAME, rows, all)?]
    })
}

/// Display times in milliseconds of at most `most` frames.
fn shown_ms(image: &JxlImage, animation: &AnimationHeader, most: usize) -> Vec<u32> {
    let (numerator, denominator) = (u64::from(animation.tps_numerator), u64::from(animation.tps_denominator));
    let milliseconds = |keyframe| {
        let ticks = image.frame_header(keyframe).map_or(0, |header| header.duration);
        super::shown_ms((u64::from(ticks) * 1000 * denominator + numerator / 2).checked_div(numerator).unwrap_or(0))
    };
    (0..image.num_loaded_keyframes().min(most)).map(milliseconds).collect()
}

/// Number of rows to render at a time; `None` to render the whole picture. Modular frames, palettes and squeezed
/// channels would be decoded as a whole for each band.
fn band_rows(image: &JxlImage, tracker: &AllocTracker, limits: &ImageLimits) -> Result<Option<u32>, MediaError> {
    let size = Size { width: image.width(), height: image.height() };
    let rows = match size.width {
        0..=8192 => 512,
        8193..=12_288 => 256,
        _ => 128,
    };
    let mut frames = (0..=image.num_loaded_frames()).filter_map(|at| image.frame(at));
    let in_blocks =
        frames.all(|frame| frame.header().encoding == Encoding::VarDct || !frame.header().frame_type.is_normal_frame());
    let last =
        image.frame(image.num_loaded_frames()).or_else(|| image.frame(image.num_loaded_frames().checked_sub(1)?));
    let Some(last) = last.filter(|_| in_blocks && size.height > 2 * rows) else { return Ok(None) };
    // Parsing the global section allocates the extra channels.
    let extra = image.image_header().metadata.ec_info.len() as u64;
    let needed = SMALL_BYTES + size.pixels() * extra * 8;
    limits.check_memory(needed)?;
    let needed = usize::try_from(needed).unwrap_or(0);
    tracker.expand_limit(needed);
    let independent = guarded(|| {
        Ok(match last.try_parse_lf_global::<i32>() {
            Some(Ok(global)) => !global.gmodular.modular.has_palette() && !global.gmodular.modular.has_squeeze(),
            _ => false,
        })
    })?;
    // All of it is free again.
    let _ = tracker.shrink_limit(needed);
    Ok(independent.then_some(rows))
}

impl Decode for Jxl {
    fn header(&self) -> &Header {
        &self.header
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        let target = orient::turned(target, self.header.orientation);
        let resizer = if self.sixteen {
            RowResizer::<u16>::memory_bytes(self.shown(), target, self.channels)
        } else {
            RowResizer::<u8>::memory_bytes(self.shown(), target, self.channels)
        };
        self.codestream_bytes
            + self.allowed_bytes()
            + resizer
            + 4 * row_samples(self.shown().width, self.channels) as u64
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        self.decode(0, target)
    }

    fn frames(&mut self, target: Size, take: &mut TakeFrame) -> Result<(), MediaError> {
        for (keyframe, shown_ms) in self.shown_ms.clone().into_iter().enumerate() {
            take(self.decode(keyframe, target)?, shown_ms)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
