//! What one answer of a model is worth, and which is taken of several.
//!
//! A model that is unsure begins to repeat itself, or writes what it has read under many videos. Neither
//! is known by its words: both are by their measure. Every rule here is about numbers, none about phrases.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthStr;

/// One answer of a model to one region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer<'a> {
    /// What it wrote.
    pub text: &'a str,
    /// Mean natural logarithm of its tokens' probabilities.
    pub mean_log_probability: f32,
    /// The model's own probability that nobody speaks.
    pub no_speech_probability: f32,
    /// How long the region is, in milliseconds.
    pub duration_ms: u64,
}

/// What is believed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustSettings {
    /// An answer that is less sure is doubted: mean natural logarithm of its tokens' probabilities.
    pub min_mean_log_probability: f32,
    /// A doubted answer is silence where the model's own probability of that is above this.
    pub max_no_speech_probability: f32,
    /// Nobody says more in a second, in columns: a full-width character has two.
    pub max_columns_per_second: f32,
    /// Where every answer was doubted, the best is taken if it is at least so sure.
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

/// What an answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is believed.
    Accept,
    /// Nobody speaks.
    Silence,
    /// The model is asked again.
    Retry(Flaw),
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It has no words.
    Empty,
    /// It says the same again and again.
    Loop,
    /// It says more than anybody can in this time.
    TooFast,
    /// The model does not believe it either.
    Unsure,
}

impl Answer<'_> {
    /// What this answer is worth.
    #[must_use]
    pub fn verdict(&self, trust: &TrustSettings) -> Verdict {
        // What is no number is below every bound.
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

    #[expect(clippy::cast_precision_loss, reason = "a rate needs no seven digits")]
    fn columns_per_second(&self) -> f32 {
        self.text.width() as f32 * 1000.0 / self.duration_ms.max(1) as f32
    }
}

/// Whether a text is a model's loop rather than somebody's repetition. People repeat a word a few times
/// and a line of a song twice or thrice, and need time for each. Whisper's measure, how well gzip packs
/// the text, takes a chorus for a loop and two identical sentences for none.
fn repeats(text: &str, columns_per_second: f32) -> bool {
    /// From here on it is a loop at any rate.
    const TIMES: usize = 6;
    /// If it is this long altogether, in characters: "no, no, no" is not.
    const CHARS: usize = 48;
    /// Faster than people speak who say something twice, in columns a second.
    const HASTE: f32 = 22.0;
    /// Then twice is enough, of so many characters: a clause.
    const CLAUSE: usize = 16;
    /// No answer to half a minute is longer.
    const MAX_CHARS: usize = 4000;

    let letters: Vec<char> = letters(text).take(MAX_CHARS).collect();
    let is_loop = |period: usize| {
        let covered = longest_run(&letters, period) + period;
        let times = covered / period;
        (times >= TIMES && covered >= CHARS) || (times >= 2 && period >= CLAUSE && columns_per_second > HASTE)
    };
    (1..=letters.len() / 2).any(is_loop)
}

/// Letters and digits alone, in lower case: how a sentence ends makes no difference.
fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// Most neighbouring characters that equal the one a period before.
fn longest_run(letters: &[char], period: usize) -> usize {
    let (mut longest, mut run) = (0, 0);
    for (before, now) in letters.iter().zip(&letters[period..]) {
        run = if before == now { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// One way to ask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attempt {
    /// What the model hears.
    pub context: Context,
    /// How freely it chooses: 0 takes the likeliest, 1 draws by its probabilities.
    pub temperature: f32,
}

/// How much a model hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The region and a margin: most often as good, and several times as fast.
    Region,
    /// As many seconds as it was trained on.
    Full,
}

/// The ways to ask, in order: first fast, then as the model was trained, then ever more freely.
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

/// How an attempt of the ladder ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tried {
    /// What the answer was worth.
    pub verdict: Verdict,
    /// Mean natural logarithm of its tokens' probabilities.
    pub mean_log_probability: f32,
}

/// What is done after some attempts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// The model is asked like this.
    Try(Attempt),
    /// The answer to this attempt is taken, counted from 0.
    Take(usize),
    /// Nobody speaks.
    Silence,
    /// Somebody speaks, but no answer is credible.
    Unheard,
}

/// What is done after the first attempts of [`LADDER`], in their order.
#[must_use]
pub fn next(tried: &[Tried], trust: &TrustSettings) -> Next {
    let Some(last) = tried.len().checked_sub(1) else { return Next::Try(LADDER[0]) };
    match tried[last].verdict {
        Verdict::Accept => return Next::Take(last),
        Verdict::Silence => return Next::Silence,
        // With all that it can hear it has heard no words; to draw some would be to invent them.
        Verdict::Retry(Flaw::Empty) if last > 0 => return Next::Silence,
        Verdict::Retry(Flaw::Empty | Flaw::Loop | Flaw::TooFast | Flaw::Unsure) => {}
    }
    match LADDER.get(tried.len()) {
        Some(attempt) => Next::Try(*attempt),
        None => best(tried, trust).map_or(Next::Unheard, Next::Take),
    }
}

/// Of attempts that were all doubted, the surest one with nothing else against it, if it is sure enough.
fn best(tried: &[Tried], trust: &TrustSettings) -> Option<usize> {
    let unsure = tried.iter().enumerate().filter(|(_, tried)| {
        tried.verdict == Verdict::Retry(Flaw::Unsure)
            && tried.mean_log_probability >= trust.hopeless_mean_log_probability
    });
    // Of equal ones the first, which was drawn least freely.
    unsure.rev().max_by(|(_, a), (_, b)| a.mean_log_probability.total_cmp(&b.mean_log_probability)).map(|(at, _)| at)
}
