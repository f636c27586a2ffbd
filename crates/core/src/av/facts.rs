//! Measurements of a video or audio source. They go into the manifest, so every field is public: no location, and no
//! free text that was not shortened and stripped.

mod surveyed;

use super::Survey;
use crate::image::Size;
use serde::{Deserialize, Serialize};
pub use surveyed::Surveyed;

/// Measurements of one video or audio file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AvFacts {
    /// Properties of the container and its streams.
    #[serde(flatten)]
    pub probe: Probe,
    /// Loudness, if the file has sound and it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudness: Option<LoudnessFacts>,
}

/// Properties of a container and its streams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Container format: the first of ffmpeg's names for it.
    pub container: String,
    /// Duration in milliseconds; 0 if the container does not state it and it has not been measured yet.
    pub duration_ms: u64,
    /// Time from the first packet to time 0, in microseconds: an encoder's delay, which decoders discard.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_us: u32,
    /// Duration that the header claims, in milliseconds, if the file was cut off and far less is present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_ms: Option<u64>,
    /// True if the end of the file is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// Results of reading its packets.
    #[serde(skip)]
    pub surveyed: Surveyed,
    /// Average bit rate of the whole file, in bits per second.
    pub bit_rate: u64,
    /// Number of streams of any kind.
    pub streams: u32,
    /// The video stream that is shown: the default one, else the largest. Covers don't count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoStream>,
    /// All audio streams, in the container's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audio: Vec<AudioStream>,
    /// Index of the stream that holds a cover picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover_stream: Option<u32>,
    /// Chapters, by start time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chapters: Vec<Chapter>,
    /// Title, artist and other tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl Probe {
    /// Treats a single still picture next to sound as the cover. Matroska calls every picture a video, so a song
    /// remuxed into it has such a stream.
    pub fn take_still_for_cover(&mut self, survey: &Survey) {
        const STILLS: [&str; 5] = ["mjpeg", "png", "bmp", "webp", "gif"];
        let still =
            |video: &mut VideoStream| STILLS.contains(&video.codec.as_str()) && survey.packets(video.index) == 1;
        if self.audio.iter().any(|sound| survey.packets(sound.index) > 1)
            && let Some(cover) = self.video.take_if(still)
        {
            self.cover_stream = self.cover_stream.or(Some(cover.index));
        }
    }

    /// Indexes of the video stream and the audio streams.
    fn played(&self) -> Vec<u32> {
        self.video.iter().map(|video| video.index).chain(self.audio.iter().map(|sound| sound.index)).collect()
    }

    /// Returns whether `found_ms` is so far below `claimed_ms` that the end must be missing. A smaller difference is
    /// rounding or an encoder's delay.
    #[must_use]
    pub const fn is_cut(found_ms: u64, claimed_ms: u64) -> bool {
        found_ms < (claimed_ms - claimed_ms / 20).saturating_sub(1000)
    }

    /// Duration of these streams together according to the headers, in milliseconds: that of the longest one if each
    /// states a duration, and at most the file's. Other streams, such as subtitles, may last longer.
    #[must_use]
    pub fn promised_ms(&self, streams: &[u32]) -> u64 {
        let video = self.video.iter().map(|video| (video.index, video.duration_ms));
        let all = video.chain(self.audio.iter().map(|audio| (audio.index, audio.duration_ms)));
        let of_those = all.filter(|(index, _)| streams.contains(index)).map(|(_, duration_ms)| duration_ms);
        let longest = of_those.reduce(|one, other| Some(one?.max(other?)));
        longest.flatten().map_or(self.duration_ms, |ms| ms.min(self.duration_ms))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A video stream.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VideoStream {
    /// Index in the container.
    pub index: u32,
    /// Codec, as ffmpeg names it.
    pub codec: String,
    /// Width and height of the stored picture, in pixels.
    pub coded: Size,
    /// Width and height in pixels as displayed: with square pixels, upright.
    pub displayed: Size,
    /// True if the stored picture must be flipped top to bottom before it is rotated: it is a mirror image.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirrored: bool,
    /// Rotation that makes the stored picture upright.
    pub rotation: Rotation,
    /// Average frame rate in frames per second.
    pub frame_rate: FrameRate,
    /// True if the time between frames varies.
    // For a slow video, also true if a frame lies between two steps of its rate.
    pub variable_frame_rate: bool,
    /// True if frames have no duration of their own: the container gives a meaningless rate, or a tick of its clock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed: bool,
    /// True if a frame holds two fields of different moments.
    pub interlaced: bool,
    /// Bits per sample.
    pub bit_depth: u8,
    /// Colour description.
    pub colours: Colours,
    /// Standard, or one of two high dynamic ranges.
    pub dynamic_range: DynamicRange,
    /// True if the size or the pixel shape changes during the video. It is then displayed in the largest shape, and
    /// smaller pictures get bars.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes_shape: bool,
    /// True if parts of the picture can be transparent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transparent: bool,
    /// Duration in milliseconds, if the container states one for each stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// End of the last frame of a slow video that was examined, in milliseconds from the file's start.
    #[serde(skip)]
    pub end_ms: Option<u64>,
}

/// Frame rate as a fraction; never zero, never infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
pub struct FrameRate {
    numerator: u32,
    denominator: u32,
}

/// The numerator or denominator of a frame rate is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame rate is a fraction of two positive numbers")]
pub struct InvalidFrameRate;

impl FrameRate {
    /// Creates a rate from a number of frames and the seconds that they take.
    pub const fn new(numerator: u32, denominator: u32) -> Result<Self, InvalidFrameRate> {
        if numerator == 0 || denominator == 0 { Err(InvalidFrameRate) } else { Ok(Self { numerator, denominator }) }
    }

    /// Number of frames.
    #[must_use]
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// Seconds that these frames take.
    #[must_use]
    pub const fn denominator(self) -> u32 {
        self.denominator
    }

    /// Frames per second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// The standard camera and editing rate that this measured rate stands for, if any.
    #[must_use]
    pub fn standard(self) -> Option<Self> {
        const KNOWN: [(u32, u32); 8] =
            [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60_000, 1001), (60, 1)];
        let rates = KNOWN.iter().filter_map(|&(frames, seconds)| Self::new(frames, seconds).ok());
        rates.into_iter().find(|rate| (rate.per_second() / self.per_second() - 1.0).abs() <= Self::TOLERANCE)
    }

    /// Largest relative difference between a measured rate and the intended one. 30 and 30000/1001 differ by a
    /// thousandth.
    pub(super) const TOLERANCE: f64 = 0.0004;
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

/// Clockwise rotation that makes a picture upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// Colour description in ffmpeg's names; empty where the file does not state it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// Dynamic range of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DynamicRange {
    /// Standard.
    Sdr,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
    /// Perceptual quantiser (SMPTE ST 2084): HDR10, Dolby Vision with a compatible base.
    Pq,
}

