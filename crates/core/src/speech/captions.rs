//! Captions: what was said as cues that can be read while it is said.
//!
//! By the practice of broadcasters: at most two lines of 42 columns, from one second to seven, no faster than
//! 20 columns a second where the speech leaves the time, broken where the sense allows. A cue appears
//! with its first word and never stands where nobody speaks.

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

/// Most lines of a cue.
pub const MAX_LINES: usize = 2;
/// Most columns of a line; a full-width character has two.
pub const MAX_COLUMNS: u64 = 42;
/// A cue is seen at least as long, in milliseconds, where the region is long enough and nothing follows.
pub const MIN_CUE_MS: u64 = 1000;
/// And at most as long, in milliseconds.
pub const MAX_CUE_MS: u64 = 7000;
/// Columns that are read in a second.
pub const COLUMNS_PER_SECOND: u64 = 20;
/// Cues that are closer, in milliseconds, touch: a shorter gap is seen as a flicker.
pub const MIN_GAP_MS: u64 = 80;
/// Milliseconds between two regions across which a cue may go on.
pub const MAX_BRIDGE_MS: u64 = 300;

/// What is shown for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// When.
    pub span: Span,
    /// One line or two, none empty, each on one line without control characters.
    pub lines: Vec<String>,
    /// The channel that it was said in, from 0, where channels were transcribed apart.
    pub channel: Option<u16>,
}

/// The cues of a transcript: in order and apart. Where two channels speak at once, one cue gives way to the other.
#[must_use]
pub fn cues(transcript: &Transcript) -> Vec<Cue> {
    let mut by_channel: Vec<&Segment> = transcript.segments.iter().collect();
    by_channel.sort_by_key(|segment| (segment.channel, segment.span));
    let runs = by_channel.chunk_by(|one, next| goes_on(one, next));
    let mut cues: Vec<Cue> = runs.flat_map(|run| of_run(run, transcript.task)).collect();
    cues.sort_by_key(|cue| (cue.span, cue.channel));
    timing::apart(cues)
}

/// Whether a cue may hold words of both.
fn goes_on(one: &Segment, next: &Segment) -> bool {
    one.channel == next.channel
        && one.language == next.language
        && next.span.start_ms().saturating_sub(one.span.end_ms()) <= MAX_BRIDGE_MS
}

/// The cues of neighbouring segments of one speaker and language.
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

/// `HH:MM:SS`, a separator and three digits, with more digits for more hours.
fn clock(ms: u64, separator: char) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{separator}{:03}", ms % 1000)
}
