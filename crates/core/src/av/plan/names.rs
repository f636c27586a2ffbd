//! Names of the files that are made. They lie in one folder and contain no text of the user's.

use super::{Rung, StoryboardPlan};

/// The still that stands for a video.
pub const POSTER: &str = "poster.jpg";
/// The moving picture that stands for a video.
pub const PREVIEW: &str = "preview.webp";
/// The cues of the storyboard.
pub const STORYBOARD: &str = "storyboard.vtt";
/// The HLS playlist that lists the others.
pub const MASTER_PLAYLIST: &str = "master.m3u8";
/// The HLS playlist of the sound.
pub const AUDIO_PLAYLIST: &str = "audio.m3u8";
/// The segments of the sound.
pub const AUDIO_SEGMENTS: &str = "audio.mp4";
/// The progressive download of a video.
pub const DOWNLOAD: &str = "video.mp4";
/// AAC of an audio file.
pub const AAC: &str = "audio.m4a";
/// Opus of an audio file.
pub const OPUS: &str = "audio.opus";
/// The peaks as numbers.
pub const WAVEFORM: &str = "waveform.json";
/// The peaks as a picture.
pub const WAVEFORM_PICTURE: &str = "waveform.png";
/// The cover of an audio file.
pub const COVER: &str = "cover.jpg";

impl Rung {
    /// The HLS playlist of this rung.
    #[must_use]
    pub fn playlist_name(&self) -> String {
        format!("{}.m3u8", self.name)
    }

    /// The HLS playlist of the keyframes of this rung.
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
    /// A sheet's file, counted from 0.
    #[must_use]
    pub fn sheet_name(sheet: u32) -> String {
        match sheet {
            0 => "storyboard.jpg".to_owned(),
            _ => format!("storyboard-{}.jpg", u64::from(sheet) + 1),
        }
    }
}
