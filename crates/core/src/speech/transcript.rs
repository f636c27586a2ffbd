//! Transcripts: the content of `transcript.json`.

use super::{Language, Span, TrustSettings, VoiceSettings};
use crate::ids::Sha256;
use serde::{Deserialize, Serialize};

/// Version of this layout. Readers only accept their own version.
pub const SCHEMA: u32 = 1;

/// Result of transcribing one recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transcript {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Partial or final.
    #[serde(flatten)]
    pub state: State,
    /// Presence of speech; in a partial transcript, so far.
    pub speech: Presence,
    /// Task of the model: transcribe or translate.
    pub task: Task,
    /// Duration of the recording in milliseconds.
    pub duration_ms: u64,
    /// Spoken languages over time, for all channels together.
    pub languages: Vec<LanguageSpan>,
    /// Segments, by start and then by channel.
    pub segments: Vec<Segment>,
    /// Regions with speech but no credible words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unheard: Vec<Unheard>,
    /// The model.
    pub model: ModelIdentity,
    /// Settings used.
    pub parameters: Parameters,
}

/// Completeness of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum State {
    /// It ends before the recording does; a longer one will replace it.
    Partial {
        /// Milliseconds of the recording that it covers.
        heard_ms: u64,
    },
    /// It covers the whole recording, and never changes.
    Final,
}

/// Presence of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// There is speech.
    Present,
    /// There is none: only silence, music or noise.
    None,
}

/// Treatment of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Written in the spoken language.
    Transcribe,
    /// Translated into English.
    Translate,
}

/// Words of one region of speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// The region, which contains the words and some silence around them.
    #[serde(flatten)]
    pub span: Span,
    /// The words as one text. Never empty.
    pub text: String,
    /// Spoken language.
    pub language: Language,
    /// The model's mean token probability.
    pub confidence: Confidence,
    /// Channel, from 0, if channels were transcribed separately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
    /// The words in order; none starts before the previous one ends.
    pub words: Vec<Word>,
}

/// One word, including attached punctuation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Word {
    /// Text as written by the model, without surrounding space. Never empty.
    pub text: String,
    /// Set if it follows the previous word without a space, as in Chinese.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub joined: bool,
    /// Time of the word.
    #[serde(flatten)]
    pub span: Span,
    /// Mean probability of its tokens.
    pub confidence: Confidence,
}

/// A probability, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Confidence(u16);

/// A language and the time in which it is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LanguageSpan {
    /// From the first consecutive segment in it to the last.
    #[serde(flatten)]
    pub span: Span,
    /// The language.
    pub language: Language,
}

/// A region of speech without credible words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unheard {
    /// The region.
    #[serde(flatten)]
    pub span: Span,
    /// Channel, from 0, if channels were transcribed separately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
}

/// Identity of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ModelIdentity {
    /// Name, such as `whisper-base`.
    pub name: String,
    /// Version, as numbered by its publisher.
    pub version: String,
    /// Digest of its weights.
    pub sha256: Sha256,
}

/// Settings of a transcription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// Given language; absent if it was detected for each region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Number of hypotheses followed at once.
    pub beam_size: u32,
    /// Treatment of several channels.
    pub channels: Channels,
    /// Set if the prompt contained names and terms.
    pub prompted: bool,
    /// Thresholds for speech.
    pub voice: VoiceSettings,
    /// Thresholds for accepting the model's answers.
    pub trust: TrustSettings,
}

/// Treatment of several channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Mixed into one.
    #[default]
    Mixed,
    /// Transcribed separately, as for two people on a telephone line.
    Apart,
}

/// A model's results, from which a transcript is built.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Duration of the recording in milliseconds.
    pub duration_ms: u64,
    /// Segments, in any order.
    pub segments: Vec<Segment>,
    /// Regions with no credible words, in any order.
    pub unheard: Vec<Unheard>,
    /// Task of the model.
    pub task: Task,
    /// The model.
    pub model: ModelIdentity,
    /// Settings used.
    pub parameters: Parameters,
}

impl Transcript {
    /// Builds a transcript in order.
    #[must_use]
    pub fn new(heard: Heard, state: State) -> Self {
        let Heard { duration_ms, mut segments, mut unheard, task, model, parameters } = heard;
        segments.sort_by_key(|segment| (segment.span, segment.channel));
        unheard.sort_by_key(|unheard| (unheard.span, unheard.channel));
        let speech = if segments.is_empty() && unheard.is_empty() { Presence::None } else { Presence::Present };
        let languages = language_spans(&segments);
        Self { schema: SCHEMA, state, speech, task, duration_ms, languages, segments, unheard, model, parameters }
    }

    /// Language of the text: English if translated, else the one spoken longest, of equal ones the first; `None` if
    /// nothing was understood.
    #[must_use]
    pub fn written_language(&self) -> Option<Language> {
        match self.task {
            Task::Translate => self.languages.first().map(|_| Language::ENGLISH),
            Task::Transcribe => {
                let spoken_ms = |language: Language| {
                    let spoken = self.segments.iter().filter(|segment| segment.language == language);
                    spoken.map(|segment| segment.span.duration_ms()).sum::<u64>()
                };
                let languages = self.languages.iter().map(|span| span.language);
                languages.rev().max_by_key(|&language| spoken_ms(language))
            }
        }
    }
}

/// Joins consecutive segments of one language; segments must be in order.
fn language_spans(segments: &[Segment]) -> Vec<LanguageSpan> {
    let together = segments.chunk_by(|one, next| one.language == next.language);
    together
        .filter_map(|segments| {
            let span = segments.iter().map(|segment| segment.span).reduce(Span::hull)?;
            Some(LanguageSpan { span, language: segments[0].language })
        })
        .collect()
}

impl Confidence {
    /// A probability, clamped to 0 to 1 and rounded; NaN becomes 0.
    #[must_use]
    pub fn new(probability: f32) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of NaN gives 0")]
        Self((probability.clamp(0.0, 1.0) * 1000.0).round() as u16)
    }

    /// Converts the mean logarithm of probabilities.
    #[must_use]
    pub fn of_log_probability(mean: f32) -> Self {
        Self::new(mean.exp())
    }

    /// The probability, from 0 to 1.
    #[must_use]
    pub fn get(self) -> f32 {
        f32::from(self.0) / 1000.0
    }
}

impl From<f64> for Confidence {
    fn from(probability: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "three digits are kept")]
        Self::new(probability as f32)
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> Self {
        Self::from(confidence.0) / 1000.0
    }
}

#[cfg(test)]
mod tests;
