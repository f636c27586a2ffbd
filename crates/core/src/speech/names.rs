//! Names of the output files. They share one folder with those of [`crate::av::names`] and contain no text from the
//! user.

/// The transcript for programs: a [`super::Transcript`].
pub const TRANSCRIPT: &str = "transcript.json";
/// The transcript as plain text.
pub const TEXT: &str = "transcript.txt";
/// Captions for browsers.
pub const CAPTIONS_VTT: &str = "captions.vtt";
/// Captions for other players.
pub const CAPTIONS_SRT: &str = "captions.srt";
/// The HLS playlist of the captions.
pub const CAPTIONS_PLAYLIST: &str = "captions.m3u8";
