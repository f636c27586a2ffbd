//! Finds regions of speech from the probability that a voice-activity model gives for each window.
//!
//! [`RegionFinder`] is a state machine fed while a recording is decoded, so that the recording is never in memory as a
//! whole. Its state is bounded by the longest region.

#[cfg(test)]
mod tests;

use super::Span;
use serde::{Deserialize, Serialize};

/// Sample rate of the voice-activity model.
pub const SAMPLE_RATE_HZ: u32 = 16_000;
/// Samples per window.
pub const WINDOW_SAMPLES: u32 = 512;
/// Duration of a window in milliseconds.
pub const WINDOW_MS: u64 = 32;

const _: () = assert!(WINDOW_SAMPLES as u64 * 1000 == WINDOW_MS * SAMPLE_RATE_HZ as u64, "both constants agree");

/// Thresholds for speech and regions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VoiceSettings {
    /// Speech starts at this probability or above.
    pub start_probability: f32,
    /// It pauses below this. Between the two the state stays the same, so that words are not chopped.
    pub end_probability: f32,
    /// Shorter speech is noise, in milliseconds.
    pub min_speech_ms: u64,
    /// Shortest pause that ends a region, in milliseconds. Closer neighbours are joined, since a model understands a
    /// word better with more context.
    pub min_silence_ms: u64,
    /// Silence before the speech that is part of its region, in milliseconds.
    pub lead_ms: u64,
    /// Silence after the speech that is part of its region, in milliseconds.
    pub tail_ms: u64,
    /// Shortest region in milliseconds, if the recording is long enough: as long as a caption should be shown.
    pub min_region_ms: u64,
    /// Longest region in milliseconds: as much as a model takes at once.
    pub max_region_ms: u64,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self {
            // As in Silero's own examples.
            start_probability: 0.5,
            end_probability: 0.35,
            min_speech_ms: 250,
            // With 0.5 s a model gets only clauses, makes half as many mistakes again, and takes a third longer
            // (measured).
            min_silence_ms: 1500,
            lead_ms: 200,
            tail_ms: 300,
            min_region_ms: 1000,
            // Whisper takes 30 s; a cut less than 2 s before that makes it repeat itself (measured).
            max_region_ms: 28_000,
        }
    }
}

/// Finds regions of speech: in order, without overlap, none longer than the settings allow.
#[derive(Debug, Clone)]
pub struct RegionFinder {
    /// The settings, in whole windows.
    rules: Rules,
    /// Number of windows so far.
    now: u64,
    /// End of the last region, in windows.
    floor: u64,
    /// State after the last window.
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

/// A region that has not ended. All positions are in windows from the start of the recording.
#[derive(Debug, Clone)]
struct Speech {
    /// Start of the region.
    start: u64,
    /// Start of its first word.
    first: u64,
    /// Probabilities from `first` until now.
    heard: Vec<f32>,
    /// Start of the current pause, if any.
    pause: Option<u64>,
    /// Number of windows with speech.
    spoken: u64,
    /// Set if it continues a region that was cut: then it is never noise, however short.
    continues_cut: bool,
}

impl RegionFinder {
    /// A finder before the first window.
    #[must_use]
    pub fn new(settings: VoiceSettings) -> Self {
        Self { rules: Rules::of(settings), now: 0, floor: 0, state: State::Silence }
    }

    /// Takes the voice probability of the next window. Returns a region once it has ended.
    pub fn push(&mut self, probability: f32) -> Option<Span> {
        let window = self.now;
        self.now += 1;
        match &mut self.state {
            State::Silence if probability >= self.rules.start_probability => {
                let start = window.saturating_sub(self.rules.lead).max(self.floor);
                let heard = vec![probability];
                self.state =
                    State::Speech(Speech { start, first: window, heard, pause: None, spoken: 1, continues_cut: false });
                None
            }
            State::Silence => None,
            State::Speech(speech) => {
                speech.hear(window, probability, &self.rules);
                let fate = speech.fate(self.now, &self.rules);
                self.apply(fate)
            }
        }
    }

    fn apply(&mut self, fate: Fate) -> Option<Span> {
        let State::Speech(speech) = &mut self.state else { return None };
        let start = speech.start;
        let end = match fate {
            Fate::Continues => return None,
            Fate::IsNoise => {
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
        Some(Span::new(start * WINDOW_MS, end * WINDOW_MS).expect("a region has at least one window"))
    }

    /// Ends the recording after this many milliseconds, and returns the last region, if any.
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

    /// First millisecond that can still be part of a region: earlier sound is no longer needed.
    #[must_use]
    pub fn needed_from_ms(&self) -> u64 {
        let window = match &self.state {
            State::Silence => self.now.saturating_sub(self.rules.lead).max(self.floor),
            State::Speech(speech) => speech.start,
        };
        window * WINDOW_MS
    }
}

/// Result of a window for the current region.
#[derive(Clone, Copy)]
enum Fate {
    Continues,
    /// It was too short to be speech.
    IsNoise,
    /// Its last pause is long enough, or the best place to end it.
    Ends,
    /// It is too long, and is split at this window.
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
        !self.continues_cut && self.spoken < rules.min_speech
    }

    /// Its end, if it ends now.
    fn end(&self, now: u64, rules: &Rules) -> u64 {
        self.pause.map_or(now, |pause| (pause + rules.tail).max(self.first + rules.min_region).min(now))
    }

    fn fate(&self, now: u64, rules: &Rules) -> Fate {
        let is_over = self.pause.is_some_and(|pause| now - pause >= rules.min_silence);
        if is_over && self.is_noise(rules) {
            return Fate::IsNoise;
        }
        if is_over && now - self.first >= rules.min_region {
            return Fate::Ends;
        }
        if now - self.start < rules.max_region {
            return Fate::Continues;
        }
        let (from, to) = self.weakest(rules);
        match self.pause {
            // There may be no more speech for a long time.
            Some(pause) if pause <= from => Fate::Ends,
            Some(_) | None => Fate::IsCut(from.midpoint(to)),
        }
    }

    /// The best place to cut in the second half of the longest region: the pause with the least voice, by length and
    /// depth, else the window with the least. From and to, in windows.
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
        (self.start, self.first, self.continues_cut) = (cut, cut, true);
    }
}

/// A number of windows within one region.
fn index(windows: u64) -> usize {
    usize::try_from(windows).expect("a region fits into memory")
}

impl Rules {
    fn of(settings: VoiceSettings) -> Self {
        // Rounded up, except for the maximum.
        let windows = |ms: u64| ms.div_ceil(WINDOW_MS);
        let max_region = (settings.max_region_ms / WINDOW_MS).max(4);
        Self {
            start_probability: settings.start_probability,
            end_probability: settings.end_probability.min(settings.start_probability),
            min_speech: windows(settings.min_speech_ms),
            min_silence: windows(settings.min_silence_ms).max(1),
            // The cut is searched in the second half, so the first word must be in the first half.
            lead: windows(settings.lead_ms).min(max_region / 2 - 1),
            tail: windows(settings.tail_ms),
            min_region: windows(settings.min_region_ms),
            max_region,
        }
    }
}
