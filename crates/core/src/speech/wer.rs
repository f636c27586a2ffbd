//! Word error rate: how much a transcript differs from the reference, for tests and benchmarks.
//!
//! Both texts are first normalised, so that style is not an error:
//!
//! 1. Lower case.
//! 2. Apostrophes within a word are dropped: *don't* and *dont* are one word.
//! 3. Everything else that is neither a letter nor a digit separates words: punctuation, hyphens, symbols.
//! 4. Numbers from 0 to 99 in digits are spelled out in English: *21* is *twenty one*. Larger ones stay.
//! 5. Titles are written in full: *Mr.* is *mister*, *Mrs.* is *missus*, *Dr.* is *doctor*, *St.* is *saint*.
//!
//! Nothing else is changed: British spelling, fillers and contractions count as written.

/// The words of a text, normalised for comparison.
#[must_use]
pub fn normalised(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let letters: String = lower.chars().filter(|c| !matches!(c, '\'' | '’')).collect();
    letters.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).flat_map(spelled).collect()
}

/// One word spelled out as one or two words.
fn spelled(word: &str) -> Vec<String> {
    let full = match word {
        "mr" => "mister",
        "mrs" => "missus",
        "dr" => "doctor",
        "st" => "saint",
        word => match number(word) {
            Some(words) => return words,
            None => word,
        },
    };
    vec![full.to_owned()]
}

const UP_TO_NINETEEN: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

fn number(digits: &str) -> Option<Vec<String>> {
    let plain = digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit());
    let number: usize = plain.then(|| digits.parse().ok()).flatten()?;
    let words = match (number / 10, number % 10) {
        (0 | 1, _) => vec![UP_TO_NINETEEN[number]],
        (tens, 0) => vec![TENS[tens]],
        (tens, ones) => vec![TENS[tens], UP_TO_NINETEEN[ones]],
    };
    Some(words.into_iter().map(str::to_owned).collect())
}

/// Edit distance between two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordErrors {
    /// Fewest words that were replaced, left out or inserted.
    pub errors: usize,
    /// Number of words in the reference.
    pub words: usize,
}

impl WordErrors {
    /// Errors per word of the reference: 0 for equal texts, above 1 if many words were inserted. For an empty reference
    /// it is the number of inserted words.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no text has 2^52 words")]
    pub fn rate(self) -> f64 {
        self.errors as f64 / self.words.max(1) as f64
    }
}

/// Compares a hypothesis with the reference, word by word (Levenshtein distance).
#[must_use]
pub fn word_errors(reference: &str, hypothesis: &str) -> WordErrors {
    let (reference, hypothesis) = (normalised(reference), normalised(hypothesis));
    // Distances from the first words of the reference to all prefixes of the hypothesis.
    let mut distances: Vec<usize> = (0..=hypothesis.len()).collect();
    for (at, word) in reference.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut distances[0], at + 1);
        for (heard_at, heard) in hypothesis.iter().enumerate() {
            let replaced = diagonal + usize::from(word != heard);
            diagonal = distances[heard_at + 1];
            distances[heard_at + 1] = replaced.min(diagonal + 1).min(distances[heard_at] + 1);
        }
    }
    WordErrors { errors: distances[hypothesis.len()], words: reference.len() }
}

/// [`WordErrors::rate`] of two texts.
#[must_use]
pub fn word_error_rate(reference: &str, hypothesis: &str) -> f64 {
    word_errors(reference, hypothesis).rate()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn style_is_not_an_error() {
        for (one, other) in [
            ("And so, my fellow Americans: ask not!", "and so my fellow americans ask not"),
            ("Don't; well-known", "dont well known"),
            ("It’s 21, then 7 and 40.", "its twenty-one then seven and forty"),
            ("Mr. and Mrs. Dashwood, Dr. No", "Mister and missus Dashwood, doctor No"),
            ("Grüße, ÉTÉ", "grüße été"),
        ] {
            assert_eq!(normalised(one), normalised(other));
        }
        assert_eq!(normalised("  ...  "), Vec::<String>::new());
        assert_eq!(normalised("100 007"), ["100", "007"]);
    }

    #[test]
    fn the_fewest_errors_are_counted() {
        let errors = |reference, hypothesis| word_errors(reference, hypothesis).errors;
        assert_eq!(errors("a b c d", "a b c d"), 0);
        assert_eq!(errors("a b c d", "a x c d"), 1);
        assert_eq!(errors("a b c d", "b c d"), 1);
        assert_eq!(errors("a b c d", "a b b c d e"), 2);
        assert_eq!(errors("a b c d", ""), 4);
        assert!((word_error_rate("a b c d", "a b c") - 0.25).abs() < 1e-9);
        assert!((word_error_rate("", "made up") - 2.0).abs() < 1e-9);
        assert!(word_error_rate("", "").abs() < 1e-9);
    }

    fn words() -> impl Strategy<Value = String> {
        prop::collection::vec("[a-d]{1,2}", 0..12).prop_map(|words| words.join(" "))
    }

    proptest! {
        #[test]
        fn word_errors_are_a_metric(a in words(), b in words(), c in words()) {
            let errors = |one: &str, other: &str| word_errors(one, other).errors;
            prop_assert_eq!(errors(&a, &b), errors(&b, &a));
            prop_assert_eq!(errors(&a, &b) == 0, a == b);
            prop_assert!(errors(&a, &c) <= errors(&a, &b) + errors(&b, &c));
            let longer = normalised(&a).len().max(normalised(&b).len());
            prop_assert!(errors(&a, &b) <= longer);
        }

        #[test]
        fn normalising_is_idempotent(text in any::<String>()) {
            let words = normalised(&text);
            prop_assert_eq!(normalised(&words.join(" ")), words);
        }
    }
}
