//! From a codestream to frames that can be rendered, within limits.

use super::{NAME, guarded, refusal};
use crate::error::{MediaError, corrupt, unsupported};
use jxl_bitstream::Bitstream;
use jxl_oxide::{AllocTracker, FrameHeader, InitializeResult, JxlImage, UninitializedJxlImage, image::ImageHeader};
use jxl_oxide_common::Bundle as _;
use smmu_core::{
    ErrorCode, Refusal,
    image::{ImageLimits, Size},
};

/// Bytes that are handed to the decoder at a time; after each its frames are counted.
const CHUNK_BYTES: usize = 64 * 1024;
/// The largest compressed ICC profile that is unpacked. Press profiles have up to 3 MB uncompressed.
const MAX_ICC_BYTES: u64 = 4 * 1024 * 1024;
/// Entries of all frames' tables of contents together: about 150 bytes of memory each.
const MAX_ENTRIES: u64 = 400_000;

/// What a small file may announce that is not there.
const ANNOUNCED_BYTES: usize = 16 * 1024 * 1024;

/// An image whose frames are there, as far as the file goes.
pub(super) struct Loaded {
    pub(super) image: JxlImage,
    /// Counts the memory of pixels and compressed groups.
    pub(super) tracker: AllocTracker,
    /// Whether the file holds the last frame, whole.
    pub(super) ended: bool,
}

/// The size as stored. Refused by the header alone is what is too large.
pub(super) fn check_header(codestream: &[u8], limits: &ImageLimits) -> Result<Size, MediaError> {
    let mut bits = Bitstream::new(codestream);
    let header = ImageHeader::parse(&mut bits, ()).map_err(|error| corrupt(NAME, error))?;
    let size = Size { width: header.size.width, height: header.size.height };
    limits.check_canvas(size)?;
    let metadata = &header.metadata;
    if metadata.colour_encoding.want_icc() && bits.read_u64().is_ok_and(|bytes| bytes > MAX_ICC_BYTES) {
        return Err(corrupt(NAME, "its colour profile is too large"));
    }
    // What a picture has beside colours and transparency costs memory and is not shown.
    if metadata.ec_info.len() > MAX_EXTRA_CHANNELS {
        return Err(unsupported(format!("{NAME} with {} extra channels is not supported", metadata.ec_info.len())));
    }
    Ok(size)
}

const MAX_EXTRA_CHANNELS: usize = 16;

/// Reads frames, of an animation no more than so many and one.
pub(super) fn load(codestream: &[u8], limits: &ImageLimits, most: usize) -> Result<Loaded, MediaError> {
    // Groups are kept compressed, and announced before they are there.
    let announced = codestream.len() + ANNOUNCED_BYTES;
    let tracker = AllocTracker::with_limit(codestream.len() + announced);
    let uninitialized = JxlImage::builder().alloc_tracker(tracker.clone()).build_uninit();
    let (mut image, mut fed) = guarded(|| initialized(uninitialized, codestream))?;
    let mut work = Work::default();
    work.count(&image, limits)?;
    while fed < codestream.len() && !image.is_loading_done() && image.num_loaded_keyframes() <= most {
        let chunk = &codestream[fed..codestream.len().min(fed + CHUNK_BYTES)];
        guarded(|| image.feed_bytes(chunk).map_err(refusal))?;
        fed += chunk.len();
        work.count(&image, limits)?;
    }
    // Pixels have a bound of their own. Of a file that is cut off some of this is in use.
    let _ = tracker.shrink_limit(announced);
    // What comes after so many keyframes is not asked for.
    let ended = image.is_loading_done() || image.num_loaded_keyframes() > most;
    Ok(Loaded { image, tracker, ended })
}

/// Feeds a decoder until it knows the header, and tells how many bytes it has had.
fn initialized(mut decoder: UninitializedJxlImage, codestream: &[u8]) -> Result<(JxlImage, usize), MediaError> {
    let (mut fed, mut chunk) = (0, CHUNK_BYTES);
    while fed < codestream.len() {
        let end = codestream.len().min(fed + chunk);
        decoder.feed_bytes(&codestream[fed..end]).map_err(refusal)?;
        fed = end;
        // It starts afresh each time.
        chunk *= 2;
        match decoder.try_init().map_err(refusal)? {
            InitializeResult::NeedMoreData(more) => decoder = more,
            InitializeResult::Initialized(image) => return Ok((image, fed)),
        }
    }
    Err(corrupt(NAME, "its headers are incomplete"))
}

/// What the frames cost that have come so far.
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
            // Layers of a still, and frames that are only parts of others, cost time as those of an animation do.
            if self.pixels > limits.max_pixels + limits.max_animation_pixels {
                let message = format!("the layers of the {NAME} file have too many pixels together");
                return Err(Refusal::new(ErrorCode::TooManyPixels, message).into());
            }
        }
        Ok(())
    }
}

fn entries(header: &FrameHeader) -> u64 {
    // A frame has about 1 KiB by itself.
    8 + u64::from(header.num_lf_groups()) + u64::from(header.num_groups()) * u64::from(header.passes.num_passes)
}

/// How many of all rows are there of a frame whose end is missing, by its parts that are whole.
pub(super) fn rows_there(image: &JxlImage) -> (u32, u32) {
    let all = image.image_header().size.height;
    let Some(frame) = image.frame(image.num_loaded_frames()) else { return (0, all) };
    let header = frame.header();
    // Something that another frame is drawn with.
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
