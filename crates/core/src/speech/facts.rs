//! Facts about the speech in a source, for its manifest.

use super::{Language, ModelIdentity, Presence, Task, Transcript};
use serde::{Deserialize, Serialize};

/// Result of a transcription, without the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SpeechFacts {
    /// Presence of speech.
    pub speech: Presence,
    /// Task of the model: transcribe or translate.
    pub task: Task,
    /// Spoken languages, in the order of their first appearance.
    pub languages: Vec<Language>,
    /// Language of the text; absent if nothing was understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_language: Option<Language>,
    /// Number of words; for languages without spaces, of characters.
    pub words: u64,
    /// Milliseconds of understood speech, summed over all channels.
    pub spoken_ms: u64,
    /// Milliseconds of speech that was not understood.
    pub unheard_ms: u64,
    /// The model.
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
