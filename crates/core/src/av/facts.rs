//! What is measured on a video or audio source. It goes into the manifest, so every word of it is
//! public: no place, no free text that was not shortened and stripped.

use super::Survey;
use crate::{
    image::Size,
    warning::{Warning, WarningCode},
};
use serde::{Deserialize, Serialize};

/// Everything known of one video or audio file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Name of the container format, as ffmpeg names it (the first of several names).
    pub container: String,
    /// Duration in milliseconds; 0 where the container does not say and nobody has measured it yet.
    pub duration_ms: u64,
    /// How far before 0 the first packet lies, in microseconds: an encoder's delay, which decoders throw away.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_us: u32,
    /// How long the file says that it is, in milliseconds, where far less of it is there: it was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_ms: Option<u64>,
    /// Whether its end is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
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
    /// Takes what the packets of a file of so many bytes say for how long it is, instead of what its header does.
    ///
    /// `exact` says that the header's claim is no guess. Where an end is missing ([`Self::is_cut`]), the claim is kept
    /// beside.
    pub fn measured(&mut self, survey: &Survey, bytes: u64, exact: bool) {
        let claimed_ms = self.promised_ms(&self.played());
        let found_ms = self.played().into_iter().filter_map(|stream| survey.stream_ms(stream)).max().unwrap_or(0);
        self.claimed_ms = (exact && Self::is_cut(found_ms, claimed_ms)).then_some(claimed_ms);
        self.duration_ms = survey.ms();
        let sounds = self.audio.iter_mut().map(|sound| (sound.index, &mut sound.duration_ms));
        for (index, duration_ms) in
            sounds.chain(self.video.iter_mut().map(|video| (video.index, &mut video.duration_ms)))
        {
            *duration_ms = duration_ms.and(survey.stream_ms(index));
        }
        self.bit_rate = bytes.saturating_mul(8000).checked_div(self.duration_ms).unwrap_or(0);
    }

    /// Takes one still picture beside a sound for its cover, as a song has it that was put into Matroska, which calls
    /// every picture a video.
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

    /// What the owner of the file may want to know of it: that its end is missing, and how much is there.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let seconds = |ms: u64| format!("{}.{}", ms / 1000, ms % 1000 / 100);
        let there = seconds(self.duration_ms);
        let message = match (self.cut_off, self.claimed_ms) {
            (false, _) => return Vec::new(),
            (true, Some(claimed_ms)) => {
                format!("the end is missing: {there} of {} seconds are there", seconds(claimed_ms))
            }
            (true, None) => format!("the end is missing: {there} seconds are there"),
        };
        vec![Warning::new(WarningCode::CutOff, message)]
    }

    /// Indexes of picture and sounds.
    fn played(&self) -> Vec<u32> {
        self.video.iter().map(|video| video.index).chain(self.audio.iter().map(|sound| sound.index)).collect()
    }

    /// Whether so much is so far below what was claimed that an end is missing. Less is rounding and an encoder's delay.
    #[must_use]
    pub const fn is_cut(found_ms: u64, claimed_ms: u64) -> bool {
        found_ms < (claimed_ms - claimed_ms / 20).saturating_sub(1000)
    }

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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One moving picture.
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    // Of a slow video also where one lies between two steps of its rate.
    pub variable_frame_rate: bool,
    /// Whether frames have no duration of their own: the container tells a rate that is none, or a tick of its clock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed: bool,
    /// Whether a frame holds two fields of different moments.
    pub interlaced: bool,
    /// Bits per sample.
    pub bit_depth: u8,
    /// How samples become colours.
    pub colours: Colours,
    /// Standard or one of the two high dynamic ranges.
    pub dynamic_range: DynamicRange,
    /// Whether its size or the shape of its pixels changes on the way. It is displayed in the largest shape then, and others
    /// with bars.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes_shape: bool,
    /// Whether parts of the picture can be transparent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transparent: bool,
    /// Its own duration in milliseconds, where the container gives each stream one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Of a slow video that was looked at: when its last frame ends, in milliseconds from the file's start.
    #[serde(skip)]
    pub end_ms: Option<u64>,
}

/// Frames a second as a fraction; never zero, never infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

    /// The rate that cameras and editing know, where this is one as it was measured.
    #[must_use]
    pub fn standard(self) -> Option<Self> {
        const KNOWN: [(u32, u32); 8] =
            [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60_000, 1001), (60, 1)];
        let rates = KNOWN.iter().filter_map(|&(frames, seconds)| Self::new(frames, seconds).ok());
        rates.into_iter().find(|rate| (rate.per_second() / self.per_second() - 1.0).abs() <= Self::TOLERANCE)
    }

    /// How far a measured rate may lie from the one that is meant. 30 and 30000/1001 differ by a thousandth.
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

/// Clockwise turn that makes a picture upright.
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

/// How samples become colours, in ffmpeg's names; empty where the file does not say.
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

/// How bright a picture can be.
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

/// One sound.
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
    /// Where they belong, in ffmpeg's words; empty where the file does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layout: String,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Loudness by EBU R 128, before and after it was brought to the target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
