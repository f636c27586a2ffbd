//! Facts found by reading a file's packets, and the warnings that follow from them.

use super::Probe;
use crate::{
    av::Survey,
    warning::{Warning, WarningCode},
};
use std::collections::BTreeMap;

/// Results of reading all of a file's packets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surveyed {
    /// True if the file's duration comes from its packets, and is thus exact.
    pub exact: bool,
    /// Start of a pause longer than the longest allowed one, in milliseconds. Later content is left out.
    pub pause_ms: Option<u64>,
    /// Point where timestamps went back, in milliseconds. Later packets are left out until their times pass it again.
    pub went_back_ms: Option<u64>,
    /// Like `pause_ms`, for audio streams that pause while the rest goes on; keyed by stream index.
    pub sound_pauses_ms: BTreeMap<u32, u64>,
}

impl Probe {
    /// Replaces the header's durations with those from the packets of a file of `bytes` bytes.
    ///
    /// `exact` states that the header's claim is not a guess. If the end is missing ([`Self::is_cut`]), the claim is
    /// kept in `claimed_ms`.
    pub fn measured(&mut self, survey: &Survey, bytes: u64, exact: bool) {
        let claimed_ms = self.promised_ms(&self.played());
        let found_ms = self.played().into_iter().filter_map(|stream| survey.stream_ms(stream)).max().unwrap_or(0);
        // Content left out after a pause is not missing, whatever the header claimed.
        let whole = exact && !survey.is_interrupted() && survey.went_back_ms().is_none();
        self.claimed_ms = (whole && Self::is_cut(found_ms, claimed_ms)).then_some(claimed_ms);
        self.duration_ms = survey.ms();
        self.surveyed.exact = true;
        self.surveyed.pause_ms = survey.is_interrupted().then_some(self.duration_ms);
        self.surveyed.went_back_ms = survey.went_back_ms();
        let sounds = self.audio.iter_mut().map(|sound| (sound.index, &mut sound.duration_ms));
        for (index, duration_ms) in
            sounds.chain(self.video.iter_mut().map(|video| (video.index, &mut video.duration_ms)))
        {
            *duration_ms = duration_ms.and(survey.stream_ms(index));
        }
        self.bit_rate = bytes.saturating_mul(8000).checked_div(self.duration_ms).unwrap_or(0);
    }

    /// Records where audio streams pause for longer than the longest allowed pause.
    pub fn take_pauses(&mut self, survey: &Survey) {
        for sound in &mut self.audio {
            let Some(pause_ms) = survey.paused_ms(sound.index) else { continue };
            sound.duration_ms = Some(sound.duration_ms.map_or(pause_ms, |ms| ms.min(pause_ms)));
            self.surveyed.sound_pauses_ms.insert(sound.index, pause_ms);
        }
    }

    /// Warnings for the file's owner: the end is missing, and how much is present; or content is left out after a pause
    /// of more than ten minutes. `sound` is the stream that is used; the others are not encoded, so nothing of them is
    /// left out.
    #[must_use]
    pub fn warnings(&self, sound: Option<u32>) -> Vec<Warning> {
        let seconds = |ms: u64| format!("{}.{}", ms / 1000, ms % 1000 / 100);
        let present = seconds(self.duration_ms);
        let cut_off = self.cut_off.then(|| match self.claimed_ms {
            Some(claimed_ms) => format!("the end is missing: {present} of {} seconds are present", seconds(claimed_ms)),
            None => format!("the end is missing: {present} seconds are present"),
        });
        let left_out = |what: &str, ms: u64| {
            let (from, minutes) = (seconds(ms), Survey::longest_pause_ms(false) / 60_000);
            format!("{what} pauses at {from} seconds for more than {minutes} minutes; the rest is left out")
        };
        let Surveyed { pause_ms, went_back_ms, sound_pauses_ms, .. } = &self.surveyed;
        let went_back = |ms: u64| {
            format!("the timestamps go back at {} seconds; content is left out until they advance again", seconds(ms))
        };
        let sound_pauses = sound.and_then(|stream| sound_pauses_ms.get(&stream));
        let of_sound = || sound_pauses.map(|&ms| left_out("the sound", ms));
        let shortened = pause_ms.map(|ms| left_out("the file", ms));
        let shortened = shortened.or_else(|| went_back_ms.map(went_back)).or_else(of_sound);
        let warning = |code| move |message| Warning::new(code, message);
        let cut_off = cut_off.map(warning(WarningCode::CutOff));
        cut_off.into_iter().chain(shortened.map(warning(WarningCode::Shortened))).collect()
    }
}
