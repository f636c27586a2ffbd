use super::*;
use proptest::prelude::*;

const SURE: f32 = -0.3;

fn verdict(text: &str, seconds: u64) -> Verdict {
    let answer = Answer { text, mean_log_probability: SURE, no_speech_probability: 0.1, duration_ms: seconds * 1000 };
    answer.verdict(&TrustSettings::default())
}

#[test]
fn natural_repetition_is_accepted() {
    let chorus =
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.";
    let counting = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen.";
    let litany = "We shall fight on the beaches, we shall fight on the landing grounds, we shall fight in the fields \
                  and in the streets, we shall fight in the hills; we shall never surrender.";
    for (text, seconds) in [
        (
            "And so, my fellow Americans, ask not what your country can do for you, \
             ask what you can do for your country.",
            11,
        ),
        ("No, no, no, no, no.", 2),
        ("Ha ha ha ha ha ha ha!", 3),
        ("Very, very, very, very, very, very good.", 3),
        ("Nooooooooooooooo!", 4),
        (counting, 8),
        (litany, 14),
        (chorus, 9),
        (&format!("{chorus} {chorus} {chorus}"), 28),
        ("Thank you. Thank you very much. Thank you. Thank you all.", 6),
        ("Call 555 0100 555 0100, that is 555 0100 555 0100.", 9),
        ("3.14159 26535 89793 23846 26433 83279 50288 41971 69399 37510 58209", 25),
        ("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28.", 25),
        ("One sheep, 2 sheep, 3 sheep, 4 sheep, 5 sheep, 6 sheep, 7 sheep, 8 sheep, 9 sheep.", 12),
        ("我们有很多很多很多的问题,不是不是,我不是这个意思。", 6),
        ("はいはいはい、わかりました。", 2),
        ("Oui.", 1),
    ] {
        assert_eq!(verdict(text, seconds), Verdict::Accept, "{text}");
    }
}

#[test]
fn a_loop_is_detected_in_any_language_and_at_any_speed() {
    for (text, seconds) in [
        ("Thank you. ".repeat(10), 28),
        ("the ".repeat(40), 20),
        (format!("He said that {}", "I'm going to go to the store and ".repeat(6)), 28),
        ("谢谢观看".repeat(12), 20),
        ("ha".repeat(100), 20),
        ("... ♪ la la la ".repeat(9), 28),
        ("Субтитры сделал. Субтитры сделал! ".repeat(4), 25),
    ] {
        assert_eq!(verdict(&text, seconds), Verdict::Retry(Flaw::Loop), "{text}");
    }
}

#[test]
fn a_repeated_sentence_needs_the_time_to_be_said_twice() {
    let twice = "Ask not what your country can do for you. Ask not what your country can do for you.";
    assert_eq!(verdict(twice, 6), Verdict::Accept);
    assert_eq!(verdict(twice, 3), Verdict::Retry(Flaw::Loop));
}

#[test]
fn text_faster_than_speech_is_rejected() {
    let text = "And so, my fellow Americans, ask not what your country can do for you.";
    assert_eq!(verdict(text, 2), Verdict::Accept);
    assert_eq!(verdict(text, 1), Verdict::Retry(Flaw::TooFast));
    // Full-width characters carry more each.
    assert_eq!(verdict("所以我的美国同胞们不要问你们的国家能为你们做些什么", 1), Verdict::Retry(Flaw::TooFast));
    assert_eq!(verdict(text, 0), Verdict::Retry(Flaw::TooFast), "a region without duration must not panic");
}

#[test]
fn an_unsure_answer_is_retried_or_silence() {
    let judge = |mean_log_probability, no_speech_probability| {
        let answer = Answer { text: "Thank you.", mean_log_probability, no_speech_probability, duration_ms: 2000 };
        answer.verdict(&TrustSettings::default())
    };
    assert_eq!(judge(-1.0, 0.9), Verdict::Accept, "certain words win over a high probability of silence");
    assert_eq!(judge(-1.1, 0.6), Verdict::Retry(Flaw::Unsure));
    assert_eq!(judge(-1.1, 0.61), Verdict::Silence);
    assert_eq!(judge(f32::NAN, 0.0), Verdict::Retry(Flaw::Unsure));
}

#[test]
fn an_answer_without_letters_has_no_words() {
    for text in ["", " ", "...", "♪♪", "[ ]"] {
        assert_eq!(verdict(text, 3), Verdict::Retry(Flaw::Empty), "{text}");
    }
}

