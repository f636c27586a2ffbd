//! Parses ffprobe's report into a [`Probe`]. All text in it comes from the file and is untrusted.

mod pace;
mod report;
mod survey;
mod text;
mod timing;
mod video;

use super::facts::{AudioStream, Chapter, Probe, Surveyed, Tags};
use crate::error::{ErrorCode, Refusal};
pub use pace::{Lengths, Pace, Stated};
use report::{Kind, Report, Stream};
pub use survey::{Clock, Packet, StatedPicture, Survey};
use text::{shown, word};
pub use timing::Timing;
pub use video::Shape;

/// Most chapters kept.
const MAX_CHAPTERS: usize = 200;

/// Longest accepted time in seconds: ten years. Longer ones count as not given.
const MAX_SECONDS: f64 = 315_360_000.0;

impl Probe {
    /// Parses the report of ffprobe 5.1 with `-show_format -show_streams -show_chapters -of json`.
    ///
    /// A file without a decodable stream is refused as unsupported; a file without streams, or text that is not such a
    /// report, as corrupt. `duration_ms` is the container's, else that of the longest stream; it is 0 if neither is
    /// stated, as in a browser's recording in `WebM`. The caller can then measure the file and set it;
    /// [`super::AvLimits::check`] refuses a duration of 0.
    pub fn read(ffprobe_json: &[u8]) -> Result<Self, Refusal> {
        let corrupt = || Refusal::new(ErrorCode::CorruptMedia, "the file cannot be read as video or audio");
        // Texts from a file need not be UTF-8, although JSON requires it.
        let report: Report = serde_json::from_str(&String::from_utf8_lossy(ffprobe_json)).map_err(|_| corrupt())?;
        let format = report.format.as_ref().ok_or_else(corrupt)?;
        let streams = &report.streams;
        if streams.is_empty() {
            return Err(Refusal::new(ErrorCode::CorruptMedia, "the file has only a header"));
        }

        let too_fine = |sound: &Stream| {
            sound.codec_name == "flac" && number(&sound.bits_per_raw_sample).is_some_and(|bits| bits > FLAC_BITS)
        };
        if let Some(sound) = streams.iter().find(|stream| stream.kind == Kind::Audio)
            && too_fine(sound)
        {
            let message = format!("FLAC with more than {FLAC_BITS} bits per sample is not supported");
            return Err(Refusal::new(ErrorCode::UnsupportedMedia, message));
        }
        let video = video::shown(streams);
        let mut audio: Vec<AudioStream> = streams.iter().filter_map(sound).collect();
        let duration_ms = duration_ms(&report);
        let mut video = video.map(video::read).transpose()?;
        if counts_from_zero(&format.name) && duration_ms > 0 {
            let durations = audio.iter_mut().map(|sound| &mut sound.duration_ms);
            for stream_ms in durations.chain(video.iter_mut().map(|video| &mut video.duration_ms)).flatten() {
                *stream_ms = (*stream_ms).min(duration_ms);
            }
        }
        if video.is_none() && audio.is_empty() {
            let message = "the file has neither video nor audio of a known codec";
            return Err(Refusal::new(ErrorCode::UnsupportedMedia, message));
        }
        let declared = u32::try_from(streams.len()).unwrap_or(u32::MAX);
        Ok(Self {
            container: word(format.name.split(',').next().unwrap_or_default()),
            duration_ms,
            delay_us: delay_us(&format.start_time),
            claimed_ms: None,
            cut_off: false,
            surveyed: Surveyed::default(),
            bit_rate: number(&format.bit_rate).unwrap_or_else(|| average_bit_rate(&format.size, duration_ms)),
            streams: format.nb_streams.max(declared),
            video,
            audio,
            cover_stream: streams.iter().find(|stream| stream.disposition.is_cover()).map(|stream| stream.index),
            chapters: chapters(&report),
            tags: tags(&report),
        })
    }
}

/// Most bits per sample that ffmpeg 5.1 decodes. FLAC allows 32 since version 1.4 of its library.
const FLAC_BITS: u64 = 24;

/// An audio stream, if it can be decoded.
fn sound(stream: &Stream) -> Option<AudioStream> {
    let known = stream.kind == Kind::Audio && !stream.codec_name.is_empty();
    let sample_rate_hz = number(&stream.sample_rate).filter(|&rate| rate > 0);
    let sample_rate_hz = sample_rate_hz.and_then(|rate| u32::try_from(rate).ok())?;
    (known && stream.channels > 0).then(|| AudioStream {
        index: stream.index,
        codec: word(&stream.codec_name),
        channels: stream.channels,
        layout: text::layout(&stream.channel_layout),
        sample_rate_hz,
        language: stream.tag("language").and_then(text::language),
        default: stream.disposition.default != 0,
        duration_ms: stream_duration_ms(stream),
    })
}

