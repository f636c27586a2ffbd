//! A transcript as plain text: one paragraph per line, separated by empty lines.

use super::{Segment, Transcript, grammar::ends_sentence, joined};
use std::fmt::Write as _;

/// Silence that starts a new paragraph, in milliseconds.
const PAUSE_MS: u64 = 2000;
/// Length in characters after which a paragraph ends with its sentence.
const LONG_CHARS: usize = 600;

/// The plain text of a transcript. A paragraph ends with a long pause, with a change of language or channel, and, once
/// it is long, with a sentence. If channels were transcribed separately, each paragraph names its own, counted from 1.
/// Empty if there is no speech.
#[must_use]
pub fn plain_text(transcript: &Transcript) -> String {
    let mut text = String::new();
    for segments in transcript.segments.chunk_by(same_paragraph) {
        for paragraph in paragraphs(segments) {
            let gap = if text.is_empty() { "" } else { "\n" };
            let channel = segments[0].channel.map(|channel| format!("Channel {}: ", u32::from(channel) + 1));
            writeln!(text, "{gap}{}{paragraph}", channel.unwrap_or_default()).expect("writing to a String cannot fail");
        }
    }
    text
}

/// Returns whether one paragraph may contain both segments.
fn same_paragraph(one: &Segment, next: &Segment) -> bool {
    one.channel == next.channel && one.language == next.language && pause_ms(one, next) < PAUSE_MS
}

/// Pause between the last word of one segment and the first of the next; regions include silence around their words.
fn pause_ms(one: &Segment, next: &Segment) -> u64 {
    let end_ms = one.words.last().map_or(one.span.end_ms(), |word| word.span.end_ms());
    let start_ms = next.words.first().map_or(next.span.start_ms(), |word| word.span.start_ms());
    start_ms.saturating_sub(end_ms)
}

/// Splits segments into paragraphs that end with a sentence, if the speaker ends any.
fn paragraphs(segments: &[Segment]) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for segment in segments {
        for sentence in segment.words.chunk_by(|word, _| !ends_sentence(&word.text)) {
            let paragraph = paragraphs.last_mut().expect("there is always one");
            if !paragraph.is_empty() && !sentence[0].joined {
                paragraph.push(' ');
            }
            paragraph.push_str(&joined(sentence));
            let is_done = sentence.last().is_some_and(|word| ends_sentence(&word.text));
            if is_done && paragraph.chars().count() >= LONG_CHARS {
                paragraphs.push(String::new());
            }
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::{Confidence, HeardWord, Language, Span, State, testing};
    use proptest::prelude::*;

    fn segment(start_ms: u64, code: &str, channel: Option<u16>, words: &[&str]) -> Segment {
        let heard = words.iter().zip(0..).map(|(text, at)| HeardWord {
            text: (*text).to_owned(),
            start_ms: start_ms + at * 100,
            end_ms: start_ms + at * 100 + 100,
            probability: 0.5,
        });
        let region = Span::new(start_ms, start_ms + words.len() as u64 * 100).expect("not empty");
        let language = Language::try_from(code).expect("known");
        Segment::new(region, language, channel, Confidence::new(0.5), &heard.collect::<Vec<_>>()).expect("words")
    }

    fn of(segments: Vec<Segment>) -> String {
        plain_text(&Transcript::new(testing::heard(100_000, segments), State::Final))
    }

    #[test]
    fn a_paragraph_ends_with_a_pause_or_another_language() {
        let segments = vec![
            segment(0, "en", None, &[" Good", " evening."]),
            segment(2199, "en", None, &[" And", " now:"]),
            segment(4399, "en", None, &[" the", " news."]),
            segment(4700, "de", None, &[" Guten", " Abend."]),
            segment(5000, "ja", None, &["今", "晩", "は", "。"]),
        ];
        assert_eq!(of(segments), "Good evening. And now:\n\nthe news.\n\nGuten Abend.\n\n今晩は。\n");
        assert_eq!(of(Vec::new()), "");
    }

    #[test]
    fn each_channel_has_its_own_paragraphs() {
        let segments = vec![
            segment(0, "en", Some(0), &[" Hello?"]),
            segment(500, "en", Some(1), &[" Hello!"]),
            segment(900, "en", Some(1), &[" Who", " is", " it?"]),
        ];
        assert_eq!(of(segments), "Channel 1: Hello?\n\nChannel 2: Hello! Who is it?\n");
    }

    #[test]
    fn a_long_paragraph_ends_with_a_sentence() {
        let sentence = [" This", " is", " one", " of", " many", " sentences."];
        let text = of((0..45).map(|n| segment(n * 700, "en", None, &sentence)).collect());
        let lengths: Vec<usize> = text.lines().step_by(2).map(str::len).collect();
        // 20 sentences of 30 characters and the spaces between them are 619.
        assert_eq!(lengths, [619, 619, 154]);
        assert!(text.lines().step_by(2).all(|line| line.ends_with("sentences.")));
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_empty_lines_are_never_repeated(
            parts in prop::collection::vec(
                (prop::collection::vec(" ?[a-z。\u{4e00}]{1,5}[.]?", 1..40), 0usize..2, 0u64..4000), 0..20,
            ),
        ) {
            let mut at_ms = 0;
            let segments: Vec<Segment> = parts.iter().map(|(words, language, pause_ms)| {
                at_ms += pause_ms;
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let start_ms = at_ms;
                at_ms += words.len() as u64 * 100;
                segment(start_ms, ["en", "zh"][*language], None, &words)
            }).collect();
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let said: String = segments.iter().map(|segment| letters(&segment.text)).collect();
            let text = of(segments);
            prop_assert_eq!(letters(&text), said);
            prop_assert!(!text.contains("\n\n\n") && !text.contains("  ") && !text.starts_with('\n'));
            prop_assert!(text.is_empty() || text.ends_with('\n'));
        }
    }
}
