//! The fields that are read from ffprobe's JSON. Numbers come in quotes, and any field may be missing.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct Report {
    pub(super) format: Option<Format>,
    #[serde(default)]
    pub(super) streams: Vec<Stream>,
    #[serde(default)]
    pub(super) chapters: Vec<Chapter>,
}

pub(super) type Tags = BTreeMap<String, String>;

/// The value of a tag; containers write tag names in any case.
pub(super) fn tag<'a>(tags: &'a Tags, name: &str) -> Option<&'a str> {
    tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Format {
    #[serde(rename = "format_name")]
    pub(super) name: String,
    pub(super) nb_streams: u32,
    pub(super) start_time: String,
    pub(super) duration: String,
    pub(super) size: String,
    pub(super) bit_rate: String,
    pub(super) tags: Tags,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Video,
    Audio,
    /// Subtitles, data such as timecodes, attachments, and any future type.
    #[default]
    #[serde(other)]
    Other,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Stream {
    pub(super) index: u32,
    #[serde(rename = "codec_type")]
    pub(super) kind: Kind,
    /// Missing if ffmpeg does not know the codec.
    pub(super) codec_name: String,
    pub(super) width: u32,
    pub(super) height: u32,
    /// `n:d`; `0:1` if the file does not state it.
    pub(super) sample_aspect_ratio: String,
    pub(super) pix_fmt: String,
    pub(super) field_order: String,
    pub(super) color_range: String,
    pub(super) color_space: String,
    pub(super) color_transfer: String,
    pub(super) color_primaries: String,
    pub(super) bits_per_raw_sample: String,
    /// `n/d`; `0/0` if unknown.
    pub(super) avg_frame_rate: String,
    pub(super) r_frame_rate: String,
    pub(super) nb_frames: String,
    pub(super) duration: String,
    /// In units of the stream's own clock.
    pub(super) duration_ts: Option<u64>,
    pub(super) sample_rate: String,
    pub(super) channels: u32,
    pub(super) channel_layout: String,
    pub(super) disposition: Disposition,
    pub(super) tags: Tags,
    pub(super) side_data_list: Vec<SideData>,
}

impl Stream {
    pub(super) fn tag(&self, name: &str) -> Option<&str> {
        tag(&self.tags, name)
    }
}

/// Flags, 0 or 1.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Disposition {
    pub(super) default: u8,
    pub(super) attached_pic: u8,
    pub(super) timed_thumbnails: u8,
}

impl Disposition {
    pub(super) const fn is_cover(&self) -> bool {
        self.attached_pic != 0
    }
}

#[derive(Deserialize)]
pub(super) struct SideData {
    /// Degrees counterclockwise; only for a display matrix.
    pub(super) rotation: Option<f64>,
    /// The matrix itself, as a dump of three rows.
    #[serde(default, rename = "displaymatrix")]
    pub(super) display_matrix: String,
    /// Dolby Vision profile, and how displays without Dolby Vision can interpret the base layer (0: not at all).
    pub(super) dv_profile: Option<u8>,
    pub(super) dv_bl_signal_compatibility_id: Option<u8>,
}

impl SideData {
    /// The profile, if only Dolby Vision displays can show the colours (its "Profiles and Levels" specification, table
    /// 1: `IPTPQc2`). In profiles 4 and 7, old files may omit the compatibility.
    pub(super) fn exclusive_dolby_vision(&self) -> Option<u8> {
        self.dv_profile.filter(|profile| matches!(profile, 5 | 10) && self.dv_bl_signal_compatibility_id == Some(0))
    }
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Chapter {
    pub(super) start_time: String,
    pub(super) end_time: String,
    pub(super) tags: Tags,
}
