//! Languages: detected, given, changed within a recording, and translated.

use crate::support::{made_of, model, silence, spoken};
use smmu_core::speech::{Language, SpeechProfile, Task};
use smmu_speech::ModelError;

fn language(code: &str) -> Language {
    Language::try_from(code).expect("known")
}

// Spanish, because a small model detects it reliably in espeak-ng's speech.
const SPANISH: &str = "Esta mañana hacía frío y llovía, pero por la tarde salió el sol.";
const ENGLISH: &str = "The weather was cold and wet this morning, but the sun came out in the afternoon.";

#[test]
fn a_recording_can_change_its_language() {
    let sound = [silence(1.0), spoken("en-us", ENGLISH), silence(2.0), spoken("es", SPANISH), silence(1.0)].concat();
    let made = made_of(&sound, &SpeechProfile::default(), &mut model("base"));
    println!("{}", made.text());
    let spans: Vec<_> = made.transcript.languages.iter().map(|span| span.language.as_str()).collect();
    assert_eq!(spans, ["en", "es"]);
    assert_eq!(made.manifest.speech.expect("facts").languages, [language("en"), language("es")]);
}

#[test]
fn a_translation_is_in_english_and_names_the_spoken_language() {
    let profile = SpeechProfile { task: Task::Translate, language: Some(language("es")), ..SpeechProfile::default() };
    let sound = [silence(1.0), spoken("es", SPANISH), silence(1.0)].concat();
    let made = made_of(&sound, &profile, &mut model("base"));
    let text = made.text().to_lowercase();
    assert!(["morning", "cold", "afternoon", "sun"].iter().filter(|word| text.contains(*word)).count() >= 2, "{text}");
    assert_eq!(made.transcript.languages[0].language, language("es"));
}

#[test]
fn an_english_only_model_refuses_other_languages_and_translation() {
    let model = model("tiny.en");
    let english = SpeechProfile { language: Some(Language::ENGLISH), ..SpeechProfile::default() };
    model.check(&english).expect("English is supported");
    model.check(&SpeechProfile::default()).expect("without a language, English is assumed");
    for profile in [
        SpeechProfile { language: Some(language("de")), ..SpeechProfile::default() },
        SpeechProfile { task: Task::Translate, ..SpeechProfile::default() },
    ] {
        assert!(matches!(model.check(&profile), Err(ModelError::Unable { .. })));
    }
}
