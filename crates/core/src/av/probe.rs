//! From what ffprobe wrote to a [`Probe`]. Every text in it comes from the file, thus from a stranger.

mod pace;
mod report;
mod survey;
mod text;
mod timing;
mod video;

use super::facts::{AudioStream, Chapter, Probe, Tags};
use crate::error::{ErrorCode, Refusal};
pub use pace::{Lengths, Pace, Stated};
use report::{Kind, Report, Stream};
pub use survey::{Clock, Packet, Survey};
use text::{shown, word};
pub use timing::Timing;
pub use video::Shape;

/// Most chapters that are kept.
const MAX_CHAPTERS: usize = 200;

/// Longest time that is believed, in seconds: ten years. Times beyond are taken as not given.
const MAX_SECONDS: f64 = 315_360_000.0;

impl Probe {
    /// Reads what ffprobe 5.1 writes with `-show_format -show_streams -show_chapters -of json`.
    ///
    /// A file without a stream that can be decoded is refused as unsupported; one without any stream, and a
    /// text that is no such report, as corrupt. `duration_ms` is the container's, else the longest stream's; it is 0
    /// where neither says (a browser's recording in `WebM` does not). Whoever has the file can measure
    /// it then and set it; [`super::AvLimits::check`] refuses what is left at 0.
    pub fn read(ffprobe_json: &[u8]) -> Result<Self, Refusal> {
        let corrupt = || Refusal::new(ErrorCode::CorruptMedia, "the file cannot be read as video or audio");
        // Texts from a file need not be UTF-8, whatever JSON demands.
        let report: Report = serde_json::from_str(&String::from_utf8_lossy(ffprobe_json)).map_err(|_| corrupt())?;
        let format = report.format.as_ref().ok_or_else(corrupt)?;
        let streams = &report.streams;
        if streams.is_empty() {
            return Err(Refusal::new(ErrorCode::CorruptMedia, "the file has nothing but a header"));
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
            let message = "the file has neither a moving picture nor sound of a known codec";
            return Err(Refusal::new(ErrorCode::UnsupportedMedia, message));
        }
        let declared = u32::try_from(streams.len()).unwrap_or(u32::MAX);
        Ok(Self {
            container: word(format.name.split(',').next().unwrap_or_default()),
            duration_ms,
            delay_us: delay_us(&format.start_time),
            claimed_ms: None,
            cut_off: false,
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

/// What ffmpeg 5.1 decodes. The format has 32 since its library's version 1.4.
const FLAC_BITS: u64 = 24;

/// A sound that can be decoded.
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
    // From all ones ffprobe computes days.
    if report.streams.iter().any(|stream| stream.duration_ts == ALL_ONES) {
        return 0;
    }
    let longest = || report.streams.iter().filter_map(stream_duration_ms).max();
    let whole = report.format.as_ref().and_then(|format| {
        let whole_ms = milliseconds(&format.duration).filter(|&ms| ms > 0)?;
        let late_ms = late_start_ms(&format.start_time);
        // MP4's tracks say how long they are without the time before them; the whole is with it or without it.
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

/// How live fragments say that they do not know their duration (ISO/IEC 14496-12, 8.2.2).
const ALL_ONES: Option<u64> = Some(u32::MAX as u64);

/// Containers whose duration ffprobe counts from time 0, wherever the first packet is.
fn counts_from_zero(container: &str) -> bool {
    matches!(container.split(',').next(), Some("matroska" | "ogg"))
}

/// When a recording begins that was cut out of a longer one. Less than a second is an encoder's delay.
fn late_start_ms(start_time: &str) -> u64 {
    milliseconds(start_time).filter(|&ms| ms >= 1000).unwrap_or(0)
}

/// An encoder's delay. What lies further before 0 is no delay.
fn delay_us(start_time: &str) -> u32 {
    const LONGEST_S: f64 = 0.1;
    let before = start_time.parse().map_or(0.0, |seconds: f64| -seconds);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was just checked")]
    if (0.0..LONGEST_S).contains(&before) { (before * 1_000_000.0).round() as u32 } else { 0 }
}

fn stream_duration_ms(stream: &Stream) -> Option<u64> {
    match stream.kind {
        Kind::Video if stream.disposition.is_cover() => None,
        // Matroska has no field for it, so that muxers write a tag.
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

/// A whole number, as ffprobe writes it: in quotes.
fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// Seconds with decimals as milliseconds; none where they are negative or beyond belief.
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

/// The fixed choice of tags. Ogg keeps them on its stream, other containers on the file.
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
