//! Speech: finding it, judging a model's answers, and writing transcripts and captions.
//!
//! Voice probabilities become regions ([`RegionFinder`]), a model's answers for them are accepted or rejected
//! ([`quality`]), and the accepted ones form a [`Transcript`], whose words become cues. All of it is data;
//! `crates/speech` runs the models.

pub mod captions;
mod facts;
mod grammar;
mod language;
mod limits;
pub mod names;
mod paragraphs;
mod profile;
pub mod progress;
pub mod quality;
pub mod regions;
mod span;
#[cfg(test)]
mod testing;
mod transcript;
pub mod wer;
mod words;

pub use facts::SpeechFacts;
pub use language::{InvalidLanguage, Language};
pub use limits::SpeechLimits;
pub use paragraphs::plain_text;
pub use profile::{InvalidTerms, SpeechProfile, Terms};
pub use quality::TrustSettings;
pub use regions::{RegionFinder, VoiceSettings};
pub use span::{EmptySpan, Span};
pub use transcript::{
    Channels, Confidence, Heard, LanguageSpan, ModelIdentity, Parameters, Presence, SCHEMA, Segment, State, Task,
    Transcript, Unheard, Word,
};
pub use words::{HeardWord, joined};
