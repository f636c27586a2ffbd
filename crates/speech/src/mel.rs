//! Whisper's input features: a log-mel spectrogram with 100 frames per second.

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex32};
use smmu_core::speech::regions::SAMPLE_RATE_HZ;
use std::{fmt, sync::Arc};

/// Samples per second.
pub(crate) const SAMPLE_RATE: usize = SAMPLE_RATE_HZ as usize;
/// Samples from one frame to the next: 10 ms.
pub(crate) const HOP: usize = 160;
/// Samples under one frame: 25 ms.
const FFT: usize = 400;
const BINS: usize = FFT / 2 + 1;

/// Computes log-mel features with a given number of bands.
pub(crate) struct LogMel {
    bands: Vec<Band>,
    window: Vec<f32>,
    transform: Arc<dyn RealToComplex<f32>>,
}

impl fmt::Debug for LogMel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogMel").field("bands", &self.bands.len()).finish_non_exhaustive()
    }
}

/// A triangular filter over neighbouring frequencies.
#[derive(Debug, PartialEq)]
struct Band {
    first_bin: usize,
    weights: Vec<f32>,
}

impl LogMel {
    /// For a model with `bands` bands: 80, or 128 since large-v3.
    pub(crate) fn new(bands: usize) -> Self {
        Self {
            bands: triangles(bands),
            window: (0..FFT).map(|at| hann(at as f64 / FFT as f64) as f32).collect(),
            transform: RealFftPlanner::new().plan_fft_forward(FFT),
        }
    }

    /// Computes the features of `frames` frames, band by band. Frames after the last sample are silent, as if the
    /// samples were padded with zeros.
    pub(crate) fn features(&self, samples: &[f32], frames: usize) -> Vec<f32> {
        // Frames that contain a sample: each reaches half a window to either side.
        let heard = (samples.len() + FFT / 2).div_ceil(HOP).min(frames);
        let mut features = vec![SILENCE; self.bands.len() * frames];
        let mut piece = self.transform.make_input_vec();
        let mut spectrum = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let mut power = [0.0; BINS];
        for frame in 0..heard {
            self.cut(samples, frame, &mut piece);
            self.transform
                .process_with_scratch(&mut piece, &mut spectrum, &mut scratch)
                .expect("the lengths are the transform's own");
            for (power, bin) in power.iter_mut().zip(&spectrum) {
                *power = Complex32::norm_sqr(bin);
            }
            for (at, band) in self.bands.iter().enumerate() {
                features[at * frames + frame] = band.power(&power).max(MIN_POWER).log10();
            }
        }
        scale(&mut features);
        features
    }

    /// Copies the windowed samples around the start of a frame. Before the first sample, the sound is mirrored.
    fn cut(&self, samples: &[f32], frame: usize, piece: &mut [f32]) {
        let start = frame * HOP;
        for (at, (cut, weight)) in piece.iter_mut().zip(&self.window).enumerate() {
            let place = (start + at).abs_diff(FFT / 2);
            *cut = samples.get(place).copied().unwrap_or(0.0) * weight;
        }
    }
}

/// Smallest power; anything below counts as silence.
const MIN_POWER: f32 = 1e-10;
/// Logarithm of [`MIN_POWER`].
const SILENCE: f32 = -10.0;
/// Dynamic range, as a logarithm: anything more than 80 dB below the loudest counts as silence.
const RANGE: f32 = 8.0;

/// Scales features to the range that models were trained with.
fn scale(features: &mut [f32]) {
    let floor = features.iter().copied().fold(SILENCE, f32::max) - RANGE;
    for feature in features {
        *feature = (feature.max(floor) + 4.0) / 4.0;
    }
}

impl Band {
    fn power(&self, bins: &[f32; BINS]) -> f32 {
        bins[self.first_bin..].iter().zip(&self.weights).map(|(power, weight)| power * weight).sum()
    }
}

/// The Hann window.
fn hann(part: f64) -> f64 {
    0.5 - 0.5 * (std::f64::consts::TAU * part).cos()
}

