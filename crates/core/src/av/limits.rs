//! Limits on video and audio files, and on the work that one file may cause.

use super::{
    Clock, Plan, Probe,
    plan::Rung,
    speed::{self, Content},
};
use crate::{
    error::{ErrorCode, Refusal},
    image::Size,
};
use std::time::Duration;

/// Limits checked before anything is decoded, and limits on the decoding child processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvLimits {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Longest video, in milliseconds.
    pub max_video_ms: u64,
    /// Longest audio file, in milliseconds.
    pub max_audio_ms: u64,
    /// Largest frame, as stored or as displayed, in pixels.
    pub max_pixels: u64,
    /// Longest edge of a frame, as stored or as displayed, in pixels.
    pub max_edge: u32,
    /// Highest frame rate, in frames per second.
    pub max_frame_rate: u32,
    /// Most streams, of any kind.
    pub max_streams: u32,
    /// Most channels in an audio stream.
    pub max_channels: u32,
    /// Highest bit rate of the whole file, in bits per second.
    pub max_bit_rate: u64,
    /// Largest total size of all outputs in bytes, estimated from the highest rates of the plan.
    pub max_output_bytes: u64,
    /// Largest address space of a child process, in bytes. If the machine or container has less, that applies.
    pub max_child_memory_bytes: u64,
    /// Longest run time of a child process.
    pub max_wall_time: Duration,
}

const GIB: u64 = 1024 * 1024 * 1024;
const HOUR_MS: u64 = 3_600_000;

impl Default for AvLimits {
    fn default() -> Self {
        Self {
            max_bytes: 5 * GIB,
            max_video_ms: 4 * HOUR_MS,
            max_audio_ms: 12 * HOUR_MS,
            max_pixels: 8192 * 4320,
            max_edge: 16_384,
            max_frame_rate: 240,
            max_streams: 64,
            max_channels: 64,
            max_bit_rate: 400_000_000,
            max_output_bytes: 40 * GIB,
            max_child_memory_bytes: 32 * GIB,
            max_wall_time: Duration::from_hours(24),
        }
    }
}

impl AvLimits {
    /// Refuses a file by its size.
    pub fn check_bytes(&self, bytes: u64) -> Result<(), Refusal> {
        if bytes <= self.max_bytes {
            return Ok(());
        }
        let message = format!("the file has {bytes} bytes; at most {} are accepted", self.max_bytes);
        Err(Refusal::new(ErrorCode::TooManyBytes, message))
    }

    /// Refuses a file for anything that its probe alone reveals.
    pub fn check(&self, probe: &Probe) -> Result<(), Refusal> {
        self.check_streams(probe)?;
        self.check_duration(probe)?;
        self.check_picture(probe)?;
        if probe.bit_rate > self.max_bit_rate {
            let message =
                format!("the file has {} bits a second; at most {} are accepted", probe.bit_rate, self.max_bit_rate);
            return Err(Refusal::new(ErrorCode::BitRateTooHigh, message));
        }
        Ok(())
    }

    fn check_streams(&self, probe: &Probe) -> Result<(), Refusal> {
        if probe.streams > self.max_streams {
            let message = format!("the file has {} streams; at most {} are accepted", probe.streams, self.max_streams);
            return Err(Refusal::new(ErrorCode::TooManyStreams, message));
        }
        match probe.audio.iter().find(|stream| stream.channels > self.max_channels) {
            Some(stream) => {
                let message =
                    format!("a sound has {} channels; at most {} are accepted", stream.channels, self.max_channels);
                Err(Refusal::new(ErrorCode::UnsupportedMedia, message))
            }
            None => Ok(()),
        }
    }

    fn check_duration(&self, probe: &Probe) -> Result<(), Refusal> {
        let max_ms = if probe.video.is_some() { self.max_video_ms } else { self.max_audio_ms };
        match probe.duration_ms {
            0 => Err(Refusal::new(ErrorCode::CorruptMedia, "the file has no duration")),
            duration_ms if duration_ms > max_ms => {
                let message = format!(
                    "the file lasts {} seconds; at most {} are accepted",
                    duration_ms.div_ceil(1000),
                    max_ms / 1000
                );
                Err(Refusal::new(ErrorCode::TooLong, message))
            }
            _ => Ok(()),
        }
    }

