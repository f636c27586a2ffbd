//! Splits one channel into regions of speech: samples in, regions out.

#[cfg(test)]
mod tests;

use crate::vad::{VoiceDetector, WINDOW};
use smmu_core::speech::{RegionFinder, Span, VoiceSettings, regions::WINDOW_MS};

/// Samples per millisecond.
const SAMPLES_A_MS: u64 = 16;
/// Unneeded windows to collect before they are dropped together: about a minute.
const KEPT_WINDOWS: usize = 2000;

/// A region of speech.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Region {
    /// Time in the media.
    pub(crate) span: Span,
    /// Samples from -1 to 1.
    pub(crate) samples: Vec<f32>,
    /// Spans in which the detector found voice.
    pub(crate) voiced: Vec<Span>,
}

impl Region {
    /// The rest of the region, from `from_ms` milliseconds after its start, if it has enough voice.
    pub(crate) fn rest(&self, from_ms: u64) -> Option<Self> {
        /// Minimum duration of voice; anything shorter is a breath.
        const MIN_VOICE_MS: u64 = 300;
        let span = Span::new(self.span.start_ms() + from_ms, self.span.end_ms()).ok()?;
        let voiced: Vec<Span> = self.voiced.iter().filter_map(|voiced| voiced.intersection(span)).collect();
        let voice_ms: u64 = voiced.iter().map(|voiced| voiced.duration_ms()).sum();
        let samples = self.samples.get(sample(from_ms)..)?.to_vec();
        (voice_ms >= MIN_VOICE_MS).then_some(Self { span, samples, voiced })
    }
}

/// State of one channel.
pub(crate) struct Channel {
    detector: Box<dyn VoiceDetector>,
    finder: RegionFinder,
    settings: VoiceSettings,
    /// Samples from the start of `first_window` on. The last window may be incomplete.
    samples: Vec<f32>,
    /// Probability of voice in each complete window of `samples`.
    voices: Vec<f32>,
    first_window: usize,
}

impl Channel {
    pub(crate) fn new(detector: Box<dyn VoiceDetector>, settings: VoiceSettings) -> Self {
        let finder = RegionFinder::new(settings);
        Self { detector, finder, settings, samples: Vec::new(), voices: Vec::new(), first_window: 0 }
    }

    /// Processes more samples. Returns the regions that have ended.
    pub(crate) fn hear(&mut self, samples: impl Iterator<Item = i16>) -> Vec<Region> {
        self.samples.extend(samples.map(|sample| f32::from(sample) / 32_768.0));
        let mut regions = Vec::new();
        while let Some(window) = self.samples[self.voices.len() * WINDOW..].first_chunk() {
            let probability = self.detector.probability(window);
            self.voices.push(probability);
            let ended = self.finder.push(probability);
            regions.extend(ended.map(|span| self.cut(span)));
        }
        self.forget();
        regions
    }

    /// Ends the channel. Returns the remaining regions. `duration_ms` is the length of the media.
    pub(crate) fn finish(mut self, duration_ms: u64) -> Vec<Region> {
        let whole = self.samples.len().div_ceil(WINDOW) * WINDOW;
        let missing = whole - self.samples.len();
        let mut regions = self.hear(std::iter::repeat_n(0, missing));
        let last = self.finder.clone().finish(duration_ms);
        regions.extend(last.map(|span| self.cut(span)));
        regions
    }

    fn cut(&self, span: Span) -> Region {
        let first = self.first_window * WINDOW;
        let from = sample(span.start_ms()).saturating_sub(first);
        let to = sample(span.end_ms()).saturating_sub(first).min(self.samples.len());
        Region { span, samples: self.samples[from.min(to)..to].to_vec(), voiced: self.voiced(span) }
    }

    fn voiced(&self, span: Span) -> Vec<Span> {
        let mut voiced: Vec<Span> = Vec::new();
        for (window, &probability) in (self.first_window as u64..).zip(&self.voices) {
            let window = Span::new(window * WINDOW_MS, (window + 1) * WINDOW_MS).ok();
            let Some(window) = window.and_then(|window| window.intersection(span)) else { continue };
            if probability < self.settings.end_probability {
                continue;
            }
            match voiced.last_mut() {
                Some(last) if last.end_ms() == window.start_ms() => *last = last.hull(window),
                Some(_) | None => voiced.push(window),
            }
        }
        voiced
    }

    fn forget(&mut self) {
        let needed = (self.finder.needed_from_ms() / WINDOW_MS) as usize;
        let unneeded = needed.saturating_sub(self.first_window).min(self.voices.len());
        if unneeded >= KEPT_WINDOWS {
            self.samples.drain(..unneeded * WINDOW);
            self.voices.drain(..unneeded);
            self.first_window += unneeded;
        }
    }
}

/// Index of the sample at a time.
fn sample(ms: u64) -> usize {
    (ms * SAMPLES_A_MS) as usize
}
