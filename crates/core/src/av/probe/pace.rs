//! Frame times of slow videos, such as a screen drawn once a second, slides, or a door camera.
//!
//! A frame may be shown for seconds there, so a wrong guess by a header or a demuxer is off by as much. Instead, every
//! time is read: to find whether frames keep to steps of the rate, and when the last one ends.

use super::{Packet, Survey};
use crate::av::facts::{FrameRate, Probe};

/// Rates below this are slow, in frames per second: a step is longer than two film frames, so moving to the nearest
/// step would show.
const SLOW: f64 = 12.5;

/// Largest distance of a frame from its step, in seconds.
const OFF_STEP: f64 = 0.02;

/// Longest accepted duration of a last frame that only its packet or only the file states, in seconds.
const LONGEST_LAST: f64 = 10.0;

/// Longest accepted duration of a last frame that a fragment's table states, or packet and file alike, in seconds.
const LONGEST_AGREED: f64 = 3600.0;

/// Largest difference between two statements that agree, in seconds.
const AGREED: f64 = 0.1;

/// Shortest duration of a last frame, in seconds: slightly more than a step of film, so that it is visible.
const SHORTEST_LAST: f64 = 0.045;

/// Times that the file states outside its packets, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stated {
    /// Presentation time of the first packet of any stream.
    pub file_start_s: Option<f64>,
    /// Duration of the whole file.
    pub file_lasting_s: Option<f64>,
    /// Presentation time of the first frame.
    pub start_s: Option<f64>,
    /// Duration of the picture; in a fragmented file its last decoding time.
    pub lasting_s: Option<f64>,
    /// End of the last sound, by its packets.
    pub sound_end_s: Option<f64>,
}

/// Place where a file states the durations of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lengths {
    /// A table of all samples (MP4): the video stream's duration is exact.
    Table,
    /// Fragments (MP4), each with a table of its samples.
    Fragments,
    /// In each packet, or nowhere (Matroska, Flash Video).
    Packets,
}

/// Frame timing of a slow video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// True if every frame starts, and the last one ends, at a step of the rate from the file's start.
    pub even: bool,
    /// End of the last frame, in milliseconds from the file's start.
    pub end_ms: u64,
}

impl Pace {
    /// Returns whether a rate is so slow that every frame time must be read.
    #[must_use]
    pub fn is_slow(rate: FrameRate) -> bool {
        rate.per_second() < SLOW
    }

    /// Computes the timing from all packets of the video stream. `None` for fewer than two frames, or if the end is not
    /// finite.
    #[must_use]
    pub fn of(packets: &[Packet], rate: FrameRate, lengths: Lengths, stated: Stated) -> Option<Self> {
        let mut shown: Vec<f64> = packets.iter().filter_map(|packet| packet.shown_s.or(packet.decoded_s)).collect();
        shown.sort_by(f64::total_cmp);
        let [first, .., last] = shown[..] else { return None };
        // A start slightly before 0 is an encoder's delay; time then starts at 0.
        let start = stated.file_start_s.unwrap_or(first);
        let zero = if (-0.1..0.0).contains(&start) { 0.0 } else { start };
        let believed = |end: &f64| (last..=last + LONGEST_LAST).contains(end);
        let end = match lengths {
            Lengths::Table => stated.start_s.zip(stated.lasting_s).map(|(start, lasting)| start + lasting),
            Lengths::Fragments => {
                let decoded = packets.iter().filter_map(|packet| packet.decoded_s).reduce(f64::max);
                stated.lasting_s.zip(decoded).map(|(until, decoded)| last + until - decoded)
            }
            Lengths::Packets => None,
        };
        let exact = |end: &f64| match lengths {
            // However long the last slide stays; the file's duration is limited elsewhere.
            Lengths::Table => *end >= last,
            Lengths::Fragments => (last..=last + LONGEST_AGREED).contains(end),
            Lengths::Packets => false,
        };
        let end = end.filter(exact).unwrap_or_else(|| {
            let file_end = stated.file_lasting_s.map(|lasting| zero + lasting);
            let of_file = file_end.filter(believed);
            // A file that states durations states them for every frame; otherwise ffmpeg guesses the later ones.
            if packets.iter().all(|packet| packet.lasting_s.is_some()) {
                let lasting = packets.iter().max_by(|one, other| f64::total_cmp(&at(one), &at(other)));
                let lasting = lasting.and_then(|packet| packet.lasting_s).unwrap_or(0.0);
                let agreed = file_end.is_some_and(|end| last + lasting <= end + AGREED);
                let end = last + lasting.clamp(0.0, if agreed { LONGEST_AGREED } else { LONGEST_LAST });
                return of_file.map_or(end, |of_file| end.min(of_file));
            }
            // If nothing states the last frame's duration, it stays as long as there is sound.
            let of_sound = stated.sound_end_s.map(|end| zero + end).filter(believed);
            of_file.into_iter().chain(of_sound).fold(last, f64::max)
        });
        let end = end.max(last + SHORTEST_LAST);
        let off = |time: f64| {
            let steps = (time - zero) * rate.per_second();
            (steps - steps.round()).abs() / rate.per_second()
        };
        let lasts_a_step = (end - last) * rate.per_second() > 0.5;
        let even = lasts_a_step && off(end) <= OFF_STEP && shown.iter().all(|time| off(*time) <= OFF_STEP);
        let ms = ((end - zero) * 1000.0).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float's conversion saturates")]
        ms.is_finite().then_some(Self { even, end_ms: ms as u64 })
    }
}

