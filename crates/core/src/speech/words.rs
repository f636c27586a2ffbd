//! Turns a model's words into valid words and segments.

use super::{Confidence, Language, Segment, Span, Word};
use crate::text;
use unicode_width::UnicodeWidthStr;

/// One word from a model, not validated.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardWord {
    /// The word, with the space before it, if any.
    pub text: String,
    /// Start, in milliseconds from the start of the recording.
    pub start_ms: u64,
    /// End, in milliseconds from the start of the recording.
    pub end_ms: u64,
    /// Mean probability of its tokens.
    pub probability: f32,
}

impl Segment {
    /// Most characters per segment: more than can be spoken in half a minute.
    pub const MAX_CHARS: usize = 2000;

    /// Builds a segment for a region. Words are cleaned ([`text::clean`]), moved into the region and made consecutive;
    /// invisible ones, and those beyond [`Self::MAX_CHARS`], are dropped. `None` if none is left.
    #[must_use]
    pub fn new(
        region: Span,
        language: Language,
        channel: Option<u16>,
        confidence: Confidence,
        heard: &[HeardWord],
    ) -> Option<Self> {
        let words = placed(region, bounded(readable(heard)));
        let text = joined(&words);
        (!words.is_empty()).then_some(Self { span: region, text, language, confidence, channel, words })
    }
}

/// Joins words into one text.
#[must_use]
pub fn joined(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() && !word.joined {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

/// A readable word: its text, whether it is joined to the previous one, and its raw form.
type Readable<'a> = (String, bool, &'a HeardWord);

fn readable(heard: &[HeardWord]) -> impl Iterator<Item = Readable<'_>> {
    let words = heard.iter().filter_map(|word| {
        let text = text::clean(&word.text, Segment::MAX_CHARS).filter(|text| text.width() > 0)?;
        let is_joined = !word.text.starts_with(char::is_whitespace);
        Some((text, is_joined, word))
    });
    words.enumerate().map(|(at, (text, is_joined, word))| (text, is_joined && at > 0, word))
}

fn bounded<'a>(words: impl Iterator<Item = Readable<'a>>) -> Vec<Readable<'a>> {
    let mut chars = 0;
    let fits = |(text, ..): &Readable<'_>| {
        chars += text.chars().count() + 1;
        chars <= Segment::MAX_CHARS + 1
    };
    words.take_while(fits).collect()
}

/// Gives every word its time: the model's if possible, but at least a millisecond, inside the region and not before the
/// previous word ends.
fn placed(region: Span, words: Vec<Readable<'_>>) -> Vec<Word> {
    let room = usize::try_from(region.duration_ms()).unwrap_or(usize::MAX);
    let mut left = words.len().min(room) as u64;
    let mut from_ms = region.start_ms();
    let words = words.into_iter().take(room).map(|(text, joined, heard)| {
        left -= 1;
        // Each later word needs a millisecond.
        let until_ms = region.end_ms() - left;
        let start_ms = heard.start_ms.clamp(from_ms, until_ms - 1);
        let end_ms = heard.end_ms.clamp(start_ms + 1, until_ms);
        from_ms = end_ms;
        let span = Span::new(start_ms, end_ms).expect("it ends at least a millisecond later");
        Word { text, joined, span, confidence: Confidence::new(heard.probability) }
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heard(text: &str, start_ms: u64, end_ms: u64) -> HeardWord {
        HeardWord { text: text.to_owned(), start_ms, end_ms, probability: 0.5 }
    }

    fn segment(words: &[HeardWord]) -> Option<Segment> {
        let region = Span::new(1000, 2000).expect("not empty");
        Segment::new(region, Language::ENGLISH, None, Confidence::new(0.5), words)
    }

    #[test]
    fn words_are_joined_as_the_model_wrote_them() {
        let text = |words: &[&str]| {
            let heard: Vec<HeardWord> = words.iter().map(|word| heard(word, 1000, 1100)).collect();
            segment(&heard).map(|segment| segment.text)
        };
        assert_eq!(text(&[" Hello,", " world."]).as_deref(), Some("Hello, world."));
        assert_eq!(text(&["你", "好", " OpenAI", "。"]).as_deref(), Some("你好 OpenAI。"));
        assert_eq!(text(&["\u{202e}", " \0a\nb\u{200b}", "\u{200d}", "\t c"]).as_deref(), Some("a b c"));
        assert_eq!(text(&[" ", "\u{feff}"]), None);
        assert_eq!(text(&[]), None);
    }

    #[test]
    fn words_keep_their_times_if_possible() {
        let words = [heard("a", 900, 1100), heard("b", 1050, 1050), heard("c", 1500, 1600), heard("d", 1400, 5000)];
        let spans: Vec<_> =
            segment(&words).unwrap().words.iter().map(|w| (w.span.start_ms(), w.span.end_ms())).collect();
        assert_eq!(spans, [(1000, 1100), (1100, 1101), (1500, 1600), (1600, 2000)]);
    }

    #[test]
    fn long_text_is_cut() {
        let segment = segment(&vec![heard(" word", 1000, 1001); 1000]).expect("some words");
        assert_eq!(segment.text.len(), 1999, "five characters and four hundred spaces less one");
        assert_eq!(segment.words.len(), 400);
    }

    proptest! {
        #[test]
        fn a_segment_keeps_its_invariants(
            words in prop::collection::vec(
                ("\\PC{0,3}| ?[a-z\u{4e00}\u{200b}\u{7}]{0,4}", 0u64..3000, 0u64..3000, any::<f32>()), 0..40,
            ),
            start_ms in 0u64..2000,
            lasts_ms in 1u64..50,
        ) {
            let region = Span::new(start_ms, start_ms + lasts_ms).expect("not empty");
            let heard: Vec<HeardWord> = words.into_iter()
                .map(|(text, start_ms, end_ms, probability)| HeardWord { text, start_ms, end_ms, probability })
                .collect();
            let segment = Segment::new(region, Language::ENGLISH, Some(1), Confidence::new(1.0), &heard);
            if let Some(Segment { span, text, words, .. }) = segment {
                prop_assert!(!text.is_empty() && !text.chars().any(char::is_control));
                prop_assert!(words.iter().all(|word| span.contains(word.span) && !word.text.is_empty()));
                prop_assert!(words.windows(2).all(|pair| pair[0].span.end_ms() <= pair[1].span.start_ms()));
                prop_assert!(words.iter().all(|word| (0.0..=1.0).contains(&word.confidence.get())));
                prop_assert!(!words[0].joined);
                prop_assert_eq!(text, joined(&words));
            }
        }
    }
}
