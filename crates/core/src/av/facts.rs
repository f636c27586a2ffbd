//! What is measured on a video or audio source. It goes into the manifest, so every word of it is
//! public: no place, no free text that was not shortened and stripped.

use crate::image::Size;
use serde::{Deserialize, Serialize};

/// Everything known of one video or audio file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AvFacts {
    /// What the container and its streams say.
    #[serde(flatten)]
    pub probe: Probe,
    /// How loud it is, where there is sound that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudness: Option<LoudnessFacts>,
}

/// What a container says of itself and its streams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Name of the container format, as ffmpeg names it (the first of several names).
    pub container: String,
    /// Duration in milliseconds; 0 where the container does not say and nobody has measured it yet.
    pub duration_ms: u64,
    /// Bits a second of the whole file.
    pub bit_rate: u64,
    /// Number of streams of any kind.
    pub streams: u32,
    /// The moving picture that is shown: the default one, else the largest. A cover is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoStream>,
    /// Every sound stream, in the container's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audio: Vec<AudioStream>,
    /// Index of the stream that is a cover picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover_stream: Option<u32>,
    /// Named parts, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chapters: Vec<Chapter>,
    /// Title and the like.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl Probe {
    /// How long these streams are together by what the file says, in milliseconds: as long as the longest of them, where
    /// each has a duration of its own, and never longer than the file. What else is in it, subtitles for one, may last longer.
    #[must_use]
    pub fn promised_ms(&self, streams: &[u32]) -> u64 {
        let video = self.video.iter().map(|video| (video.index, video.duration_ms));
        let all = video.chain(self.audio.iter().map(|audio| (audio.index, audio.duration_ms)));
        let of_those = all.filter(|(index, _)| streams.contains(index)).map(|(_, duration_ms)| duration_ms);
        let longest = of_those.reduce(|one, other| Some(one?.max(other?)));
        longest.flatten().map_or(self.duration_ms, |ms| ms.min(self.duration_ms))
    }
}

/// One moving picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoStream {
    /// Index in the container.
    pub index: u32,
    /// Codec, as ffmpeg names it.
    pub codec: String,
    /// Width and height in pixels as stored.
    pub coded: Size,
    /// Width and height in pixels as displayed: square pixels, upright.
    pub displayed: Size,
    /// Whether top and bottom of the stored picture must be swapped, before it is turned: of a mirror image.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirrored: bool,
    /// How the stored picture must be turned to be displayed.
    pub rotation: Rotation,
    /// Average frames a second.
    pub frame_rate: FrameRate,
    /// Whether the distance between frames varies.
    pub variable_frame_rate: bool,
    /// Whether a frame holds two fields of different moments.
    pub interlaced: bool,
    /// Bits per sample.
    pub bit_depth: u8,
    /// How samples become colours.
    pub colours: Colours,
    /// Standard or one of the two high dynamic ranges.
    pub dynamic_range: DynamicRange,
    /// Its own duration in milliseconds, where the container gives each stream one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// Frames a second as a fraction; never zero, never infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
pub struct FrameRate {
    numerator: u32,
    denominator: u32,
}

/// Not a frame rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame rate is a fraction of two positive numbers")]
pub struct InvalidFrameRate;

impl FrameRate {
    /// Frames and the seconds that they take.
    pub const fn new(numerator: u32, denominator: u32) -> Result<Self, InvalidFrameRate> {
        if numerator == 0 || denominator == 0 { Err(InvalidFrameRate) } else { Ok(Self { numerator, denominator }) }
    }

    /// Frames.
    #[must_use]
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// Seconds.
    #[must_use]
    pub const fn denominator(self) -> u32 {
        self.denominator
    }

    /// Frames a second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
}

impl TryFrom<(u32, u32)> for FrameRate {
    type Error = InvalidFrameRate;

    fn try_from((numerator, denominator): (u32, u32)) -> Result<Self, InvalidFrameRate> {
        Self::new(numerator, denominator)
    }
}

impl From<FrameRate> for (u32, u32) {
    fn from(rate: FrameRate) -> Self {
        (rate.numerator, rate.denominator)
    }
}

/// Clockwise turn that makes a picture upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rotation {
    /// 0°.
    #[default]
    None,
    /// 90°.
    Quarter,
    /// 180°.
    Half,
    /// 270°.
    ThreeQuarters,
}

/// How samples become colours, in ffmpeg's names; empty where the file does not say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Colours {
    /// Pixel format.
    pub pixel_format: String,
    /// Primaries.
    pub primaries: String,
    /// Transfer characteristic.
    pub transfer: String,
    /// Matrix coefficients.
    pub matrix: String,
    /// `tv` (limited) or `pc` (full).
    pub range: String,
}

/// How bright a picture can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DynamicRange {
    /// Standard.
    Sdr,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
    /// Perceptual quantiser (SMPTE ST 2084): HDR10, Dolby Vision with a compatible base.
    Pq,
}

/// One sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AudioStream {
    /// Index in the container.
    pub index: u32,
    /// Codec, as ffmpeg names it.
    pub codec: String,
    /// Number of channels, at least 1.
    pub channels: u32,
    /// Samples a second of each channel, at least 1.
    pub sample_rate_hz: u32,
    /// Language as the container names it (three letters, ISO 639-2, in most).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whether the container calls it the default one.
    pub default: bool,
    /// Its own duration in milliseconds, where the container gives each stream one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// A named part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chapter {
    /// Milliseconds from the start.
    pub start_ms: u64,
    /// Milliseconds from the start.
    pub end_ms: u64,
    /// Its name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// What a file says of its content. A fixed choice of fields, each shortened and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tags {
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Artist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artist: Option<String>,
    /// Album.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub album: Option<String>,
    /// Track number within the album, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<String>,
    /// Genre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub genre: Option<String>,
    /// Year or date, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

impl Tags {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Loudness by EBU R 128, before and after it was brought to the target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoudnessFacts {
    /// Integrated loudness of the source in LUFS; none where it is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrated_lufs: Option<f64>,
    /// Loudness range of the source in LU.
    pub range_lu: f64,
    /// Highest true peak of the source in dBTP; none where it is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub true_peak_dbtp: Option<f64>,
    /// Gain that was applied, in dB.
    pub gain_db: f64,
    /// What the outputs were brought to, in LUFS, as far as the peak allowed.
    pub target_lufs: f64,
}
