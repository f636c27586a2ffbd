//! The contract of recognisers. Unit tests check the fake against it, tests with real models the engine.

use super::recogniser::{Ask, Recogniser, Spoken};
use smmu_core::speech::{
    Language, Task,
    quality::{Attempt, Context},
};

/// Checks answers about a few seconds of English, with all kinds of settings.
pub(crate) fn holds(recogniser: &mut dyn Recogniser, speech: &[f32]) {
    let duration_ms = speech.len() as u64 / 16;
    let detected = Spoken::Detected { before: None, sure: 0.5 };
    for (spoken, context, temperature, beam_size, terms) in [
        (detected, Context::Region, 0.0, 1, ""),
        (Spoken::Known(Language::ENGLISH), Context::Full, 0.0, 5, "Kubernetes, Ana Brnabić"),
        (Spoken::Detected { before: Some(Language::ENGLISH), sure: 1.1 }, Context::Full, 0.8, 1, ""),
    ] {
        let attempt = Attempt { context, temperature };
        let ask = Ask { spoken, task: Task::Transcribe, attempt, beam_size, terms: terms.to_owned() };
        let said = recogniser.recognise(speech, &ask).expect("an answer");
        assert_eq!(said.language, Language::ENGLISH);
        assert!(!said.text.is_empty() && said.text.trim() == said.text);
        let together: String = said.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(together.trim(), said.text, "the words are the text");
        let mut last_ms = 0;
        for word in &said.words {
            assert!(last_ms <= word.start_ms && word.start_ms <= word.end_ms, "{word:?}");
            assert!((0.0..=1.0).contains(&word.probability), "{word:?}");
            last_ms = word.end_ms;
        }
        assert!(last_ms <= duration_ms, "{last_ms} ms");
        assert!(said.mean_log_probability <= 0.0 && (0.0..=1.0).contains(&said.no_speech_probability));
        assert!(said.stopped_ms.is_none_or(|ms| ms <= 30_000));
    }
}

/// Checks that the same request gives the same answer.
pub(crate) fn repeats_itself(recogniser: &mut dyn Recogniser, speech: &[f32]) {
    let attempt = Attempt { context: Context::Region, temperature: 0.0 };
    let spoken = Spoken::Known(Language::ENGLISH);
    let ask = Ask { spoken, task: Task::Transcribe, attempt, beam_size: 1, terms: String::new() };
    let [one, other] = [(), ()].map(|()| recogniser.recognise(speech, &ask).expect("an answer"));
    assert_eq!(one.text, other.text);
}