/// Triangular filters of equal area, evenly spaced on the mel scale from 0 Hz to half the sample rate.
fn triangles(bands: usize) -> Vec<Band> {
    let top = mel(SAMPLE_RATE as f64 / 2.0);
    let corner = |at: usize| hertz(top * at as f64 / (bands + 1) as f64);
    let frequency = |bin: usize| (bin * SAMPLE_RATE) as f64 / FFT as f64;
    let triangle = |band| {
        let [low, middle, high] = [band, band + 1, band + 2].map(corner);
        let weight = |bin| {
            let (rise, fall) = ((frequency(bin) - low) / (middle - low), (high - frequency(bin)) / (high - middle));
            (rise.min(fall).max(0.0) * 2.0 / (high - low)) as f32
        };
        let weights: Vec<f32> = (0..BINS).map(weight).collect();
        let first_bin = weights.iter().position(|&weight| weight > 0.0).unwrap_or(0);
        let end = weights.iter().rposition(|&weight| weight > 0.0).map_or(first_bin, |last| last + 1);
        Band { first_bin, weights: weights[first_bin..end].to_vec() }
    };
    (0..bands).map(triangle).collect()
}

// Slaney's mel scale, from his Auditory Toolbox (1998): linear up to 1 kHz, logarithmic above.
const LINEAR_HZ: f64 = 200.0 / 3.0;
const BREAK_HZ: f64 = 1000.0;
const BREAK_MEL: f64 = BREAK_HZ / LINEAR_HZ;
/// 27 steps lead from 1 kHz to 6.4 kHz.
const STEPS_TO_6400: f64 = 27.0;

fn mel(hertz: f64) -> f64 {
    if hertz < BREAK_HZ { hertz / LINEAR_HZ } else { BREAK_MEL + (hertz / BREAK_HZ).ln() * STEPS_TO_6400 / 6.4f64.ln() }
}

fn hertz(mel: f64) -> f64 {
    if mel < BREAK_MEL { mel * LINEAR_HZ } else { BREAK_HZ * ((mel - BREAK_MEL) * 6.4f64.ln() / STEPS_TO_6400).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, f64::consts::TAU};

    /// A fifth of a second of a constant tone and a rising one.
    fn tones() -> Vec<f32> {
        let tone = |at| {
            let seconds = f64::from(at) / SAMPLE_RATE as f64;
            let rising = (TAU * (1000.0 + 2000.0 * seconds) * seconds).sin();
            (0.4 * (TAU * 440.0 * seconds).sin() + 0.2 * rising) as f32
        };
        (0..3200).map(tone).collect()
    }

    /// Reference frames of one second that starts with the tones, by the number of bands, computed by faster-whisper
    /// 1.2.1.
    const REFERENCE: &str = include_str!("../fixtures/log-mel.json");
    const FRAMES: [usize; 4] = [0, 10, 21, 50];

    #[test]
    fn features_match_the_reference_implementation() {
        let reference: BTreeMap<usize, Vec<Vec<f32>>> = serde_json::from_str(REFERENCE).expect("numbers");
        assert_eq!(reference.len(), 2);
        for (bands, columns) in reference {
            let features = LogMel::new(bands).features(&tones(), 100);
            for (frame, column) in FRAMES.into_iter().zip(columns) {
                for (band, expected) in column.into_iter().enumerate() {
                    let found = features[band * 100 + frame];
                    assert!((found - expected).abs() < 0.01, "band {band}, frame {frame}: {found}, not {expected}");
                }
            }
        }
    }

    #[test]
    fn silence_and_padding_are_at_the_floor() {
        let features = LogMel::new(80).features(&[], 6);
        assert_eq!(features, vec![(SILENCE + 4.0) / 4.0; 6 * 80]);
        let features = LogMel::new(80).features(&tones(), 300);
        let (_, last) = features.split_at(features.len() - 1);
        let loudest = features.iter().copied().fold(f32::MIN, f32::max);
        assert!((loudest - last[0] - RANGE / 4.0).abs() < 1e-5, "silence lies 80 dB below the loudest");
    }
}
