//! Transcribes one region of speech, with retries until an answer is credible.

#[cfg(test)]
mod tests;

use crate::{
    recogniser::{Ask, Recognised, Recogniser, Spoken},
    region::Region,
};
use serde::{Deserialize, Serialize};
use smmu_core::speech::{
    Confidence, HeardWord, Language, Segment, Span, Task, TrustSettings, Unheard,
    quality::{self, Answer, Next, Tried},
};
use smmu_media::{MediaError, Transient};
use std::sync::atomic::{AtomicBool, Ordering};

/// Outcome of one region.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    /// The transcribed text: usually one segment, none if the region has no speech.
    pub(crate) segments: Vec<Segment>,
    /// Spans without a credible answer.
    pub(crate) unheard: Vec<Unheard>,
}

/// Settings that are the same for all regions.
#[derive(Debug, Clone)]
pub(crate) struct Hearing<'a> {
    /// The language, if it is known.
    pub(crate) language: Option<Language>,
    /// Transcription or translation.
    pub(crate) task: Task,
    /// Hypotheses followed in parallel.
    pub(crate) beam_size: usize,
    /// Names and terms that may occur, as one text.
    pub(crate) terms: String,
    /// Thresholds for credible answers.
    pub(crate) trust: TrustSettings,
    /// Ends the work between two calls of the recogniser.
    pub(crate) cancelled: &'a AtomicBool,
}

impl Hearing<'_> {
    /// Transcribes a region. `before` is the language spoken before it.
    pub(crate) fn hear(
        &self,
        recogniser: &mut dyn Recogniser,
        region: Region,
        channel: Option<u16>,
        before: Option<Language>,
    ) -> Result<Outcome, MediaError> {
        let mut outcome = Outcome::default();
        let mut before = before;
        let mut piece = Some(region);
        while let Some(now) = piece.take() {
            let (said, rest) = match self.answer(recogniser, &now, before)? {
                Heard::Nobody => break,
                Heard::Unclear => {
                    outcome.unheard.push(Unheard { span: now.span, channel });
                    break;
                }
                Heard::Said(said) => {
                    let rest = said.stopped_ms.filter(|&ms| ms >= MIN_STEP_MS).and_then(|ms| now.rest(ms));
                    (said, rest)
                }
            };
            before = Some(said.language);
            outcome.segments.extend(segment(&now, rest.as_ref(), &said, channel));
            piece = rest;
        }
        Ok(outcome)
    }

    /// Goes through the ladder of attempts until an answer is credible or none is left.
    fn answer(
        &self,
        recogniser: &mut dyn Recogniser,
        region: &Region,
        before: Option<Language>,
    ) -> Result<Heard, MediaError> {
        let duration_ms = region.span.duration_ms();
        let (mut tried, mut answers) = (Vec::new(), Vec::new());
        loop {
            let attempt = match quality::next(&tried, &self.trust) {
                Next::Try(attempt) => attempt,
                Next::Take(at) => return Ok(Heard::Said(answers.swap_remove(at))),
                Next::Silence => return Ok(Heard::Nobody),
                Next::Unheard => return Ok(Heard::Unclear),
            };
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Transient::Cancelled.into());
            }
            let ask = Ask {
                spoken: self.spoken(duration_ms, before),
                task: self.task,
                attempt,
                beam_size: self.beam_size,
                terms: self.terms.clone(),
            };
            let recognised =
                recogniser.recognise(&region.samples, &ask).map_err(|error| Transient::Recognise(error.0))?;
            let Recognised { text, mean_log_probability, no_speech_probability, .. } = &recognised;
            let (mean_log_probability, no_speech_probability) = (*mean_log_probability, *no_speech_probability);
            let answer = Answer { text, mean_log_probability, no_speech_probability, duration_ms };
            let verdict = answer.verdict(&self.trust);
            tracing::debug!(?verdict, ?attempt, mean_log_probability, no_speech_probability, duration_ms, "a region");
            tried.push(Tried { verdict, mean_log_probability });
            answers.push(recognised);
        }
    }

    fn spoken(&self, duration_ms: u64, before: Option<Language>) -> Spoken {
        match self.language {
            Some(language) => Spoken::Known(language),
            None => Spoken::Detected { before, sure: sure(duration_ms) },
        }
    }
}

/// Minimum probability for a change of language. Higher for a few words, which are easily mistaken for another
/// language.
fn sure(duration_ms: u64) -> f32 {
    const LONG_MS: u64 = 5000;
    if duration_ms < LONG_MS { 0.8 } else { 0.5 }
}

/// Minimum step when the model stops early. A smaller one could repeat without end.
const MIN_STEP_MS: u64 = 1000;

/// Result of the attempts.
enum Heard {
    Said(Recognised),
    Nobody,
    Unclear,
}

/// The segment of one answer. It ends where the rest begins, if there is a rest.
fn segment(region: &Region, rest: Option<&Region>, said: &Recognised, channel: Option<u16>) -> Option<Segment> {
    let start_ms = region.span.start_ms();
    let end_ms = rest.map_or(region.span.end_ms(), |rest| rest.span.start_ms());
    let span = Span::new(start_ms, end_ms).ok()?;
    let words: Vec<HeardWord> = said.words.iter().map(|word| in_media(word, start_ms, &region.voiced)).collect();
    let tokens = words.iter().map(|word| word.probability);
    let confidence = Confidence::new(tokens.sum::<f32>() / words.len().max(1) as f32);
    Segment::new(span, said.language, channel, confidence, &words)
}

/// Converts a word's times to those of the media and trims the silence that the model includes.
fn in_media(word: &HeardWord, start_ms: u64, voiced: &[Span]) -> HeardWord {
    let (from_ms, to_ms) = (start_ms + word.start_ms, start_ms + word.end_ms);
    let spoken = Span::new(from_ms, to_ms).ok().and_then(|span| voice_in(span, voiced));
    let (start_ms, end_ms) = spoken.map_or((from_ms, to_ms), |span| (span.start_ms(), span.end_ms()));
    HeardWord { start_ms, end_ms, ..word.clone() }
}

/// The longest stretch of voice in a word. Words contain no pauses: voice beyond a pause belongs to the previous or
/// next word.
fn voice_in(word: Span, voiced: &[Span]) -> Option<Span> {
    /// Longest gap in the voice of a word, while the lips are closed.
    const CLOSED_MS: u64 = 200;
    let mut stretches: Vec<Span> = Vec::new();
    for voice in voiced.iter().filter_map(|voice| voice.intersection(word)) {
        match stretches.last_mut() {
            Some(last) if voice.start_ms() - last.end_ms() <= CLOSED_MS => *last = last.hull(voice),
            Some(_) | None => stretches.push(voice),
        }
    }
    stretches.into_iter().max_by_key(|stretch| stretch.duration_ms())
}
