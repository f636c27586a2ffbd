//! Speed of all work except video and audio, which [`av::speed`](crate::av::speed) covers.

/// Pixels of an image that one core decodes and encodes to all renditions per millisecond.
const IMAGE_PIXELS: u64 = 18_000;

/// Additional time for AVIF renditions, as a multiple of the time for all others.
const AVIF_TIMES: u64 = 6;

/// CPU time on one core per second of speech, in milliseconds, with the model in the image; for one hypothesis and for
/// several. Measured: an hour took 132 s.
const SPEECH_MS: [u64; 2] = [37, 90];

/// Time to load that model, in milliseconds.
const MODEL_MS: u64 = 1500;

/// Time of every attempt to fetch, probe and store, in milliseconds.
pub(super) const ATTEMPT_MS: u64 = 300;

/// CPU time on one core for an image of this many pixels, in milliseconds.
pub(super) const fn image_core_ms(pixels: u64, avif: bool) -> u64 {
    let ms = pixels / IMAGE_PIXELS;
    if avif { ms.saturating_mul(AVIF_TIMES + 1) } else { ms }
}

/// CPU time on one core to transcribe speech of this duration, in milliseconds.
pub(super) const fn speech_core_ms(spoken_ms: u64, hypotheses: u32) -> u64 {
    let a_second = SPEECH_MS[if hypotheses > 1 { 1 } else { 0 }];
    MODEL_MS.saturating_add(spoken_ms.div_ceil(1000).saturating_mul(a_second))
}
