//! Cues as `SubRip`. The format has no specification; this follows what `VLC`, ffmpeg and televisions all read.

use super::{Cue, clock};
use std::fmt::Write as _;

/// The content of an SRT file.
#[must_use]
pub fn srt(cues: &[Cue]) -> String {
    let mut text = String::new();
    for (number, Cue { span, lines, channel: _ }) in (1..).zip(cues) {
        let (start, end) = (clock(span.start_ms(), ','), clock(span.end_ms(), ','));
        let payload = lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("\n");
        let gap = if number > 1 { "\n" } else { "" };
        write!(text, "{gap}{number}\n{start} --> {end}\n{payload}\n").expect("writing to a String cannot fail");
    }
    text
}

/// Makes a line safe as plain text. SRT has no escapes, so text that players may take for an HTML tag, an SSA command
/// or a cue's times is replaced by similar characters. A line of digits is safe: a cue number follows an empty line,
/// and no line is empty.
fn plain(line: &str) -> String {
    line.replace("-->", "→").replace('<', "‹").replace('>', "›").replace('{', "(").replace('}', ")")
}
