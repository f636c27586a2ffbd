//! Captions of known sentences, and of arbitrary words.

mod webvtt;

use super::*;
use crate::speech::{Confidence, HeardWord, State, testing};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

/// A sentence spoken at an even pace: each word lasts by its width, at `columns_per_second`.
fn said(start_ms: u64, columns_per_second: u64, sentence: &str) -> Vec<HeardWord> {
    let mut at_ms = start_ms;
    let words = sentence.split_inclusive(' ').map(|word| {
        let text = format!(" {}", word.trim());
        let (start_ms, lasts_ms) = (at_ms, word.width() as u64 * 1000 / columns_per_second);
        at_ms += lasts_ms;
        HeardWord { text, start_ms, end_ms: start_ms + lasts_ms, probability: 0.9 }
    });
    words.collect()
}

/// A text whose every character is a word of `each_ms` milliseconds.
fn characters(start_ms: u64, each_ms: u64, text: &str) -> Vec<HeardWord> {
    let at = |n: usize| start_ms + n as u64 * each_ms;
    let words = text.chars().enumerate().map(|(n, c)| HeardWord {
        text: c.to_string(),
        start_ms: at(n),
        end_ms: at(n + 1),
        probability: 0.9,
    });
    words.collect()
}

/// A region with these words, including its usual silence around them.
fn segment(words: &[HeardWord], language: &str, channel: Option<u16>) -> Segment {
    let start_ms = words.first().map_or(0, |word| word.start_ms.saturating_sub(200));
    let end_ms = words.last().map_or(1, |word| (word.end_ms + 300).max(start_ms + 1200));
    let region = Span::new(start_ms, end_ms).expect("not empty");
    let language = Language::try_from(language).expect("known");
    Segment::new(region, language, channel, Confidence::new(0.9), words).expect("words")
}

fn transcript(segments: Vec<Segment>) -> Transcript {
    Transcript::new(testing::heard(3_600_000, segments), State::Final)
}

fn of(segments: Vec<Segment>) -> String {
    vtt(&cues(&transcript(segments)))
}

const INAUGURAL: &str = "And so, my fellow Americans: ask not what your country can do for you, ask what you can do \
                         for your country. My fellow citizens of the world: ask not what America will do for you, \
                         but what together we can do for the freedom of man.";

#[test]
fn a_speech_is_broken_by_sense() {
    insta::assert_snapshot!(of(vec![segment(&said(1000, 14, INAUGURAL), "en", None)]));
}

#[test]
fn unpunctuated_text_is_broken_by_function_words_and_pauses() {
    let first = "the family of dashwood had long been settled in sussex their estate was large and their residence \
                 was at norland park in the centre of their property";
    let second = "where for many generations they had lived in so respectable a manner";
    let mut words = said(1000, 15, first);
    let pause_ms = words.last().expect("words").end_ms + 450;
    words.extend(said(pause_ms, 15, second));
    insta::assert_snapshot!(of(vec![segment(&words, "en", None)]));
}

#[test]
fn an_unspaced_language_breaks_between_characters_but_never_before_a_mark() {
    let chinese = "我们选择在这个十年登上月球，并且做其他的事情，不是因为它们容易，而是因为它们困难。";
    let japanese = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。";
    let words = [characters(1000, 180, chinese), characters(20_000, 130, japanese)];
    insta::assert_snapshot!(of(vec![segment(&words[0], "zh", None), segment(&words[1], "ja", None)]));
}

