//! Cues as `SubRip`, which nobody has ever specified: what `VLC`, ffmpeg and televisions read alike.

use super::{Cue, clock};
use std::fmt::Write as _;

/// The text of an SRT file.
#[must_use]
pub fn srt(cues: &[Cue]) -> String {
    let mut text = String::new();
    for (number, Cue { span, lines, channel: _ }) in (1..).zip(cues) {
        let (start, end) = (clock(span.start_ms(), ','), clock(span.end_ms(), ','));
        let payload = lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("\n");
        let gap = if number > 1 { "\n" } else { "" };
        write!(text, "{gap}{number}\n{start} --> {end}\n{payload}\n").expect("a String takes everything");
    }
    text
}

/// A line that players take for text. There is no escape: what some take for a tag of HTML, for a command
/// of SSA or for the times of a cue becomes what looks much like it. A line of digits is no number of a
/// cue, since that comes after an empty line, and no line is empty.
fn plain(line: &str) -> String {
    line.replace("-->", "→").replace('<', "‹").replace('>', "›").replace('{', "(").replace('}', ")")
}
