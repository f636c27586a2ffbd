//! Loads the frames of a codestream, within limits.

use super::{NAME, guarded, refusal};
use crate::error::{MediaError, corrupt, unsupported};
use jxl_bitstream::Bitstream;
use jxl_oxide::{AllocTracker, FrameHeader, InitializeResult, JxlImage, UninitializedJxlImage, image::ImageHeader};
use jxl_oxide_common::Bundle as _;
use smmu_core::{
    ErrorCode, Refusal,
    image::{ImageLimits, Size},
};

/// Bytes fed to the decoder at a time; frames are counted after each chunk.
const CHUNK_BYTES: usize = 64 * 1024;
/// Maximum size of an encoded ICC profile. Press profiles have up to 3 MB uncompressed.
const MAX_ICC_BYTES: u64 = 4 * 1024 * 1024;
/// Maximum number of entries in the tables of contents of all frames: about 150 bytes of memory each.
const MAX_ENTRIES: u64 = 400_000;

/// Bytes that a file can announce beyond its own size.
const ANNOUNCED_BYTES: usize = 16 * 1024 * 1024;

/// An image with all of its frames, or those up to the end of a truncated file.
pub(super) struct Loaded {
    pub(super) image: JxlImage,
    /// Counts the memory of pixels and compressed groups.
    pub(super) tracker: AllocTracker,
    /// Set if the last requested frame is complete.
    pub(super) ended: bool,
}

/// Reads the stored size from the header.
///
/// # Errors
/// Refuses a canvas beyond the limits, a large colour profile and too many extra channels.
pub(super) fn check_header(codestream: &[u8], limits: &ImageLimits) -> Result<Size, MediaError> {
    let mut bits = Bitstream::new(codestream);
    let header = ImageHeader::parse(&mut bits, ()).map_err(|error| corrupt(NAME, error))?;
    let size = Size { width: header.size.width, height: header.size.height };
    limits.check_canvas(size)?;
    let metadata = &header.metadata;
    if metadata.colour_encoding.want_icc() && bits.read_u64().is_ok_and(|bytes| bytes > MAX_ICC_BYTES) {
        return Err(corrupt(NAME, "its colour profile is too large"));
    }
    // Extra channels other than transparency take memory and are not shown.
    if metadata.ec_info.len() > MAX_EXTRA_CHANNELS {
        return Err(unsupported(format!("{NAME} with {} extra channels is not supported", metadata.ec_info.len())));
    }
    Ok(size)
}

const MAX_EXTRA_CHANNELS: usize = 16;

/// Loads frames. Stops after `most` frames plus one, which shows that there are more.
pub(super) fn load(codestream: &[u8], limits: &ImageLimits, most: usize) -> Result<Loaded, MediaError> {
    // Groups are kept compressed; their memory is allocated when they are announced.
    let announced = codestream.len() + ANNOUNCED_BYTES;
    let tracker = AllocTracker::with_limit(codestream.len() + announced);
    let uninitialized = JxlImage::builder().alloc_tracker(tracker.clone()).build_uninit();
    let (mut image, mut fed) = guarded(|| initialized(uninitialized, codestream))?;
    // The decoder takes a profile of no bytes for one that it never read, and panics when asked about it.
    if image.image_header().metadata.colour_encoding.want_icc() && image.original_icc().is_none() {
        return Err(corrupt(NAME, "its colour profile is empty"));
    }
    let mut work = Work::default();
    work.count(&image, limits)?;
    while fed < codestream.len() && !image.is_loading_done() && image.num_loaded_keyframes() <= most {
        let chunk = &codestream[fed..codestream.len().min(fed + CHUNK_BYTES)];
        guarded(|| image.feed_bytes(chunk).map_err(refusal))?;
        fed += chunk.len();
        work.count(&image, limits)?;
    }
    // Pixels have their own limit. Fails for a truncated file, which still uses some of this memory.
    let _ = tracker.shrink_limit(announced);
    // Frames after `most` are not requested.
    let ended = image.is_loading_done() || image.num_loaded_keyframes() > most;
    Ok(Loaded { image, tracker, ended })
}

/// Feeds the decoder until it has read the header, and returns the number of bytes fed.
fn initialized(mut decoder: UninitializedJxlImage, codestream: &[u8]) -> Result<(JxlImage, usize), MediaError> {
    let (mut fed, mut chunk) = (0, CHUNK_BYTES);
    while fed < codestream.len() {
        let end = codestream.len().min(fed + chunk);
        decoder.feed_bytes(&codestream[fed..end]).map_err(refusal)?;
        fed = end;
        // The decoder starts from the beginning each time, so chunks double to keep the total linear.
        chunk *= 2;
        match decoder.try_init().map_err(refusal)? {
            InitializeResult::NeedMoreData(more) => decoder = more,
            InitializeResult::Initialized(image) => return Ok((image, fed)),
        }
    }
    Err(corrupt(NAME, "its headers are incomplete"))
}

/// Cost of the frames loaded so far.
#[derive(Default)]
struct Work {
    frames: usize,
    pixels: u64,
    entries: u64,
}

impl Work {
    fn count(&mut self, image: &JxlImage, limits: &ImageLimits) -> Result<(), MediaError> {
        while let Some(frame) = image.frame(self.frames).filter(|_| self.frames < image.num_loaded_frames()) {
            self.frames += 1;
            let header = frame.header();
            let size = Size { width: header.width, height: header.height };
            limits.check_canvas(size)?;
            self.pixels += size.pixels();
            self.entries += entries(header);
            if self.entries > MAX_ENTRIES {
                let message = format!("the frames of the {NAME} file are in too many parts");
                return Err(Refusal::new(ErrorCode::TooMuchMemory, message).into());
            }
            // Layers of a still picture, and frames that are only parts of others, take as much time as frames of an
            // animation.
            if self.pixels > limits.max_pixels + limits.max_animation_pixels {
                let message = format!("the layers of the {NAME} file have too many pixels together");
                return Err(Refusal::new(ErrorCode::TooManyPixels, message).into());
            }
        }
        Ok(())
    }
}

fn entries(header: &FrameHeader) -> u64 {
    // A frame takes about 1 KiB, as much as 8 entries, in addition to its groups.
    8 + u64::from(header.num_lf_groups()) + u64::from(header.num_groups()) * u64::from(header.passes.num_passes)
}

/// Number of rows present in a truncated still picture, estimated from its complete groups, and number of all rows.
pub(super) fn rows_there(image: &JxlImage) -> (u32, u32) {
    let all = image.image_header().size.height;
    let Some(frame) = image.frame(image.num_loaded_frames()) else { return (0, all) };
    let header = frame.header();
    // Only a reference for another frame, or a single group that is not complete.
    if !header.is_last || header.num_groups() == 1 {
        return (0, all);
    }
    let whole = |group: u32| {
        let complete = |pass| matches!(frame.pass_group_bitstream(pass, group), Some(Ok(part)) if !part.partial);
        (0..header.passes.num_passes).all(complete)
    };
    let pixels = |group: u32| {
        let (width, height) = header.group_size_for(group);
        u64::from(width) * u64::from(height)
    };
    let (mut there, mut of) = (0, 0);
    for group in 0..header.num_groups() {
        of += pixels(group);
        there += if whole(group) { pixels(group) } else { 0 };
    }
    ((there * u64::from(all) / of.max(1)) as u32, all)
}
