//! Profile of transcription, independent of any file.

use super::{Channels, Language, Task};
use crate::av::Within;
use serde::{Deserialize, Serialize};

/// Settings for every transcription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SpeechProfile {
    /// Spoken language; if unset, it is detected for each region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Task of the model: transcribe, or translate into English.
    pub task: Task,
    /// Treatment of several channels.
    pub channels: Channels,
    /// Number of hypotheses followed at once.
    pub beam_size: Within<1, 10>,
    /// Names and terms that are likely to occur.
    pub prompt: Terms,
    /// Preferred language among several tracks, in the container's notation (`eng`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track_language: Option<String>,
}

impl Default for SpeechProfile {
    fn default() -> Self {
        Self {
            language: None,
            task: Task::Transcribe,
            channels: Channels::Mixed,
            // Five cost two and a half times as much, and improve the word error rate by less than half a point
            // (measured).
            beam_size: Within::fixed(1),
            prompt: Terms::default(),
            track_language: None,
        }
    }
}

/// Names and terms for a model's prompt: few, and without text that it could take for a command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Terms(Vec<String>);

/// The terms cannot be used in a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTerms {
    /// More text than leaves the model room for its answer.
    #[error("names and terms have at most {max} characters together", max = Terms::MAX_CHARS)]
    TooLong,
    /// Not a single term: empty, several lines, or text that looks like a model's own tokens.
    #[error("a term has one line of text without control characters and without <|")]
    NotATerm,
}

impl Terms {
    /// Most characters of all terms together, including separators. A model reads at most 224 tokens of prompt, and a
    /// token rarely has fewer than two characters.
    pub const MAX_CHARS: usize = 400;

    /// Returns the terms.
    #[must_use]
    pub fn terms(&self) -> &[String] {
        &self.0
    }

    /// Returns whether there are no terms.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The terms as one text, separated by commas, like a list in a sentence.
    #[must_use]
    pub fn prompt(&self) -> String {
        self.0.join(SEPARATOR)
    }
}

const SEPARATOR: &str = ", ";

impl TryFrom<Vec<String>> for Terms {
    type Error = InvalidTerms;

    fn try_from(terms: Vec<String>) -> Result<Self, InvalidTerms> {
        let is_term =
            |term: &String| !term.trim().is_empty() && !term.chars().any(char::is_control) && !term.contains("<|");
        if !terms.iter().all(is_term) {
            return Err(InvalidTerms::NotATerm);
        }
        let terms = Self(terms);
        if terms.prompt().chars().count() > Self::MAX_CHARS { Err(InvalidTerms::TooLong) } else { Ok(terms) }
    }
}

impl From<Terms> for Vec<String> {
    fn from(terms: Terms) -> Self {
        terms.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_object_is_the_default_profile() {
        let profile: SpeechProfile = serde_json::from_value(json!({})).expect("every field has a default");
        assert_eq!(profile, SpeechProfile::default());
    }

    #[test]
    fn a_profile_round_trips() {
        let written = json!({
            "language": "de", "task": "translate", "channels": "apart", "beamSize": 5,
            "prompt": ["Ana Brnabić", "Kubernetes"], "trackLanguage": "ger",
        });
        let profile: SpeechProfile = serde_json::from_value(written.clone()).expect("in range");
        assert_eq!(profile.prompt.prompt(), "Ana Brnabić, Kubernetes");
        assert_eq!(serde_json::to_value(&profile).expect("serializable"), written);
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (profile, words) in [
            (json!({ "language": "klingon" }), "not the code of a supported language"),
            (json!({ "task": "summarize" }), "unknown variant"),
            (json!({ "beamSize": 0 }), "between 1 and 10"),
            (json!({ "prompt": ["a".repeat(401)] }), "at most 400 characters"),
            (json!({ "prompt": vec!["ab"; 101] }), "at most 400 characters"),
            (json!({ "prompt": ["two\nlines"] }), "one line"),
            (json!({ "prompt": [" "] }), "one line"),
            (json!({ "prompt": ["<|endoftext|>"] }), "without <|"),
            (json!({ "temperature": 0 }), "unknown field"),
        ] {
            let error = serde_json::from_value::<SpeechProfile>(profile).expect_err("out of range").to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn separators_count_towards_the_limit() {
        // 100 terms of 2 characters and 99 separators of 2 are 398.
        assert!(Terms::try_from(vec!["ab".to_owned(); 100]).is_ok());
        assert_eq!(Terms::try_from(vec!["ab".to_owned(); 101]), Err(InvalidTerms::TooLong));
    }
}