    fn check_picture(&self, probe: &Probe) -> Result<(), Refusal> {
        let Some(video) = &probe.video else { return Ok(()) };
        for Size { width, height } in [video.coded, video.displayed] {
            let size = Size { width, height };
            if width == 0 || height == 0 {
                return Err(Refusal::new(ErrorCode::CorruptMedia, "the picture has no pixels"));
            }
            if size.pixels() > self.max_pixels || size.long_edge() > self.max_edge {
                let message = format!(
                    "the picture has {width} × {height} pixels; at most {} megapixels and {} pixels an edge are accepted",
                    self.max_pixels / 1_000_000,
                    self.max_edge
                );
                return Err(Refusal::new(ErrorCode::TooManyPixels, message));
            }
        }
        if video.frame_rate.per_second() > f64::from(self.max_frame_rate) + 0.5 {
            let message = format!(
                "the video has {:.0} frames a second; at most {} are accepted",
                video.frame_rate.per_second(),
                self.max_frame_rate
            );
            return Err(Refusal::new(ErrorCode::FrameRateTooHigh, message));
        }
        Ok(())
    }

    /// These limits, with time limits cut to the file's duration if its timestamps count. Otherwise a packet that
    /// claims to be hours later would be reached by encoding hours of repeated pictures and silence.
    #[must_use]
    pub fn within(self, probe: &Probe) -> Self {
        let until_ms = match (Clock::of(&probe.container), probe.surveyed.exact) {
            // Only played packets count.
            (Clock::Lengths | Clock::Restarting, _) => return self,
            // Margin for the last frame and for rounded headers.
            (Clock::Times, false) => probe.duration_ms.saturating_add(probe.duration_ms / 20).saturating_add(2000),
            (Clock::Times, true) => probe.duration_ms.saturating_add(50),
        };
        let (max_video_ms, max_audio_ms) = (self.max_video_ms.min(until_ms), self.max_audio_ms.min(until_ms));
        Self { max_video_ms, max_audio_ms, ..self }
    }

    /// These limits, with the time limit for an audio stream cut to that of its file, and to the stream's first
    /// overlong pause: ffmpeg would fill the pause with silence all at once, in memory.
    #[must_use]
    pub fn within_sound(self, probe: &Probe, stream: u32) -> Self {
        let pause_ms = probe.surveyed.sound_pauses_ms.get(&stream).copied().unwrap_or(u64::MAX);
        let of_file_ms = if probe.video.is_some() { self.max_video_ms } else { self.max_audio_ms };
        Self { max_audio_ms: of_file_ms.min(pause_ms), ..self }
    }

    /// Refuses a plan whose outputs could be too large.
    pub fn check_output(&self, plan: &Plan) -> Result<(), Refusal> {
        let bytes = plan.max_bytes();
        if bytes <= self.max_output_bytes {
            return Ok(());
        }
        let message = format!(
            "the outputs could have {} MiB; at most {} MiB are written",
            bytes / (1024 * 1024),
            self.max_output_bytes / (1024 * 1024)
        );
        Err(Refusal::new(ErrorCode::OutputTooLarge, message))
    }

    /// Longest time that one ffmpeg run over the whole source may take, with all outputs made at once on two slow
    /// cores; a run that takes longer hangs.
    #[must_use]
    pub fn wall_time(&self, probe: &Probe, plan: &Plan) -> Duration {
        /// For starting up and for finishing the files.
        const BASE: Duration = Duration::from_mins(2);
        /// Pixels decoded and encoded per second.
        const PIXELS_A_SECOND: u64 = 4_000_000;
        /// Sound takes at most a quarter of its duration.
        const SOUND: u64 = 4;

        let seconds = probe.duration_ms.div_ceil(1000);
        let work_s = seconds.saturating_mul(pixels_a_second(probe, plan)) / PIXELS_A_SECOND + seconds / SOUND;
        // Slow encoders take longer than that on hard content, on one core of half the speed.
        let encoding = Duration::from_millis(encoding_core_ms(plan, Content::Hard).saturating_mul(2));
        BASE.saturating_add(Duration::from_secs(work_s).max(encoding)).min(self.max_wall_time)
    }

    /// Refuses a plan that this many cores cannot finish in time, before any work starts. The message states the
    /// estimated time, at the encoders' speed on the easiest content: a plan that could finish is never refused.
    pub fn check_work(&self, plan: &Plan, cores: u64) -> Result<(), Refusal> {
        /// Margin for machines faster than the measured one.
        const FASTER: u64 = 2;
        let least = Duration::from_millis(encoding_core_ms(plan, Content::Easy) / FASTER / cores.max(1));
        if least <= self.max_wall_time {
            return Ok(());
        }
        let minutes = |time: Duration| time.as_secs().div_ceil(60);
        let message = format!(
            "making the outputs would take about {} minutes; a job has at most {}",
            minutes(least),
            minutes(self.max_wall_time)
        );
        Err(Refusal::new(ErrorCode::TooLong, message))
    }
}