#[test]
fn a_single_word_is_shown_for_a_second() {
    let word = HeardWord { text: " Yes.".to_owned(), start_ms: 5000, end_ms: 5300, probability: 0.9 };
    insta::assert_snapshot!(of(vec![segment(&[word], "en", None)]), @"
    WEBVTT

    00:00:05.000 --> 00:00:06.000
    Yes.
    ");
}

#[test]
fn a_fast_sentence_is_shown_into_the_silence_after_it() {
    let words = said(1000, 40, "Nobody reads this as fast as I say it.");
    let cues = cues(&transcript(vec![segment(&words, "en", None)]));
    assert_eq!(cues.len(), 1);
    assert_eq!(cues[0].span.end_ms(), words.last().expect("words").end_ms + 300, "all of the region");
}

#[test]
fn overlapping_channels_are_separated_and_keep_their_names() {
    let one = said(1000, 14, "I was just about to say that we should go.");
    let other = said(2500, 14, "Should we?");
    let third = said(6000, 14, "Yes & now <i>!");
    let segments = vec![segment(&one, "en", Some(0)), segment(&other, "en", Some(1)), segment(&third, "en", Some(0))];
    insta::assert_snapshot!(of(segments));
}

#[test]
fn a_translation_is_broken_as_english() {
    let words = said(1000, 15, "This was said in Japanese but it is written down in English for the people over there");
    let heard = testing::heard(60_000, vec![segment(&words, "ja", None)]);
    let translated = Transcript::new(super::super::Heard { task: Task::Translate, ..heard }, State::Final);
    insta::assert_snapshot!(vtt(&cues(&translated)));
}

#[test]
fn another_language_starts_a_new_cue() {
    let segments =
        vec![segment(&said(1000, 14, "And now"), "en", None), segment(&said(2400, 14, "guten Abend."), "de", None)];
    assert_eq!(cues(&transcript(segments)).len(), 2);
}

#[test]
fn a_short_pause_between_regions_does_not_break_a_sentence() {
    let first = said(1000, 14, "We will");
    let next_ms = first.last().expect("words").end_ms + 600;
    let second = said(next_ms, 14, "never surrender.");
    let segments = vec![segment(&first, "en", None), segment(&second, "en", None)];
    assert_eq!(cues(&transcript(segments)).len(), 1);
}

#[test]
fn srt_is_numbered_and_contains_no_commands() {
    let words = said(0, 14, "{\\an8}<b>Look</b> --> there. 12 it is.");
    insta::assert_snapshot!(srt(&cues(&transcript(vec![segment(&words, "en", None)]))));
    assert_eq!(srt(&[]), "");
}

#[test]
fn a_file_without_cues_is_valid() {
    assert_eq!(vtt(&[]), "WEBVTT\n");
    assert_eq!(webvtt::read("WEBVTT\n"), Ok(Vec::new()));
}

#[test]
fn the_strict_reader_refuses_invalid_webvtt() {
    let good = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Channel 1>a &lt; b\n";
    assert_eq!(webvtt::read(good).expect("valid")[0].lines, ["a < b"]);
    for (from, to) in [
        ("WEBVTT", "WEBVT"),
        ("\n\n", "\n"),
        ("00:00:02", "00:00:01"),
        ("00:00:01", "00:0:01"),
        ("00:00:01", "00:00:61"),
        ("01.000", "01,000"),
        (" --> ", " -> "),
        ("&lt;", "<"),
        ("&lt;", "&"),
        ("&lt;", "-->"),
        ("a &lt; b", "a\n\nb"),
        ("<v Channel 1>a &lt; b\n", ""),
        ("a &lt; b\n", "a"),
        ("Channel 1>", ""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert!(webvtt::read(&bad).is_err(), "{bad}");
    }
}

/// Words of all kinds: natural, without spaces, too wide for a line, punctuation and markup, and arbitrary.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => " [a-z]{1,9}[,.?!]?",
        2 => "[一-龥ぁ-んー。、「」]",
        1 => "[ก-๙]",
        1 => " ?[a-zA-Z]{30,200}",
        1 => " (-->|<v Bob>|&amp;|<|>|12|\\{b\\}|NOTE|WEBVTT|the|of|Mr\\.)",
        1 => "[👩\u{200d}🚀❤\u{fe0f}e\u{301}🇩🇪]{1,3}",
        1 => "\\PC{1,5}",
    ]
}

