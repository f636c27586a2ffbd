//! Measures how long a file plays from its packets, since a header's claim or a bit-rate guess may be wrong.

mod stated;

pub use stated::StatedPicture;
use std::collections::BTreeMap;

/// Interpretation of a container's packet times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// One stream whose packets follow each other: only their durations count. Any times come from a parser and are
    /// unreliable (FLAC of an old encoder seems to last for days).
    Lengths,
    /// Times may restart midway, as in joined recordings. A jump is not a pause, as in ffmpeg.
    Restarting,
    /// Times count, and a gap is a pause.
    Times,
}

impl Clock {
    /// The clock of a container, given ffmpeg's name for it.
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

/// Longest gap without audio or video packets that is kept, in seconds. Content after a longer one is left out;
/// otherwise a few bytes could request hours of repeated frames and silence.
const LONGEST_PAUSE: f64 = 600.0;

/// Longest accepted packet duration, in seconds: a frame of a slow screen.
const LONGEST_PACKET: f64 = 10.0;

/// Jumps that mean that times restarted, in seconds: ffmpeg's own limits (`-dts_delta_threshold`, and its tolerance
/// backwards).
const JUMP_ON: f64 = 10.0;
const JUMP_BACK: f64 = 0.1;

/// Part of the time in which steps may differ from the stated rate: dropped frames, but not a varying rate.
const MOST_UNEVEN: f64 = 0.05;

/// Longest step between frames, in frames of the stated rate; a longer one is a pause.
const LONGEST_STEP: f64 = 5.0;

/// Largest difference of a step from the stated rate's, in seconds: one tick of a millisecond clock on each side.
const TICK: f64 = 0.0021;

/// Largest step back in time if times count, in seconds: a demuxer's guess may be off by some frames. Packets further
/// back repeat times that have passed.
const STEP_BACK: f64 = 1.0;

/// One packet of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Packet {
    /// Index of its stream.
    pub stream: u32,
    /// Presentation time, in seconds.
    pub shown_s: Option<f64>,
    /// Decoding time, in seconds.
    pub decoded_s: Option<f64>,
    /// Duration, in seconds.
    pub lasting_s: Option<f64>,
}

/// Accumulates packets one by one, in the file's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    clock: Clock,
    /// Added to times that restarted.
    offset: f64,
    start: Option<f64>,
    end: f64,
    interrupted: bool,
    /// End reached when times first went back.
    went_back: Option<f64>,
    streams: BTreeMap<u32, PacketTimes>,
    picture: Option<StatedPicture>,
}

/// Accumulated packets of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct PacketTimes {
    /// Sum of all packet durations.
    lasting: f64,
    /// End of the last packet.
    end: Option<f64>,
    /// End of the last packet before the stream pauses for longer than [`LONGEST_PAUSE`].
    paused: Option<f64>,
    /// Duration of the last packet.
    last_lasting: f64,
    /// Number of packets.
    packets: u64,
    /// Presentation time of the last packet without a duration.
    unstated: Option<f64>,
    /// Expected decoding time of the next packet; for [`Clock::Times`], the latest decoding time.
    due: Option<f64>,
    /// Decoding time of the last packet; only for [`Clock::Restarting`].
    last: f64,
    /// Sum of the steps between packets, without pauses, and of those that differ from the stated rate's, in seconds.
    steps: f64,
    uneven_steps: f64,
}