impl Probe {
    /// Applies the timing of a slow video. If the file was surveyed, its total duration is updated too.
    pub fn take_pace(&mut self, pace: Pace, survey: Option<&Survey>) {
        let Some(video) = &mut self.video else { return };
        video.variable_frame_rate |= !pace.even;
        video.end_ms = Some(pace.end_ms);
        let Some(survey) = survey else { return };
        video.duration_ms = video.duration_ms.and(Some(pace.end_ms));
        let sounds = self.audio.iter().filter_map(|sound| survey.stream_ms(sound.index));
        let lasting_ms = sounds.fold(pace.end_ms, u64::max);
        self.bit_rate = self.bit_rate.saturating_mul(self.duration_ms).checked_div(lasting_ms).unwrap_or(0);
        self.duration_ms = lasting_ms;
    }
}

/// Presentation time of a packet.
fn at(packet: &Packet) -> f64 {
    packet.shown_s.or(packet.decoded_s).unwrap_or(f64::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(times_s: &[f64], lasting_s: Option<f64>) -> Vec<Packet> {
        let packet = |&time| Packet { stream: 0, shown_s: Some(time), decoded_s: Some(time), lasting_s };
        times_s.iter().map(packet).collect()
    }

    fn pace(packets: &[Packet], rate: (u32, u32), lengths: Lengths, stated: Stated) -> (bool, u64) {
        let rate = FrameRate::try_from(rate).expect("positive");
        let Pace { even, end_ms } = Pace::of(packets, rate, lengths, stated).expect("frames");
        (even, end_ms)
    }

    #[test]
    fn a_frame_per_second_is_even_only_if_start_and_end_are_on_steps() {
        let of = |times: &[f64], start: f64| {
            let stated = Stated { file_start_s: Some(start), ..Stated::default() };
            pace(&packets(times, Some(1.0)), (1, 1), Lengths::Packets, stated)
        };
        assert_eq!(of(&[0.0, 1.0, 2.0], 0.0), (true, 3000));
        assert_eq!(of(&[10.0, 11.01, 12.0], 10.0), (true, 2000 + 1000));
        assert_eq!(of(&[0.0, 1.06, 2.0], 0.0), (false, 3000), "a clock that is late now and then");
        assert_eq!(of(&[0.4, 1.4, 2.4], 0.0), (false, 3400), "sound begins before the picture");
        assert_eq!(of(&[-0.01, 0.99, 1.99], -0.01), (true, 2990), "an encoder's delay");
    }

    #[test]
    fn a_last_frame_lasts_as_long_as_the_file_states() {
        let times = packets(&[0.0, 0.05, 1.05, 2.05], None);
        let fragments = Stated { lasting_s: Some(2.15), file_lasting_s: Some(9.0), ..Stated::default() };
        assert_eq!(pace(&times, (1, 1), Lengths::Fragments, fragments), (false, 2150));
        let table = Stated { start_s: Some(0.0), lasting_s: Some(4.5), ..Stated::default() };
        assert_eq!(pace(&times, (1, 1), Lengths::Table, table), (false, 4500));
        // Matroska: the packet's duration, but no longer than the file's.
        let packets = packets(&[0.0, 1.0, 2.0], Some(1.3));
        let of_file = |lasting| Stated { file_lasting_s: Some(lasting), ..Stated::default() };
        assert_eq!(pace(&packets, (1, 1), Lengths::Packets, of_file(2.5)).1, 2500);
        assert_eq!(pace(&packets, (1, 1), Lengths::Packets, of_file(60.0)).1, 3300);
        assert_eq!(pace(&packets, (1, 1), Lengths::Packets, of_file(0.5)).1, 3300);
    }

    #[test]
    fn a_last_frame_can_last_for_minutes_if_two_statements_agree_or_a_fragment_states_it() {
        let slides = packets(&[0.0, 120.0], Some(120.0));
        let of_file = |lasting| Stated { file_lasting_s: lasting, ..Stated::default() };
        assert_eq!(pace(&slides, (1, 120), Lengths::Packets, of_file(Some(240.0))), (true, 240_000));
        assert_eq!(pace(&slides, (1, 120), Lengths::Packets, of_file(Some(200.0))), (false, 130_000));
        assert_eq!(pace(&slides, (1, 120), Lengths::Packets, of_file(None)), (false, 130_000));
        let fragments = |until| Stated { lasting_s: Some(until), ..Stated::default() };
        assert_eq!(pace(&slides, (1, 120), Lengths::Fragments, fragments(240.0)), (true, 240_000));
        assert_eq!(pace(&slides, (1, 120), Lengths::Fragments, fragments(7200.0)), (false, 130_000));
    }

    #[test]
    fn a_guessed_duration_of_the_last_frame_is_ignored() {
        let mut times = packets(&[0.0, 1.06, 2.06, 3.06], None);
        times[3].lasting_s = Some(1.0);
        let heard = |end| Stated { sound_end_s: end, ..Stated::default() };
        assert_eq!(pace(&times, (1, 1), Lengths::Packets, heard(Some(3.36))), (false, 3360));
        for end in [None, Some(2.0), Some(30.0), Some(f64::NAN)] {
            assert_eq!(pace(&times, (1, 1), Lengths::Packets, heard(end)), (false, 3105), "{end:?}");
        }
        // A duration that ends before the last frame is ignored too; a table's is used, even for a slide of a minute.
        for (lasting_s, end_ms) in [(Some(1.0), 3105), (None, 3105), (Some(63.06), 63_060)] {
            let stated = Stated { lasting_s, start_s: Some(0.0), ..Stated::default() };
            assert_eq!(pace(&times, (1, 1), Lengths::Table, stated).1, end_ms, "{lasting_s:?}");
        }
    }

    #[test]
    fn one_frame_has_no_pace_and_slow_is_below_film_rate() {
        let one = packets(&[0.0], Some(1.0));
        let rate = |frames, seconds| FrameRate::new(frames, seconds).expect("positive");
        assert_eq!(Pace::of(&one, rate(1, 1), Lengths::Packets, Stated::default()), None);
        assert_eq!(Pace::of(&[], rate(1, 1), Lengths::Packets, Stated::default()), None);
        assert!(Pace::is_slow(rate(1, 5)) && Pace::is_slow(rate(12, 1)) && !Pace::is_slow(rate(25, 2)));
    }
}