/// An audio stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AudioStream {
    /// Index in the container.
    pub index: u32,
    /// Codec, as ffmpeg names it.
    pub codec: String,
    /// Number of channels, at least 1.
    pub channels: u32,
    /// Channel layout in ffmpeg's notation; empty if the file does not state it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layout: String,
    /// Sample rate of each channel in Hz, at least 1.
    pub sample_rate_hz: u32,
    /// Language code from the container, usually three letters (ISO 639-2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// True if the container marks it as the default stream.
    pub default: bool,
    /// Duration in milliseconds, if the container states one for each stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// A chapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Chapter {
    /// Start, in milliseconds from the start of the file.
    pub start_ms: u64,
    /// End, in milliseconds from the start of the file.
    pub end_ms: u64,
    /// Title, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// A fixed choice of a file's tags, each shortened and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Returns whether no tag is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Loudness by EBU R 128, before and after normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoudnessFacts {
    /// Integrated loudness of the source in LUFS; absent if it is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrated_lufs: Option<f64>,
    /// Loudness range of the source in LU.
    pub range_lu: f64,
    /// Highest true peak of the source in dBTP; absent if it is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub true_peak_dbtp: Option<f64>,
    /// Gain applied, in dB.
    pub gain_db: f64,
    /// Target loudness of the outputs in LUFS. It is not reached where the peak limits the gain.
    pub target_lufs: f64,
}
