//! Cues as `WebVTT` (W3C).

use super::{Cue, clock};
use std::fmt::Write as _;

/// The text of a `WebVTT` file. What was said in a channel of its own carries its number, counted from 1, as
/// the name of a voice.
#[must_use]
pub fn vtt(cues: &[Cue]) -> String {
    let mut text = String::from("WEBVTT\n");
    for Cue { span, lines, channel } in cues {
        let (start, end) = (clock(span.start_ms(), '.'), clock(span.end_ms(), '.'));
        let voice = channel.map(|channel| format!("<v Channel {}>", u32::from(channel) + 1)).unwrap_or_default();
        let payload = lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\n");
        write!(text, "\n{start} --> {end}\n{voice}{payload}\n").expect("a String takes everything");
    }
    text
}

/// A line that says what it says (W3C `WebVTT`, 4.2.2): no tag begins in it, no arrow stands in it.
fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
