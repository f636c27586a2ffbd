//! Waveforms: the lowest and the highest sample of every short stretch of a sound, in the layout of
//! audiowaveform's JSON, version 2 (`bbc/audiowaveform`, `doc/DataFormat.md`), which web players read.

use super::WaveformPlan;
use serde::Serialize;

/// Media type of the numbers.
pub const CONTENT_TYPE: &str = "application/json";

/// The peaks along a sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waveform {
    version: u8,
    channels: u8,
    sample_rate: u32,
    samples_per_pixel: u32,
    bits: u8,
    length: usize,
    /// Lowest and highest sample of a point by turns.
    data: Vec<i8>,
}

impl Waveform {
    /// The lowest and the highest sample of each of `width` columns of a picture, -128 to 127.
    /// Neighbouring points share a column where there are more points, a point spans several where there
    /// are fewer.
    pub fn columns(&self, width: u32) -> impl Iterator<Item = (i8, i8)> {
        let points = self.data.as_chunks::<2>().0;
        let (count, width) = (points.len() as u64, u64::from(width));
        (0..width).map(move |column| {
            let from = column * count / width;
            let to = ((column + 1) * count).div_ceil(width).max(from + 1).min(count);
            // Never beyond the points, of which a usize counts them.
            let [from, to] = [from, to].map(|point| usize::try_from(point).unwrap_or(usize::MAX));
            let covered = points.get(from..to).unwrap_or_default();
            let lowest = covered.iter().map(|&[low, _]| low).min().unwrap_or(0);
            let highest = covered.iter().map(|&[_, high]| high).max().unwrap_or(0);
            (lowest, highest)
        })
    }
}

/// Collects peaks while the samples go by. It needs four bytes a point and no sample twice.
#[derive(Debug)]
pub struct WaveformBuilder {
    plan: WaveformPlan,
    /// Lowest and highest sample of a point by turns.
    peaks: Vec<i16>,
    /// Of the point that is not full yet.
    samples: u32,
    lowest: i16,
    highest: i16,
}

impl WaveformBuilder {
    /// For a sound that goes by at the plan's rate in one channel.
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

    /// The waveform of the sound at a gain in dB; what is left over becomes a last point.
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

/// The upper byte of a sample of 16 bits, as audiowaveform takes it; what a gain lifts too far is cut off.
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
    fn a_gain_lifts_quiet_peaks_from_what_sixteen_bits_have_of_them_and_cuts_loud_ones_off() {
        let mut builder = WaveformBuilder::new(PLAN);
        builder.push([-40, 60, 0, 0, i16::MIN, i16::MAX, 0, 0]);
        insta::assert_compact_json_snapshot!(builder.finish(20.0).data, @"[-2, 2, -128, 127]");
    }

    #[test]
    fn it_is_written_as_audiowaveform_writes_it() {
        let waveform = waveform(&[0, 256, -256, 5, i16::MIN, i16::MAX, 0, 0, -1]);
        insta::assert_snapshot!(serde_json::to_string(&waveform).expect("serializable"), @r#"{"version":2,"channels":1,"sample_rate":8000,"samples_per_pixel":4,"bits":8,"length":3,"data":[-1,1,-128,127,-1,-1]}"#);
    }

    #[test]
    fn silence_without_samples_is_an_empty_waveform() {
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
        fn pieces_do_not_matter_and_no_peak_is_lost(samples in prop::collection::vec(any::<i16>(), 0..200), cut in 0usize..200, width in 1u32..100) {
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
