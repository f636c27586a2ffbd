//! Decides the outputs of one video or audio file.

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

/// All outputs of one file.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// For video, with or without sound.
    Video(VideoPlan),
    /// For audio only.
    Audio(AudioPlan),
}

impl Plan {
    /// The actual kind of the file.
    #[must_use]
    pub const fn kind(&self) -> MediaKind {
        match self {
            Self::Video(_) => MediaKind::Video,
            Self::Audio(_) => MediaKind::Audio,
        }
    }

    /// The audio to encode, if any.
    #[must_use]
    pub const fn sound(&self) -> Option<&SoundPlan> {
        match self {
            Self::Video(plan) => plan.audio.as_ref(),
            Self::Audio(plan) => Some(&plan.sound),
        }
    }

    /// Largest total size of all outputs in bytes, given the encoders' highest rates plus a share for containers and
    /// stills.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        /// Stills, playlists and the manifest.
        const STILLS_BYTES: u64 = 64 * 1024 * 1024;
        let bytes = self.track_bytes();
        bytes.saturating_add(bytes / 20).saturating_add(STILLS_BYTES)
    }

    /// Largest total size of the video and audio tracks in bytes, if the encoders keep to their highest rates.
    #[must_use]
    pub fn track_bytes(&self) -> u64 {
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
        duration_ms.div_ceil(1000).saturating_mul(bit_rate) / 8
    }
}

/// All outputs of one video.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoPlan {
    /// Duration of the source in milliseconds.
    pub duration_ms: u64,
    /// Processing of the decoded picture before it is split among the outputs.
    pub picture: PicturePlan,
    /// Frames from one keyframe to the next in every rung: the fewest that last [`SEGMENT_SECONDS`], so that segments
    /// of all rungs start at the same frame.
    pub gop_frames: u32,
    /// The H.264 rungs, the largest first; at least one. The first is also the progressive download.
    pub rungs: Vec<Rung>,
    /// The AV1 rungs, the largest first; empty unless the profile enables them.
    pub av1_rungs: Vec<Rung>,
    /// The audio, if any.
    pub audio: Option<SoundPlan>,
    /// The poster image.
    pub poster: PosterPlan,
    /// The animated preview.
    pub preview: PreviewPlan,
    /// The storyboard.
    pub storyboard: StoryboardPlan,
}

impl VideoPlan {
    /// Extra H.264 keyframes, besides those at [`gop_frames`](Self::gop_frames). They split the first segment into
    /// three, so that a viewer on a slow connection waits for two seconds of video, not six.
    #[must_use]
    pub const fn early_keyframes(&self) -> [u32; 2] {
        [self.gop_frames / 3, self.gop_frames * 2 / 3]
    }
}

/// Duration of an HLS segment in seconds, as Apple's HLS Authoring Specification recommends; the first three segments
/// of H.264 and of audio last a third of it.
pub const SEGMENT_SECONDS: u32 = 6;

/// Processing of the decoded picture, in addition to the rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PicturePlan {
    /// Index of the stream in the container.
    pub stream: u32,
    /// If set, fields are combined into frames, two fields per frame.
    pub deinterlace: bool,
    /// Constant frame rate of every rung.
    pub frame_rate: FrameRate,
    /// The high dynamic range to map to BT.709, if any.
    pub tone_map: Option<ToneMap>,
    /// Colour behind transparent parts, if the picture can have any.
    pub background: Option<Colour>,
}

/// Transfer characteristic to map to BT.709's.
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
    /// Start of its file names, such as `video-720p`; the number is the short edge.
    pub name: String,
    /// Size with square pixels; both edges even, neither longer than the source's.
    pub size: Size,
    /// Codec and its settings.
    pub encoding: VideoEncoding,
    /// Highest rate over the buffer's duration, in bits per second.
    pub max_bit_rate: u64,
    /// Size of the decoder buffer (VBV) in bits.
    pub buffer_bits: u64,
}