fn duration_ms(report: &Report) -> u64 {
    // ffprobe computes a duration of days from an all-ones value.
    if report.streams.iter().any(|stream| stream.duration_ts == ALL_ONES) {
        return 0;
    }
    let longest = || report.streams.iter().filter_map(stream_duration_ms).max();
    let whole = report.format.as_ref().and_then(|format| {
        let whole_ms = milliseconds(&format.duration).filter(|&ms| ms > 0)?;
        let late_ms = late_start_ms(&format.start_time);
        // MP4 tracks state their duration without the time before them; the file's may include it or not.
        let with_start = longest().is_some_and(|track_ms| (track_ms + late_ms).abs_diff(whole_ms) < 1000);
        Some(if counts_from_zero(&format.name) || with_start { whole_ms.saturating_sub(late_ms) } else { whole_ms })
    });
    let longest = || {
        let of_file = report.format.as_ref().filter(|format| counts_from_zero(&format.name));
        let late_ms = of_file.map_or(0, |format| late_start_ms(&format.start_time));
        longest().map(|ms| ms.saturating_sub(late_ms))
    };
    whole.filter(|&ms| ms > 0).or_else(longest).unwrap_or(0)
}

/// Value of an unknown duration in live fragments (ISO/IEC 14496-12, 8.2.2).
const ALL_ONES: Option<u64> = Some(u32::MAX as u64);

/// True for containers whose duration ffprobe counts from time 0, not from the first packet.
fn counts_from_zero(container: &str) -> bool {
    matches!(container.split(',').next(), Some("matroska" | "ogg"))
}

/// Start time of a recording that was cut from a longer one. Less than a second is an encoder's delay.
fn late_start_ms(start_time: &str) -> u64 {
    milliseconds(start_time).filter(|&ms| ms >= 1000).unwrap_or(0)
}

/// Encoder delay in microseconds. A start further before 0 is not a delay.
fn delay_us(start_time: &str) -> u32 {
    const LONGEST_S: f64 = 0.1;
    let before = start_time.parse().map_or(0.0, |seconds: f64| -seconds);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was just checked")]
    if (0.0..LONGEST_S).contains(&before) { (before * 1_000_000.0).round() as u32 } else { 0 }
}

fn stream_duration_ms(stream: &Stream) -> Option<u64> {
    match stream.kind {
        Kind::Video if stream.disposition.is_cover() => None,
        // Matroska has no field for it, so muxers write a tag.
        Kind::Video | Kind::Audio => {
            let given = stream.duration_ts != ALL_ONES;
            let known = || milliseconds(&stream.duration).or_else(|| stream.tag("duration").and_then(text::clock_ms));
            given.then(known).flatten()
        }
        Kind::Other => None,
    }
}

fn average_bit_rate(bytes: &str, duration_ms: u64) -> u64 {
    let bits = number(bytes).unwrap_or(0).saturating_mul(8);
    bits.saturating_mul(1000).checked_div(duration_ms).unwrap_or(0)
}

/// A whole number, which ffprobe writes in quotes.
fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// Converts decimal seconds to milliseconds; `None` if negative or longer than [`MAX_SECONDS`].
fn milliseconds(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was just checked")]
    (0.0..=MAX_SECONDS).contains(&seconds).then(|| (seconds * 1000.0).round() as u64)
}

fn chapters(report: &Report) -> Vec<Chapter> {
    let read = |chapter: &report::Chapter| {
        let start_ms = milliseconds(&chapter.start_time)?;
        let end_ms = milliseconds(&chapter.end_time).filter(|&end| end >= start_ms)?;
        Some(Chapter { start_ms, end_ms, title: report::tag(&chapter.tags, "title").and_then(shown) })
    };
    let mut chapters: Vec<Chapter> = report.chapters.iter().filter_map(read).take(MAX_CHAPTERS).collect();
    chapters.sort_by_key(|chapter| chapter.start_ms);
    chapters
}

/// Reads the chosen tags. Ogg keeps them on its stream, other containers on the file.
fn tags(report: &Report) -> Tags {
    let of_file = report.format.as_ref().map(|format| &format.tags);
    let of_sound = report.streams.iter().find(|stream| stream.kind == Kind::Audio).map(|stream| &stream.tags);
    let tag = |names: &[&str]| {
        let places = [of_file, of_sound].into_iter().flatten();
        places.flat_map(|tags| names.iter().filter_map(|name| report::tag(tags, name))).find_map(shown)
    };
    Tags {
        title: tag(&["title"]),
        artist: tag(&["artist", "album_artist"]),
        album: tag(&["album"]),
        track: tag(&["track"]),
        genre: tag(&["genre"]),
        date: tag(&["date", "year"]),
    }
}

#[cfg(test)]
mod tests;
