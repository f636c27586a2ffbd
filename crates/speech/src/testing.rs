//! Shared test doubles: a scripted recogniser and a simple voice detector.

use crate::{
    model::Model,
    recogniser::{Ask, Recognised, Recogniser, RecogniserError},
    vad::{Voice, VoiceDetector, WINDOW},
};
use smmu_core::{
    Sha256,
    speech::{HeardWord, Language, ModelIdentity},
};
use std::sync::{Arc, Mutex};

/// A recogniser with scripted answers that records its calls.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    script: Arc<Mutex<Vec<Result<Recognised, RecogniserError>>>>,
    asked: Arc<Mutex<Vec<(usize, Ask)>>>,
}

impl Fake {
    /// Returns these answers in turn, then repeats the last.
    pub(crate) fn saying(script: impl IntoIterator<Item = Recognised>) -> Self {
        Self { script: Arc::new(Mutex::new(script.into_iter().map(Ok).collect())), ..Self::default() }
    }

    /// Always fails.
    pub(crate) fn failing() -> Self {
        let error = RecogniserError("out of memory".to_owned());
        Self { script: Arc::new(Mutex::new(vec![Err(error)])), ..Self::default() }
    }

    /// Number of samples and settings of every call.
    pub(crate) fn asked(&self) -> Vec<(usize, Ask)> {
        self.asked.lock().expect("no test has failed").clone()
    }
}

impl Recogniser for Fake {
    fn recognise(&mut self, samples: &[f32], ask: &Ask) -> Result<Recognised, RecogniserError> {
        self.asked.lock().expect("no test has failed").push((samples.len(), ask.clone()));
        let mut script = self.script.lock().expect("no test has failed");
        let said = if script.len() > 1 { script.remove(0) } else { script[0].clone() };
        said.map(|said| Recognised { language: ask.spoken.settle(Some((said.language, 0.9))), ..said })
    }
}

/// A confident answer in English with these words, each a tenth of a second long, from 200 ms on.
pub(crate) fn said(text: &str) -> Recognised {
    let word = |(at, word): (usize, &str)| HeardWord {
        text: format!(" {word}"),
        start_ms: 200 + at as u64 * 100,
        end_ms: 300 + at as u64 * 100,
        probability: 0.75,
    };
    Recognised {
        language: Language::ENGLISH,
        text: text.to_owned(),
        words: text.split_whitespace().enumerate().map(word).collect(),
        mean_log_probability: -0.2,
        no_speech_probability: 0.01,
        stopped_ms: None,
    }
}

/// Detects voice in any loud sound.
pub(crate) struct Loud;

impl Voice for Loud {
    fn detector(&self) -> Box<dyn VoiceDetector> {
        Box::new(Self)
    }
}

impl VoiceDetector for Loud {
    fn probability(&mut self, window: &[f32; WINDOW]) -> f32 {
        let loud = window.iter().filter(|sample| sample.abs() > 0.01).count();
        (2 * loud).min(WINDOW) as f32 / WINDOW as f32
    }
}

/// Identity of the fake model.
pub(crate) fn identity() -> ModelIdentity {
    let sha256 = Sha256::from_bytes([7; 32]);
    ModelIdentity { name: "fake".to_owned(), version: "1".to_owned(), sha256 }
}

/// A model made of the two test doubles.
pub(crate) fn model(recogniser: &Fake) -> Model {
    Model::of(identity(), Box::new(Loud), Box::new(recogniser.clone()))
}

#[test]
fn the_fake_fulfils_the_contract_of_recognisers() {
    let mut fake = Fake::saying([said("The weather was cold")]);
    crate::contract::holds(&mut fake, &vec![0.0; 16_000]);
    crate::contract::repeats_itself(&mut fake, &vec![0.0; 16_000]);
}
