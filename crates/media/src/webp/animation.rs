//! Decodes and encodes animations with one frame in memory at a time.

use super::{Picture, Plane, Settings, container, encode_error, sys};
use crate::{
    error::{MediaError, Transient, corrupt},
    raster::{Channels, Raster},
};
use smmu_core::image::Size;
use std::{ffi::CStr, marker::PhantomData, ptr::NonNull};

/// The frames of an animated WebP file, each drawn onto the canvas as a player would.
pub(crate) struct AnimationDecoder<'a> {
    decoder: NonNull<sys::WebPAnimDecoder>,
    canvas: Size,
    shown_until_ms: i32,
    /// The library keeps a pointer to the content.
    content: PhantomData<&'a [u8]>,
}

impl<'a> AnimationDecoder<'a> {
    /// Opens a file. Its canvas must have the size that was read from its header.
    pub(crate) fn open(content: &'a [u8], canvas: Size) -> Result<Self, MediaError> {
        let mut options =
            sys::WebPAnimDecoderOptions { color_mode: sys::WEBP_CSP_MODE::MODE_RGBA, use_threads: 0, padding: [0; 7] };
        let mut found = sys::WebPAnimInfo::default();
        let bytes = sys::WebPData { bytes: content.as_ptr(), size: content.len() };
        // SAFETY: plain initialisation of our own value.
        if unsafe { sys::WebPAnimDecoderOptionsInit(&raw mut options) } == 0 {
            return Err(Transient::resize("incompatible libwebp version").into());
        }
        options.color_mode = sys::WEBP_CSP_MODE::MODE_RGBA;
        // SAFETY: options are initialised, the content outlives the decoder by its lifetime.
        let decoder = unsafe { sys::WebPAnimDecoderNew(&raw const bytes, &raw const options) };
        let decoder = NonNull::new(decoder).ok_or_else(|| corrupt("WebP", "its frames cannot be found"))?;
        let opened = Self { decoder, canvas, shown_until_ms: 0, content: PhantomData };
        // SAFETY: the decoder is live and `found` is ours.
        let known = unsafe { sys::WebPAnimDecoderGetInfo(opened.decoder.as_ptr(), &raw mut found) };
        if known == 0 || (found.canvas_width, found.canvas_height) != (canvas.width, canvas.height) {
            return Err(corrupt("WebP", "its headers contradict one another"));
        }
        Ok(opened)
    }

    /// The next canvas as RGBA and its duration in milliseconds; `None` after the last.
    pub(crate) fn next_frame(&mut self) -> Result<Option<(Raster, u32)>, MediaError> {
        // SAFETY: the decoder is live.
        if unsafe { sys::WebPAnimDecoderHasMoreFrames(self.decoder.as_ptr()) } == 0 {
            return Ok(None);
        }
        let (mut canvas, mut until_ms) = (std::ptr::null_mut(), 0);
        // SAFETY: the decoder is live, both out parameters are ours.
        let drawn = unsafe { sys::WebPAnimDecoderGetNext(self.decoder.as_ptr(), &raw mut canvas, &raw mut until_ms) };
        if drawn == 0 || canvas.is_null() {
            return Err(corrupt("WebP", "a frame cannot be decoded"));
        }
        let bytes = self.canvas.width as usize * self.canvas.height as usize * Channels::Rgba.count();
        // SAFETY: the canvas has 4 bytes for each pixel of the size checked in `open`, and stays
        // untouched until the next call, which needs `&mut self`; it is copied here.
        let samples = unsafe { std::slice::from_raw_parts(canvas, bytes) }.to_vec();
        let shown_ms = until_ms.saturating_sub(self.shown_until_ms).max(0).unsigned_abs();
        self.shown_until_ms = until_ms;
        Ok(Some((Raster { size: self.canvas, channels: Channels::Rgba, samples }, shown_ms)))
    }
}

impl Drop for AnimationDecoder<'_> {
    fn drop(&mut self) {
        // SAFETY: it is live, and never used again.
        unsafe { sys::WebPAnimDecoderDelete(self.decoder.as_ptr()) };
    }
}

/// Builds an animated WebP file.
pub(crate) struct AnimationEncoder {
    encoder: NonNull<sys::WebPAnimEncoder>,
    config: sys::WebPConfig,
    size: Size,
    /// Start time of the next frame.
    at_ms: i32,
    /// Set if any frame has a pixel that is not opaque.
    transparent: bool,
}

impl AnimationEncoder {
    /// An animation without frames yet, which plays `plays` times (0: forever).
    pub(crate) fn new(size: Size, plays: u32, settings: Settings) -> Result<Self, Transient> {
        let config = settings.config()?;
        let width = i32::try_from(size.width).map_err(encode_error)?;
        let height = i32::try_from(size.height).map_err(encode_error)?;
        let mut options = sys::WebPAnimEncoderOptions {
            anim_params: sys::WebPMuxAnimParams { bgcolor: 0, loop_count: 0 },
            minimize_size: 0,
            kmin: 0,
            kmax: 0,
            allow_mixed: 0,
            verbose: 0,
            padding: [0; 4],
        };
        let abi = sys::WebPGetMuxABIVersion();
        // SAFETY: plain initialisation of our own value.
        if unsafe { sys::WebPAnimEncoderOptionsInitInternal(&raw mut options, abi) } == 0 {
            return Err(encode_error("incompatible library version"));
        }
        // The file stores 16 bits (RFC 9649, 2.7.1.1).
        options.anim_params.loop_count = i32::from(u16::try_from(plays).unwrap_or(u16::MAX));
        // SAFETY: the options are initialised.
        let encoder = unsafe { sys::WebPAnimEncoderNewInternal(width, height, &raw const options, abi) };
        let encoder = NonNull::new(encoder).ok_or_else(|| encode_error("out of memory"))?;
        Ok(Self { encoder, config, size, at_ms: 0, transparent: false })
    }

