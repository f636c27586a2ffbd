//! Names of the files that are made. They lie in one folder with those of [`crate::av::names`] and contain
//! no text of the user's.

/// Everything that was heard, for programs: a [`super::Transcript`].
pub const TRANSCRIPT: &str = "transcript.json";
/// The same, for people.
pub const TEXT: &str = "transcript.txt";
/// The cues, for browsers.
pub const CAPTIONS_VTT: &str = "captions.vtt";
/// The cues, for everything else.
pub const CAPTIONS_SRT: &str = "captions.srt";
/// The HLS playlist of the cues.
pub const CAPTIONS_PLAYLIST: &str = "captions.m3u8";
