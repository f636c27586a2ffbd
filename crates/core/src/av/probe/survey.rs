//! How long a file plays, by its packets: what a header claims, or a bit rate makes one guess, may be anything.

use std::collections::BTreeMap;

/// How the packets of a container tell the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Nothing but sound or picture, one packet behind the other: only how long each lasts counts. What times such a
    /// file has, it has from a parser (an old encoder's FLAC seems to last for days).
    Lengths,
    /// Times may begin anew on the way, as where recordings were joined. A jump is no pause, as ffmpeg sees it.
    Restarting,
    /// Times count, and where nothing is there is a pause.
    Times,
}

impl Clock {
    /// The clock of a container, by ffmpeg's name.
    #[must_use]
    pub fn of(container: &str) -> Self {
        match container {
            "mp3" | "aac" | "ac3" | "eac3" | "dts" | "flac" | "wav" | "w64" | "aiff" | "caf" | "amr" | "au" | "tta"
            | "wv" | "mpegvideo" | "nistsphere" | "gsm" => Self::Lengths,
            "ogg" | "mpegts" | "mpeg" => Self::Restarting,
            _ => Self::Times,
        }
    }
}

/// Longest time without any packet of picture or sound that is a pause, in seconds. What comes after a longer one is
/// not reached: a few bytes could otherwise ask for hours of repeated frames and of silence.
const LONGEST_PAUSE: f64 = 600.0;

/// Longest that a packet lasts, in seconds: a frame of a slow screen.
const LONGEST_PACKET: f64 = 10.0;

/// Jumps by which a time begins anew, in seconds: ffmpeg's own (`-dts_delta_threshold`, and what it allows backwards).
const JUMP_ON: f64 = 10.0;
const JUMP_BACK: f64 = 0.1;

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Packet {
    /// Index of its stream.
    pub stream: u32,
    /// When it is shown, in seconds.
    pub shown_s: Option<f64>,
    /// When it is decoded, in seconds.
    pub decoded_s: Option<f64>,
    /// How long it lasts, in seconds.
    pub lasting_s: Option<f64>,
}

/// What packets say, read one by one in the file's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    clock: Clock,
    /// What is added to times that began anew.
    offset: f64,
    start: Option<f64>,
    end: f64,
    interrupted: bool,
    streams: BTreeMap<u32, PacketTimes>,
}

/// One stream's packets.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct PacketTimes {
    /// All its packets, one behind the other.
    lasting: f64,
    /// Where the last one ends.
    end: f64,
    /// How long the last packet lasts.
    last_lasting: f64,
    /// How many there are.
    packets: u64,
    /// When the last one is shown that does not say how long.
    unstated: Option<f64>,
    /// When the next packet is due to be decoded, and when the last one was.
    due: Option<f64>,
    last: f64,
}

impl PacketTimes {
    /// How long a packet lasts that does not say so, where nothing else tells the time: as the one before it did, which is
    /// known now. With the second one the first is counted too.
    fn unstated(&mut self, shown_s: Option<f64>, clock: Clock) -> Option<f64> {
        if clock != Clock::Lengths {
            return None;
        }
        let (shown, before) = (shown_s.filter(|time| time.is_finite())?, self.unstated);
        self.unstated = Some(shown);
        let step = before.map(|before| shown - before).filter(|step| (0.0..=LONGEST_PACKET).contains(step))?;
        if self.packets == 1 {
            self.lasting += step;
        }
        Some(step)
    }
}

impl Survey {
    /// Of a container with this clock.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        Self { clock, offset: 0.0, start: None, end: 0.0, interrupted: false, streams: BTreeMap::new() }
    }

    /// Adds the next packet.
    pub fn add(&mut self, packet: Packet) {
        let finite = |time: Option<f64>| time.filter(|time| time.is_finite());
        if self.interrupted {
            return;
        }
        let course = self.streams.entry(packet.stream).or_default();
        let stated = finite(packet.lasting_s).filter(|lasting| *lasting > 0.0);
        let lasting = stated.or_else(|| course.unstated(packet.shown_s, self.clock));
        let lasting = lasting.map_or(0.0, |lasting| lasting.clamp(0.0, LONGEST_PACKET));
        course.lasting += lasting;
        course.last_lasting = lasting;
        course.packets += 1;
        let Some(shown) = finite(packet.shown_s).or(finite(packet.decoded_s)) else { return };
        if self.clock == Clock::Restarting {
            let decoded = finite(packet.decoded_s).unwrap_or(shown) + self.offset;
            if let Some(due) =
                course.due.filter(|due| (decoded - due).abs() > JUMP_ON || decoded + JUMP_BACK < course.last)
            {
                self.offset += due - decoded;
            }
            let decoded = finite(packet.decoded_s).unwrap_or(shown) + self.offset;
            (course.due, course.last) = (Some(decoded + lasting), decoded);
        }
        let (from, until) = (shown + self.offset, shown + self.offset + lasting);
        match self.start {
            None => (self.start, self.end) = (Some(from), until),
            Some(_) if self.clock == Clock::Times && from > self.end + LONGEST_PAUSE => {
                self.interrupted = true;
                return;
            }
            Some(start) => (self.start, self.end) = (Some(start.min(from)), self.end.max(until)),
        }
        course.end = course.end.max(until);
    }

    /// How long everything plays, in milliseconds: to the end of the last packet before any gap.
    #[must_use]
    pub fn ms(&self) -> u64 {
        match self.clock {
            Clock::Lengths => self.streams.values().map(|course| milliseconds(course.lasting)).max().unwrap_or(0),
            Clock::Restarting | Clock::Times => self.start.map_or(0, |start| milliseconds(self.end - start)),
        }
    }

    /// How long it is until a stream ends, in milliseconds; none where it has no packet.
    #[must_use]
    pub fn stream_ms(&self, stream: u32) -> Option<u64> {
        let course = self.streams.get(&stream)?;
        Some(match self.clock {
            Clock::Lengths => milliseconds(course.lasting),
            Clock::Restarting | Clock::Times => self.start.map_or(0, |start| milliseconds(course.end - start)),
        })
    }

    /// Whether a picture's packets last no time to speak of, at so many frames a second: whether their container tells
    /// nothing of it, or a tick of its clock.
    #[must_use]
    pub fn lasts_no_time(&self, stream: u32, frames_a_second: f64) -> bool {
        self.streams.get(&stream).is_some_and(|course| course.last_lasting * frames_a_second < 0.5)
    }

    /// How many packets a stream has.
    #[must_use]
    pub fn packets(&self, stream: u32) -> u64 {
        self.streams.get(&stream).map_or(0, |course| course.packets)
    }

    /// Whether packets follow after more time than any pause lasts.
    #[must_use]
    pub const fn is_interrupted(&self) -> bool {
        self.interrupted
    }
}