/// Words with their durations and the pauses before them in milliseconds, mostly natural.
fn words() -> impl Strategy<Value = Vec<(String, u64, u64)>> {
    let lasts = prop_oneof![8 => 50u64..600, 1 => 0u64..5, 1 => 5000u64..12_000];
    let pause = prop_oneof![8 => Just(0u64), 2 => 0u64..500];
    prop::collection::vec((word(), lasts, pause), 1..30)
}

/// Consecutive segments, each with a pause before it.
fn segments(channel: Option<u16>) -> impl Strategy<Value = Vec<Segment>> {
    let part = (words(), 0u64..3000, prop::sample::select(vec!["en", "zh", "th", "de", "km"]), (0u64..300, 0u64..400));
    prop::collection::vec(part, 0..5).prop_map(move |parts| {
        let mut at_ms = 0;
        let segments = parts.into_iter().filter_map(|(words, pause_ms, language, (lead_ms, tail_ms))| {
            let start_ms = at_ms + pause_ms;
            at_ms = start_ms + lead_ms;
            let heard: Vec<HeardWord> = words
                .into_iter()
                .map(|(text, lasts_ms, pause_ms)| {
                    let start_ms = at_ms + pause_ms;
                    at_ms = start_ms + lasts_ms;
                    HeardWord { text, start_ms, end_ms: at_ms, probability: 0.5 }
                })
                .collect();
            at_ms += tail_ms + 1;
            let region = Span::new(start_ms, at_ms).expect("not empty");
            Segment::new(region, Language::try_from(language).expect("known"), channel, Confidence::new(0.5), &heard)
        });
        segments.collect()
    })
}

/// The text of cues or segments without spaces, which line breaks replace.
fn letters<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}

fn check_cues(cues: &[Cue]) -> Result<(), TestCaseError> {
    for cue in cues {
        prop_assert!((1..=MAX_LINES).contains(&cue.lines.len()));
        for line in &cue.lines {
            prop_assert!(!line.trim().is_empty() && line.trim() == line, "{line:?}");
            prop_assert!(line.width() as u64 <= MAX_COLUMNS, "{line:?}");
        }
        prop_assert!(cue.span.duration_ms() <= MAX_CUE_MS);
    }
    prop_assert!(cues.windows(2).all(|pair| pair[0].span.end_ms() <= pair[1].span.start_ms()));
    Ok(())
}

