//! Limits on images.

use super::{ImageProbe, Size};
use crate::error::{ErrorCode, Refusal};

/// Limits checked before any buffer of the image's size is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLimits {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Largest still, or animation canvas, in pixels.
    pub max_pixels: u64,
    /// Most frames of an animation that are processed, starting with the first.
    pub max_frames: u32,
    /// Most pixels of all processed frames together (canvas × frames): they cost time, not memory.
    pub max_animation_pixels: u64,
    /// Most memory that the whole process may need at its peak, in bytes, estimated from the header.
    pub max_memory_bytes: u64,
}

const MIB: u64 = 1024 * 1024;

impl Default for ImageLimits {
    fn default() -> Self {
        Self {
            max_bytes: 100 * MIB,
            // Phones take 200 megapixels, and panoramas have more. Formats decoded in parts need little memory for
            // them; for all others the memory is the limit.
            max_pixels: 300_000_000,
            max_frames: 2000,
            max_animation_pixels: 400_000_000,
            max_memory_bytes: 512 * MIB,
        }
    }
}

impl ImageLimits {
    /// Refuses a file by its size.
    pub fn check_bytes(&self, bytes: u64) -> Result<(), Refusal> {
        if bytes <= self.max_bytes {
            return Ok(());
        }
        let message = format!("the file has {bytes} bytes; at most {} are accepted", self.max_bytes);
        Err(Refusal::new(ErrorCode::TooManyBytes, message))
    }

    /// Refuses a canvas by its pixels, before anything else of the file is read.
    pub fn check_canvas(&self, size: Size) -> Result<(), Refusal> {
        if size.width == 0 || size.height == 0 {
            return Err(Refusal::new(ErrorCode::CorruptMedia, "the image has no pixels"));
        }
        if size.pixels() <= self.max_pixels {
            return Ok(());
        }
        let Size { width, height } = size;
        let message = format!(
            "the image has {width} × {height} pixels; at most {} megapixels are accepted",
            self.max_pixels / 1_000_000
        );
        Err(Refusal::new(ErrorCode::TooManyPixels, message))
    }

    /// Most frames to process for an animation with this canvas.
    #[must_use]
    pub fn frames(&self, canvas: Size) -> u32 {
        let by_pixels = self.max_animation_pixels / canvas.pixels().max(1);
        u32::try_from(by_pixels).unwrap_or(u32::MAX).clamp(1, self.max_frames.max(1))
    }

    /// Refuses an image that would need too much memory.
    pub fn check_memory(&self, estimate_bytes: u64) -> Result<(), Refusal> {
        if estimate_bytes <= self.max_memory_bytes {
            return Ok(());
        }
        let message = format!(
            "decoding this image would need about {} MiB of memory; at most {} MiB are allowed",
            estimate_bytes / MIB,
            self.max_memory_bytes / MIB
        );
        Err(Refusal::new(ErrorCode::TooMuchMemory, message))
    }

    /// Refuses an image for anything that its probe alone reveals.
    pub fn check(&self, probe: &ImageProbe) -> Result<(), Refusal> {
        self.check_canvas(probe.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ImageLimits =
        ImageLimits { max_bytes: 10, max_pixels: 100, max_frames: 4, max_animation_pixels: 300, max_memory_bytes: 10 };

    fn code(verdict: Result<(), Refusal>) -> Option<ErrorCode> {
        verdict.err().map(|refusal| refusal.code)
    }

    #[test]
    fn a_limit_is_the_last_value_that_passes() {
        assert_eq!(code(LIMITS.check_bytes(10)), None);
        assert_eq!(code(LIMITS.check_bytes(11)), Some(ErrorCode::TooManyBytes));
        assert_eq!(code(LIMITS.check_canvas(Size { width: 10, height: 10 })), None);
        assert_eq!(code(LIMITS.check_canvas(Size { width: 101, height: 1 })), Some(ErrorCode::TooManyPixels));
        assert_eq!(code(LIMITS.check_memory(10)), None);
        assert_eq!(code(LIMITS.check_memory(11)), Some(ErrorCode::TooMuchMemory));
    }

    #[test]
    fn a_canvas_that_overflows_every_product_is_refused() {
        let canvas = Size { width: u32::MAX, height: u32::MAX };
        assert_eq!(code(LIMITS.check_canvas(canvas)), Some(ErrorCode::TooManyPixels));
        assert_eq!(LIMITS.frames(canvas), 1);
    }

    #[test]
    fn an_image_without_pixels_is_corrupt() {
        assert_eq!(code(LIMITS.check_canvas(Size { width: 0, height: 9 })), Some(ErrorCode::CorruptMedia));
    }

    #[test]
    fn frames_are_limited_by_number_and_by_total_pixels() {
        assert_eq!(LIMITS.frames(Size { width: 10, height: 10 }), 3);
        assert_eq!(LIMITS.frames(Size { width: 1, height: 1 }), 4);
        assert_eq!(LIMITS.frames(Size { width: 0, height: 0 }), 4);
    }
}