fn tried(verdict: Verdict, mean_log_probability: f32) -> Tried {
    Tried { verdict, mean_log_probability }
}

fn after(tried: &[Tried]) -> Next {
    next(tried, &TrustSettings::default())
}

#[test]
fn a_rejected_answer_is_retried_with_more_context_then_at_higher_temperatures() {
    let mut attempts = Vec::new();
    while let Next::Try(attempt) = after(&vec![tried(Verdict::Retry(Flaw::Loop), SURE); attempts.len()]) {
        attempts.push((attempt.context, attempt.temperature));
    }
    let full = |temperature| (Context::Full, temperature);
    let expected = [(Context::Region, 0.0), full(0.0), full(0.2), full(0.4), full(0.6), full(0.8), full(1.0)];
    assert_eq!(attempts, expected);
}

#[test]
fn the_first_accepted_answer_is_used() {
    let doubted = tried(Verdict::Retry(Flaw::Unsure), -1.2);
    assert_eq!(after(&[tried(Verdict::Accept, SURE)]), Next::Take(0));
    assert_eq!(after(&[doubted, doubted, tried(Verdict::Accept, -0.9)]), Next::Take(2));
    assert_eq!(after(&[doubted, tried(Verdict::Silence, -1.2)]), Next::Silence);
}

#[test]
fn no_words_mean_silence_after_full_context() {
    let empty = tried(Verdict::Retry(Flaw::Empty), SURE);
    assert_eq!(after(&[empty]), Next::Try(LADDER[1]));
    assert_eq!(after(&[empty, empty]), Next::Silence);
}

#[test]
fn the_most_certain_answer_without_another_flaw_is_used() {
    let unsure = |mean| tried(Verdict::Retry(Flaw::Unsure), mean);
    let flawed = |flaw| tried(Verdict::Retry(flaw), SURE);
    let all = [
        flawed(Flaw::Loop),
        unsure(-1.3),
        unsure(-1.2),
        unsure(-1.2),
        flawed(Flaw::TooFast),
        unsure(-1.4),
        unsure(-3.0),
    ];
    assert_eq!(after(&all), Next::Take(2));
    assert_eq!(after(&[unsure(-1.6); 7]), Next::Unheard);
    assert_eq!(after(&[unsure(f32::NAN); 7]), Next::Unheard);
    assert_eq!(after(&[flawed(Flaw::Loop); 7]), Next::Unheard);
}

proptest! {
    #[test]
    fn any_repeated_phrase_is_a_loop(phrase in "[a-z]{1,8}( [a-z]{1,8}){0,7}", seconds in 1u64..30) {
        let text = vec![phrase; 50].join(" ");
        prop_assert_eq!(verdict(&text, seconds), Verdict::Retry(Flaw::Loop));
    }

    #[test]
    fn different_words_at_a_natural_rate_are_accepted(words in prop::collection::hash_set("[a-z]{3,8}", 1..60)) {
        let text = words.into_iter().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(verdict(&text, text.len() as u64 / 20 + 1), Verdict::Accept);
    }

    #[test]
    fn retries_end(verdicts in prop::collection::vec((0usize..6, -4.0f32..0.0), LADDER.len())) {
        let kinds = [Verdict::Accept, Verdict::Silence, Verdict::Retry(Flaw::Empty), Verdict::Retry(Flaw::Loop),
            Verdict::Retry(Flaw::TooFast), Verdict::Retry(Flaw::Unsure)];
        let all: Vec<Tried> = verdicts.iter().map(|&(kind, mean)| tried(kinds[kind], mean)).collect();
        let mut steps = (0..=all.len()).map(|asked| (asked, after(&all[..asked])));
        let (asked, next) = steps.find(|(_, next)| !matches!(next, Next::Try(_))).expect("the ladder has an end");
        if let Next::Take(taken) = next {
            prop_assert!(taken < asked);
            prop_assert!(matches!(all[taken].verdict, Verdict::Accept | Verdict::Retry(Flaw::Unsure)));
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        text in any::<String>(), mean in any::<f32>(), silence in any::<f32>(), duration_ms in any::<u64>(),
    ) {
        let answer = Answer { text: &text, mean_log_probability: mean, no_speech_probability: silence, duration_ms };
        let _ = answer.verdict(&TrustSettings::default());
    }
}
