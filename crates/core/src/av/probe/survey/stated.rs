//! What a header states about the picture, to judge its packets by.

use super::LONGEST_PAUSE;
use crate::av::facts::Probe;

/// Longest gap that is kept in a silent video whose header states a duration that includes it, in seconds: the recording
/// of a screen that does not change. Filling it with sound would take the memory of all that sound.
const LONGEST_STILL: f64 = 3600.0;

/// Largest difference between the header's duration and the packets' times, in seconds.
const TOLERANCE: f64 = 1.0;

/// What a header states about the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatedPicture {
    /// Index of its stream.
    pub stream: u32,
    /// Frames per second.
    pub rate: f64,
    /// Duration of the file, in seconds; 0 if it is not stated.
    pub file_lasting_s: f64,
    /// True if the file has no sound.
    pub silent: bool,
}

impl StatedPicture {
    /// What the probe of a file states, before it is measured; `None` if there is no picture.
    #[must_use]
    pub fn of(probe: &Probe) -> Option<Self> {
        let video = probe.video.as_ref()?;
        #[expect(clippy::cast_precision_loss, reason = "some hours")]
        let file_lasting_s = probe.duration_ms as f64 / 1000.0;
        let (rate, silent) = (video.frame_rate.per_second(), probe.audio.is_empty());
        Some(Self { stream: video.index, rate, file_lasting_s, silent })
    }

    /// Returns whether the file lasts until this time, in seconds from its start.
    pub(super) fn covers(&self, until_s: f64) -> bool {
        until_s <= self.file_lasting_s + TOLERANCE
    }

    /// Longest gap that is kept before a packet at this time, in seconds from the file's start.
    pub(super) fn longest_pause_s(&self, at_s: f64) -> f64 {
        if self.silent && self.file_lasting_s > 0.0 && self.covers(at_s) { LONGEST_STILL } else { LONGEST_PAUSE }
    }
}
