//! What Whisper hears: the logarithm of the power in bands along the mel scale, a hundred times a second.

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex32};
use smmu_core::speech::regions::SAMPLE_RATE_HZ;
use std::{fmt, sync::Arc};

/// Samples a second.
pub(crate) const SAMPLE_RATE: usize = SAMPLE_RATE_HZ as usize;
/// Samples from one frame to the next: 10 ms.
pub(crate) const HOP: usize = 160;
/// Samples under one frame: 25 ms.
const FFT: usize = 400;
const BINS: usize = FFT / 2 + 1;

/// Bands of some number and a Fourier transform to fill them.
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

/// A triangle over neighbouring frequencies.
#[derive(Debug, PartialEq)]
struct Band {
    first_bin: usize,
    weights: Vec<f32>,
}

impl LogMel {
    /// For a model that hears so many bands: 80, or 128 since large-v3.
    pub(crate) fn new(bands: usize) -> Self {
        Self {
            bands: triangles(bands),
            window: (0..FFT).map(|at| hann(at as f64 / FFT as f64) as f32).collect(),
            transform: RealFftPlanner::new().plan_fft_forward(FFT),
        }
    }

    /// The features of so many frames, band by band. Where there are more frames than samples there is silence,
    /// as if the samples went on with zeros.
    pub(crate) fn features(&self, samples: &[f32], frames: usize) -> Vec<f32> {
        // The last one that hears any sample: each reaches half a window to either side.
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
                features[at * frames + frame] = band.power(&power).max(LEAST_POWER).log10();
            }
        }
        scale(&mut features);
        features
    }

    /// The samples around the start of a frame, under the window. Before the first sample the sound is mirrored.
    fn cut(&self, samples: &[f32], frame: usize, piece: &mut [f32]) {
        let start = frame * HOP;
        for (at, (cut, weight)) in piece.iter_mut().zip(&self.window).enumerate() {
            let place = (start + at).abs_diff(FFT / 2);
            *cut = samples.get(place).copied().unwrap_or(0.0) * weight;
        }
    }
}

/// Power that counts as none.
const LEAST_POWER: f32 = 1e-10;
/// Its logarithm.
const SILENCE: f32 = -10.0;
/// What is fainter than the loudest by more than this is as good as silent: 80 dB.
const RANGE: f32 = 8.0;

/// Brings features to the scale that models were trained with.
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

/// A raised cosine.
fn hann(part: f64) -> f64 {
    0.5 - 0.5 * (std::f64::consts::TAU * part).cos()
}

/// Triangles of equal area, evenly along the mel scale from 0 Hz to half the rate.
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

// Slaney's mel scale, as in his Auditory Toolbox (1998): even steps up to 1 kHz, even ratios above.
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

    /// A fifth of a second of a tone and another one that rises.
    fn tones() -> Vec<f32> {
        let tone = |at| {
            let seconds = f64::from(at) / SAMPLE_RATE as f64;
            let rising = (TAU * (1000.0 + 2000.0 * seconds) * seconds).sin();
            (0.4 * (TAU * 440.0 * seconds).sin() + 0.2 * rising) as f32
        };
        (0..3200).map(tone).collect()
    }

    /// Frames of the second that begins with the tones, by the number of bands, as faster-whisper 1.2.1 computes them.
    const REFERENCE: &str = include_str!("../fixtures/log-mel.json");
    const FRAMES: [usize; 4] = [0, 10, 21, 50];

    #[test]
    fn features_are_those_that_models_were_trained_with() {
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
    fn silence_is_the_floor_and_more_frames_than_samples_are_silent() {
        let features = LogMel::new(80).features(&[], 6);
        assert_eq!(features, vec![(SILENCE + 4.0) / 4.0; 6 * 80]);
        let features = LogMel::new(80).features(&tones(), 300);
        let (_, last) = features.split_at(features.len() - 1);
        let loudest = features.iter().copied().fold(f32::MIN, f32::max);
        assert!((loudest - last[0] - RANGE / 4.0).abs() < 1e-5, "silence lies 80 dB below the loudest");
    }
}
