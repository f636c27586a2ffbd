//! Which sound is taken, and how it is encoded.

use super::{AudioPlan, SoundPlan, WaveformPlan};
use crate::{
    av::{AudioProfile, AudioStream, AvProfile, Probe, WaveformProfile},
    image::Size,
};

/// The sound of a file: the first in the wanted language, else the first that the container calls
/// its default, else the first.
#[must_use]
pub fn chosen<'a>(streams: &'a [AudioStream], language: Option<&str>) -> Option<&'a AudioStream> {
    let speaks = |stream: &&AudioStream| match (language, &stream.language) {
        (Some(wanted), Some(spoken)) => wanted.eq_ignore_ascii_case(spoken),
        (None, _) | (_, None) => false,
    };
    // Of two tracks in the wanted language one may be a commentary; the default one is not.
    streams
        .iter()
        .find(|stream| stream.default && speaks(stream))
        .or_else(|| streams.iter().find(speaks))
        .or_else(|| streams.iter().find(|stream| stream.default))
        .or_else(|| streams.first())
}

/// What every encoding of a sound shares.
pub(super) fn sound(stream: &AudioStream, profile: &AudioProfile) -> SoundPlan {
    let channels = stream.channels.clamp(1, 2);
    SoundPlan {
        stream: stream.index,
        language: stream.language.clone(),
        source_channels: stream.channels,
        layout: stream.layout.clone(),
        channels,
        // 44.1 kHz and its fractions and multiples stay in their family: no resampling, or an even one.
        sample_rate_hz: if stream.sample_rate_hz.is_multiple_of(11_025) { 44_100 } else { 48_000 },
        aac_bit_rate: bit_rate(profile.aac_kbps.get(), channels),
    }
}

/// A stereo rate in kb/s as bits a second of so many channels.
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

/// The picture of a waveform: a player's seek bar on a dense screen.
const WAVEFORM_PICTURE: Size = Size { width: 1200, height: 200 };

/// As fine as wanted, but for a long file no finer than its whole number of points allows.
fn waveform(duration_ms: u64, sample_rate_hz: u32, profile: WaveformProfile) -> WaveformPlan {
    let samples = duration_ms.saturating_mul(u64::from(sample_rate_hz)).div_ceil(1000);
    let wanted = u64::from(sample_rate_hz / profile.points_per_second.get());
    let affordable = samples.div_ceil(u64::from(profile.max_points.get()));
    let samples_per_point = u32::try_from(wanted.max(affordable)).unwrap_or(u32::MAX);
    WaveformPlan { sample_rate_hz, samples_per_point, picture: WAVEFORM_PICTURE }
}
