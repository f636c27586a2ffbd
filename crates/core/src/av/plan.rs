//! Choices: what is made of one video or audio file.

mod audio;
pub mod names;
mod video;

pub use audio::chosen as chosen_sound;

use super::{AvProfile, FrameRate, H264Preset, Probe};
use crate::{
    error::{ErrorCode, Refusal},
    image::{Colour, Size},
    kind::MediaKind,
};

/// Everything to be made of one file.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Of moving pictures, with or without sound.
    Video(VideoPlan),
    /// Of sound alone.
    Audio(AudioPlan),
}

impl Plan {
    /// What the file turned out to be.
    #[must_use]
    pub const fn kind(&self) -> MediaKind {
        match self {
            Self::Video(_) => MediaKind::Video,
            Self::Audio(_) => MediaKind::Audio,
        }
    }

    /// The most bytes that all outputs together can have, as far as the encoders keep their highest
    /// rates, plus a share for containers and stills.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        /// Stills, playlists and the manifest.
        const STILLS_BYTES: u64 = 64 * 1024 * 1024;
        let (duration_ms, bit_rate) = match self {
            Self::Video(plan) => {
                let rungs = plan.rungs.iter().chain(&plan.av1_rungs).map(|rung| rung.max_bit_rate).sum::<u64>();
                // The download repeats the top rung and the sound.
                let download = plan.rungs.first().map_or(0, |rung| rung.max_bit_rate);
                let sound = plan.audio.as_ref().map_or(0, |sound| sound.aac_bit_rate) * 2;
                (plan.duration_ms, rungs + download + sound)
            }
            Self::Audio(plan) => (plan.duration_ms, plan.sound.aac_bit_rate + plan.opus_bit_rate),
        };
        let bytes = duration_ms.div_ceil(1000).saturating_mul(bit_rate) / 8;
        bytes.saturating_add(bytes / 20).saturating_add(STILLS_BYTES)
    }
}

/// Everything to be made of one video.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoPlan {
    /// Duration of the source in milliseconds.
    pub duration_ms: u64,
    /// What is done to the decoded picture once, before it is split among the outputs.
    pub picture: PicturePlan,
    /// Frames from one keyframe to the next, in every rung: the shortest whole number that lasts
    /// [`SEGMENT_SECONDS`], so that segments of all rungs begin with the same frame.
    pub gop_frames: u32,
    /// The H.264 rungs, the largest first; at least one. The first is also the progressive download.
    pub rungs: Vec<Rung>,
    /// The AV1 rungs, the largest first; none unless the profile asks for them.
    pub av1_rungs: Vec<Rung>,
    /// The sound, where there is any.
    pub audio: Option<SoundPlan>,
    /// The still that stands for the video.
    pub poster: PosterPlan,
    /// The moving picture that stands for the video.
    pub preview: PreviewPlan,
    /// The stills along the video.
    pub storyboard: StoryboardPlan,
}

impl VideoPlan {
    /// The frames of H.264 that are keyframes besides those of [`gop_frames`](Self::gop_frames). They divide the first
    /// segment into three, so that a viewer on a slow line waits for two seconds of picture, not for six.
    #[must_use]
    pub const fn early_keyframes(&self) -> [u32; 2] {
        [self.gop_frames / 3, self.gop_frames * 2 / 3]
    }
}

/// Duration of an HLS segment in seconds (as Apple's HLS Authoring Specification wants it); the first three of H.264 and
/// of the sound last a third of it.
pub const SEGMENT_SECONDS: u32 = 6;

/// What is done to the decoded picture once, beside turning it upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PicturePlan {
    /// Index of the stream in the container.
    pub stream: u32,
    /// Whether fields are made into frames, one frame for two fields.
    pub deinterlace: bool,
    /// The constant frame rate of every rung.
    pub frame_rate: FrameRate,
    /// What high dynamic range is mapped to BT.709, if it has one.
    pub tone_map: Option<ToneMap>,
    /// What shows through, where parts of the picture can be transparent.
    pub background: Option<Colour>,
}

/// The transfer characteristic that is mapped to the one of BT.709.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ToneMap {
    /// Hybrid log-gamma.
    Hlg,
    /// Perceptual quantiser.
    Pq,
}

/// One encoding of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// Begins the names of its files: `video-720p`, of which the number is the short edge.
    pub name: String,
    /// Size with square pixels; both edges even, neither above the source's.
    pub size: Size,
    /// The codec with everything it needs to know.
    pub encoding: VideoEncoding,
    /// Highest rate over the buffer's duration, in bits a second.
    pub max_bit_rate: u64,
    /// Size of the decoder's buffer (VBV) in bits.
    pub buffer_bits: u64,
}

