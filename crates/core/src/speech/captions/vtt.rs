//! Cues as `WebVTT` (W3C).

use super::{Cue, clock};
use std::fmt::Write as _;

/// The content of a `WebVTT` file. If channels were transcribed separately, a cue has its channel's number, counted
/// from 1, as voice name.
#[must_use]
pub fn vtt(cues: &[Cue]) -> String {
    let mut text = String::from("WEBVTT\n");
    for Cue { span, lines, channel } in cues {
        let (start, end) = (clock(span.start_ms(), '.'), clock(span.end_ms(), '.'));
        let voice = channel.map(|channel| format!("<v Channel {}>", u32::from(channel) + 1)).unwrap_or_default();
        let payload = lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\n");
        write!(text, "\n{start} --> {end}\n{voice}{payload}\n").expect("writing to a String cannot fail");
    }
    text
}

/// Escapes a line so that it contains no tag and no arrow (W3C `WebVTT`, 4.2.2).
fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
