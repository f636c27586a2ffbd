//! Where somebody speaks, from the probability that a voice-activity model gives every window.
//!
//! [`RegionFinder`] is a state machine that is fed as a recording is decoded, so that neither needs to be
//! whole. What it keeps is bounded by the longest region.

#[cfg(test)]
mod tests;

use super::Span;
use serde::{Deserialize, Serialize};

/// Samples a second that voice is looked for in.
pub const SAMPLE_RATE_HZ: u32 = 16_000;
/// Samples of which each probability is.
pub const WINDOW_SAMPLES: u32 = 512;
/// The same in milliseconds.
pub const WINDOW_MS: u64 = 32;

const _: () = assert!(WINDOW_SAMPLES as u64 * 1000 == WINDOW_MS * SAMPLE_RATE_HZ as u64, "both say the same");

/// When silence becomes speech, and speech a region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VoiceSettings {
    /// Speech begins with a probability of at least this.
    pub start_probability: f32,
    /// It pauses with one below this. What lies between changes nothing, so that no word flickers.
    pub end_probability: f32,
    /// What has less speech than this is a noise, in milliseconds.
    pub min_speech_ms: u64,
    /// A shorter pause does not end a region: neighbours that are closer are one, since a model hears
    /// better with more around a word. In milliseconds.
    pub min_silence_ms: u64,
    /// Milliseconds of silence before the speech that belong to its region.
    pub lead_ms: u64,
    /// Milliseconds of silence after it that do.
    pub tail_ms: u64,
    /// A region lasts at least as long as a caption should be seen, where there is as much of the
    /// recording, in milliseconds.
    pub min_region_ms: u64,
    /// And at most as long as a model hears at once, in milliseconds.
    pub max_region_ms: u64,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self {
            // As in Silero's own examples.
            start_probability: 0.5,
            end_probability: 0.35,
            min_speech_ms: 250,
            // With 0.5 s a model hears clauses, makes half as many mistakes again and takes a third longer (measured).
            min_silence_ms: 1500,
            lead_ms: 200,
            tail_ms: 300,
            min_region_ms: 1000,
            // Whisper hears 30 s; what is cut shorter than 2 s before that makes it repeat itself (measured).
            max_region_ms: 28_000,
        }
    }
}

/// Finds regions of speech: in order, apart from each other, none longer than the settings allow.
#[derive(Debug, Clone)]
pub struct RegionFinder {
    /// The settings, in whole windows.
    rules: Rules,
    /// Windows that were heard.
    now: u64,
    /// Where the last region ended, in windows.
    floor: u64,
    /// What the last window was part of.
    state: State,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    start_probability: f32,
    end_probability: f32,
    min_speech: u64,
    min_silence: u64,
    lead: u64,
    tail: u64,
    min_region: u64,
    max_region: u64,
}

#[derive(Debug, Clone)]
enum State {
    Silence,
    Speech(Speech),
}

/// A region that has not ended. All moments are in windows from the start of the recording.
#[derive(Debug, Clone)]
struct Speech {
    /// Where the region starts.
    start: u64,
    /// Where its first word does.
    first: u64,
    /// The probabilities from there until now.
    heard: Vec<f32>,
    /// Where the pause began that it is in.
    pause: Option<u64>,
    /// Windows of speech.
    spoken: u64,
    /// Whether it goes on where a region was cut: then it is no noise, however short.
    goes_on: bool,
}

impl RegionFinder {
    /// Before the first window.
    #[must_use]
    pub fn new(settings: VoiceSettings) -> Self {
        Self { rules: Rules::of(settings), now: 0, floor: 0, state: State::Silence }
    }

    /// Hears the next window: the probability of a voice in it. Returns a region once it has ended.
    pub fn push(&mut self, probability: f32) -> Option<Span> {
        let window = self.now;
        self.now += 1;
        match &mut self.state {
            State::Silence if probability >= self.rules.start_probability => {
                let start = window.saturating_sub(self.rules.lead).max(self.floor);
                let heard = vec![probability];
                self.state =
                    State::Speech(Speech { start, first: window, heard, pause: None, spoken: 1, goes_on: false });
                None
            }
            State::Silence => None,
            State::Speech(speech) => {
                speech.hear(window, probability, &self.rules);
                let fate = speech.fate(self.now, &self.rules);
                self.meet(fate)
            }
        }
    }

    fn meet(&mut self, fate: Fate) -> Option<Span> {
        let State::Speech(speech) = &mut self.state else { return None };
        let start = speech.start;
        let end = match fate {
            Fate::GoesOn => return None,
            Fate::WasNoise => {
                self.state = State::Silence;
                return None;
            }
            Fate::Ends => {
                let end = speech.end(self.now, &self.rules);
                self.state = State::Silence;
                end
            }
            Fate::IsCut(cut) => {
                speech.drop_before(cut);
                cut
            }
        };
        self.floor = end;
        Some(Span::new(start * WINDOW_MS, end * WINDOW_MS).expect("a region has the window that it began with"))
    }

