//! The end of a program's standard error: bounded, and without text from the file.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io::{BufRead, BufReader, Read},
};

/// Most lines that are kept.
const LINES: usize = 60;
/// Length at which a line is split, in bytes.
const LINE_BYTES: u64 = 400;
/// Most error messages that go into the log.
const COMPLAINTS: usize = 8;

/// The last lines of a program's standard error.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
}

impl Tail {
    /// Reads to the end, and keeps the last lines.
    pub(crate) fn of(stream: impl Read) -> Self {
        let mut reader = BufReader::new(stream);
        let mut tail = Self::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            // A longer line is split into several.
            match reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line) {
                Ok(1..) => tail.push(&line),
                Ok(0) | Err(_) => return tail,
            }
        }
    }

    fn push(&mut self, line: &[u8]) {
        let text: String = line
            .iter()
            .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { ' ' })
            .collect();
        if text.trim().is_empty() {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(text.trim_end().to_owned());
    }

    /// Returns whether any line contains one of these texts.
    pub(crate) fn says(&self, texts: &[&str]) -> bool {
        self.lines.iter().any(|line| texts.iter().any(|text| line.contains(text)))
    }

    /// Returns whether any line starts with one of these texts.
    pub(crate) fn starts(&self, texts: &[&str]) -> bool {
        self.lines.iter().any(|line| texts.iter().any(|text| line.starts_with(text)))
    }

    /// All lines, for a caller that parses a report in them.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    }

    /// The last error messages in one line, for the log. Quoted text is left out, because it can come from the file.
    pub(crate) fn complaints(&self) -> String {
        let complaint = |line: &&String| !line.contains("[info]") && !line.starts_with(' ');
        let mut last: Vec<_> =
            self.lines.iter().rev().filter(complaint).take(COMPLAINTS).map(|l| unquoted(l)).collect();
        last.reverse();
        last.join(" | ")
    }
}

/// Removes the text between pairs of the same quotation mark.
fn unquoted(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut open = None;
    for letter in line.chars() {
        match open {
            Some(mark) if letter == mark => {
                open = None;
                text.push(letter);
            }
            Some(_) => {}
            None => {
                if matches!(letter, '\'' | '"') {
                    open = Some(letter);
                }
                text.push(letter);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let many: String = (0..1000).fold(String::new(), |text, number| text + &format!("line {number}\n"));
        let tail = Tail::of(many.as_bytes());
        assert_eq!(tail.lines.len(), LINES);
        assert_eq!(tail.lines.back().map(String::as_str), Some("line 999"));
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let tail = Tail::of(vec![b'x'; 10_000_000].as_slice());
        assert!(tail.lines.iter().all(|line| line.len() as u64 <= LINE_BYTES));
        assert_eq!(tail.lines.len(), LINES);
    }

    #[test]
    fn quoted_text_and_control_characters_are_not_logged() {
        let tail = Tail::of("[info]   title: My secret\n[mov] [error] bad tag 'Müller\u{1b}[31m' here\n".as_bytes());
        assert_eq!(tail.complaints(), "[mov] [error] bad tag '' here");
    }
}