    /// Adds a frame of the animation's size, shown for `shown_ms` milliseconds.
    pub(crate) fn add(&mut self, raster: &Raster, shown_ms: u32) -> Result<(), Transient> {
        if raster.size != self.size {
            return Err(encode_error("a frame of another size"));
        }
        self.transparent |=
            raster.channels == Channels::Rgba && raster.samples.iter().skip(3).step_by(4).any(|a| *a < 255);
        let mut picture = Picture::of(raster, Plane::Argb)?;
        // SAFETY: encoder, picture and configuration are live and initialised.
        let added = unsafe {
            sys::WebPAnimEncoderAdd(self.encoder.as_ptr(), &raw mut picture.0, self.at_ms, &raw const self.config)
        };
        self.at_ms = self.at_ms.saturating_add(i32::try_from(shown_ms).unwrap_or(i32::MAX));
        if added == 0 { Err(self.complaint()) } else { Ok(()) }
    }

    /// Returns the file.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Transient> {
        // SAFETY: no picture tells the encoder when the last frame ends; the rest is live.
        let ended = unsafe {
            sys::WebPAnimEncoderAdd(self.encoder.as_ptr(), std::ptr::null_mut(), self.at_ms, std::ptr::null())
        };
        if ended == 0 {
            return Err(self.complaint());
        }
        let mut file = sys::WebPData::default();
        // SAFETY: the encoder is live and `file` is ours.
        if unsafe { sys::WebPAnimEncoderAssemble(self.encoder.as_ptr(), &raw mut file) } == 0 || file.bytes.is_null() {
            return Err(self.complaint());
        }
        // SAFETY: after success it holds `size` initialised bytes, which are copied and then freed once.
        let mut content = unsafe { std::slice::from_raw_parts(file.bytes, file.size) }.to_vec();
        // SAFETY: it was allocated by the library and is not used again.
        unsafe { sys::WebPDataClear(&mut file) };
        if self.transparent {
            container::mark_transparent(&mut content);
        }
        Ok(content)
    }

    fn complaint(&self) -> Transient {
        // SAFETY: the encoder is live; it returns null or a string that it owns.
        let reason = unsafe {
            let text = sys::WebPAnimEncoderGetError(self.encoder.as_ptr());
            if text.is_null() { None } else { Some(CStr::from_ptr(text).to_string_lossy().into_owned()) }
        };
        encode_error(reason.unwrap_or_else(|| "no reason given".to_owned()))
    }
}

impl Drop for AnimationEncoder {
    fn drop(&mut self) {
        // SAFETY: it is live, and never used again.
        unsafe { sys::WebPAnimEncoderDelete(self.encoder.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smmu_core::image::WebpProfile;

    /// A square on a transparent background, at a different place in each frame.
    fn frame(number: usize) -> Raster {
        let size = Size { width: 96, height: 32 };
        let pixel = |at: usize| if at % 96 / 32 == number { [200, 30, 60, 255] } else { [0; 4] };
        Raster { size, channels: Channels::Rgba, samples: (0..96 * 32).flat_map(pixel).collect() }
    }

    #[test]
    fn frames_keep_their_durations_and_leave_no_trace_in_the_next() {
        let WebpProfile { quality, method } = WebpProfile::default();
        let size = frame(0).size;
        let mut encoder = AnimationEncoder::new(size, 7, Settings { quality, method }).expect("an encoder");
        for (number, shown_ms) in [(0, 40), (1, 1000), (2, 70)] {
            encoder.add(&frame(number), shown_ms).expect("added");
        }
        let file = encoder.finish().expect("a file");

        let found = crate::webp::parse(&file).and_then(|container| container.animation).expect("an animation");
        assert_eq!((found.frames, found.duration_ms, found.plays), (3, 1110, 7));
        let mut decoder = AnimationDecoder::open(&file, size).expect("opened");
        for (number, wanted_ms) in [(0, 40), (1, 1000), (2, 70)] {
            let (raster, shown_ms) = decoder.next_frame().expect("sound").expect("a frame");
            assert_eq!(shown_ms, wanted_ms);
            let alpha = |raster: &Raster| raster.samples.iter().skip(3).step_by(4).copied().collect::<Vec<u8>>();
            assert_eq!(alpha(&raster), alpha(&frame(number)), "frame {number}");
        }
        assert!(decoder.next_frame().expect("sound").is_none());
    }

    #[test]
    fn an_animation_of_opaque_parts_on_a_transparent_canvas_is_marked_as_transparent() {
        let WebpProfile { quality, method } = WebpProfile::default();
        let opaque = Raster { samples: vec![255; 96 * 32 * 4], ..frame(0) };
        let other = Raster { samples: [100, 100, 100, 255].repeat(96 * 32), ..frame(0) };
        for (frames, has_alpha) in [([frame(0), frame(1)], true), ([opaque, other], false)] {
            let mut encoder =
                AnimationEncoder::new(frames[0].size, 0, Settings { quality, method }).expect("an encoder");
            for frame in &frames {
                encoder.add(frame, 50).expect("added");
            }
            let file = encoder.finish().expect("a file");
            assert_eq!(crate::webp::parse(&file).map(|container| container.has_alpha), Some(has_alpha));
        }
    }

    #[test]
    fn a_frame_of_another_size_is_an_error() {
        let WebpProfile { quality, method } = WebpProfile::default();
        let size = Size { width: 10, height: 10 };
        let mut encoder = AnimationEncoder::new(size, 0, Settings { quality, method }).expect("an encoder");
        assert!(encoder.add(&frame(0), 10).is_err());
    }
}
