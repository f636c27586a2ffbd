//! One channel while it is heard: windows of samples in, regions of speech out.

#[cfg(test)]
mod tests;

use crate::vad::{VoiceDetector, WINDOW};
use smmu_core::speech::{RegionFinder, Span, VoiceSettings, regions::WINDOW_MS};

/// Samples of a millisecond.
const SAMPLES_A_MS: u64 = 16;
/// Windows that are not needed any more and are still kept, so that they are dropped together: a minute.
const KEPT_WINDOWS: usize = 2000;

/// Somebody speaks: these samples, from the start of the media on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Region {
    /// When.
    pub(crate) span: Span,
    /// What it sounds like, from -1 to 1.
    pub(crate) samples: Vec<f32>,
    /// Where in it there is a voice, by the detector.
    pub(crate) voiced: Vec<Span>,
}

impl Region {
    /// The rest from so many milliseconds after its start, if anybody speaks in it for any time.
    pub(crate) fn rest(&self, from_ms: u64) -> Option<Self> {
        /// What is shorter is a breath.
        const LEAST_VOICE_MS: u64 = 300;
        let span = Span::new(self.span.start_ms() + from_ms, self.span.end_ms()).ok()?;
        let voiced: Vec<Span> = self.voiced.iter().filter_map(|voiced| voiced.intersection(span)).collect();
        let voice_ms: u64 = voiced.iter().map(|voiced| voiced.duration_ms()).sum();
        let samples = self.samples.get(sample(from_ms)..)?.to_vec();
        (voice_ms >= LEAST_VOICE_MS).then_some(Self { span, samples, voiced })
    }
}

/// One channel.
pub(crate) struct Channel {
    detector: Box<dyn VoiceDetector>,
    finder: RegionFinder,
    settings: VoiceSettings,
    /// Samples from the start of `first_window` on; those of the last window may not all be there.
    samples: Vec<f32>,
    /// The probability of a voice in each whole window of `samples`.
    voices: Vec<f32>,
    first_window: usize,
}

impl Channel {
    pub(crate) fn new(detector: Box<dyn VoiceDetector>, settings: VoiceSettings) -> Self {
        let finder = RegionFinder::new(settings);
        Self { detector, finder, settings, samples: Vec::new(), voices: Vec::new(), first_window: 0 }
    }

    /// Hears more. Gives back the regions that have ended with it.
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

    /// The last region, if the media ends in one after so many milliseconds.
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

/// The sample at a moment.
fn sample(ms: u64) -> usize {
    (ms * SAMPLES_A_MS) as usize
}
