//! From tokens and the moments at which they begin to words.

#[cfg(test)]
mod tests;

use smmu_core::speech::HeardWord;

/// One token of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// What it stands for: not always whole letters.
    pub(crate) bytes: Vec<u8>,
    /// When it begins, in milliseconds.
    pub(crate) start_ms: u64,
    /// How sure the model is of it.
    pub(crate) probability: f32,
}

/// How words are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// By the spaces in front of them.
    Spaced,
    /// Not at all: each letter is a word. What is written in the letters of another script stays together.
    Unspaced,
}

/// Puts tokens together to words, each with the space in front of it. A word ends where the next one begins, the
/// last one at `end_ms`; no token begins before the one in front of it.
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

/// Whether a piece of text begins a word rather than going on with the one before.
fn begins(piece: &str, before: &str, writing: Writing) -> bool {
    let text = piece.trim();
    // A dash between two spaces and the like says nothing by itself, and is seen with what stands before it.
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

/// Whether it stands in front of a word, and not behind it.
fn opens(letter: char) -> bool {
    "\"'“‘¿¡([{«„「『（【《〈$€£#".contains(letter)
}

/// Whether it is a letter of a script whose words have several.
fn is_of_a_word(letter: char) -> bool {
    // All before Thai are: Latin, Greek, Cyrillic, Arabic, the scripts of India.
    letter.is_alphanumeric() && letter < '\u{0E00}'
}

/// Whole letters, from one token or more.
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

/// The tokens put together to whole letters. Bytes that are no letters are left out.
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
        // The rest of a letter may come yet; whatever else is wrong stays wrong.
        let ends = str::from_utf8(&bytes).map_or_else(|error| error.error_len().is_some(), |_| true);
        if ends {
            piece.text = text(&bytes);
            bytes.clear();
            pieces.extend(open.take());
        }
    }
    pieces
}

/// Bytes as text, without what is none.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::REPLACEMENT_CHARACTER, "")
}
