//! The engine: Whisper models run by CTranslate2, with 8-bit weights, on the CPU.

use crate::{
    mel::{HOP, LogMel, SAMPLE_RATE},
    recogniser::{Ask, Recognised, Recogniser, RecogniserFault, Spoken},
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

/// Frames of a full window: 30 s.
const FULL_FRAMES: usize = 30 * SAMPLE_RATE / HOP;
/// Frames of silence behind a window that is cut: 2 s. With less, models repeat themselves.
const CUT_FRAMES: usize = 2 * SAMPLE_RATE / HOP;
/// Milliseconds of one step of the encoder, which takes two frames.
const STEP_MS: u64 = 20;
/// Tokens that the engine writes at the most: half of the decoder's memory.
const MAX_TOKENS: usize = 224;
/// Answers that are drawn at random, of which the most probable counts.
const DRAWS: usize = 5;
/// Width of the median filter over attention before it is aligned, as OpenAI has it.
const MEDIAN_FILTER_WIDTH: i64 = 7;

/// A model in memory.
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
    /// Loads the model in a folder in CTranslate2's format, for so many threads.
    ///
    /// # Errors
    ///
    /// A fault if the engine or we cannot read it.
    pub fn load(dir: &Path, threads: NonZeroUsize) -> Result<Self, RecogniserFault> {
        let config = Config {
            device: Device::CPU,
            compute_type: ComputeType::INT8,
            // One replica: two of one thread each have hung in a matrix multiplication.
            device_indices: vec![0],
            num_threads_per_replica: threads.get(),
            ..Config::default()
        };
        let vocabulary = Vocabulary::open(dir).map_err(fault)?;
        // Standard error is for whoever called.
        sys::set_log_level(LogLevel::Off);
        // What is drawn at random is drawn the same way every time.
        sys::set_random_seed(0);
        let engine = sys::Whisper::new(dir, config).map_err(fault)?;
        let mel = LogMel::new(engine.n_mels());
        Ok(Self { engine, mel, vocabulary })
    }

    /// Whether it knows other languages than English.
    #[must_use]
    pub fn is_multilingual(&self) -> bool {
        self.engine.is_multilingual()
    }

    /// Whether it knows this language.
    #[must_use]
    pub fn speaks(&self, language: Language) -> bool {
        if self.is_multilingual() { self.vocabulary.speaks(language) } else { language == Language::ENGLISH }
    }

    fn encode(&self, samples: &[f32], context: Context) -> Result<StorageView<'static>, RecogniserFault> {
        let frames = match context {
            // The encoder takes frames in pairs.
            Context::Region => ((samples.len() / HOP + CUT_FRAMES) & !1).min(FULL_FRAMES),
            Context::Full => FULL_FRAMES,
        };
        let mut features = self.mel.features(samples, frames);
        let shape = [1, self.engine.n_mels(), frames];
        let features = StorageView::new(&shape, &mut features, Device::CPU).map_err(fault)?;
        self.engine.encode(&features, false).map_err(fault)
    }

    fn language(&self, encoded: &StorageView, spoken: Spoken) -> Result<Language, RecogniserFault> {
        match spoken {
            Spoken::Known(language) => Ok(language),
            Spoken::Detected { .. } if !self.is_multilingual() => Ok(Language::ENGLISH),
            Spoken::Detected { .. } => {
                let languages = self.engine.detect_language(encoded).map_err(fault)?;
                // The most probable comes first.
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
    ) -> Result<Generated, RecogniserFault> {
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
        let results = self.engine.generate(encoded, &[prompt], &options).map_err(fault)?;
        let result = results.into_iter().next().ok_or_else(|| fault("it gave no answer"))?;
        let WhisperGenerationResult { sequences_ids, scores, no_speech_prob, .. } = result;
        let (tokens, score) = sequences_ids
            .into_iter()
            .zip(scores)
            .max_by(|(_, one), (_, other)| one.total_cmp(other))
            .ok_or_else(|| fault("it gave no answer"))?;
        Ok(Generated { tokens, score, no_speech_probability: no_speech_prob })
    }

    /// When each token of text begins and the last one ends, in milliseconds, and how probable each is.
    fn align(
        &self,
        encoded: &StorageView,
        start: &[String],
        text: &[TokenId],
        frames: usize,
    ) -> Result<(Vec<Token>, u64), RecogniserFault> {
        let start: Vec<TokenId> = start.iter().filter_map(|token| self.vocabulary.id(token)).collect();
        let aligned = self
            .engine
            .align(encoded, &start, &[text.to_vec()], &[frames], MEDIAN_FILTER_WIDTH)
            .map_err(fault)?
            .into_iter()
            .next()
            .ok_or_else(|| fault("it aligned nothing"))?;
        // The first step of each token; one more token stands for the end of the text.
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

    /// Where an answer stops that leaves something unheard.
    fn stopped_ms(&self, tokens: &[TokenId]) -> Option<u64> {
        let time = |&id: &TokenId| self.vocabulary.time_ms(id);
        match tokens {
            // One piece has ended and another one has begun, of which the model said nothing.
            [.., before, last] if time(before).is_some() => time(last),
            // It ran out of tokens in the middle of a piece.
            tokens if tokens.len() >= MAX_TOKENS => tokens.iter().rev().find_map(time).filter(|&ms| ms > 0),
            _ => None,
        }
    }
}

impl Recogniser for Whisper {
    fn recognise(&mut self, samples: &[f32], ask: &Ask) -> Result<Recognised, RecogniserFault> {
        let Attempt { context, temperature } = ask.attempt;
        let encoded = self.encode(samples, context)?;
        let language = self.language(&encoded, ask.spoken)?;
        let told = self.is_multilingual().then_some((language, ask.task));
        let prompt = self.vocabulary.prompt(&ask.terms, told);
        let generated = self.generate(&encoded, prompt, ask.beam_size, temperature)?;
        let ids: Vec<TokenId> =
            generated.tokens.iter().copied().filter(|&id| id < self.vocabulary.end_of_text).collect();
        let (tokens, end_ms) = if ids.is_empty() {
            (Vec::new(), 0)
        } else {
            self.align(&encoded, &Vocabulary::start(told), &ids, samples.len() / HOP)?
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

#[expect(clippy::needless_pass_by_value, reason = "it is made for map_err")]
fn fault(error: impl ToString) -> RecogniserFault {
    RecogniserFault(error.to_string())
}