fn check_files(cues: &[Cue]) -> Result<(), TestCaseError> {
    let read = webvtt::read(&vtt(cues)).map_err(TestCaseError::fail)?;
    let written = cues.iter().map(|cue| webvtt::Read {
        start_ms: cue.span.start_ms(),
        end_ms: cue.span.end_ms(),
        voice: cue.channel.map(|channel| format!("Channel {}", channel + 1)),
        lines: cue.lines.clone(),
    });
    prop_assert_eq!(read, written.collect::<Vec<_>>());

    let srt = srt(cues);
    let blocks: Vec<&str> = srt.trim_end().split("\n\n").filter(|block| !block.is_empty()).collect();
    prop_assert_eq!(blocks.len(), cues.len());
    for (number, (block, cue)) in blocks.iter().zip(cues).enumerate() {
        let lines: Vec<&str> = block.split('\n').collect();
        prop_assert_eq!(lines[0], (number + 1).to_string());
        prop_assert_eq!(block.matches(" --> ").count(), 1);
        prop_assert_eq!(lines.len(), 2 + cue.lines.len());
        let is_plain = |line: &&str| !line.is_empty() && !line.contains(['<', '>', '{', '}']);
        prop_assert!(lines[2..].iter().all(is_plain), "{lines:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn cues_of_any_words_keep_every_limit_and_lose_no_word(segments in segments(None)) {
        let cues = cues(&transcript(segments.clone()));
        check_cues(&cues)?;
        check_files(&cues)?;
        let said = letters(segments.iter().map(|segment| segment.text.as_str()));
        let shown = letters(cues.iter().flat_map(|cue| &cue.lines).map(String::as_str));
        prop_assert_eq!(shown, said);
    }

    #[test]
    fn a_cue_is_shown_only_during_speech(segments in segments(None)) {
        let spoken_ms = |span: Span| segments.iter()
            .filter_map(|segment| segment.span.intersection(span)).map(Span::duration_ms).sum::<u64>();
        for cue in cues(&transcript(segments.clone())) {
            let inside = |ms: u64| segments.iter().any(|s| s.span.start_ms() <= ms && ms <= s.span.end_ms());
            prop_assert!(inside(cue.span.start_ms()) && inside(cue.span.end_ms()));
            let silent_ms = cue.span.duration_ms() - spoken_ms(cue.span);
            // Only the short gap between two regions.
            let regions = segments.iter().filter(|segment| segment.span.intersection(cue.span).is_some()).count();
            prop_assert!(silent_ms <= MAX_BRIDGE_MS * (regions.saturating_sub(1)) as u64);
        }
    }

    #[test]
    fn a_cue_is_short_or_fast_only_if_there_is_no_time(segments in segments(None)) {
        let cues = cues(&transcript(segments.clone()));
        for (at, cue) in cues.iter().enumerate() {
            let columns: u64 = cue.lines.iter().map(|line| atoms::columns(line)).sum();
            let needed_ms = (columns * 1000 / COLUMNS_PER_SECOND).clamp(MIN_CUE_MS, MAX_CUE_MS);
            let is_followed = cues.get(at + 1).is_some_and(|next| next.span.start_ms() == cue.span.end_ms());
            let ends_with_region = segments.iter().any(|segment| segment.span.end_ms() == cue.span.end_ms());
            prop_assert!(cue.span.duration_ms() >= needed_ms || is_followed || ends_with_region, "{cue:?}");
        }
    }

    #[test]
    fn a_cue_appears_with_its_first_word(segments in segments(None)) {
        let words: Vec<u64> = segments.iter().flat_map(|s| &s.words).map(|word| word.span.start_ms()).collect();
        let is_split = segments.iter().flat_map(|s| &s.words).any(|word| word.text.width() as u64 > MAX_COLUMNS);
        for cue in cues(&transcript(segments.clone())) {
            let start_ms = cue.span.start_ms();
            let early = words.iter().any(|&word_ms| (start_ms..=start_ms + 300).contains(&word_ms));
            // Words that are too wide or too short for a time of their own are shown one after the other.
            let crowded = is_split || words.windows(2).any(|pair| pair[1] - pair[0] < 10);
            prop_assert!(early || crowded, "{cue:?}");
        }
    }

    #[test]
    fn overlapping_channels_never_have_overlapping_cues(one in segments(Some(0)), other in segments(Some(1))) {
        let cues = cues(&transcript(one.into_iter().chain(other).collect()));
        check_cues(&cues)?;
        check_files(&cues)?;
    }

    #[test]
    fn natural_speech_is_always_readable(
        sentences in prop::collection::vec("[A-Z][a-z]{1,9}( [a-z]{1,9}){2,20}[.?!]", 1..8), pace in 8u64..18,
    ) {
        // At a natural pace every cue can be read, and is shown for at least a second.
        let words = said(1000, pace, &sentences.join(" "));
        let cues = cues(&transcript(vec![segment(&words, "en", None)]));
        for cue in cues {
            let columns: u64 = cue.lines.iter().map(|line| atoms::columns(line)).sum();
            prop_assert!(cue.span.duration_ms() >= MIN_CUE_MS, "{cue:?}");
            prop_assert!(columns * 1000 <= cue.span.duration_ms() * COLUMNS_PER_SECOND + 999, "{cue:?}");
        }
    }
}
