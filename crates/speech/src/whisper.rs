//! The engine: CTranslate2 runs Whisper models with 8-bit weights on the CPU.

use crate::{
    mel::{HOP, LogMel, SAMPLE_RATE},
    recogniser::{Ask, Recognised, Recogniser, RecogniserError, Spoken},
    vocabulary::{TokenId, Vocabulary},
    words::{Token, Writing, text, words},
};
use ct2rs::sys::{
    self, ComputeType, Config, DetectionResult, Device, LogLevel, StorageView, WhisperGenerationResult, WhisperOptions,
};
use smmu_core::speech::{
    Language, Task,
    quality::{Attempt, Context},
};
use std::{fmt, num::NonZeroUsize, path::Path};

/// Frames in a full window of 30 s.
const FULL_FRAMES: usize = 30 * SAMPLE_RATE / HOP;
/// Frames of silence after the samples of a shortened window: 2 s. With less, models repeat themselves.
const CUT_FRAMES: usize = 2 * SAMPLE_RATE / HOP;
/// Milliseconds per encoder step, which takes two frames.
const STEP_MS: u64 = 20;
/// Maximum number of tokens in an answer: half of the decoder's context.
const MAX_TOKENS: usize = 224;
/// Number of random samples at a temperature above 0, of which the most probable is used.
const DRAWS: usize = 5;
/// Width of the median filter over the attention before alignment, as in OpenAI's implementation.
const MEDIAN_FILTER_WIDTH: i64 = 7;

/// A loaded Whisper model.
pub struct Whisper {
    engine: sys::Whisper,
    mel: LogMel,
    vocabulary: Vocabulary,
}

impl fmt::Debug for Whisper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whisper").field("multilingual", &self.is_multilingual()).finish_non_exhaustive()
    }
}

impl Whisper {
    /// Loads the model in a folder in CTranslate2's format, to run on `threads` threads.
    ///
    /// # Errors
    ///
    /// If the engine cannot load the model, or its vocabulary is invalid.
    pub fn load(dir: &Path, threads: NonZeroUsize) -> Result<Self, RecogniserError> {
        let config = Config {
            device: Device::CPU,
            compute_type: ComputeType::INT8,
            // One replica: two with one thread each once hung in a matrix multiplication.
            device_indices: vec![0],
            num_threads_per_replica: threads.get(),
            ..Config::default()
        };
        let vocabulary = Vocabulary::open(dir).map_err(engine_error)?;
        // Standard error belongs to the calling program.
        sys::set_log_level(LogLevel::Off);
        // A fixed seed makes sampling deterministic.
        sys::set_random_seed(0);
        let engine = sys::Whisper::new(dir, config).map_err(engine_error)?;
        let mel = LogMel::new(engine.n_mels());
        Ok(Self { engine, mel, vocabulary })
    }

    /// Returns whether the model supports languages other than English.
    #[must_use]
    pub fn is_multilingual(&self) -> bool {
        self.engine.is_multilingual()
    }

    /// Returns whether the model supports this language.
    #[must_use]
    pub fn speaks(&self, language: Language) -> bool {
        if self.is_multilingual() { self.vocabulary.speaks(language) } else { language == Language::ENGLISH }
    }

