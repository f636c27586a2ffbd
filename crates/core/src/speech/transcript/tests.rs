use super::*;
use crate::speech::{HeardWord, SpeechFacts, testing};
use proptest::prelude::*;
use serde_json::json;

fn language(code: &str) -> Language {
    Language::try_from(code).expect("known")
}

fn segment(start_ms: u64, end_ms: u64, code: &str) -> Segment {
    let heard = HeardWord { text: " word".to_owned(), start_ms, end_ms, probability: 0.5 };
    let span = Span::new(start_ms, end_ms).expect("not empty");
    Segment::new(span, language(code), None, Confidence::new(0.9), &[heard]).expect("a word")
}

fn transcript(segments: Vec<Segment>) -> Transcript {
    Transcript::new(testing::heard(60_000, segments), State::Final)
}

#[test]
fn the_json_of_a_transcript_is_as_documented() {
    let words = [
        HeardWord { text: " Grüß".to_owned(), start_ms: 1200, end_ms: 1500, probability: 0.987_654 },
        HeardWord { text: " dich!".to_owned(), start_ms: 1500, end_ms: 1900, probability: 0.5 },
    ];
    let region = Span::new(1000, 2000).expect("not empty");
    let german = Segment::new(region, language("de"), Some(1), Confidence::of_log_probability(-0.25), &words);
    let chinese = [
        HeardWord { text: "你".to_owned(), start_ms: 3000, end_ms: 3200, probability: 1.0 },
        HeardWord { text: "好".to_owned(), start_ms: 3200, end_ms: 3500, probability: 1.0 },
    ];
    let region = Span::new(2900, 3600).expect("not empty");
    let chinese = Segment::new(region, language("zh"), Some(0), Confidence::new(0.25), &chinese);
    let segments = chinese.into_iter().chain(german).collect();
    let unheard = vec![Unheard { span: Span::new(5000, 6000).expect("not empty"), channel: Some(0) }];
    let heard = Heard { unheard, ..testing::heard(10_000, segments) };
    let transcript = Transcript::new(heard, State::Partial { heard_ms: 7000 });
    insta::assert_json_snapshot!(transcript);
    let written = serde_json::to_string(&transcript).expect("serializable");
    assert_eq!(serde_json::from_str::<Transcript>(&written).expect("just written"), transcript);
}

#[test]
fn a_recording_without_speech_is_marked() {
    let silent = serde_json::to_value(transcript(Vec::new())).expect("serializable");
    assert_eq!((&silent["state"], &silent["speech"]), (&json!("final"), &json!("none")));
    assert_eq!((&silent["segments"], &silent["languages"]), (&json!([]), &json!([])));
    assert_eq!(transcript(Vec::new()).written_language(), None);
}

#[test]
fn speech_that_was_not_understood_is_speech() {
    let unheard = vec![Unheard { span: Span::new(0, 1).expect("not empty"), channel: None }];
    let heard = Heard { unheard, ..testing::heard(10, Vec::new()) };
    assert_eq!(Transcript::new(heard, State::Final).speech, Presence::Present);
}

#[test]
fn consecutive_segments_of_one_language_are_one_span() {
    let segments =
        vec![segment(9000, 9500, "en"), segment(0, 1000, "en"), segment(1500, 3000, "en"), segment(4000, 8000, "fr")];
    let transcript = transcript(segments);
    let spans: Vec<_> = transcript.languages.iter().map(|l| (l.span.start_ms(), l.span.end_ms(), l.language)).collect();
    assert_eq!(spans, [(0, 3000, language("en")), (4000, 8000, language("fr")), (9000, 9500, language("en"))]);
    assert_eq!(transcript.written_language(), Some(language("fr")));
    let translated = Transcript { task: Task::Translate, ..transcript };
    assert_eq!(translated.written_language(), Some(Language::ENGLISH));
}

#[test]
fn speech_facts_have_no_words() {
    let segments = vec![segment(0, 1000, "en"), segment(1500, 3000, "fr"), segment(4000, 8000, "en")];
    let unheard = vec![Unheard { span: Span::new(9000, 9700).expect("not empty"), channel: None }];
    let transcript = Transcript::new(Heard { unheard, ..testing::heard(60_000, segments) }, State::Final);
    insta::assert_json_snapshot!(SpeechFacts::of(&transcript));
}

#[test]
fn of_equally_long_languages_the_first_is_the_written_one() {
    let transcript = transcript(vec![segment(0, 1000, "fr"), segment(2000, 3000, "de")]);
    assert_eq!(transcript.written_language(), Some(language("fr")));
}

#[test]
fn a_confidence_has_three_digits_in_json() {
    for (probability, written) in [(0.987_654, "0.988"), (1.5, "1.0"), (-1.0, "0.0"), (f32::NAN, "0.0"), (0.1, "0.1")] {
        assert_eq!(serde_json::to_string(&Confidence::new(probability)).expect("serializable"), written);
    }
}

proptest! {
    #[test]
    fn language_spans_contain_their_segments_in_order(
        parts in prop::collection::vec((0u64..50_000, 1u64..5000, 0usize..3), 0..30),
    ) {
        let codes = ["en", "de", "zh"];
        let segments: Vec<Segment> =
            parts.iter().map(|&(start, lasts, code)| segment(start, start + lasts, codes[code])).collect();
        let transcript = transcript(segments);
        let spans = &transcript.languages;
        prop_assert!(transcript.segments.windows(2).all(|pair| pair[0].span <= pair[1].span));
        prop_assert!(spans.windows(2).all(|pair| pair[0].language != pair[1].language));
        prop_assert!(spans.windows(2).all(|pair| pair[0].span.start_ms() <= pair[1].span.start_ms()));
        for segment in &transcript.segments {
            let inside = |span: &LanguageSpan| span.language == segment.language && span.span.contains(segment.span);
            prop_assert!(spans.iter().any(inside));
        }
    }

    #[test]
    fn a_confidence_round_trips(probability in any::<f32>()) {
        let confidence = Confidence::new(probability);
        prop_assert!((0.0..=1.0).contains(&confidence.get()));
        let written = serde_json::to_string(&confidence).expect("serializable");
        prop_assert_eq!(serde_json::from_str::<Confidence>(&written).expect("just written"), confidence);
    }
}
