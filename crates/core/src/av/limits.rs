//! How much of a hostile video or audio file is looked at before it is refused.

use super::{Clock, Plan, Probe, plan::Rung};
use crate::{
    error::{ErrorCode, Refusal},
    image::Size,
};
use std::time::Duration;

/// Bounds that hold before anything is decoded, and those of the programs that decode.
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
    /// Most frames a second.
    pub max_frame_rate: u32,
    /// Most streams of any kind.
    pub max_streams: u32,
    /// Most channels of a sound.
    pub max_channels: u32,
    /// Most bits a second of the whole file.
    pub max_bit_rate: u64,
    /// Most that all outputs together may have, in bytes, by the highest rates of the plan.
    pub max_output_bytes: u64,
    /// Address space that a child may take, in bytes. Where the machine or the container has less, that counts.
    pub max_child_memory_bytes: u64,
    /// Longest that a child may run.
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

    /// Everything that a probe alone can be refused for.
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

    /// These limits, with no more time than a file needs whose times count. A packet that
    /// claims to be hours later would otherwise be reached by hours of repeated pictures and of silence.
    #[must_use]
    pub fn within(self, probe: &Probe) -> Self {
        let until_ms = match (Clock::of(&probe.container), probe.container.as_str()) {
            // Only what is played is counted.
            (Clock::Lengths | Clock::Restarting, _) => return self,
            // For the last frame, and for headers that were rounded.
            (Clock::Times, "mov") => (probe.duration_ms + probe.duration_ms / 20).saturating_add(2000),
            // All packets were looked at.
            (Clock::Times, _) => probe.duration_ms.saturating_add(50),
        };
        let (max_video_ms, max_audio_ms) = (self.max_video_ms.min(until_ms), self.max_audio_ms.min(until_ms));
        Self { max_video_ms, max_audio_ms, ..self }
    }

    /// Refuses a plan by what it would write at the most.
    pub fn check_output(&self, plan: &Plan) -> Result<(), Refusal> {
        let bytes = plan.max_bytes();
        if bytes <= self.max_output_bytes {
            return Ok(());
        }
        let message = format!(
            "the outputs could have {} MiB; at most {} are written",
            bytes / (1024 * 1024),
            self.max_output_bytes / (1024 * 1024)
        );
        Err(Refusal::new(ErrorCode::OutputTooLarge, message))
    }

    /// How long one run of ffmpeg over the whole source may take, with every output at once on two
    /// slow cores; whoever needs longer hangs.
    #[must_use]
    pub fn wall_time(&self, probe: &Probe, plan: &Plan) -> Duration {
        /// To start, and to write the ends of files.
        const BASE: Duration = Duration::from_mins(2);
        /// Pixels that are decoded and encoded in a second. One core does 47 million with x264's
        /// `veryfast` and 9 million with `slower` (measured, four rungs and one).
        const PIXELS_A_SECOND: u64 = 4_000_000;
        /// Sound takes at most this part of its duration.
        const SOUND: u64 = 4;

        let seconds = probe.duration_ms.div_ceil(1000);
        let work_s = seconds.saturating_mul(pixels_a_second(probe, plan)) / PIXELS_A_SECOND + seconds / SOUND;
        BASE.saturating_add(Duration::from_secs(work_s)).min(self.max_wall_time)
    }

    /// Refuses a plan that so many cores cannot make in time, before any work, and says how long it would take.
    pub fn check_work(&self, probe: &Probe, plan: &Plan, cores: u64) -> Result<(), Refusal> {
        /// Pixels that a core decodes and encodes in a second at the most: the estimate is the least that it can take.
        const PIXELS_A_SECOND: u64 = 50_000_000;
        let pixels = probe.duration_ms.div_ceil(1000).saturating_mul(pixels_a_second(probe, plan));
        let least = Duration::from_secs(pixels / PIXELS_A_SECOND / cores.max(1));
        if least <= self.max_wall_time {
            return Ok(());
        }
        let minutes = |time: Duration| time.as_secs().div_ceil(60);
        let message = format!(
            "making the outputs would take about {} minutes here; a job has at most {}",
            minutes(least),
            minutes(self.max_wall_time)
        );
        Err(Refusal::new(ErrorCode::TooLong, message))
    }
}

/// Pixels that are decoded and encoded for a second of a video; none for sound.
fn pixels_a_second(probe: &Probe, plan: &Plan) -> u64 {
    match (plan, &probe.video) {
        (Plan::Video(plan), Some(video)) => {
            let encoded = |rungs: &[Rung]| rungs.iter().map(|rung| rung.size.pixels()).sum::<u64>();
            let frame = video.coded.pixels() + encoded(&plan.rungs) + encoded(&plan.av1_rungs);
            let rate = video.frame_rate.per_second().max(plan.picture.frame_rate.per_second());
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "limits were checked: at most some hundred frames a second"
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

    /// The verdict on a clip of one second with one change.
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
    fn a_rate_may_be_measured_a_little_too_high() {
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
    fn a_sound_may_last_longer_than_a_video_but_not_have_any_number_of_channels() {
        let mut sound = Probe { duration_ms: 2000, ..fixtures::probe("sound-in-mp4") };
        assert_eq!(code(LIMITS.check(&sound)), None);
        sound.audio[0].channels = 3;
        assert_eq!(code(LIMITS.check(&sound)), Some(ErrorCode::UnsupportedMedia));
        sound.audio[0].channels = 2;
        sound.duration_ms = 2001;
        assert_eq!(code(LIMITS.check(&sound)), Some(ErrorCode::TooLong));
    }

    #[test]
    fn what_lasts_no_time_is_corrupt() {
        assert_eq!(changed(|probe| probe.duration_ms = 0), Some(ErrorCode::CorruptMedia));
    }

    #[test]
    fn what_cannot_end_in_time_is_refused_with_an_estimate() {
        let probe = Probe { duration_ms: 3_600_000, ..fixtures::probe("no-sound") };
        let plan = plan(&probe, &AvProfile::default()).expect("a picture");
        // 640 × 360, decoded and encoded once, 30 times a second: 996 seconds of a core.
        let limits = |seconds| AvLimits { max_wall_time: Duration::from_secs(seconds), ..AvLimits::default() };
        assert_eq!(code(limits(996).check_work(&probe, &plan, 1)), None);
        assert_eq!(code(limits(498).check_work(&probe, &plan, 2)), None);
        let refusal = limits(300).check_work(&probe, &plan, 1).expect_err("an hour is too long");
        assert_eq!(refusal.code, ErrorCode::TooLong);
        assert!(refusal.message.contains("about 17 minutes") && refusal.message.contains("at most 5"), "{refusal}");
    }

    #[test]
    fn a_plan_is_refused_by_what_it_could_write_and_bounded_in_time() {
        let probe = fixtures::probe("no-sound");
        let plan = plan(&probe, &AvProfile::default()).expect("a picture");
        assert_eq!(code(LIMITS.check_output(&plan)), Some(ErrorCode::OutputTooLarge));
        assert_eq!(code(AvLimits::default().check_output(&plan)), None);
        assert_eq!(LIMITS.wall_time(&Probe { duration_ms: u64::MAX, ..probe.clone() }, &plan), LIMITS.max_wall_time);
        assert!(AvLimits::default().wall_time(&probe, &plan) >= Duration::from_mins(2));
    }
}