    fn encode(&self, samples: &[f32], context: Context) -> Result<StorageView<'static>, RecogniserError> {
        let frames = match context {
            // The encoder takes frames in pairs.
            Context::Region => ((samples.len() / HOP + CUT_FRAMES) & !1).min(FULL_FRAMES),
            Context::Full => FULL_FRAMES,
        };
        let mut features = self.mel.features(samples, frames);
        let shape = [1, self.engine.n_mels(), frames];
        let features = StorageView::new(&shape, &mut features, Device::CPU).map_err(engine_error)?;
        self.engine.encode(&features, false).map_err(engine_error)
    }

    fn language(&self, encoded: &StorageView, spoken: Spoken) -> Result<Language, RecogniserError> {
        match spoken {
            Spoken::Known(language) => Ok(language),
            Spoken::Detected { .. } if !self.is_multilingual() => Ok(Language::ENGLISH),
            Spoken::Detected { .. } => {
                let languages = self.engine.detect_language(encoded).map_err(engine_error)?;
                // Sorted by probability, highest first.
                let known = |found: &DetectionResult| Some((Vocabulary::language(&found.language)?, found.probability));
                Ok(spoken.settle(languages.iter().flatten().find_map(known)))
            }
        }
    }

    fn generate(
        &self,
        encoded: &StorageView,
        prompt: Vec<String>,
        beam_size: usize,
        temperature: f32,
    ) -> Result<Generated, RecogniserError> {
        let default = WhisperOptions { return_scores: true, return_no_speech_prob: true, ..WhisperOptions::default() };
        let options = if temperature > 0.0 {
            WhisperOptions {
                beam_size: 1,
                sampling_topk: 0,
                sampling_temperature: temperature,
                num_hypotheses: DRAWS,
                ..default
            }
        } else {
            WhisperOptions { beam_size, ..default }
        };
        let results = self.engine.generate(encoded, &[prompt], &options).map_err(engine_error)?;
        let result = results.into_iter().next().ok_or_else(|| engine_error("no answer returned"))?;
        let WhisperGenerationResult { sequences_ids, scores, no_speech_prob, .. } = result;
        let (tokens, score) = sequences_ids
            .into_iter()
            .zip(scores)
            .max_by(|(_, one), (_, other)| one.total_cmp(other))
            .ok_or_else(|| engine_error("no answer returned"))?;
        Ok(Generated { tokens, score, no_speech_probability: no_speech_prob })
    }

    /// Aligns text tokens with the sound. Returns each token with its start and probability, and the end of the last,
    /// in milliseconds.
    fn align(
        &self,
        encoded: &StorageView,
        start: &[String],
        text: &[TokenId],
        frames: usize,
    ) -> Result<(Vec<Token>, u64), RecogniserError> {
        let start: Vec<TokenId> = start.iter().filter_map(|token| self.vocabulary.id(token)).collect();
        let aligned = self
            .engine
            .align(encoded, &start, &[text.to_vec()], &[frames], MEDIAN_FILTER_WIDTH)
            .map_err(engine_error)?
            .into_iter()
            .next()
            .ok_or_else(|| engine_error("no alignment returned"))?;
        // The first step of each token, plus one for the end of the text.
        let mut starts_ms = vec![None; text.len() + 1];
        for step in &aligned.alignments {
            let (Ok(token), Ok(frame)) = (usize::try_from(step.token_x), u64::try_from(step.frame_x)) else { continue };
            if let Some(start @ None) = starts_ms.get_mut(token) {
                *start = Some(frame * STEP_MS);
            }
        }
        let mut last_ms = 0;
        let mut starts_ms = starts_ms.into_iter().map(|start| {
            last_ms = start.unwrap_or(last_ms).max(last_ms);
            last_ms
        });
        let tokens = text
            .iter()
            .zip(starts_ms.by_ref())
            .zip(&aligned.text_token_probs)
            .map(|((&id, start_ms), &probability)| Token {
                bytes: self.vocabulary.bytes(id).unwrap_or_default(),
                start_ms,
                probability,
            })
            .collect();
        Ok((tokens, starts_ms.next().unwrap_or(0)))
    }

    /// Position at which an incomplete answer stops.
    fn stopped_ms(&self, tokens: &[TokenId]) -> Option<u64> {
        let time = |&id: &TokenId| self.vocabulary.time_ms(id);
        match tokens {
            // One piece has ended and another has begun without text.
            [.., before, last] if time(before).is_some() => time(last),
            // The answer reached the token limit in the middle of a piece.
            tokens if tokens.len() >= MAX_TOKENS => tokens.iter().rev().find_map(time).filter(|&ms| ms > 0),
            _ => None,
        }
    }
}

impl Recogniser for Whisper {
    fn recognise(&mut self, samples: &[f32], ask: &Ask) -> Result<Recognised, RecogniserError> {
        let Attempt { context, temperature } = ask.attempt;
        let encoded = self.encode(samples, context)?;
        let language = self.language(&encoded, ask.spoken)?;
        let language_and_task = self.is_multilingual().then_some((language, ask.task));
        let prompt = self.vocabulary.prompt(&ask.terms, language_and_task);
        let generated = self.generate(&encoded, prompt, ask.beam_size, temperature)?;
        let ids: Vec<TokenId> =
            generated.tokens.iter().copied().filter(|&id| id < self.vocabulary.end_of_text).collect();
        let (tokens, end_ms) = if ids.is_empty() {
            (Vec::new(), 0)
        } else {
            self.align(&encoded, &Vocabulary::start(language_and_task), &ids, samples.len() / HOP)?
        };
        let written = match ask.task {
            Task::Transcribe => language,
            Task::Translate => Language::ENGLISH,
        };
        let writing = if written.is_unspaced() { Writing::Unspaced } else { Writing::Spaced };
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.iter().copied()).collect();
        Ok(Recognised {
            language,
            text: text(&bytes).trim().to_owned(),
            words: words(&tokens, writing, end_ms),
            mean_log_probability: generated.score,
            no_speech_probability: generated.no_speech_probability,
            stopped_ms: self.stopped_ms(&generated.tokens),
        })
    }
}

/// One answer of the engine.
struct Generated {
    tokens: Vec<TokenId>,
    /// Mean logarithm of the tokens' probabilities.
    score: f32,
    no_speech_probability: f32,
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn engine_error(error: impl ToString) -> RecogniserError {
    RecogniserError(error.to_string())
}
