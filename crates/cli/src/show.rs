//! Results on standard output; progress on standard error, as bars on a terminal and plain lines elsewhere.

use crate::error::Error;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    cell::RefCell,
    io::{self, IsTerminal, Write},
    time::Duration,
};

// The bar takes the remaining columns, from 80 columns on.
const TRANSFER: &str = "{prefix:24!} {msg:18!} {wide_bar} {bytes:>11} of {total_bytes:10}";
const PERCENT: &str = "{prefix:24!} {msg:18!} {wide_bar} {pos:>11} % LEFT";
/// Width of the column that shows the total bytes in [`TRANSFER`].
const LEFT_WIDTH: usize = 11;
const WORDS: &str = "{prefix:24!} {msg}";

/// Writes results to standard output.
pub fn print(stdout: &mut dyn Write, text: &str) -> Result<(), Error> {
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|cause| Error::Unwritable { place: "standard output".to_owned(), cause })
}

/// Progress display of all files.
#[derive(Clone)]
pub struct Show {
    bars: MultiProgress,
    live: bool,
}

/// The progress of one file.
pub struct Line {
    show: Show,
    name: String,
    bar: ProgressBar,
    said: RefCell<String>,
}

impl Show {
    /// Shows bars if standard error is a terminal, else lines.
    #[must_use]
    pub fn on_stderr() -> Self {
        let live = io::stderr().is_terminal();
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), live }
    }

    /// Prints a line that stays above the bars.
    pub fn note(&self, text: &str) {
        let text = format!("smmu: {text}");
        // A failure to write to standard error cannot be reported anywhere.
        if self.live {
            self.bars.println(text).ok()
        } else {
            writeln!(io::stderr(), "{text}").ok()
        };
    }

    /// Adds a line for a file.
    #[must_use]
    pub fn line(&self, name: &str) -> Line {
        let name = printable(name, 200);
        let bar = self.bars.add(ProgressBar::new(0));
        bar.set_style(style(WORDS));
        bar.set_prefix(name.clone());
        Line { show: self.clone(), name, bar, said: RefCell::default() }
    }
}

impl Line {
    /// Starts or restarts a transfer of `bytes`.
    pub fn transfer(&self, what: &str, bytes: u64) {
        self.bar.set_style(style(TRANSFER));
        self.bar.set_length(bytes);
        self.bar.reset();
        self.say(what);
    }

    /// Returns the counter of transferred bytes.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter(self.bar.clone())
    }

    /// Shows the percentage done and, if known, the time left.
    pub fn percent(&self, what: &str, percent: u8, left: Option<Duration>) {
        let left = left.map(|left| format!("{} left", clock(left))).unwrap_or_default();
        self.bar.set_style(style(&PERCENT.replace("LEFT", &format!("{left:LEFT_WIDTH$}"))));
        self.bar.set_length(100);
        self.bar.set_position(percent.into());
        self.say(what);
    }

    /// Prints a line about this file that stays.
    pub fn note(&self, text: &str) {
        self.show.note(&format!("{}: {text}", self.name));
    }

    fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        if !self.show.live && *self.said.borrow() != what {
            self.note(what);
            what.clone_into(&mut self.said.borrow_mut());
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Counts a transfer's bytes, from any thread.
#[derive(Clone)]
pub struct Meter(ProgressBar);

impl Meter {
    /// Counts `bytes` more.
    pub fn add(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Subtracts bytes of a failed try.
    pub fn take_back(&self, bytes: u64) {
        self.0.dec(bytes);
    }
}

/// A duration in minutes and seconds, or in hours and minutes.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours} h {:02}", seconds / 60 % 60),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("templates are constants, except for a time").progress_chars("━╸─")
}

/// Makes untrusted text safe to print: replaces terminal control characters and bidirectional marks,
/// and cuts to `most` characters.
#[must_use]
pub fn printable(text: &str, most: usize) -> String {
    let safe = |c: char| {
        let steers =
            c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if steers { '\u{fffd}' } else { c }
    };
    if text.chars().count() <= most {
        return text.chars().map(safe).collect();
    }
    text.chars().take(most.saturating_sub(1)).map(safe).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{Show, clock, printable};
    use std::time::Duration;

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(printable("a\x1b[2Jb\r\n\u{202e}c", 99), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c");
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        assert_eq!(printable("größer", 4), "grö…");
        assert_eq!(printable("größer", 6), "größer");
    }

    #[test]
    fn every_template_is_valid() {
        let line = Show::on_stderr().line("a");
        line.transfer("uploading", 3);
        line.meter().add(3);
        line.meter().take_back(3);
        line.percent("RUNNING render", 40, None);
        line.percent("RUNNING render", 40, Some(Duration::from_secs(61)));
    }

    #[test]
    fn time_left_is_shown_in_minutes_or_hours() {
        let shown = [9, 61, 3600, 7290].map(|seconds| clock(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0:09", "1:01", "1 h 00", "2 h 01"]);
    }
}