/// A video codec and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoEncoding {
    /// High profile, 4:2:0, 8 bits (libx264).
    H264 {
        /// Effort.
        preset: H264Preset,
        /// Constant rate factor.
        crf: u32,
        /// `level_idc` of Table A-1 of ITU-T H.264: 31 is level 3.1.
        level: u8,
    },
    /// Main profile, 4:2:0, 8 bits (libsvtav1).
    Av1 {
        /// Effort.
        preset: u32,
        /// Constant rate factor.
        crf: u32,
    },
}

/// The sound that is chosen, and what all its encodings share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundPlan {
    /// Index of the stream in the container.
    pub stream: u32,
    /// Its language, as the container names it.
    pub language: Option<String>,
    /// Channels of the source.
    pub source_channels: u32,
    /// Where those belong, in ffmpeg's words; empty where the file does not say.
    pub layout: String,
    /// Channels of the outputs: 1 or 2. More are mixed down.
    pub channels: u32,
    /// Samples a second of AAC: 44,100 or 48,000. Opus always has 48,000 (RFC 7845, 5.1).
    pub sample_rate_hz: u32,
    /// AAC-LC's rate in bits a second.
    pub aac_bit_rate: u64,
}

/// The still that stands for a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosterPlan {
    /// Where to look, in milliseconds, in this order, until a frame is found that is not black. Never empty.
    pub moments_ms: Vec<u64>,
    /// Milliseconds from each moment among which the most representative frame is taken.
    pub window_ms: u64,
    /// Size with square pixels.
    pub size: Size,
    /// libjpeg's scale.
    pub quality: u32,
}

/// The moving picture that stands for a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewPlan {
    /// Where it begins, in milliseconds.
    pub start_ms: u64,
    /// How long it lasts, in milliseconds.
    pub duration_ms: u64,
    /// Frames a second.
    pub frame_rate: u32,
    /// Size with square pixels.
    pub size: Size,
    /// libwebp's scale.
    pub quality: u32,
}

/// The stills along a video: tile `i` shows the time from `i × interval_ms` until the next one's,
/// counted from left to right, from top to bottom, then on the next sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoryboardPlan {
    /// Time that a tile stands for, in milliseconds.
    pub interval_ms: u64,
    /// Number of tiles; at least 1.
    pub tiles: u32,
    /// Tiles side by side on a sheet.
    pub columns: u32,
    /// Tiles one below the other on every sheet; the last one's end may stay empty.
    pub rows: u32,
    /// Size of a tile.
    pub tile: Size,
    /// libjpeg's scale.
    pub quality: u32,
}

/// Everything to be made of one audio file.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioPlan {
    /// Duration of the source in milliseconds.
    pub duration_ms: u64,
    /// The sound.
    pub sound: SoundPlan,
    /// Opus' rate in bits a second.
    pub opus_bit_rate: u64,
    /// Integrated loudness wanted, in LUFS.
    pub target_lufs: f64,
    /// True peak that the gain never lifts the sound above, in dBTP.
    pub max_true_peak_dbtp: f64,
    /// The peaks along the file.
    pub waveform: WaveformPlan,
    /// The stream that is a cover picture.
    pub cover_stream: Option<u32>,
}

/// The peaks along an audio file: of each point the lowest and the highest sample of its channels mixed into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaveformPlan {
    /// Samples a second of the sound that is measured, mixed to one channel.
    pub sample_rate_hz: u32,
    /// Samples that become one point (`samples_per_pixel` of audiowaveform).
    pub samples_per_point: u32,
    /// Size of the picture in pixels.
    pub picture: Size,
}

/// Plans what is made of a file that [`super::AvLimits`] let pass: a video where it has a moving
/// picture, else an audio file. A file with neither is refused as unsupported.
pub fn plan(probe: &Probe, profile: &AvProfile) -> Result<Plan, Refusal> {
    if let Some(video) = &probe.video {
        return Ok(Plan::Video(video::plan(probe, video, profile)));
    }
    match audio::chosen(&probe.audio, profile.audio.language.as_deref()) {
        Some(stream) => Ok(Plan::Audio(audio::plan(probe, stream, profile))),
        None => Err(Refusal::new(ErrorCode::UnsupportedMedia, "the file has neither a moving picture nor sound")),
    }
}

#[cfg(test)]
mod tests;
