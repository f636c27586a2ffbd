//! Waveforms: the lowest and highest sample of each short stretch of sound, in audiowaveform's JSON format, version 2
//! (`bbc/audiowaveform`, `doc/DataFormat.md`), which web players read.

use super::WaveformPlan;
use serde::Serialize;

/// Media type of the JSON.
pub const CONTENT_TYPE: &str = "application/json";

/// The waveform of a sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waveform {
    version: u8,
    channels: u8,
    sample_rate: u32,
    samples_per_pixel: u32,
    bits: u8,
    length: usize,
    /// Lowest and highest sample of each point, alternating.
    data: Vec<i8>,
}

impl Waveform {
    /// The lowest and highest sample for each of `width` columns of a picture, -128 to 127. If there are more points
    /// than columns, neighbouring points share a column; if there are fewer, a point spans several.
    pub fn columns(&self, width: u32) -> impl Iterator<Item = (i8, i8)> {
        let points = self.data.as_chunks::<2>().0;
        let (count, width) = (points.len() as u64, u64::from(width));
        (0..width).map(move |column| {
            let from = column * count / width;
            let to = ((column + 1) * count).div_ceil(width).max(from + 1).min(count);
            // Indexes stay within the points, so they fit a usize.
            let [from, to] = [from, to].map(|point| usize::try_from(point).unwrap_or(usize::MAX));
            let covered = points.get(from..to).unwrap_or_default();
            let lowest = covered.iter().map(|&[low, _]| low).min().unwrap_or(0);
            let highest = covered.iter().map(|&[_, high]| high).max().unwrap_or(0);
            (lowest, highest)
        })
    }
}

/// Collects peaks in one pass over the samples, in four bytes per point.
#[derive(Debug)]
pub struct WaveformBuilder {
    plan: WaveformPlan,
    /// Lowest and highest sample of each point, alternating.
    peaks: Vec<i16>,
    /// Samples in the current point so far.
    samples: u32,
    lowest: i16,
    highest: i16,
}

impl WaveformBuilder {
    /// For mono sound at the plan's sample rate.
    #[must_use]
    pub const fn new(plan: WaveformPlan) -> Self {
        Self { plan, peaks: Vec::new(), samples: 0, lowest: i16::MAX, highest: i16::MIN }
    }

    /// Takes the next samples.
    pub fn push(&mut self, samples: impl IntoIterator<Item = i16>) {
        for sample in samples {
            self.lowest = self.lowest.min(sample);
            self.highest = self.highest.max(sample);
            self.samples += 1;
            if self.samples >= self.plan.samples_per_point {
                self.end_point();
            }
        }
    }

    /// The waveform at a gain in dB; remaining samples become a last point.
    #[must_use]
    pub fn finish(mut self, gain_db: f64) -> Waveform {
        if self.samples > 0 {
            self.end_point();
        }
        let factor = 10f64.powf(gain_db / 20.0);
        let data: Vec<i8> = self.peaks.iter().map(|&peak| eight_bits(f64::from(peak) * factor)).collect();
        Waveform {
            version: 2,
            channels: 1,
            sample_rate: self.plan.sample_rate_hz,
            samples_per_pixel: self.plan.samples_per_point,
            bits: 8,
            length: data.len() / 2,
            data,
        }
    }

    fn end_point(&mut self) {
        self.peaks.extend([self.lowest, self.highest]);
        (self.samples, self.lowest, self.highest) = (0, i16::MAX, i16::MIN);
    }
}

/// The upper byte of a 16-bit sample, as in audiowaveform; clamped if the gain lifts it too far.
#[expect(clippy::cast_possible_truncation, reason = "it is clamped to what fits")]
fn eight_bits(sample: f64) -> i8 {
    (sample / 256.0).floor().clamp(f64::from(i8::MIN), f64::from(i8::MAX)) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Size;
    use proptest::prelude::*;

    const PLAN: WaveformPlan =
        WaveformPlan { sample_rate_hz: 8000, samples_per_point: 4, picture: Size { width: 10, height: 2 } };

    fn waveform(samples: &[i16]) -> Waveform {
        let mut builder = WaveformBuilder::new(PLAN);
        builder.push(samples.iter().copied());
        builder.finish(0.0)
    }

    #[test]
    fn a_gain_applies_to_sixteen_bit_peaks_and_clips_loud_ones() {
        let mut builder = WaveformBuilder::new(PLAN);
        builder.push([-40, 60, 0, 0, i16::MIN, i16::MAX, 0, 0]);
        insta::assert_compact_json_snapshot!(builder.finish(20.0).data, @"[-2, 2, -128, 127]");
    }

    #[test]
    fn the_json_matches_audiowaveform() {
        let waveform = waveform(&[0, 256, -256, 5, i16::MIN, i16::MAX, 0, 0, -1]);
        insta::assert_snapshot!(serde_json::to_string(&waveform).expect("serializable"), @r#"{"version":2,"channels":1,"sample_rate":8000,"samples_per_pixel":4,"bits":8,"length":3,"data":[-1,1,-128,127,-1,-1]}"#);
    }

    #[test]
    fn no_samples_make_an_empty_waveform() {
        let empty = waveform(&[]);
        assert_eq!((empty.length, empty.data.len()), (0, 0));
        assert_eq!(empty.columns(3).collect::<Vec<_>>(), [(0, 0); 3]);
    }

    #[test]
    fn columns_join_points_or_repeat_them() {
        let waveform = waveform(&[[256; 4], [512; 4], [-256; 4], [768; 4]].concat());
        assert_eq!(waveform.columns(4).collect::<Vec<_>>(), [(1, 1), (2, 2), (-1, -1), (3, 3)]);
        assert_eq!(waveform.columns(2).collect::<Vec<_>>(), [(1, 2), (-1, 3)]);
        assert_eq!(waveform.columns(1).collect::<Vec<_>>(), [(-1, 3)]);
        assert_eq!(waveform.columns(8).map(|(_, high)| high).collect::<Vec<_>>(), [1, 1, 2, 2, -1, -1, 3, 3]);
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter_and_no_peak_is_lost(
            samples in prop::collection::vec(any::<i16>(), 0..200), cut in 0usize..200, width in 1u32..100,
        ) {
            let whole = waveform(&samples);
            let (first, second) = samples.split_at(cut.min(samples.len()));
            let mut builder = WaveformBuilder::new(PLAN);
            builder.push(first.iter().copied());
            builder.push(second.iter().copied());
            prop_assert_eq!(&builder.finish(0.0), &whole);
            prop_assert_eq!(whole.length, samples.len().div_ceil(4));
            let highest = samples.iter().max().map_or(0, |&sample| sample >> 8);
            prop_assert_eq!(whole.columns(width).map(|(_, high)| i16::from(high)).max(), Some(highest));
        }
    }
}