impl PacketTimes {
    /// Duration of a packet that does not state it, if no other time counts: the step from the previous one. The second
    /// packet also adds the first one's.
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

impl PacketTimes {
    /// Adds the step from one packet to the next.
    fn take_step(&mut self, step: f64, rate: f64) {
        if !(0.0..=LONGEST_STEP / rate).contains(&step) {
            return;
        }
        self.steps += step;
        self.uneven_steps += if (step - 1.0 / rate).abs() > TICK { step } else { 0.0 };
    }
}

impl Survey {
    /// A survey for a container with this clock.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        Self {
            clock,
            offset: 0.0,
            start: None,
            end: 0.0,
            interrupted: false,
            went_back: None,
            streams: BTreeMap::new(),
            picture: None,
        }
    }

    /// Adds what the header states about the picture.
    #[must_use]
    pub fn with_picture(self, picture: Option<StatedPicture>) -> Self {
        Self { picture: picture.filter(|_| self.clock == Clock::Times), ..self }
    }

    /// Adds the next packet.
    pub fn add(&mut self, packet: Packet) {
        let finite = |time: Option<f64>| time.filter(|time| time.is_finite());
        let stated = finite(packet.lasting_s).filter(|lasting| *lasting > 0.0);
        let shown = finite(packet.shown_s).or(finite(packet.decoded_s));
        let picture = self.picture.filter(|picture| picture.stream == packet.stream);
        let start = self.start.or(shown).unwrap_or_default();
        let longest_pause =
            picture.zip(shown).map_or(LONGEST_PAUSE, |(picture, at)| picture.longest_pause_s(at - start));
        let until = shown.zip(stated).map(|(shown, lasting)| shown + lasting - start);
        let is_covered = picture.zip(until).is_some_and(|(picture, until)| picture.covers(until));
        let times = self.streams.entry(packet.stream).or_default();
        // In a table, a packet lasts until the next one; a long duration is thus a pause.
        let is_pause = |lasting: f64| self.clock == Clock::Times && lasting > longest_pause;
        let before = if times.packets == 0 { LONGEST_PACKET } else { times.last_lasting };
        let stated = stated.map(|lasting| if is_pause(lasting) { before } else { lasting });
        let lasting = stated.or_else(|| times.unstated(packet.shown_s, self.clock));
        let longest = if is_covered { longest_pause } else { LONGEST_PACKET };
        let lasting = lasting.map_or(0.0, |lasting| lasting.clamp(0.0, longest));
        times.lasting += lasting;
        times.last_lasting = lasting;
        times.packets += 1;
        let Some(shown) = shown else { return };
        if self.clock == Clock::Restarting {
            let decoded = finite(packet.decoded_s).unwrap_or(shown) + self.offset;
            if let Some(due) =
                times.due.filter(|due| (decoded - due).abs() > JUMP_ON || decoded + JUMP_BACK < times.last)
            {
                self.offset += due - decoded;
            }
            let decoded = finite(packet.decoded_s).unwrap_or(shown) + self.offset;
            (times.due, times.last) = (Some(decoded + lasting), decoded);
        }
        let (from, until) = (shown + self.offset, shown + self.offset + lasting);
        if self.clock == Clock::Times {
            let decoded = finite(packet.decoded_s);
            if times.due.is_some_and(|last| decoded.unwrap_or(shown) + STEP_BACK < last) {
                self.went_back.get_or_insert(self.end);
                return;
            }
            // The first packets of Matroska have no decoding time, and may be shown after later ones.
            if let Some(decoded) = decoded {
                if let Some((picture, last)) = picture.zip(times.due) {
                    times.take_step(decoded - last, picture.rate);
                }
                times.due = Some(times.due.map_or(decoded, |last| last.max(decoded)));
            }
        }
        // A stream that starts this late counts as paused from the start.
        let silent_since = times.end.or(self.start).filter(|end| from > end + longest_pause);
        if self.clock == Clock::Times
            && let Some(end) = silent_since
        {
            times.paused.get_or_insert(end);
        }
        match self.start {
            None => (self.start, self.end) = (Some(from), until),
            Some(_) if self.clock == Clock::Times && from > self.end + longest_pause => {
                self.interrupted = true;
                return;
            }
            Some(start) => (self.start, self.end) = (Some(start.min(from)), self.end.max(until)),
        }
        times.end = Some(times.end.map_or(until, |end| end.max(until)));
    }

    /// Total duration in milliseconds: to the end of the last packet before any overlong pause.
    #[must_use]
    pub fn ms(&self) -> u64 {
        match self.clock {
            Clock::Lengths => self.streams.values().map(|times| milliseconds(times.lasting)).max().unwrap_or(0),
            Clock::Restarting | Clock::Times => self.start.map_or(0, |start| milliseconds(self.end - start)),
        }
    }

    /// End of a stream, in milliseconds from the file's start; `None` if it has no packets.
    #[must_use]
    pub fn stream_ms(&self, stream: u32) -> Option<u64> {
        let times = self.streams.get(&stream)?;
        Some(match self.clock {
            Clock::Lengths => milliseconds(times.lasting),
            Clock::Restarting | Clock::Times => {
                self.start.zip(times.end).map_or(0, |(start, end)| milliseconds(end - start))
            }
        })
    }

    /// Start of a stream's first overlong pause, in milliseconds; 0 if the stream starts too late.
    #[must_use]
    pub fn paused_ms(&self, stream: u32) -> Option<u64> {
        let paused = self.streams.get(&stream)?.paused?;
        self.start.map(|start| milliseconds(paused - start))
    }

    /// Returns whether a video stream's packets have almost no duration at this frame rate: the container states none,
    /// or one tick of its clock.
    #[must_use]
    pub fn lasts_no_time(&self, stream: u32, frames_a_second: f64) -> bool {
        self.streams.get(&stream).is_some_and(|times| times.last_lasting * frames_a_second < 0.5)
    }

    /// Time at which timestamps first went back, in milliseconds.
    #[must_use]
    pub fn went_back_ms(&self) -> Option<u64> {
        let (start, went_back) = self.start.zip(self.went_back)?;
        Some(milliseconds(went_back - start))
    }

    /// Returns whether a stated rate is only an average: many of the picture's packets do not follow each other at it.
    #[must_use]
    pub fn is_uneven(&self, stream: u32) -> bool {
        self.streams.get(&stream).is_some_and(|times| times.uneven_steps > times.steps * MOST_UNEVEN)
    }

    /// Number of packets of a stream.
    #[must_use]
    pub fn packets(&self, stream: u32) -> u64 {
        self.streams.get(&stream).map_or(0, |times| times.packets)
    }

    /// The longest gap that is kept, in milliseconds: a file shorter than this cannot contain a longer one.
    #[must_use]
    pub const fn longest_pause_ms(silent: bool) -> u64 {
        if silent { 3_600_000 } else { 600_000 }
    }

    /// Returns whether packets follow after an overlong pause.
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
mod tests;
