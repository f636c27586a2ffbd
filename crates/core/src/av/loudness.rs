//! Loudness by EBU R 128: the measurement, and the linear gain that brings it to a target.

use super::LoudnessFacts;

/// Result of ffmpeg's `ebur128` filter for a whole audio stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loudness {
    /// Integrated loudness in LUFS; `None` if nothing passed the gate of -70 LUFS.
    pub integrated_lufs: Option<f64>,
    /// Loudness range in LU.
    pub range_lu: f64,
    /// Highest true peak in dBTP; `None` if every sample is 0.
    pub true_peak_dbtp: Option<f64>,
}

/// The log has no summary of the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no loudness summary")]
pub struct NoSummary;

/// Absolute gate of ITU-R BS.1770; the filter reports it for anything below.
const GATE_LUFS: f64 = -70.0;

/// A higher gain would lift noise.
const MAX_GAIN_DB: f64 = 30.0;

impl Loudness {
    /// Reads the summary that `ebur128=peak=true` logs at its end. If the sample rate or the channels change midway,
    /// there is one summary per part; the maximum of each value counts, so that no part is lifted too far.
    pub fn read(log: &str) -> Result<Self, NoSummary> {
        // A title in the log can contain the word.
        let parts = log.split("Summary:").skip(1).filter_map(|part| Self::read_summary(part).ok());
        parts.reduce(Self::or_louder).ok_or(NoSummary)
    }

    /// The maximum of each value.
    fn or_louder(self, other: Self) -> Self {
        let higher = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        Self {
            integrated_lufs: higher(self.integrated_lufs, other.integrated_lufs),
            range_lu: self.range_lu.max(other.range_lu),
            true_peak_dbtp: higher(self.true_peak_dbtp, other.true_peak_dbtp),
        }
    }

    fn read_summary(summary: &str) -> Result<Self, NoSummary> {
        let value = |label: &str, unit: &str| -> Option<f64> {
            let text = summary.lines().find_map(|line| line.trim().strip_prefix(label))?;
            text.trim().strip_suffix(unit)?.trim_end().parse().ok()
        };
        let integrated = value("I:", "LUFS").ok_or(NoSummary)?;
        let range_lu = value("LRA:", "LU").filter(|range| range.is_finite()).ok_or(NoSummary)?;
        // Silence is written as -inf, so only NaN means that nothing was measured.
        let peak = value("Peak:", "dBFS").filter(|peak| !peak.is_nan()).ok_or(NoSummary)?;
        Ok(Self {
            integrated_lufs: Some(integrated).filter(|&lufs| lufs.is_finite() && lufs > GATE_LUFS),
            range_lu,
            true_peak_dbtp: Some(peak).filter(|peak| peak.is_finite()),
        })
    }

    /// Gain in dB that brings the loudness to a target without any peak above `max_true_peak_dbtp`; 0 for silence. It
    /// is linear, so dynamics are kept. Rounded down to a tenth, the resolution of the measurement.
    #[must_use]
    pub fn gain_db(&self, target_lufs: f64, max_true_peak_dbtp: f64) -> f64 {
        let (Some(integrated), Some(peak)) = (self.integrated_lufs, self.true_peak_dbtp) else { return 0.0 };
        let gain = (target_lufs - integrated).min(max_true_peak_dbtp - peak).min(MAX_GAIN_DB);
        // A tenth that subtraction made inexact (5.699…) still counts as that tenth.
        (gain * 10.0 + 1e-6).floor() / 10.0
    }

