//! Judges a model's answers, and chooses one of several.
//!
//! An unsure model repeats itself, or writes stock phrases of captions. Both are detected by numbers, never by their
//! wording.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthStr;

/// One answer of a model for one region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer<'a> {
    /// The answer's text.
    pub text: &'a str,
    /// Mean natural logarithm of its tokens' probabilities.
    pub mean_log_probability: f32,
    /// The model's own probability that there is no speech.
    pub no_speech_probability: f32,
    /// Duration of the region in milliseconds.
    pub duration_ms: u64,
}

/// Thresholds for accepting answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustSettings {
    /// Answers below this are unsure: mean natural logarithm of the tokens' probabilities.
    pub min_mean_log_probability: f32,
    /// An unsure answer counts as silence if the model's own probability of silence is above this.
    pub max_no_speech_probability: f32,
    /// Fastest plausible speech, in columns per second; a full-width character takes two.
    pub max_columns_per_second: f32,
    /// If every answer was unsure, the best one is used if it reaches this mean natural logarithm.
    pub hopeless_mean_log_probability: f32,
}

impl Default for TrustSettings {
    fn default() -> Self {
        Self {
            // Both as in Whisper's own decoder.
            min_mean_log_probability: -1.0,
            max_no_speech_probability: 0.6,
            // Fast speakers reach 25.
            max_columns_per_second: 35.0,
            hopeless_mean_log_probability: -1.5,
        }
    }
}

/// Judgement of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is accepted.
    Accept,
    /// There is no speech.
    Silence,
    /// The model is run again.
    Retry(Flaw),
}

/// Reason to reject an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It has no words.
    Empty,
    /// It repeats itself in a loop.
    Loop,
    /// It has more text than can be spoken in this time.
    TooFast,
    /// The model is unsure of it.
    Unsure,
}

impl Answer<'_> {
    /// Judges the answer.
    #[must_use]
    pub fn verdict(&self, trust: &TrustSettings) -> Verdict {
        // NaN is below every threshold.
        let is_sure = self.mean_log_probability >= trust.min_mean_log_probability;
        if !is_sure && self.no_speech_probability > trust.max_no_speech_probability {
            return Verdict::Silence;
        }
        let columns_per_second = self.columns_per_second();
        if !self.text.chars().any(char::is_alphanumeric) {
            Verdict::Retry(Flaw::Empty)
        } else if repeats(self.text, columns_per_second) {
            Verdict::Retry(Flaw::Loop)
        } else if columns_per_second > trust.max_columns_per_second {
            Verdict::Retry(Flaw::TooFast)
        } else if !is_sure {
            Verdict::Retry(Flaw::Unsure)
        } else {
            Verdict::Accept
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate does not need seven digits")]
    fn columns_per_second(&self) -> f32 {
        self.text.width() as f32 * 1000.0 / self.duration_ms.max(1) as f32
    }
}

/// Returns whether a text is a loop of the model rather than natural repetition. Speakers repeat a word a few times and
/// a line of a song two or three times, and need time for each. Whisper's own measure, the gzip ratio of the text,
/// takes a chorus for a loop but misses two identical sentences.
fn repeats(text: &str, columns_per_second: f32) -> bool {
    /// Repetitions that always make a loop,
    const TIMES: usize = 6;
    /// if the whole is this long in characters: "no, no, no" is not.
    const CHARS: usize = 48;
    /// Faster than anyone speaks who repeats something, in columns per second.
    const HASTE: f32 = 22.0;
    /// At that speed two repetitions are enough, of at least this many characters: a clause.
    const CLAUSE: usize = 16;
    /// An answer for half a minute is never longer.
    const MAX_CHARS: usize = 4000;

    let letters: Vec<char> = letters(text).take(MAX_CHARS).collect();
    let is_loop = |period: usize| {
        let covered = longest_run(&letters, period) + period;
        let times = covered / period;
        (times >= TIMES && covered >= CHARS) || (times >= 2 && period >= CLAUSE && columns_per_second > HASTE)
    };
    (1..=letters.len() / 2).any(is_loop)
}

/// Letters and digits in lower case: punctuation is ignored.
fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// Most consecutive characters that equal the one a period earlier.
fn longest_run(letters: &[char], period: usize) -> usize {
    let (mut longest, mut run) = (0, 0);
    for (before, now) in letters.iter().zip(&letters[period..]) {
        run = if before == now { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Settings of one run of the model on a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attempt {
    /// The audio that the model gets.
    pub context: Context,
    /// Sampling temperature: 0 takes the most likely token, 1 samples by probability.
    pub temperature: f32,
}

/// Audio given to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The region and a margin: usually as good, and several times as fast.
    Region,
    /// As many seconds as the model was trained on.
    Full,
}

/// The attempts in order: first fast, then as the model was trained, then with rising temperature.
pub const LADDER: [Attempt; 7] = {
    const fn full(temperature: f32) -> Attempt {
        Attempt { context: Context::Full, temperature }
    }
    [
        Attempt { context: Context::Region, temperature: 0.0 },
        full(0.0),
        full(0.2),
        full(0.4),
        full(0.6),
        full(0.8),
        full(1.0),
    ]
};

/// Result of one attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tried {
    /// Judgement of the answer.
    pub verdict: Verdict,
    /// Mean natural logarithm of its tokens' probabilities.
    pub mean_log_probability: f32,
}

/// The next step after some attempts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// Run the model with these settings.
    Try(Attempt),
    /// Use the answer of this attempt, counted from 0.
    Take(usize),
    /// There is no speech.
    Silence,
    /// There is speech, but no answer is credible.
    Unheard,
}

/// The next step after the first attempts of [`LADDER`], in order.
#[must_use]
pub fn next(tried: &[Tried], trust: &TrustSettings) -> Next {
    let Some(last) = tried.len().checked_sub(1) else { return Next::Try(LADDER[0]) };
    match tried[last].verdict {
        Verdict::Accept => return Next::Take(last),
        Verdict::Silence => return Next::Silence,
        // With full context the model found no words; sampling would only invent some.
        Verdict::Retry(Flaw::Empty) if last > 0 => return Next::Silence,
        Verdict::Retry(Flaw::Empty | Flaw::Loop | Flaw::TooFast | Flaw::Unsure) => {}
    }
    match LADDER.get(tried.len()) {
        Some(attempt) => Next::Try(*attempt),
        None => best(tried, trust).map_or(Next::Unheard, Next::Take),
    }
}

/// Of answers that were all rejected, the most certain one whose only flaw is being unsure, if it is certain enough.
fn best(tried: &[Tried], trust: &TrustSettings) -> Option<usize> {
    let unsure = tried.iter().enumerate().filter(|(_, tried)| {
        tried.verdict == Verdict::Retry(Flaw::Unsure)
            && tried.mean_log_probability >= trust.hopeless_mean_log_probability
    });
    // Of equal ones the first, which has the lowest temperature.
    unsure.rev().max_by(|(_, a), (_, b)| a.mean_log_probability.total_cmp(&b.mean_log_probability)).map(|(at, _)| at)
}
