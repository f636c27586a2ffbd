//! When the pictures of a slow video are shown: a screen that is drawn on once a second, slides, a door camera.
//!
//! A frame may be shown for seconds there, so that what a header or a demuxer guesses of it is off by as much. Every time
//! is looked at instead: whether frames keep to steps of the rate, and when the last one ends.

use super::{Packet, Survey};
use crate::av::facts::{FrameRate, Probe};

/// Below this a step is longer than two frames of a film: to the nearest step is too far, in frames a second.
const SLOW: f64 = 12.5;

/// How far from its step a frame may be shown, in seconds.
const OFF_STEP: f64 = 0.02;

/// Most that a last frame is believed to stay where no table says it, in seconds.
const LONGEST_LAST: f64 = 10.0;

/// How long a last frame stays at least, in seconds: a little more than a step of a film, so that it is seen.
const SHORTEST_LAST: f64 = 0.045;

/// What a file says beside its packets, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stated {
    /// When the first packet of any stream is shown.
    pub file_start_s: Option<f64>,
    /// How long the whole file lasts.
    pub file_lasting_s: Option<f64>,
    /// When the first frame is shown.
    pub start_s: Option<f64>,
    /// How long the picture lasts; in a fragmented file until when it is decoded.
    pub lasting_s: Option<f64>,
    /// How long it is until the last sound ends, by its packets.
    pub sound_end_s: Option<f64>,
}

/// Where a file says how long its frames stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lengths {
    /// A table of all samples (MP4): the picture's length is exact.
    Table,
    /// Fragments (MP4), each with a table of its samples.
    Fragments,
    /// With each packet, or nowhere (Matroska, Flash video).
    Packets,
}

/// When the frames of a slow video are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Whether every frame begins, and the last one ends, at a step of the rate from the file's start.
    pub even: bool,
    /// When the last frame ends, in milliseconds from the file's start.
    pub end_ms: u64,
}

impl Pace {
    /// Whether a rate is so slow that frames have to be looked at.
    #[must_use]
    pub fn is_slow(rate: FrameRate) -> bool {
        rate.per_second() < SLOW
    }

    /// From all packets of the picture. `None` of fewer than two frames, and where times are no times.
    #[must_use]
    pub fn of(packets: &[Packet], rate: FrameRate, lengths: Lengths, stated: Stated) -> Option<Self> {
        let mut shown: Vec<f64> = packets.iter().filter_map(|packet| packet.shown_s.or(packet.decoded_s)).collect();
        shown.sort_by(f64::total_cmp);
        let [first, .., last] = shown[..] else { return None };
        // A little before 0 lies what an encoder's delay is; time begins at 0 then.
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
        // A table is exact, however long the last of some slides stays; how long a file may be is limited elsewhere.
        let exact = |end: &f64| lengths == Lengths::Table && *end >= last;
        let end = end.filter(|end| exact(end) || believed(end)).unwrap_or_else(|| {
            let of_file = stated.file_lasting_s.map(|lasting| zero + lasting).filter(believed);
            // A file that says it says it of every frame: later ones have a length that ffmpeg guesses.
            if packets.iter().all(|packet| packet.lasting_s.is_some()) {
                let lasting = packets.iter().max_by(|one, other| f64::total_cmp(&at(one), &at(other)));
                let end = last + lasting.and_then(|packet| packet.lasting_s).unwrap_or(0.0).clamp(0.0, LONGEST_LAST);
                return of_file.map_or(end, |of_file| end.min(of_file));
            }
            // Nobody says how long the last frame stays: as long as there is something to hear.
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
    /// Takes what was seen of a slow video. Of a file that was surveyed, the length of the whole follows.
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

/// When a packet is shown.
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
    fn a_frame_a_second_is_even_only_from_the_start_to_the_end() {
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
    fn a_last_frame_stays_as_long_as_the_file_says() {
        let times = packets(&[0.0, 0.05, 1.05, 2.05], None);
        let fragments = Stated { lasting_s: Some(2.15), file_lasting_s: Some(9.0), ..Stated::default() };
        assert_eq!(pace(&times, (1, 1), Lengths::Fragments, fragments), (false, 2150));
        let table = Stated { start_s: Some(0.0), lasting_s: Some(4.5), ..Stated::default() };
        assert_eq!(pace(&times, (1, 1), Lengths::Table, table), (false, 4500));
        // Matroska: what each packet says, but no longer than the whole.
        let packets = packets(&[0.0, 1.0, 2.0], Some(1.3));
        let of_file = |lasting| Stated { file_lasting_s: Some(lasting), ..Stated::default() };
        assert_eq!(pace(&packets, (1, 1), Lengths::Packets, of_file(2.5)).1, 2500);
        assert_eq!(pace(&packets, (1, 1), Lengths::Packets, of_file(60.0)).1, 3300);
        assert_eq!(pace(&packets, (1, 1), Lengths::Packets, of_file(0.5)).1, 3300);
    }

    #[test]
    fn a_length_that_was_guessed_on_the_way_is_not_believed() {
        let mut times = packets(&[0.0, 1.06, 2.06, 3.06], None);
        times[3].lasting_s = Some(1.0);
        let heard = |end| Stated { sound_end_s: end, ..Stated::default() };
        assert_eq!(pace(&times, (1, 1), Lengths::Packets, heard(Some(3.36))), (false, 3360));
        for end in [None, Some(2.0), Some(30.0), Some(f64::NAN)] {
            assert_eq!(pace(&times, (1, 1), Lengths::Packets, heard(end)), (false, 3105), "{end:?}");
        }
        // Nor is a length that ends before the last frame; a table's is, if a slide stays for a minute.
        for (lasting_s, end_ms) in [(Some(1.0), 3105), (None, 3105), (Some(63.06), 63_060)] {
            let stated = Stated { lasting_s, start_s: Some(0.0), ..Stated::default() };
            assert_eq!(pace(&times, (1, 1), Lengths::Table, stated).1, end_ms, "{lasting_s:?}");
        }
    }

    #[test]
    fn one_frame_has_no_pace_and_slow_is_below_a_film() {
        let one = packets(&[0.0], Some(1.0));
        let rate = |frames, seconds| FrameRate::new(frames, seconds).expect("positive");
        assert_eq!(Pace::of(&one, rate(1, 1), Lengths::Packets, Stated::default()), None);
        assert_eq!(Pace::of(&[], rate(1, 1), Lengths::Packets, Stated::default()), None);
        assert!(Pace::is_slow(rate(1, 5)) && Pace::is_slow(rate(12, 1)) && !Pace::is_slow(rate(25, 2)));
    }
}
