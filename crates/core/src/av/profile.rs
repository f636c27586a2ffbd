//! Profile of the outputs for video and audio, independent of any file.

mod bounds;

use crate::image::Colour;
pub use bounds::{InvalidAvProfile, Level, Within};
use serde::{Deserialize, Serialize};

/// Settings for the outputs of every video and audio file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AvProfile {
    /// The H.264 rungs.
    pub ladder: VideoLadder,
    /// H.264 encoding.
    pub h264: H264Profile,
    /// AV1 encoding; off by default, since it doubles the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub av1: Option<Av1Profile>,
    /// Highest frame rate of a rung, in frames per second.
    pub max_frame_rate: Within<24, 120>,
    /// Audio encoding.
    pub audio: AudioProfile,
    /// Loudness of the renditions of an audio file.
    pub loudness: LoudnessProfile,
    /// The poster image.
    pub poster: PosterProfile,
    /// The animated preview.
    pub preview: PreviewProfile,
    /// The storyboard.
    pub storyboard: StoryboardProfile,
    /// The waveform.
    pub waveform: WaveformProfile,
    /// Colour behind transparent parts of a video; defaults to the background of images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
}

impl Default for Within<24, 120> {
    /// The highest rate that every player supports.
    fn default() -> Self {
        Self::fixed(60)
    }
}

/// Rungs by descending short edge, at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<RungProfile>", into = "Vec<RungProfile>")]
pub struct VideoLadder(Vec<RungProfile>);

/// One rung, for any aspect ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RungProfile {
    /// Short edge in pixels; even.
    pub short_edge: Within<64, 2160>,
    /// x264's constant rate factor.
    pub crf: Within<0, 51>,
    /// Highest rate of a 16:9 picture at up to 30 frames per second, in kb/s.
    pub max_kbps: Within<50, 100_000>,
}

impl VideoLadder {
    /// The rungs, the largest first.
    #[must_use]
    pub fn rungs(&self) -> &[RungProfile] {
        &self.0
    }
}

impl Default for VideoLadder {
    fn default() -> Self {
        let rung = |edge, crf, kbps| RungProfile {
            short_edge: Within::fixed(edge),
            crf: Within::fixed(crf),
            max_kbps: Within::fixed(kbps),
        };
        Self(vec![rung(1080, 23, 5000), rung(720, 23, 2800), rung(480, 23, 1400), rung(360, 23, 800)])
    }
}

impl TryFrom<Vec<RungProfile>> for VideoLadder {
    type Error = InvalidAvProfile;

    /// Accepts rungs in any order; of rungs with equal edges the first wins.
    fn try_from(mut rungs: Vec<RungProfile>) -> Result<Self, InvalidAvProfile> {
        if rungs.iter().any(|rung| rung.short_edge.get() % 2 != 0) {
            return Err(InvalidAvProfile::OddEdge);
        }
        rungs.sort_by_key(|rung| std::cmp::Reverse(rung.short_edge));
        rungs.dedup_by_key(|rung| rung.short_edge);
        if (1..=8).contains(&rungs.len()) { Ok(Self(rungs)) } else { Err(InvalidAvProfile::Ladder) }
    }
}

impl From<VideoLadder> for Vec<RungProfile> {
    fn from(ladder: VideoLadder) -> Self {
        ladder.0
    }
}

/// H.264 encoding: High profile, 4:2:0, 8 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct H264Profile {
    /// x264's speed preset.
    pub preset: H264Preset,
}

/// x264's speed preset, from fastest to smallest output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "x264's own names")]
pub enum H264Preset {
    Ultrafast,
    Superfast,
    /// Slower presets cost 40% more CPU time for 1% of SSIM (measured at 720p), and CPU time is a job's main cost.
    #[default]
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
    Slower,
}

impl H264Preset {
    /// x264's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ultrafast => "ultrafast",
            Self::Superfast => "superfast",
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Slower => "slower",
        }
    }
}

/// AV1 encoding: Main profile, 4:2:0, 8 bits. The rungs have the sizes of the H.264 ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Av1Profile {
    /// SVT-AV1's speed preset, from smallest output to fastest.
    pub preset: Within<4, 12>,
    /// SVT-AV1's constant rate factor.
    pub crf: Within<1, 63>,
}

impl Default for Av1Profile {
    fn default() -> Self {
        Self { preset: Within::fixed(10), crf: Within::fixed(35) }
    }
}

/// Audio encoding. Rates are for stereo; mono has half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AudioProfile {
    /// AAC-LC in kb/s.
    pub aac_kbps: Within<32, 320>,
    /// Opus in kb/s; audio files only.
    pub opus_kbps: Within<16, 320>,
    /// Preferred language among several tracks, in the container's notation (`eng`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Default for AudioProfile {
    fn default() -> Self {
        Self { aac_kbps: Within::fixed(128), opus_kbps: Within::fixed(96), language: None }
    }
}

