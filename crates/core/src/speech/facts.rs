//! What a manifest says of the speech in a source.

use super::{Language, ModelIdentity, Presence, Task, Transcript};
use serde::{Deserialize, Serialize};

/// What was heard, without the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SpeechFacts {
    /// Whether anybody speaks.
    pub speech: Presence,
    /// What was done with the words.
    pub task: Task,
    /// The languages that are spoken, in the order of their first appearance.
    pub languages: Vec<Language>,
    /// The language that the text is in; none where nothing was understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_language: Option<Language>,
    /// Number of words; of languages without spaces, of characters.
    pub words: u64,
    /// Milliseconds with speech that was understood, of all channels together.
    pub spoken_ms: u64,
    /// Milliseconds with speech that was not.
    pub unheard_ms: u64,
    /// Who heard it.
    pub model: ModelIdentity,
}

impl SpeechFacts {
    /// The facts of a transcript.
    #[must_use]
    pub fn of(transcript: &Transcript) -> Self {
        let mut languages = Vec::new();
        for span in &transcript.languages {
            if !languages.contains(&span.language) {
                languages.push(span.language);
            }
        }
        Self {
            speech: transcript.speech,
            task: transcript.task,
            languages,
            written_language: transcript.written_language(),
            words: transcript.segments.iter().map(|segment| segment.words.len() as u64).sum(),
            spoken_ms: transcript.segments.iter().map(|segment| segment.span.duration_ms()).sum(),
            unheard_ms: transcript.unheard.iter().map(|unheard| unheard.span.duration_ms()).sum(),
            model: transcript.model.clone(),
        }
    }
}
