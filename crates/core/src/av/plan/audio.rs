//! Chooses the audio stream and its encodings.

use super::{AudioPlan, SoundPlan, WaveformPlan};
use crate::{
    av::{AudioProfile, AudioStream, AvProfile, Probe, WaveformProfile},
    image::Size,
};

/// The audio stream to use: the first in the wanted language, else the first that the container marks as default, else
/// the first. Streams that can be heard come first.
#[must_use]
pub fn chosen<'a>(streams: &'a [AudioStream], language: Option<&str>) -> Option<&'a AudioStream> {
    let speaks = |stream: &&AudioStream| match (language, &stream.language) {
        (Some(wanted), Some(spoken)) => wanted.eq_ignore_ascii_case(spoken),
        (None, _) | (_, None) => false,
    };
    // A stream that starts only after a long pause is silent in the outputs.
    let is_silent = |stream: &&AudioStream| stream.duration_ms == Some(0);
    // Among tracks in the wanted language, one may be a commentary; the default one is not.
    streams.iter().min_by_key(|stream| (is_silent(stream), !speaks(stream), !stream.default))
}

/// The settings that all encodings of a stream share.
pub(super) fn sound(stream: &AudioStream, profile: &AudioProfile) -> SoundPlan {
    let channels = stream.channels.clamp(1, 2);
    SoundPlan {
        stream: stream.index,
        language: stream.language.clone(),
        source_channels: stream.channels,
        layout: stream.layout.clone(),
        channels,
        // 44.1 kHz, its fractions and its multiples map to 44.1 kHz: no resampling, or by a whole ratio.
        sample_rate_hz: if stream.sample_rate_hz.is_multiple_of(11_025) { 44_100 } else { 48_000 },
        aac_bit_rate: bit_rate(profile.aac_kbps.get(), channels),
    }
}

/// A stereo rate in kb/s as bits per second for this number of channels.
fn bit_rate(stereo_kbps: u32, channels: u32) -> u64 {
    u64::from(stereo_kbps) * 1000 * u64::from(channels) / 2
}

pub(super) fn plan(probe: &Probe, stream: &AudioStream, profile: &AvProfile) -> AudioPlan {
    let sound = sound(stream, &profile.audio);
    AudioPlan {
        duration_ms: probe.duration_ms,
        opus_bit_rate: bit_rate(profile.audio.opus_kbps.get(), sound.channels),
        target_lufs: profile.loudness.target_lufs.get(),
        max_true_peak_dbtp: profile.loudness.max_true_peak_dbtp.get(),
        waveform: waveform(probe.duration_ms, sound.sample_rate_hz, profile.waveform),
        cover_stream: probe.cover_stream,
        sound,
    }
}

/// Size of the waveform picture: fits a player's seek bar on a high-density screen.
const WAVEFORM_PICTURE: Size = Size { width: 1200, height: 200 };

/// The waveform's resolution: as fine as in the profile, but coarser for a long file, to stay within the limit of
/// points.
fn waveform(duration_ms: u64, sample_rate_hz: u32, profile: WaveformProfile) -> WaveformPlan {
    let samples = duration_ms.saturating_mul(u64::from(sample_rate_hz)).div_ceil(1000);
    let wanted = u64::from(sample_rate_hz / profile.points_per_second.get());
    let affordable = samples.div_ceil(u64::from(profile.max_points.get()));
    let samples_per_point = u32::try_from(wanted.max(affordable)).unwrap_or(u32::MAX);
    WaveformPlan { sample_rate_hz, samples_per_point, picture: WAVEFORM_PICTURE }
}
