//! Policy: what is wanted of a video or an audio file, whatever the file.

mod bounds;

use crate::image::Colour;
pub use bounds::{InvalidAvProfile, Level, Within};
use serde::{Deserialize, Serialize};

/// What is made of every video and audio file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AvProfile {
    /// The H.264 rungs.
    pub ladder: VideoLadder,
    /// How H.264 rungs are encoded.
    pub h264: H264Profile,
    /// How AV1 rungs are encoded; none by default, since they double the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub av1: Option<Av1Profile>,
    /// Most frames a second of a rung.
    pub max_frame_rate: Within<24, 120>,
    /// How sound is encoded.
    pub audio: AudioProfile,
    /// How loud the renditions of an audio file are.
    pub loudness: LoudnessProfile,
    /// The still that stands for a video.
    pub poster: PosterProfile,
    /// The moving picture that stands for a video.
    pub preview: PreviewProfile,
    /// The stills along a video.
    pub storyboard: StoryboardProfile,
    /// The peaks along an audio file.
    pub waveform: WaveformProfile,
    /// What shows through transparent parts of a video; where it is not given, the background of images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
}

impl Default for Within<24, 120> {
    /// The highest rate that every player shows.
    fn default() -> Self {
        Self::fixed(60)
    }
}

/// Rungs by descending short edge, at least one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<RungProfile>", into = "Vec<RungProfile>")]
pub struct VideoLadder(Vec<RungProfile>);

/// One rung, for any shape of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RungProfile {
    /// Short edge in pixels; even.
    pub short_edge: Within<64, 2160>,
    /// x264's constant rate factor.
    pub crf: Within<0, 51>,
    /// Highest rate of a 16:9 picture at up to 30 frames a second, in kb/s.
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

    /// Takes the rungs in any order; of equal edges the first counts.
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

/// How H.264 rungs are encoded: High profile, 4:2:0, 8 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct H264Profile {
    /// x264's effort.
    pub preset: H264Preset,
}

/// x264's effort, from fast to small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "x264's own names")]
pub enum H264Preset {
    Ultrafast,
    Superfast,
    /// Slower ones cost 40% more CPU time for 1% of SSIM (measured at 720p), and time is what a job costs.
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

/// How AV1 rungs are encoded: Main profile, 4:2:0, 8 bits. They have the sizes of the H.264 ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Av1Profile {
    /// SVT-AV1's effort, small to fast.
    pub preset: Within<4, 12>,
    /// SVT-AV1's constant rate factor.
    pub crf: Within<1, 63>,
}

impl Default for Av1Profile {
    fn default() -> Self {
        Self { preset: Within::fixed(10), crf: Within::fixed(35) }
    }
}

/// How sound is encoded. Rates are those of stereo; mono has half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AudioProfile {
    /// AAC-LC in kb/s.
    pub aac_kbps: Within<32, 320>,
    /// Opus in kb/s; audio files only.
    pub opus_kbps: Within<16, 320>,
    /// Language to prefer among several tracks, as the container writes it (`eng`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Default for AudioProfile {
    fn default() -> Self {
        Self { aac_kbps: Within::fixed(128), opus_kbps: Within::fixed(96), language: None }
    }
}

/// Where loudness is brought by linear gain (EBU R 128, ITU-R BS.1770).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoudnessProfile {
    /// Integrated loudness wanted, in LUFS.
    pub target_lufs: Level,
    /// True peak that the gain never lifts a sound above, in dBTP.
    pub max_true_peak_dbtp: Level,
}

impl Default for LoudnessProfile {
    fn default() -> Self {
        Self { target_lufs: Level(-16.0), max_true_peak_dbtp: Level(-1.5) }
    }
}

/// The still that stands for a video: a JPEG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PosterProfile {
    /// Long edge in pixels, where the video has as many.
    pub long_edge: Within<64, 4096>,
    /// libjpeg's scale.
    pub quality: Within<1, 100>,
}

impl Default for PosterProfile {
    fn default() -> Self {
        Self { long_edge: Within::fixed(1280), quality: Within::fixed(85) }
    }
}

/// The moving picture that stands for a video: an animated WebP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PreviewProfile {
    /// Long edge in pixels, where the video has as many.
    pub long_edge: Within<64, 640>,
    /// Longest duration in milliseconds.
    pub duration_ms: Within<500, 10_000>,
    /// Frames a second.
    pub frame_rate: Within<1, 30>,
    /// libwebp's scale.
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

/// The stills along a video: JPEG sheets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StoryboardProfile {
    /// Long edge of a tile in pixels, where the video has as many.
    pub tile_long_edge: Within<32, 320>,
    /// Most tiles of a video, however long.
    pub max_tiles: Within<1, 1000>,
    /// libjpeg's scale.
    pub quality: Within<1, 100>,
}

impl Default for StoryboardProfile {
    fn default() -> Self {
        Self { tile_long_edge: Within::fixed(160), max_tiles: Within::fixed(300), quality: Within::fixed(75) }
    }
}

/// The peaks along an audio file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WaveformProfile {
    /// Points a second of a short file.
    pub points_per_second: Within<1, 200>,
    /// Most points of a file, however long.
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
    fn a_profile_reads_what_it_writes() {
        let mut profile = AvProfile { av1: Some(Av1Profile::default()), ..AvProfile::default() };
        profile.audio.language = Some("deu".to_owned());
        let written = serde_json::to_value(&profile).expect("serializable");
        assert_eq!(serde_json::from_value::<AvProfile>(written).expect("just written"), profile);
    }

    #[test]
    fn a_ladder_is_put_in_order_and_its_twins_are_dropped() {
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
            (json!({ "ladder": [rung(361)] }), "is even"),
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