/// A video codec and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoEncoding {
    /// High profile, 4:2:0, 8 bits (libx264).
    H264 {
        /// Speed preset.
        preset: H264Preset,
        /// Constant rate factor.
        crf: u32,
        /// `level_idc` of Table A-1 of ITU-T H.264: 31 is level 3.1.
        level: u8,
    },
    /// Main profile, 4:2:0, 8 bits (libsvtav1).
    Av1 {
        /// Speed preset, 4 (smallest) to 12 (fastest).
        preset: u32,
        /// Constant rate factor.
        crf: u32,
    },
}

/// The chosen audio stream and the settings that all its encodings share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundPlan {
    /// Index of the stream in the container.
    pub stream: u32,
    /// Language code from the container.
    pub language: Option<String>,
    /// Channels in the source.
    pub source_channels: u32,
    /// Channel layout in ffmpeg's notation; empty if the file does not state it.
    pub layout: String,
    /// Channels of the outputs: 1 or 2. More are downmixed.
    pub channels: u32,
    /// Sample rate of AAC: 44,100 or 48,000. Opus always has 48,000 (RFC 7845, 5.1).
    pub sample_rate_hz: u32,
    /// Bit rate of AAC-LC in bits per second.
    pub aac_bit_rate: u64,
}

/// The poster image of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosterPlan {
    /// Moments to try in this order, in milliseconds, until a frame is found that is not black. Never empty.
    pub moments_ms: Vec<u64>,
    /// Length of the window after each moment, in milliseconds, from which the most representative frame is taken.
    pub window_ms: u64,
    /// Size with square pixels.
    pub size: Size,
    /// JPEG quality on libjpeg's scale.
    pub quality: u32,
}

/// The animated preview of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewPlan {
    /// Start in the source, in milliseconds.
    pub start_ms: u64,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// Frame rate in frames per second.
    pub frame_rate: u32,
    /// Size with square pixels.
    pub size: Size,
    /// WebP quality on libwebp's scale.
    pub quality: u32,
}

/// Stills along the video: tile `i` shows the time from `i × interval_ms` until the next tile, counted from left to
/// right, from top to bottom, then on the next sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoryboardPlan {
    /// Time that one tile covers, in milliseconds.
    pub interval_ms: u64,
    /// Number of tiles; at least 1.
    pub tiles: u32,
    /// Tiles per row of a sheet.
    pub columns: u32,
    /// Rows per sheet; the last sheet may end with empty places.
    pub rows: u32,
    /// Size of a tile.
    pub tile: Size,
    /// JPEG quality on libjpeg's scale.
    pub quality: u32,
}

/// All outputs of one audio file.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioPlan {
    /// Duration of the source in milliseconds.
    pub duration_ms: u64,
    /// The audio stream and shared settings.
    pub sound: SoundPlan,
    /// Bit rate of Opus in bits per second.
    pub opus_bit_rate: u64,
    /// Target integrated loudness in LUFS.
    pub target_lufs: f64,
    /// Highest true peak that the gain may cause, in dBTP.
    pub max_true_peak_dbtp: f64,
    /// The waveform.
    pub waveform: WaveformPlan,
    /// Index of the stream that holds a cover picture.
    pub cover_stream: Option<u32>,
}

/// The waveform of an audio file: for each point the lowest and highest sample of its channels, mixed into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaveformPlan {
    /// Sample rate of the measured sound, mixed to one channel.
    pub sample_rate_hz: u32,
    /// Samples per point (`samples_per_pixel` of audiowaveform).
    pub samples_per_point: u32,
    /// Size of the picture in pixels.
    pub picture: Size,
}

/// Plans the outputs of a file that [`super::AvLimits`] accepted: video if it has a video stream, else audio. A file
/// with neither is refused as unsupported.
pub fn plan(probe: &Probe, profile: &AvProfile) -> Result<Plan, Refusal> {
    if let Some(video) = &probe.video {
        return Ok(Plan::Video(video::plan(probe, video, profile)));
    }
    match audio::chosen(&probe.audio, profile.audio.language.as_deref()) {
        Some(stream) => Ok(Plan::Audio(audio::plan(probe, stream, profile))),
        None => Err(Refusal::new(ErrorCode::UnsupportedMedia, "the file has neither video nor audio")),
    }
}

#[cfg(test)]
mod tests;
