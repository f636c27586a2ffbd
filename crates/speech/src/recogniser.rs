//! The interface of speech recognisers. The only engine is [`crate::whisper`]; tests use a fake.

use smmu_core::speech::{HeardWord, Language, Task, quality::Attempt};

/// Recognises one piece of speech at a time.
pub trait Recogniser {
    /// Recognises the words in `samples` (16 kHz, at most 30 s), which should begin and end near speech.
    ///
    /// # Errors
    ///
    /// [`RecogniserError`] if the engine failed, independently of the samples.
    fn recognise(&mut self, samples: &[f32], ask: &Ask) -> Result<Recognised, RecogniserError>;
}

/// Settings of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The spoken language, if known.
    pub spoken: Spoken,
    /// Transcription or translation.
    pub task: Task,
    /// Context and temperature.
    pub attempt: Attempt,
    /// Hypotheses followed in parallel at temperature 0; at least 1.
    pub beam_size: usize,
    /// Names and terms that may occur, as one text; empty if there are none.
    pub terms: String,
}

/// The spoken language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spoken {
    /// The language is given.
    Known(Language),
    /// The language is detected. If the detected one is less probable than `sure`, the previous language is used.
    Detected {
        /// The language spoken before.
        before: Option<Language>,
        /// Minimum probability for a change of language.
        sure: f32,
    },
}

impl Spoken {
    /// The language to use, given the detected language and its probability, if any. English if nothing is known.
    #[must_use]
    pub fn settle(self, detected: Option<(Language, f32)>) -> Language {
        match (self, detected) {
            (Self::Detected { before: Some(before), sure }, Some((_, probability))) if probability < sure => before,
            (Self::Known(language), _) | (Self::Detected { .. }, Some((language, _))) => language,
            (Self::Detected { before, .. }, None) => before.unwrap_or(Language::ENGLISH),
        }
    }
}

/// Recognised speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// The spoken language, given or detected.
    pub language: Language,
    /// All words as one text.
    pub text: String,
    /// The words, with times relative to the first sample.
    pub words: Vec<HeardWord>,
    /// Mean of the natural logarithms of all tokens' probabilities.
    pub mean_log_probability: f32,
    /// The model's estimate of the probability that the samples contain no speech.
    pub no_speech_probability: f32,
    /// If the model stopped before the end of the samples: the position, in milliseconds from their start.
    pub stopped_ms: Option<u64>,
}

/// The engine failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the speech engine failed: {0}")]
pub struct RecogniserError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_changes_only_with_sufficient_probability() {
        let [english, german, french] = ["en", "de", "fr"].map(|code| Language::try_from(code).expect("known"));
        let spoken = |before| Spoken::Detected { before, sure: 0.5 };
        assert_eq!(spoken(Some(german)).settle(Some((french, 0.49))), german);
        assert_eq!(spoken(Some(german)).settle(Some((french, 0.5))), french);
        assert_eq!(spoken(None).settle(Some((french, 0.1))), french, "it is the only candidate");
        assert_eq!(spoken(Some(german)).settle(None), german);
        assert_eq!(spoken(None).settle(None), english);
        assert_eq!(Spoken::Known(german).settle(Some((french, 1.0))), german);
    }
}
