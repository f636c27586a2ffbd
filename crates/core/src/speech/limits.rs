//! Limits on recordings to transcribe.

use super::Channels;
use crate::{
    av::{AudioStream, AvLimits, Probe},
    error::{ErrorCode, Refusal},
};
use std::time::Duration;

/// Limits checked before anything is decoded, and on processing time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpeechLimits {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Longest recording, in milliseconds.
    pub max_duration_ms: u64,
    /// Most streams, of any kind.
    pub max_streams: u32,
    /// Most channels in the audio stream.
    pub max_channels: u32,
    /// Most channels that are transcribed separately: each costs as much as a recording of its own.
    pub max_channels_apart: u32,
    /// Longest processing time of a recording.
    pub max_wall_time: Duration,
}

impl Default for SpeechLimits {
    fn default() -> Self {
        let AvLimits { max_bytes, max_audio_ms, max_streams, max_channels, max_wall_time, .. } = AvLimits::default();
        Self {
            max_bytes,
            max_duration_ms: max_audio_ms,
            max_streams,
            max_channels,
            max_channels_apart: 8,
            max_wall_time,
        }
    }
}

impl SpeechLimits {
    /// Refuses a file by its size.
    pub fn check_bytes(&self, bytes: u64) -> Result<(), Refusal> {
        if bytes <= self.max_bytes {
            return Ok(());
        }
        let message = format!("the file has {bytes} bytes; at most {} are accepted", self.max_bytes);
        Err(Refusal::new(ErrorCode::TooManyBytes, message))
    }

    /// Refuses a file for anything that its probe alone reveals, given the audio stream to transcribe. An unknown
    /// duration passes; [`Self::check_duration`] is applied again while decoding.
    pub fn check(&self, probe: &Probe, sound: &AudioStream) -> Result<(), Refusal> {
        if probe.streams > self.max_streams {
            let message = format!("the file has {} streams; at most {} are accepted", probe.streams, self.max_streams);
            return Err(Refusal::new(ErrorCode::TooManyStreams, message));
        }
        if sound.channels > self.max_channels {
            let message =
                format!("the sound has {} channels; at most {} are accepted", sound.channels, self.max_channels);
            return Err(Refusal::new(ErrorCode::UnsupportedMedia, message));
        }
        self.check_duration(probe.duration_ms)
    }

    /// Refuses a recording of this duration, if it is too long.
    pub fn check_duration(&self, duration_ms: u64) -> Result<(), Refusal> {
        if duration_ms <= self.max_duration_ms {
            return Ok(());
        }
        let (seconds, max) = (duration_ms.div_ceil(1000), self.max_duration_ms / 1000);
        let message = format!("the recording lasts {seconds} seconds; at most {max} are accepted");
        Err(Refusal::new(ErrorCode::TooLong, message))
    }

    /// Chooses how channels are handled: separately if that is wanted, there are several, and not too many.
    #[must_use]
    pub const fn channels(&self, wanted: Channels, sound: &AudioStream) -> Channels {
        match wanted {
            Channels::Apart if 2 <= sound.channels && sound.channels <= self.max_channels_apart => Channels::Apart,
            Channels::Apart | Channels::Mixed => Channels::Mixed,
        }
    }

    /// Longest processing time of a recording, from the start of decoding to the last word; a run that takes longer
    /// hangs.
    #[must_use]
    pub fn wall_time(&self, duration_ms: u64, channels_apart: u32) -> Duration {
        /// To load a model and to finish the files.
        const BASE: Duration = Duration::from_mins(1);
        /// The largest models on two slow cores take this many times the duration.
        const SLOWNESS: u64 = 4;

        let speech_ms = duration_ms.saturating_mul(u64::from(channels_apart.max(1)));
        BASE.saturating_add(Duration::from_millis(speech_ms.saturating_mul(SLOWNESS))).min(self.max_wall_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SpeechLimits = SpeechLimits {
        max_bytes: 10,
        max_duration_ms: 2000,
        max_streams: 3,
        max_channels: 6,
        max_channels_apart: 2,
        max_wall_time: Duration::from_mins(10),
    };

    fn sound(channels: u32) -> AudioStream {
        let (codec, language) = ("aac".to_owned(), None);
        AudioStream {
            index: 0,
            codec,
            channels,
            layout: String::new(),
            sample_rate_hz: 48_000,
            language,
            default: true,
            duration_ms: None,
        }
    }

    fn probe(duration_ms: u64, streams: u32) -> Probe {
        Probe {
            container: "mov".to_owned(),
            duration_ms,
            delay_us: 0,
            claimed_ms: None,
            cut_off: false,
            surveyed: crate::av::Surveyed::default(),
            bit_rate: 128_000,
            streams,
            video: None,
            audio: vec![sound(2)],
            cover_stream: None,
            chapters: Vec::new(),
            tags: crate::av::Tags::default(),
        }
    }

    #[test]
    fn each_limit_refuses_with_its_code() {
        let code = |result: Result<(), Refusal>| result.err().map(|refusal| refusal.code);
        assert_eq!(LIMITS.check_bytes(10), Ok(()));
        assert_eq!(code(LIMITS.check_bytes(11)), Some(ErrorCode::TooManyBytes));
        assert_eq!(LIMITS.check(&probe(2000, 3), &sound(6)), Ok(()));
        assert_eq!(LIMITS.check(&probe(0, 1), &sound(1)), Ok(()), "not measured yet");
        assert_eq!(code(LIMITS.check(&probe(2001, 3), &sound(6))), Some(ErrorCode::TooLong));
        assert_eq!(code(LIMITS.check(&probe(2000, 4), &sound(6))), Some(ErrorCode::TooManyStreams));
        assert_eq!(code(LIMITS.check(&probe(2000, 3), &sound(7))), Some(ErrorCode::UnsupportedMedia));
    }

    #[test]
    fn channels_are_separate_if_there_are_several_but_not_too_many() {
        let apart = |channels| LIMITS.channels(Channels::Apart, &sound(channels));
        assert_eq!([1, 2, 3].map(apart), [Channels::Mixed, Channels::Apart, Channels::Mixed]);
        assert_eq!(LIMITS.channels(Channels::Mixed, &sound(2)), Channels::Mixed);
    }

    #[test]
    fn the_time_limit_grows_with_the_speech_up_to_a_bound() {
        assert_eq!(LIMITS.wall_time(0, 1), Duration::from_mins(1));
        assert_eq!(LIMITS.wall_time(60_000, 0), Duration::from_mins(5));
        assert_eq!(LIMITS.wall_time(60_000, 2), Duration::from_mins(9));
        assert_eq!(LIMITS.wall_time(u64::MAX, 8), Duration::from_mins(10));
    }
}
