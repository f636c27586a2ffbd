//! The one interface to what turns sound into words. There is one engine behind it, [`crate::whisper`], and a fake in tests.

use smmu_core::speech::{HeardWord, Language, Task, quality::Attempt};

/// Hears one piece of speech at a time.
pub trait Recogniser {
    /// What was said in these samples (16 kHz, at most 30 s), which begin and end near speech.
    ///
    /// # Errors
    ///
    /// [`RecogniserFault`] says that the engine failed, whatever the samples were.
    fn recognise(&mut self, samples: &[f32], ask: &Ask) -> Result<Recognised, RecogniserFault>;
}

/// How to listen.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Which language is spoken, as far as that is known.
    pub spoken: Spoken,
    /// What is done with the words.
    pub task: Task,
    /// How much the model is given to hear, and how freely it chooses.
    pub attempt: Attempt,
    /// Hypotheses that are followed at once at temperature 0; at least 1.
    pub beam_size: usize,
    /// Names and terms that may be said, as one text; empty where there are none.
    pub terms: String,
}

/// Which language is spoken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spoken {
    /// This one.
    Known(Language),
    /// What is detected; but if that is less probable than `sure`, the one that was spoken before.
    Detected {
        /// What was spoken before.
        before: Option<Language>,
        /// The least probability that changes the language.
        sure: f32,
    },
}

impl Spoken {
    /// The language that counts, when this one was detected with this probability, or none.
    #[must_use]
    pub fn settle(self, detected: Option<(Language, f32)>) -> Language {
        match (self, detected) {
            (Self::Detected { before: Some(before), sure }, Some((_, probability))) if probability < sure => before,
            (Self::Known(language), _) | (Self::Detected { .. }, Some((language, _))) => language,
            (Self::Detected { before, .. }, None) => before.unwrap_or(Language::ENGLISH),
        }
    }
}

/// What was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// The language that it was taken for.
    pub language: Language,
    /// Everything that was said, as one text.
    pub text: String,
    /// The words, with times from the first sample.
    pub words: Vec<HeardWord>,
    /// Mean natural logarithm of the probabilities of all tokens.
    pub mean_log_probability: f32,
    /// The model's own idea of whether nobody speaks.
    pub no_speech_probability: f32,
    /// Where the model stopped before the end of the samples, in milliseconds from their start, if it did.
    pub stopped_ms: Option<u64>,
}

/// The engine failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the speech engine failed: {0}")]
pub struct RecogniserFault(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_changes_only_for_one_that_is_surely_another() {
        let [english, german, french] = ["en", "de", "fr"].map(|code| Language::try_from(code).expect("known"));
        let spoken = |before| Spoken::Detected { before, sure: 0.5 };
        assert_eq!(spoken(Some(german)).settle(Some((french, 0.49))), german);
        assert_eq!(spoken(Some(german)).settle(Some((french, 0.5))), french);
        assert_eq!(spoken(None).settle(Some((french, 0.1))), french, "there is nothing better");
        assert_eq!(spoken(Some(german)).settle(None), german);
        assert_eq!(spoken(None).settle(None), english);
        assert_eq!(Spoken::Known(german).settle(Some((french, 1.0))), german);
    }
}
