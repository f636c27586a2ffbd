//! Units of text between which a line can be broken.

use super::MAX_COLUMNS;
use crate::speech::{Language, Segment, Span, Word};
use unicode_width::UnicodeWidthChar;

/// Text that stays on one line and is never wider than one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom {
    pub(super) text: String,
    /// Set if it follows the previous atom without a space.
    pub(super) joined: bool,
    pub(super) start_ms: u64,
    /// Not before `start_ms`.
    pub(super) end_ms: u64,
    /// The region in which it was spoken.
    pub(super) region: Span,
    pub(super) columns: u64,
}

/// Most columns that a text takes in any context: emoji in a sequence take fewer.
pub(super) fn columns(text: &str) -> u64 {
    text.chars().map(char_columns).sum()
}

fn char_columns(c: char) -> u64 {
    // The variation selector for emoji widens the previous character.
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) as u64 }
}

/// The words of segments in order: joined where a line must not break, split if wider than a line.
pub(super) fn atoms(segments: &[&Segment], language: Language) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = Vec::new();
    for segment in segments {
        let mut of_segment: Vec<Atom> = Vec::new();
        for word in &segment.words {
            let columns = columns(&word.text);
            match of_segment.last_mut() {
                Some(last)
                    if word.joined
                        && last.columns + columns <= MAX_COLUMNS
                        && sticks(&last.text, &word.text, language) =>
                {
                    last.text.push_str(&word.text);
                    last.columns += columns;
                    last.end_ms = word.span.end_ms();
                }
                Some(_) | None => of_segment.push(whole(word, columns, segment.span)),
            }
        }
        atoms.extend(of_segment.iter().flat_map(split));
    }
    atoms
}

fn whole(word: &Word, columns: u64, region: Span) -> Atom {
    let (start_ms, end_ms) = (word.span.start_ms(), word.span.end_ms());
    Atom { text: word.text.clone(), joined: word.joined, start_ms, end_ms, region, columns }
}

/// Returns whether a line must not break between two words without a space.
fn sticks(before: &str, after: &str, language: Language) -> bool {
    let (Some(last), Some(first)) = (before.chars().last(), after.chars().next()) else { return true };
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '\'' | '’' | '-');
    !language.is_unspaced()
        || is_letter(last) && is_letter(first)
        || OPENING.contains(last)
        || CLOSING.contains(first)
        // A combining mark, or an emoji sequence that continues.
        || first.width() == Some(0)
        || last == '\u{200d}'
}

/// Characters that must not end a line (JIS X 4051 and similar rules elsewhere).
const OPENING: &str = "([{<「『（［｛〈《【〔‘“¿¡";
/// Characters that must not start a line: closing and other punctuation, small kana, and marks of length or repetition.
const CLOSING: &str =
    ")]}>」』）］｝〉》】〕’”,.;:!?、。，．；：！？・…‥ー〜々ゝゞぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶๆฯ၊။";

/// Splits a text that is wider than a line, and divides its time evenly.
fn split(atom: &Atom) -> Vec<Atom> {
    let mut pieces = vec![(String::new(), 0)];
    for c in atom.text.chars() {
        let wide = char_columns(c);
        let (_, columns) = pieces.last().expect("there is always one");
        if columns + wide > MAX_COLUMNS {
            pieces.push((String::new(), 0));
        }
        let (text, columns) = pieces.last_mut().expect("there is always one");
        text.push(c);
        *columns += wide;
    }
    let (count, lasts_ms) = (pieces.len() as u64, atom.end_ms - atom.start_ms);
    let moment = |piece: u64| atom.start_ms + lasts_ms * piece / count;
    let pieces = (0..count).zip(pieces).map(|(at, (text, columns))| Atom {
        text,
        joined: atom.joined || at > 0,
        start_ms: moment(at),
        end_ms: moment(at + 1),
        region: atom.region,
        columns,
    });
    pieces.collect()
}