    /// The last region, where there is one: the recording has ended after this many milliseconds.
    #[must_use]
    pub fn finish(self, duration_ms: u64) -> Option<Span> {
        match self.state {
            State::Speech(speech) if !speech.is_noise(&self.rules) => {
                let end_ms = (speech.end(self.now, &self.rules) * WINDOW_MS).min(duration_ms);
                Span::new(speech.start * WINDOW_MS, end_ms).ok()
            }
            State::Speech(_) | State::Silence => None,
        }
    }

    /// The first millisecond that a region can have which was not returned yet: no sound before it is needed.
    #[must_use]
    pub fn needed_from_ms(&self) -> u64 {
        let window = match &self.state {
            State::Silence => self.now.saturating_sub(self.rules.lead).max(self.floor),
            State::Speech(speech) => speech.start,
        };
        window * WINDOW_MS
    }
}

/// What becomes of a region after a window.
#[derive(Clone, Copy)]
enum Fate {
    GoesOn,
    /// It was too short to be speech.
    WasNoise,
    /// Its last pause is long enough, or the best place to end it.
    Ends,
    /// It has become too long, and goes on as another from this window.
    IsCut(u64),
}

impl Speech {
    fn hear(&mut self, window: u64, probability: f32, rules: &Rules) {
        self.heard.push(probability);
        self.pause = match self.pause {
            Some(_) if probability >= rules.start_probability => None,
            None if probability < rules.end_probability => Some(window),
            Some(_) | None => self.pause,
        };
        self.spoken += u64::from(self.pause.is_none());
    }

    fn is_noise(&self, rules: &Rules) -> bool {
        !self.goes_on && self.spoken < rules.min_speech
    }

    /// Where it ends, if it does so now.
    fn end(&self, now: u64, rules: &Rules) -> u64 {
        self.pause.map_or(now, |pause| (pause + rules.tail).max(self.first + rules.min_region).min(now))
    }

    fn fate(&self, now: u64, rules: &Rules) -> Fate {
        let is_over = self.pause.is_some_and(|pause| now - pause >= rules.min_silence);
        if is_over && self.is_noise(rules) {
            return Fate::WasNoise;
        }
        if is_over && now - self.first >= rules.min_region {
            return Fate::Ends;
        }
        if now - self.start < rules.max_region {
            return Fate::GoesOn;
        }
        let (from, to) = self.weakest(rules);
        match self.pause {
            // Nobody may speak again for long.
            Some(pause) if pause <= from => Fate::Ends,
            Some(_) | None => Fate::IsCut(from.midpoint(to)),
        }
    }

    /// The best place in the second half of the longest region: the pause with the least voice in it, by
    /// length and depth, else the window with the least. From and to, in windows.
    fn weakest(&self, rules: &Rules) -> (u64, u64) {
        let from = self.start + rules.max_region / 2;
        let late = (from..).zip(&self.heard[index(from - self.first)..]);
        let (mut best, mut depth) = ((from, from), 0.0);
        let (mut run, mut run_depth) = ((from, from), 0.0);
        let mut least = f32::INFINITY;
        for (window, &probability) in late {
            if probability < rules.end_probability {
                run.1 = window + 1;
                run_depth += rules.end_probability - probability;
                if run_depth >= depth {
                    (best, depth) = (run, run_depth);
                }
            } else {
                (run, run_depth) = ((window + 1, window + 1), 0.0);
                if depth == 0.0 && probability <= least {
                    (best, least) = ((window, window), probability);
                }
            }
        }
        best
    }

    fn drop_before(&mut self, cut: u64) {
        self.heard.drain(..index(cut - self.first));
        (self.start, self.first, self.goes_on) = (cut, cut, true);
    }
}

/// A number of windows within one region.
fn index(windows: u64) -> usize {
    usize::try_from(windows).expect("no region has more windows than memory")
}

impl Rules {
    fn of(settings: VoiceSettings) -> Self {
        // Rounded up, but for the one bound from above.
        let windows = |ms: u64| ms.div_ceil(WINDOW_MS);
        let max_region = (settings.max_region_ms / WINDOW_MS).max(4);
        Self {
            start_probability: settings.start_probability,
            end_probability: settings.end_probability.min(settings.start_probability),
            min_speech: windows(settings.min_speech_ms),
            min_silence: windows(settings.min_silence_ms).max(1),
            // A place to cut is looked for in the second half, of which thus all is known.
            lead: windows(settings.lead_ms).min(max_region / 2 - 1),
            tail: windows(settings.tail_ms),
            min_region: windows(settings.min_region_ms),
            max_region,
        }
    }
}