    /// The values for the manifest.
    #[must_use]
    pub fn facts(&self, target_lufs: f64, max_true_peak_dbtp: f64) -> LoudnessFacts {
        LoudnessFacts {
            integrated_lufs: self.integrated_lufs,
            range_lu: self.range_lu,
            true_peak_dbtp: self.true_peak_dbtp,
            gain_db: self.gain_db(target_lufs, max_true_peak_dbtp),
            target_lufs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// ffmpeg 5.1's log for three seconds of a sine wave, with surrounding lines.
    const SINE: &str = "size=N/A time=00:00:03.00 bitrate=N/A speed= 222x
video:0kB audio:281kB subtitle:0kB other streams:0kB global headers:0kB muxing overhead: unknown
[Parsed_ebur128_0 @ 0x5604738fbf80] Summary:

  Integrated loudness:
    I:         -21.1 LUFS
    Threshold: -31.1 LUFS

  Loudness range:
    LRA:        20.0 LU
    Threshold: -41.1 LUFS
    LRA low:   -41.1 LUFS
    LRA high:  -21.1 LUFS

  True peak:
    Peak:      -18.1 dBFS
";

    const SILENCE: &str = "[Parsed_ebur128_0 @ 0x55b410168ac0] Summary:

  Integrated loudness:
    I:         -70.0 LUFS
    Threshold:   0.0 LUFS

  Loudness range:
    LRA:         0.0 LU
    Threshold:   0.0 LUFS
    LRA low:     0.0 LUFS
    LRA high:    0.0 LUFS

  True peak:
    Peak:       -inf dBFS
";

    #[test]
    fn the_summary_is_read_and_the_loudest_of_several_wins() {
        let sine = Loudness { integrated_lufs: Some(-21.1), range_lu: 20.0, true_peak_dbtp: Some(-18.1) };
        assert_eq!(Loudness::read(SINE), Ok(sine));
        assert_eq!(Loudness::read(&format!("{SILENCE}{SINE}{SILENCE}")), Ok(sine));
        let peaks = format!("{SINE}{}", SINE.replace("-18.1 dBFS", "-3.0 dBFS").replace("-21.1 LUFS", "-30.0 LUFS"));
        assert_eq!(Loudness::read(&peaks), Ok(Loudness { true_peak_dbtp: Some(-3.0), ..sine }));
        assert_eq!(Loudness::read(&format!("title : Summary: a song\n{SINE}")), Ok(sine));
    }

    #[test]
    fn silence_has_no_loudness_and_gets_no_gain() {
        let silence = Loudness::read(SILENCE).expect("a summary");
        assert_eq!(silence, Loudness { integrated_lufs: None, range_lu: 0.0, true_peak_dbtp: None });
        assert!(silence.gain_db(-16.0, -1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn an_incomplete_summary_is_refused() {
        for text in ["", "Summary:", &SINE.replace("Peak:", "Pique:"), &SINE.replace("-21.1 LUFS", "loud")] {
            assert_eq!(Loudness::read(text), Err(NoSummary));
        }
        assert_eq!(Loudness::read(&SINE.replace("20.0 LU", "nan LU")), Err(NoSummary));
    }

    fn gain(lufs: f64, peak: f64) -> f64 {
        Loudness { integrated_lufs: Some(lufs), range_lu: 1.0, true_peak_dbtp: Some(peak) }.gain_db(-16.0, -1.5)
    }

    #[test]
    fn the_gain_reaches_the_target_unless_the_peak_limits_it() {
        for (lufs, peak, expected) in
            [(-21.7, -17.8, 5.7), (-10.0, 0.3, -6.0), (-30.0, -6.0, 4.5), (-16.0, 0.5, -2.0), (-68.0, -60.0, 30.0)]
        {
            assert!((gain(lufs, peak) - expected).abs() < 1e-9, "{lufs} {peak}: {}", gain(lufs, peak));
        }
    }

    proptest! {
        #[test]
        fn neither_the_target_nor_the_ceiling_is_exceeded(lufs in -69.9f64..5.0, peak in -90.0f64..10.0) {
            let gain = gain(lufs, peak);
            prop_assert!(lufs + gain <= -16.0 + 1e-6);
            prop_assert!(peak + gain <= -1.5 + 1e-6);
        }
    }
}
