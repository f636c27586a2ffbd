use super::*;
use crate::testing::{Fake, said};
use smmu_core::speech::quality::LADDER;

static RUNNING: AtomicBool = AtomicBool::new(false);

fn hearing() -> Hearing<'static> {
    Hearing {
        language: None,
        task: Task::Transcribe,
        beam_size: 1,
        terms: String::new(),
        trust: TrustSettings::default(),
        cancelled: &RUNNING,
    }
}

fn span(start_ms: u64, end_ms: u64) -> Span {
    Span::new(start_ms, end_ms).expect("not empty")
}

/// A region from 10 s to 18 s, with voice from 10.25 s to 17.7 s.
fn region() -> Region {
    Region { span: span(10_000, 18_000), samples: vec![0.0; 8 * 16_000], voiced: vec![span(10_250, 17_700)] }
}

fn hear(recogniser: &Fake) -> Outcome {
    hearing().hear(&mut recogniser.clone(), region(), None, None).expect("it works")
}

fn unsure(text: &str, mean_log_probability: f32) -> Recognised {
    Recognised { mean_log_probability, ..said(text) }
}

#[test]
fn a_credible_answer_is_a_segment_at_its_time() {
    let fake = Fake::saying([said("And so, my fellow Americans")]);
    let outcome = hear(&fake);
    assert_eq!(outcome.unheard, []);
    let [segment] = &outcome.segments[..] else { panic!("one segment") };
    assert_eq!((segment.span, segment.text.as_str()), (region().span, "And so, my fellow Americans"));
    let times: Vec<_> = segment.words.iter().map(|word| (word.span.start_ms(), word.span.end_ms())).collect();
    assert_eq!(times[..2], [(10_250, 10_300), (10_300, 10_400)], "the first word begins with the voice");
    assert!((segment.confidence.get() - 0.75).abs() < 0.001);
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn a_word_is_trimmed_to_its_voice() {
    let voiced = [span(1000, 2000), span(2100, 2500), span(3500, 4000)];
    let voice = |from_ms, to_ms| voice_in(span(from_ms, to_ms), &voiced);
    assert_eq!(voice(1200, 2300), Some(span(1200, 2300)), "lips were closed for a moment");
    assert_eq!(voice(2400, 3900), Some(span(3500, 3900)), "it begins after the pause");
    assert_eq!(voice(2200, 3600), Some(span(2200, 2500)), "it ends before the pause");
    assert_eq!(voice(2500, 3500), None);
}

#[test]
fn a_doubtful_answer_is_retried_along_the_ladder() {
    let fake = Fake::saying([said(&"Thank you. ".repeat(20)), unsure("Hm", -1.3), said("Ask not")]);
    assert_eq!(hear(&fake).segments[0].text, "Ask not");
    let attempts: Vec<_> = fake.asked().into_iter().map(|(_, ask)| ask.attempt).collect();
    assert_eq!(attempts, LADDER[..3]);
}

#[test]
fn silence_has_no_segment_and_unintelligible_speech_is_unheard() {
    let silent = Recognised { no_speech_probability: 0.9, ..unsure("you", -1.4) };
    assert_eq!(hear(&Fake::saying([silent])), Outcome::default());
    let fake = Fake::saying([unsure("What was that", -2.0)]);
    assert_eq!(
        hear(&fake),
        Outcome { segments: Vec::new(), unheard: vec![Unheard { span: region().span, channel: None }] }
    );
    assert_eq!(fake.asked().len(), LADDER.len());
}

#[test]
fn the_rest_is_transcribed_after_the_model_stops_early() {
    let fake = Fake::saying([Recognised { stopped_ms: Some(3000), ..said("Ask not") }, said("what you can do")]);
    let outcome = hear(&fake);
    let seen: Vec<_> = outcome.segments.iter().map(|segment| (segment.span, segment.text.as_str())).collect();
    assert_eq!(seen, [(span(10_000, 13_000), "Ask not"), (span(13_000, 18_000), "what you can do")]);
    assert_eq!(fake.asked()[1].0, 5 * 16_000);
}

#[test]
fn a_model_that_keeps_stopping_is_not_asked_forever() {
    for stopped_ms in [0, 10, 999, 1000, 8000, 9000] {
        let fake = Fake::saying([Recognised { stopped_ms: Some(stopped_ms), ..said("Ask") }]);
        assert!(!hear(&fake).segments.is_empty());
        assert!(fake.asked().len() <= 8, "{stopped_ms}");
    }
}

#[test]
fn a_short_region_needs_a_higher_probability_to_change_the_language() {
    let german = Language::try_from("de").expect("known");
    let spoken = |region: Region, hearing: Hearing| {
        let fake = Fake::saying([said("Ja")]);
        hearing.hear(&mut fake.clone(), region, None, Some(german)).expect("it works");
        fake.asked()[0].1.spoken
    };
    let sure = |region| match spoken(region, hearing()) {
        Spoken::Detected { before: Some(_), sure } => sure,
        other @ (Spoken::Known(_) | Spoken::Detected { .. }) => panic!("{other:?}"),
    };
    let short = Region { span: span(0, 1000), samples: vec![0.0; 16_000], voiced: vec![span(0, 1000)] };
    assert!(sure(short.clone()) > sure(region()));
    let given = Hearing { language: Some(german), ..hearing() };
    assert_eq!(spoken(short, given), Spoken::Known(german));
}

#[test]
fn a_failing_engine_and_a_cancelled_attempt_are_transient() {
    let error = hearing().hear(&mut Fake::failing(), region(), None, None).expect_err("it fails");
    assert!(matches!(error, MediaError::Transient(Transient::Recognise(_))));
    let cancelled = AtomicBool::new(true);
    let hearing = Hearing { cancelled: &cancelled, ..hearing() };
    let error = hearing.hear(&mut Fake::saying([said("Ask")]), region(), None, None).expect_err("it is over");
    assert!(matches!(error, MediaError::Transient(Transient::Cancelled)));
}