fn milliseconds(seconds: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; it saturates")]
    let ms = (seconds * 1000.0).round() as u64;
    ms
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of packets of 40 ms at these times, each of a stream.
    fn survey(clock: Clock, times_s: impl IntoIterator<Item = (u32, f64)>) -> Survey {
        let mut survey = Survey::new(clock);
        for (stream, time) in times_s {
            survey.add(Packet { stream, shown_s: Some(time), decoded_s: Some(time), lasting_s: Some(0.04) });
        }
        survey
    }

    fn span(times_s: &[f64]) -> (u64, bool) {
        let survey = survey(Clock::Times, times_s.iter().map(|&time| (0, time)));
        (survey.ms(), survey.is_interrupted())
    }

    #[test]
    fn times_count_from_the_first_packet_to_the_last_before_a_gap() {
        assert_eq!(span(&[]), (0, false));
        assert_eq!(span(&[3600.0, 3600.08, 3600.04]), (120, false));
        assert_eq!(span(&[0.0, 0.04, 14_000.0, 14_000.04]), (80, true));
        assert_eq!(span(&[0.0, 300.0, f64::NAN]), (300_040, false));
    }

    #[test]
    fn of_a_sound_alone_only_the_lengths_of_packets_count() {
        let survey = survey(Clock::Lengths, [(0, 0.0), (0, 117_483.0), (0, 12.0)]);
        assert_eq!((survey.ms(), survey.stream_ms(0), survey.stream_ms(1)), (120, Some(120), None));
        assert_eq!((survey.packets(0), survey.packets(1)), (3, 0));
    }

    #[test]
    fn packets_of_a_sound_alone_that_do_not_say_how_long_they_last_last_until_the_next() {
        // ALAC and Opus in CAF.
        let mut survey = Survey::new(Clock::Lengths);
        for packet in 0..50 {
            survey.add(Packet { shown_s: Some(f64::from(packet) * 0.02), ..Packet::default() });
        }
        assert_eq!((survey.ms(), survey.stream_ms(0)), (1000, Some(1000)));
        survey.add(Packet { shown_s: Some(117_483.0), ..Packet::default() });
        assert_eq!(survey.ms(), 1000);
    }

    #[test]
    fn times_that_begin_anew_go_on() {
        let part = |from: u32| (from..from + 50).map(|frame| (0, f64::from(frame) * 0.04));
        // Two recordings of two seconds, one behind the other; the second from 0, and from an hour later.
        assert_eq!(survey(Clock::Restarting, part(0).chain(part(0))).ms(), 4000);
        assert_eq!(survey(Clock::Restarting, part(0).chain(part(90_000))).ms(), 4000);
        assert_eq!(survey(Clock::Restarting, part(90_000)).ms(), 2000);
        // A pause of five seconds is one.
        assert_eq!(survey(Clock::Restarting, part(0).chain(part(175))).ms(), 9000);
    }

    #[test]
    fn streams_that_begin_anew_together_stay_together() {
        let part = || (0..50).flat_map(|frame| [(0, f64::from(frame) * 0.04), (1, f64::from(frame) * 0.04)]);
        let survey = survey(Clock::Restarting, part().chain(part()));
        assert_eq!((survey.ms(), survey.stream_ms(0), survey.stream_ms(1)), (4000, Some(4000), Some(4000)));
    }

    #[test]
    fn a_packet_that_claims_to_last_for_hours_lasts_seconds() {
        let mut survey = Survey::new(Clock::Lengths);
        survey.add(Packet { lasting_s: Some(7200.0), ..Packet::default() });
        assert_eq!(survey.ms(), 10_000);
        assert!(!survey.lasts_no_time(0, 25.0) && !survey.lasts_no_time(1, 25.0));
        survey.add(Packet { lasting_s: Some(0.001), ..Packet::default() });
        assert!(survey.lasts_no_time(0, 25.0) && !survey.lasts_no_time(0, 1000.0));
    }
}
