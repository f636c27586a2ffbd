//! What was said: the content of `transcript.json`.

use super::{Language, Span, TrustSettings, VoiceSettings};
use crate::ids::Sha256;
use serde::{Deserialize, Serialize};

/// Version of the layout below. Readers accept their own version only.
pub const SCHEMA: u32 = 1;

/// Everything that was heard in one recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transcript {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Whether there is more to come.
    #[serde(flatten)]
    pub state: State,
    /// Whether anybody speaks in it; of a partial one, so far.
    pub speech: Presence,
    /// What was done with the words.
    pub task: Task,
    /// How long the recording is, in milliseconds.
    pub duration_ms: u64,
    /// Who speaks which language when. Of channels that were transcribed apart, all together.
    pub languages: Vec<LanguageSpan>,
    /// What was said, by start and then by channel.
    pub segments: Vec<Segment>,
    /// Where somebody speaks but nothing credible was understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unheard: Vec<Unheard>,
    /// Who heard it.
    pub model: ModelIdentity,
    /// How it was heard.
    pub parameters: Parameters,
}

/// Whether a transcript is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum State {
    /// It ends before the recording does, and is replaced by a longer one.
    Partial {
        /// Milliseconds of the recording that it covers.
        heard_ms: u64,
    },
    /// It covers the recording, and never changes.
    Final,
}

/// Whether there is speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// There is.
    Present,
    /// There is none: silence, music, noise.
    None,
}

/// What is done with the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// They are written down as they are.
    Transcribe,
    /// They are written down in English.
    Translate,
}

/// What was said in one region of speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// The region: its words lie inside, with some silence before and after them.
    #[serde(flatten)]
    pub span: Span,
    /// The words as one text. Never empty.
    pub text: String,
    /// The language that is spoken.
    pub language: Language,
    /// The model's mean probability of a token.
    pub confidence: Confidence,
    /// The channel it was said in, from 0, where channels were transcribed apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
    /// The words in their order; none starts before the one in front of it ends.
    pub words: Vec<Word>,
}

/// One word, with the punctuation that sticks to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Word {
    /// As the model wrote it, without space around it. Never empty.
    pub text: String,
    /// Whether it follows the word before without a space, as in Chinese.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub joined: bool,
    /// When it is said.
    #[serde(flatten)]
    pub span: Span,
    /// The mean probability of its tokens.
    pub confidence: Confidence,
}

/// A probability, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Confidence(u16);

/// One language for as long as it is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LanguageSpan {
    /// From the first segment in it to the last.
    #[serde(flatten)]
    pub span: Span,
    /// The language.
    pub language: Language,
}

/// A region of speech of which no credible words came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unheard {
    /// The region.
    #[serde(flatten)]
    pub span: Span,
    /// Its channel, where channels were transcribed apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
}

/// Exactly which model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ModelIdentity {
    /// Its name, such as `whisper-base`.
    pub name: String,
    /// Its version, as whoever published it counts.
    pub version: String,
    /// Digest of its weights.
    pub sha256: Sha256,
}

/// How speech was turned into text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// The language that was given; none where it was detected, region by region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Hypotheses that were followed at once.
    pub beam_size: u32,
    /// Whether channels were mixed.
    pub channels: Channels,
    /// Whether the model was told names and terms.
    pub prompted: bool,
    /// What counted as speech.
    pub voice: VoiceSettings,
    /// Which answers of the model were believed.
    pub trust: TrustSettings,
}

/// What is done with several channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// They become one.
    #[default]
    Mixed,
    /// Each is transcribed for itself, as with two people on two lines of a telephone.
    Apart,
}

/// What a transcript is made of; the rest follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// How long the recording is, in milliseconds.
    pub duration_ms: u64,
    /// What was said, in any order.
    pub segments: Vec<Segment>,
    /// Where nothing credible was understood, in any order.
    pub unheard: Vec<Unheard>,
    /// What was done with the words.
    pub task: Task,
    /// Who heard it.
    pub model: ModelIdentity,
    /// How it was heard.
    pub parameters: Parameters,
}

impl Transcript {
    /// What was heard, put in order.
    #[must_use]
    pub fn new(heard: Heard, state: State) -> Self {
        let Heard { duration_ms, mut segments, mut unheard, task, model, parameters } = heard;
        segments.sort_by_key(|segment| (segment.span, segment.channel));
        unheard.sort_by_key(|unheard| (unheard.span, unheard.channel));
        let speech = if segments.is_empty() && unheard.is_empty() { Presence::None } else { Presence::Present };
        let languages = language_spans(&segments);
        Self { schema: SCHEMA, state, speech, task, duration_ms, languages, segments, unheard, model, parameters }
    }

    /// The language that the text is in: English where it was translated, else the one that is spoken
    /// longest, of several the first; none where nothing was understood.
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

/// Neighbouring segments of one language as one; segments are in their order.
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
    /// A probability, cut to 0 to 1 and rounded; what is no number is 0.
    #[must_use]
    pub fn new(probability: f32) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of NaN gives 0")]
        Self((probability.clamp(0.0, 1.0) * 1000.0).round() as u16)
    }

    /// From the mean logarithm of probabilities.
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
