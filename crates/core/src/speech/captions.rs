//! Captions: turns a transcript into cues that can be read while they are spoken.
//!
//! They follow broadcasting practice: at most two lines of 42 columns, shown for one to seven seconds, no faster than
//! 20 columns per second if the speech allows it, and broken where the sense does. A cue appears with its first word
//! and is never shown during silence.

mod atoms;
mod layout;
mod srt;
#[cfg(test)]
mod tests;
mod timing;
mod vtt;

pub use srt::srt;
pub use vtt::vtt;

use super::{Language, Segment, Span, Task, Transcript};

/// Most lines per cue.
pub const MAX_LINES: usize = 2;
/// Most columns per line; a full-width character takes two.
pub const MAX_COLUMNS: u64 = 42;
/// Shortest duration of a cue in milliseconds, if the region is long enough and nothing follows.
pub const MIN_CUE_MS: u64 = 1000;
/// Longest duration of a cue, in milliseconds.
pub const MAX_CUE_MS: u64 = 7000;
/// Reading speed, in columns per second.
pub const COLUMNS_PER_SECOND: u64 = 20;
/// Cues with a shorter gap, in milliseconds, are made to touch: the gap would be seen as a flicker.
pub const MIN_GAP_MS: u64 = 80;
/// Longest gap between two regions that a cue may span, in milliseconds.
pub const MAX_BRIDGE_MS: u64 = 300;

/// A caption shown for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// Time of display.
    pub span: Span,
    /// One or two lines, none empty, without control characters.
    pub lines: Vec<String>,
    /// Channel of the speech, from 0, if channels were transcribed separately.
    pub channel: Option<u16>,
}

/// The cues of a transcript: in order, and without overlap. If two channels speak at once, one cue is shortened for the
/// other.
#[must_use]
pub fn cues(transcript: &Transcript) -> Vec<Cue> {
    let mut by_channel: Vec<&Segment> = transcript.segments.iter().collect();
    by_channel.sort_by_key(|segment| (segment.channel, segment.span));
    let runs = by_channel.chunk_by(|one, next| may_share_cue(one, next));
    let mut cues: Vec<Cue> = runs.flat_map(|run| of_run(run, transcript.task)).collect();
    cues.sort_by_key(|cue| (cue.span, cue.channel));
    timing::apart(cues)
}

/// Returns whether a cue may contain words of both segments.
fn may_share_cue(one: &Segment, next: &Segment) -> bool {
    one.channel == next.channel
        && one.language == next.language
        && next.span.start_ms().saturating_sub(one.span.end_ms()) <= MAX_BRIDGE_MS
}

/// The cues of consecutive segments of one channel and language.
fn of_run(run: &[&Segment], task: Task) -> Vec<Cue> {
    let Some(first) = run.first() else { return Vec::new() };
    let written = match task {
        Task::Transcribe => first.language,
        Task::Translate => Language::ENGLISH,
    };
    let atoms = atoms::atoms(run, written);
    let blocks = layout::blocks(&atoms, written);
    timing::timed(&atoms, &blocks, first.channel)
}

/// `HH:MM:SS`, a separator and three digits; hours may have more digits.
fn clock(ms: u64, separator: char) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{separator}{:03}", ms % 1000)
}
