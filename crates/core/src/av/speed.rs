//! Encoding speed of video and audio. One model predicts a job's duration, decides when a worker's child process hangs,
//! and refuses work that cannot finish in time.
//!
//! Speeds are per core. docs/COST.md describes how they were measured, and on which content.

use super::{H264Preset, Plan, VideoEncoding, VideoPlan};

/// Difficulty of content for an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// No motion.
    Easy,
    /// Typical phone video.
    Usual,
    /// Noise.
    Hard,
}

/// Pixels per millisecond on one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Speeds {
    easy: u64,
    usual: u64,
    hard: u64,
}

impl Speeds {
    /// CPU time on one core for this many pixels, in milliseconds.
    const fn ms(self, pixels: u64, content: Content) -> u64 {
        pixels
            / match content {
                Content::Easy => self.easy,
                Content::Usual => self.usual,
                Content::Hard => self.hard,
            }
    }
}

/// Speed of an encoder, including decoding as many pixels.
const fn speeds(encoding: VideoEncoding) -> Speeds {
    let (easy, usual, hard) = match encoding {
        VideoEncoding::H264 { preset, .. } => match preset {
            H264Preset::Ultrafast => (268_000, 152_000, 23_100),
            H264Preset::Superfast => (193_000, 107_000, 18_900),
            H264Preset::Veryfast => (155_000, 94_100, 15_000),
            H264Preset::Faster => (122_000, 57_300, 13_800),
            H264Preset::Fast => (122_000, 48_200, 11_100),
            H264Preset::Medium => (122_000, 37_300, 10_400),
            H264Preset::Slow => (122_000, 30_800, 6400),
            H264Preset::Slower => (96_900, 18_300, 4400),
        },
        // A preset between two measured ones has the speed of the slower one.
        VideoEncoding::Av1 { preset, .. } => match preset {
            12.. => (105_000, 79_000, 9800),
            10 | 11 => (69_900, 49_700, 6900),
            8 | 9 => (38_700, 26_800, 3100),
            6 | 7 => (17_800, 14_700, 800),
            _ => (5800, 4000, 300),
        },
    };
    Speeds { easy, usual, hard }
}

/// CPU time on one core to decode, measure and encode one second of audio, in milliseconds.
const SOUND_MS: u64 = 25;

/// CPU time on one core for the stills of a video, in milliseconds.
const STILLS_MS: u64 = 1500;

/// CPU time on one core for the renditions of a video or audio file, in milliseconds.
#[must_use]
pub fn core_ms(plan: &Plan, content: Content) -> u64 {
    let sound_ms = |duration_ms: u64| duration_ms.div_ceil(1000).saturating_mul(SOUND_MS);
    match plan {
        Plan::Video(plan) => {
            let sound = plan.audio.as_ref().map_or(0, |_| sound_ms(plan.duration_ms));
            STILLS_MS.saturating_add(encoding_core_ms(plan, content)).saturating_add(sound)
        }
        Plan::Audio(plan) => sound_ms(plan.duration_ms),
    }
}

/// CPU time on one core to encode every rung of a video, in milliseconds.
#[must_use]
pub fn encoding_core_ms(plan: &VideoPlan, content: Content) -> u64 {
    let frames = frames(plan);
    let rungs = plan.rungs.iter().chain(&plan.av1_rungs);
    let ms = rungs.map(|rung| speeds(rung.encoding).ms(rung.size.pixels().saturating_mul(frames), content));
    ms.fold(0, u64::saturating_add)
}

/// Number of frames to encode.
fn frames(plan: &VideoPlan) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most some hundred a second")]
    let a_second = plan.picture.frame_rate.per_second().ceil() as u64;
    plan.duration_ms.div_ceil(1000).saturating_mul(a_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::av::{AvProfile, fixtures, plan};

    /// docs/COST.md must contain the speeds in this module, a row for each encoder.
    #[test]
    fn the_cost_page_lists_the_speeds_in_use() {
        let page = include_str!("../../../../docs/COST.md");
        let h264 = [
            H264Preset::Ultrafast,
            H264Preset::Superfast,
            H264Preset::Veryfast,
            H264Preset::Faster,
            H264Preset::Fast,
            H264Preset::Medium,
            H264Preset::Slow,
            H264Preset::Slower,
        ];
        let h264 = h264
            .map(|preset| (format!("x264 `{}`", preset.as_str()), VideoEncoding::H264 { preset, crf: 23, level: 40 }));
        let av1 = [12, 10, 8, 6, 4].map(|preset| (format!("SVT-AV1 {preset}"), VideoEncoding::Av1 { preset, crf: 35 }));
        for (name, encoding) in h264.into_iter().chain(av1) {
            let Speeds { easy, usual, hard } = speeds(encoding);
            let [easy, usual, hard] =
                [easy, usual, hard].map(|speed| format!("{}.{}", speed / 1000, speed % 1000 / 100));
            let row = format!("| {name} | {easy} | {usual} | {hard} |");
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn harder_content_and_a_slower_encoder_take_longer() {
        let probe = fixtures::probe("no-sound");
        let of = |profile: &str, content| {
            let profile: AvProfile = serde_json::from_str(profile).unwrap();
            let Plan::Video(plan) = plan(&probe, &profile).unwrap() else { panic!("a video") };
            encoding_core_ms(&plan, content)
        };
        let (usual, slower) = ("{}", r#"{"h264": {"preset": "slower"}}"#);
        assert!(
            of(usual, Content::Easy) < of(usual, Content::Usual)
                && of(usual, Content::Usual) < of(usual, Content::Hard)
        );
        assert!(of(usual, Content::Usual) * 3 < of(slower, Content::Usual));
        assert!(of(usual, Content::Usual) < of(r#"{"av1": {}}"#, Content::Usual));
    }
}
