//! Names of the output files. They share one folder and contain no text from the user.

use super::{Rung, StoryboardPlan};

/// The poster image.
pub const POSTER: &str = "poster.jpg";
/// The animated preview.
pub const PREVIEW: &str = "preview.webp";
/// The storyboard cues.
pub const STORYBOARD: &str = "storyboard.vtt";
/// The HLS master playlist.
pub const MASTER_PLAYLIST: &str = "master.m3u8";
/// The HLS media playlist of the audio.
pub const AUDIO_PLAYLIST: &str = "audio.m3u8";
/// The audio segments.
pub const AUDIO_SEGMENTS: &str = "audio.mp4";
/// The progressive download.
pub const DOWNLOAD: &str = "video.mp4";
/// AAC rendition of an audio file.
pub const AAC: &str = "audio.m4a";
/// Opus rendition of an audio file.
pub const OPUS: &str = "audio.opus";
/// The waveform as numbers.
pub const WAVEFORM: &str = "waveform.json";
/// The waveform as a picture.
pub const WAVEFORM_PICTURE: &str = "waveform.png";
/// The cover of an audio file.
pub const COVER: &str = "cover.jpg";

impl Rung {
    /// The HLS media playlist of this rung.
    #[must_use]
    pub fn playlist_name(&self) -> String {
        format!("{}.m3u8", self.name)
    }

    /// The HLS I-frame playlist of this rung.
    #[must_use]
    pub fn keyframes_name(&self) -> String {
        format!("{}-keyframes.m3u8", self.name)
    }

    /// The segments of this rung.
    #[must_use]
    pub fn segments_name(&self) -> String {
        format!("{}.mp4", self.name)
    }
}

impl StoryboardPlan {
    /// File name of a sheet, counted from 0.
    #[must_use]
    pub fn sheet_name(sheet: u32) -> String {
        match sheet {
            0 => "storyboard.jpg".to_owned(),
            _ => format!("storyboard-{}.jpg", u64::from(sheet) + 1),
        }
    }
}