/// CPU time on one core to encode the planned video, in milliseconds; 0 for audio.
fn encoding_core_ms(plan: &Plan, content: Content) -> u64 {
    match plan {
        Plan::Video(plan) => speed::encoding_core_ms(plan, content),
        Plan::Audio(_) => 0,
    }
}

/// Pixels decoded and encoded for one second of video; 0 for sound.
fn pixels_a_second(probe: &Probe, plan: &Plan) -> u64 {
    match (plan, &probe.video) {
        (Plan::Video(plan), Some(video)) => {
            let encoded = |rungs: &[Rung]| rungs.iter().map(|rung| rung.size.pixels()).sum::<u64>();
            let frame = video.coded.pixels() + encoded(&plan.rungs) + encoded(&plan.av1_rungs);
            let rate = video.frame_rate.per_second().max(plan.picture.frame_rate.per_second());
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "limits were checked: at most a few hundred frames per second"
            )]
            let rate = rate.ceil() as u64;
            frame.saturating_mul(rate)
        }
        (Plan::Video(_), None) | (Plan::Audio(_), _) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::av::{AvProfile, FrameRate, fixtures, plan};

    const LIMITS: AvLimits = AvLimits {
        max_bytes: 10,
        max_video_ms: 1000,
        max_audio_ms: 2000,
        max_pixels: 640 * 360,
        max_edge: 640,
        max_frame_rate: 30,
        max_streams: 2,
        max_channels: 2,
        max_bit_rate: 10_000_000,
        max_output_bytes: 1,
        max_child_memory_bytes: 1,
        max_wall_time: Duration::from_secs(130),
    };

    fn code(verdict: Result<(), Refusal>) -> Option<ErrorCode> {
        verdict.err().map(|refusal| refusal.code)
    }

    /// The error code for a clip of one second with one change.
    fn changed(change: impl FnOnce(&mut Probe)) -> Option<ErrorCode> {
        let mut probe = Probe { duration_ms: 1000, ..fixtures::probe("no-sound") };
        change(&mut probe);
        code(LIMITS.check(&probe))
    }

    fn resized(probe: &mut Probe, width: u32, height: u32) {
        probe.video.as_mut().expect("a video").displayed = Size { width, height };
    }

    #[test]
    fn a_limit_is_the_last_value_that_passes() {
        assert_eq!(changed(|_| ()), None);
        assert_eq!(changed(|probe| probe.duration_ms = 1001), Some(ErrorCode::TooLong));
        assert_eq!(changed(|probe| probe.streams = 3), Some(ErrorCode::TooManyStreams));
        assert_eq!(changed(|probe| probe.bit_rate = 10_000_001), Some(ErrorCode::BitRateTooHigh));
        assert_eq!(changed(|probe| resized(probe, 640, 361)), Some(ErrorCode::TooManyPixels));
        assert_eq!(changed(|probe| resized(probe, 641, 1)), Some(ErrorCode::TooManyPixels));
        assert_eq!(code(LIMITS.check_bytes(10)), None);
        assert_eq!(code(LIMITS.check_bytes(11)), Some(ErrorCode::TooManyBytes));
    }

    #[test]
    fn a_picture_counts_as_stored_and_as_displayed() {
        let stored = |probe: &mut Probe| {
            probe.video.as_mut().expect("a video").coded = Size { width: u32::MAX, height: u32::MAX };
        };
        assert_eq!(changed(stored), Some(ErrorCode::TooManyPixels));
        assert_eq!(changed(|probe| resized(probe, 0, 9)), Some(ErrorCode::CorruptMedia));
    }

    #[test]
    fn a_frame_rate_measured_slightly_too_high_is_accepted() {
        let at = |frames, seconds| {
            changed(|probe| {
                probe.video.as_mut().expect("a video").frame_rate = FrameRate::new(frames, seconds).expect("positive");
            })
        };
        assert_eq!(at(3001, 100), None);
        assert_eq!(at(31, 1), Some(ErrorCode::FrameRateTooHigh));
        assert_eq!(at(u32::MAX, 1), Some(ErrorCode::FrameRateTooHigh));
    }

    #[test]
    fn audio_may_last_longer_than_video_but_its_channels_are_limited() {
        let mut sound = Probe { duration_ms: 2000, ..fixtures::probe("sound-in-mp4") };
        assert_eq!(code(LIMITS.check(&sound)), None);
        sound.audio[0].channels = 3;
        assert_eq!(code(LIMITS.check(&sound)), Some(ErrorCode::UnsupportedMedia));
        sound.audio[0].channels = 2;
        sound.duration_ms = 2001;
        assert_eq!(code(LIMITS.check(&sound)), Some(ErrorCode::TooLong));
    }

    #[test]
    fn a_zero_duration_is_corrupt() {
        assert_eq!(changed(|probe| probe.duration_ms = 0), Some(ErrorCode::CorruptMedia));
    }

    proptest::proptest! {
        #[test]
        fn limits_never_exceed_the_files_duration(
            duration_ms in 0..u64::MAX,
            exact: bool,
            pause_ms in proptest::option::of(0..20_000_000_u64),
            max_video_ms in 1..20_000_000_u64,
            max_audio_ms in 1..50_000_000_u64,
            container in proptest::sample::select(vec!["mov", "matroska", "asf", "flv", "avi", "mpegts", "ogg", "mp3"]),
        ) {
            let limits = AvLimits { max_video_ms, max_audio_ms, ..AvLimits::default() };
            let sound_pauses_ms = pause_ms.map(|ms| (1, ms)).into_iter().collect();
            let surveyed = crate::av::Surveyed { exact, sound_pauses_ms, ..Default::default() };
            let container = container.to_owned();
            let probe = Probe { container, duration_ms, surveyed, ..fixtures::probe("no-sound") };
            let within = limits.within(&probe);
            let margin = match Clock::of(&probe.container) {
                Clock::Lengths | Clock::Restarting => u64::MAX,
                Clock::Times if exact => 50,
                Clock::Times => duration_ms / 20 + 2000,
            };
            let until_ms = duration_ms.saturating_add(margin);
            assert_eq!((within.max_video_ms, within.max_audio_ms), (max_video_ms.min(until_ms), max_audio_ms.min(until_ms)));
            assert_eq!(AvLimits { max_video_ms, max_audio_ms, ..within }, limits, "nothing else changes");
            // Sound in a video follows the video's limit, not that of audio files.
            let heard_ms = within.within_sound(&probe, 1).max_audio_ms;
            assert_eq!(heard_ms, within.max_video_ms.min(pause_ms.unwrap_or(u64::MAX)));
            assert_eq!(within.within_sound(&probe, 2).max_audio_ms, within.max_video_ms);
        }
    }

    #[test]
    fn work_that_cannot_finish_in_time_is_refused_with_an_estimate() {
        let probe = Probe { duration_ms: 3_600_000, ..fixtures::probe("no-sound") };
        let planned =
            |profile: &str| plan(&probe, &serde_json::from_str(profile).expect("a profile")).expect("a picture");
        // 640 × 360, encoded 30 times a second at 5.8 million pixels a second, on a machine of twice the speed: 2145
        // core-seconds.
        let slow = planned(r#"{"av1": {"preset": 4}}"#);
        let limits = |seconds| AvLimits { max_wall_time: Duration::from_secs(seconds), ..AvLimits::default() };
        assert_eq!(code(limits(2230).check_work(&slow, 1)), None);
        assert_eq!(code(limits(1115).check_work(&slow, 2)), None);
        let refusal = limits(300).check_work(&slow, 1).expect_err("an hour is too long");
        assert_eq!(refusal.code, ErrorCode::TooLong);
        assert!(refusal.message.contains("about 38 minutes") && refusal.message.contains("at most 5"), "{refusal}");
        assert_eq!(code(limits(300).check_work(&planned("{}"), 1)), None, "a faster encoder ends in time");
    }

    #[test]
    fn a_plan_is_limited_in_output_size_and_in_time() {
        let probe = fixtures::probe("no-sound");
        let plan = plan(&probe, &AvProfile::default()).expect("a picture");
        assert_eq!(code(LIMITS.check_output(&plan)), Some(ErrorCode::OutputTooLarge));
        assert_eq!(code(AvLimits::default().check_output(&plan)), None);
        assert_eq!(LIMITS.wall_time(&Probe { duration_ms: u64::MAX, ..probe.clone() }, &plan), LIMITS.max_wall_time);
        assert!(AvLimits::default().wall_time(&probe, &plan) >= Duration::from_mins(2));
    }
}
