//! Builds words from tokens and their start times.

#[cfg(test)]
mod tests;

use smmu_core::speech::HeardWord;

/// One token of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// Bytes of the token; not always complete letters.
    pub(crate) bytes: Vec<u8>,
    /// Start in milliseconds.
    pub(crate) start_ms: u64,
    /// The model's probability for the token.
    pub(crate) probability: f32,
}

/// How a script separates words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// A space precedes each word.
    Spaced,
    /// No spaces: each letter is a word. Letters of scripts with spaces stay together.
    Unspaced,
}

/// Joins tokens to words, each with its leading space. A word ends where the next begins, the last one at `end_ms`. The
/// tokens must be in order of their starts.
pub(crate) fn words(tokens: &[Token], writing: Writing, end_ms: u64) -> Vec<HeardWord> {
    let mut words: Vec<Piece> = Vec::new();
    for piece in pieces(tokens) {
        match words.last_mut() {
            Some(word) if !begins(&piece.text, &word.text, writing) => word.append(piece),
            Some(_) | None => words.push(piece),
        }
    }
    let ends_ms: Vec<u64> = words.iter().skip(1).map(|next| next.start_ms).chain([end_ms]).collect();
    words.into_iter().zip(ends_ms).map(|(word, end_ms)| word.heard(end_ms)).collect()
}

/// Returns whether a piece of text begins a new word rather than continuing the previous one.
fn begins(piece: &str, before: &str, writing: Writing) -> bool {
    let text = piece.trim();
    // Punctuation between spaces, such as a dash, is not a word; it is attached to the previous word.
    if !text.contains(char::is_alphanumeric) && !text.chars().all(opens) {
        return false;
    }
    if piece.starts_with(char::is_whitespace) {
        return true;
    }
    match writing {
        Writing::Spaced => false,
        Writing::Unspaced => {
            let goes_on = before.ends_with(is_of_a_word) && text.starts_with(is_of_a_word);
            !goes_on && !before.trim().chars().all(opens)
        }
    }
}

/// Returns whether a character attaches to the following word.
fn opens(letter: char) -> bool {
    "\"'“‘¿¡([{«„「『（【《〈$€£#".contains(letter)
}

/// Returns whether a letter belongs to a script whose words have several letters.
fn is_of_a_word(letter: char) -> bool {
    // Applies to all scripts before Thai: Latin, Greek, Cyrillic, Arabic, the scripts of India.
    letter.is_alphanumeric() && letter < '\u{0E00}'
}

/// Complete letters, from one or more tokens.
struct Piece {
    text: String,
    start_ms: u64,
    probabilities: f32,
    tokens: u16,
}

impl Piece {
    fn append(&mut self, Self { text, probabilities, tokens, start_ms: _ }: Self) {
        self.text.push_str(&text);
        self.probabilities += probabilities;
        self.tokens += tokens;
    }

    fn heard(self, end_ms: u64) -> HeardWord {
        let Self { text, start_ms, probabilities, tokens } = self;
        HeardWord { text, start_ms, end_ms, probability: probabilities / f32::from(tokens) }
    }
}

/// Joins tokens until they form complete letters. Invalid bytes are dropped.
fn pieces(tokens: &[Token]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut bytes = Vec::new();
    let mut open: Option<Piece> = None;
    for Token { bytes: more, start_ms, probability } in tokens {
        bytes.extend_from_slice(more);
        let empty = Piece { text: String::new(), start_ms: *start_ms, probabilities: 0.0, tokens: 0 };
        let piece = open.get_or_insert(empty);
        piece.probabilities += probability;
        piece.tokens += 1;
        // An incomplete letter may be completed by the next token; any other error is final.
        let ends = str::from_utf8(&bytes).map_or_else(|error| error.error_len().is_some(), |_| true);
        if ends {
            piece.text = text(&bytes);
            bytes.clear();
            pieces.extend(open.take());
        }
    }
    pieces
}

/// Decodes UTF-8 and drops invalid bytes.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::REPLACEMENT_CHARACTER, "")
}