/// Loudness normalisation by linear gain (EBU R 128, ITU-R BS.1770).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoudnessProfile {
    /// Target integrated loudness in LUFS.
    pub target_lufs: Level,
    /// Highest true peak that the gain may cause, in dBTP.
    pub max_true_peak_dbtp: Level,
}

impl Default for LoudnessProfile {
    fn default() -> Self {
        Self { target_lufs: Level(-16.0), max_true_peak_dbtp: Level(-1.5) }
    }
}

/// The poster image: a JPEG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PosterProfile {
    /// Long edge in pixels, at most the video's.
    pub long_edge: Within<64, 4096>,
    /// JPEG quality on libjpeg's scale.
    pub quality: Within<1, 100>,
}

impl Default for PosterProfile {
    fn default() -> Self {
        Self { long_edge: Within::fixed(1280), quality: Within::fixed(85) }
    }
}

/// The animated preview: a WebP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PreviewProfile {
    /// Long edge in pixels, at most the video's.
    pub long_edge: Within<64, 640>,
    /// Most milliseconds it lasts.
    pub duration_ms: Within<500, 10_000>,
    /// Frame rate in frames per second.
    pub frame_rate: Within<1, 30>,
    /// WebP quality on libwebp's scale.
    pub quality: Within<1, 100>,
}

impl Default for PreviewProfile {
    fn default() -> Self {
        Self {
            long_edge: Within::fixed(320),
            duration_ms: Within::fixed(3000),
            frame_rate: Within::fixed(10),
            quality: Within::fixed(60),
        }
    }
}

/// The storyboard: JPEG sheets of stills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StoryboardProfile {
    /// Long edge of a tile in pixels, at most the video's.
    pub tile_long_edge: Within<32, 320>,
    /// Most tiles, for a video of any duration.
    pub max_tiles: Within<1, 1000>,
    /// JPEG quality on libjpeg's scale.
    pub quality: Within<1, 100>,
}

impl Default for StoryboardProfile {
    fn default() -> Self {
        Self { tile_long_edge: Within::fixed(160), max_tiles: Within::fixed(300), quality: Within::fixed(75) }
    }
}

/// The waveform of an audio file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WaveformProfile {
    /// Points per second of a short file.
    pub points_per_second: Within<1, 200>,
    /// Most points, for a file of any duration.
    pub max_points: Within<100, 100_000>,
}

impl Default for WaveformProfile {
    fn default() -> Self {
        Self { points_per_second: Within::fixed(20), max_points: Within::fixed(12_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_object_is_the_default_profile() {
        let profile: AvProfile = serde_json::from_value(json!({})).expect("every field has a default");
        assert_eq!(profile, AvProfile::default());
    }

    #[test]
    fn a_profile_round_trips() {
        let mut profile = AvProfile { av1: Some(Av1Profile::default()), ..AvProfile::default() };
        profile.audio.language = Some("deu".to_owned());
        let written = serde_json::to_value(&profile).expect("serializable");
        assert_eq!(serde_json::from_value::<AvProfile>(written).expect("just written"), profile);
    }

    #[test]
    fn ladder_rungs_are_sorted_and_deduplicated() {
        let rung = |edge: u32| json!({ "shortEdge": edge, "crf": 23, "maxKbps": 800 });
        let ladder: VideoLadder =
            serde_json::from_value(json!([rung(360), rung(720), rung(360)])).expect("three rungs in range");
        let edges: Vec<u32> = ladder.rungs().iter().map(|rung| rung.short_edge.get()).collect();
        assert_eq!(edges, [720, 360]);
    }

    #[test]
    fn values_out_of_range_are_named() {
        let rung = |edge: u32| json!({ "shortEdge": edge, "crf": 23, "maxKbps": 800 });
        for (profile, words) in [
            (json!({ "ladder": [] }), "between 1 and 8 rungs"),
            (json!({ "ladder": [rung(361)] }), "must be even"),
            (json!({ "ladder": [rung(4320)] }), "between 64 and 2160"),
            (json!({ "h264": { "preset": "placebo" } }), "unknown variant"),
            (json!({ "av1": { "preset": 13 } }), "between 4 and 12"),
            (json!({ "maxFrameRate": 10 }), "between 24 and 120"),
            (json!({ "loudness": { "targetLufs": 3.0 } }), "between -70 and 0"),
            (json!({ "storyboard": { "maxTiles": 0 } }), "between 1 and 1000"),
            (json!({ "hevc": {} }), "unknown field"),
        ] {
            let error = serde_json::from_value::<AvProfile>(profile).expect_err("out of range").to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
