//! Writes the master playlist.

use crate::{av::FrameRate, image::Size};
use std::fmt::Write as _;

/// One rung, as listed for players.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// File name of its media playlist.
    pub playlist: String,
    /// Its `CODECS` string (RFC 6381).
    pub codecs: String,
    /// Width and height in pixels.
    pub size: Size,
    /// Frame rate in frames per second.
    pub frame_rate: FrameRate,
    /// Peak segment bit rate, in bits per second.
    pub peak_bit_rate: u64,
    /// Average bit rate, in bits per second.
    pub average_bit_rate: u64,
    /// Its I-frame playlist.
    pub keyframes: Keyframes,
}

/// The I-frame playlist of a rung, from which players show thumbnails while the user seeks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyframes {
    /// File name of the playlist.
    pub playlist: String,
    /// Peak bit rate, in bits per second of playing time.
    pub peak_bit_rate: u64,
    /// Average bit rate, in bits per second of playing time.
    pub average_bit_rate: u64,
}

/// The audio that every rung uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioRendition {
    /// File name of its media playlist.
    pub playlist: String,
    /// Its `CODECS` string (RFC 6381).
    pub codecs: String,
    /// Number of channels.
    pub channels: u32,
    /// Language code from the source, if any.
    pub language: Option<String>,
    /// Peak segment bit rate, in bits per second.
    pub peak_bit_rate: u64,
    /// Average bit rate, in bits per second.
    pub average_bit_rate: u64,
}

/// `GROUP-ID` of the audio.
const GROUP: &str = "audio";

/// Two seconds of this, in bits per second, arrive in 1.25 s on a connection of 0.8 Mb/s: a first segment is larger
/// than others of its length, and players leave a rung again that takes nearly all of the bandwidth.
const START_BIT_RATE: u64 = 500_000;

/// Writes the master playlist: first the rung that players should start with ([`start_of`]), then the others in their
/// order. Rates include the audio (RFC 8216, 4.3.4.2).
#[must_use]
pub fn master_playlist(variants: &[Variant], audio: Option<&AudioRendition>) -> String {
    // The media playlists' EXT-X-MAP needs version 6 (RFC 8216, 7); ffmpeg's muxer declares 7 for them.
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    if let Some(audio) = audio {
        let language = audio.language.as_deref().filter(|language| is_plain(language));
        let name = language.unwrap_or(GROUP);
        write!(text, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{GROUP}\",NAME=\"{name}\"").expect(INFALLIBLE);
        if let Some(language) = language {
            write!(text, ",LANGUAGE=\"{language}\"").expect(INFALLIBLE);
        }
        let AudioRendition { playlist, channels, .. } = audio;
        writeln!(text, ",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{playlist}\"").expect(INFALLIBLE);
    }
    let (peak, average) = audio.map_or((0, 0), |audio| (audio.peak_bit_rate, audio.average_bit_rate));
    let (before, from) = variants.split_at(start_of(variants, audio));
    let (first, after) = from.split_at(from.len().min(1));
    for variant in [first, before, after].into_iter().flatten() {
        let Variant { playlist, codecs, size, frame_rate, peak_bit_rate, average_bit_rate, .. } = variant;
        let codecs = audio.map_or_else(|| codecs.clone(), |audio| format!("{codecs},{}", audio.codecs));
        write!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{codecs}\",RESOLUTION={}x{},FRAME-RATE={:.3}",
            peak_bit_rate + peak,
            average_bit_rate + average,
            size.width,
            size.height,
            frame_rate.per_second(),
        )
        .expect(INFALLIBLE);
        if audio.is_some() {
            write!(text, ",AUDIO=\"{GROUP}\"").expect(INFALLIBLE);
        }
        write!(text, "\n{playlist}\n").expect(INFALLIBLE);
    }
    for Variant { codecs, size: Size { width, height }, keyframes, .. } in variants {
        let Keyframes { playlist, peak_bit_rate, average_bit_rate } = keyframes;
        writeln!(
            text,
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak_bit_rate},AVERAGE-BANDWIDTH={average_bit_rate},\
             CODECS=\"{codecs}\",RESOLUTION={width}x{height},URI=\"{playlist}\"",
        )
        .expect(INFALLIBLE);
    }
    text
}

/// Index of the variant to list first, since players start with it: the highest rate that a slow connection carries
/// together with the audio, else the lowest rate. Only the first variant's codec is considered, since every player
/// supports that one.
#[must_use]
pub fn start_of(variants: &[Variant], audio: Option<&AudioRendition>) -> usize {
    let bit_rate = START_BIT_RATE.saturating_sub(audio.map_or(0, |audio| audio.average_bit_rate));
    let codec = |variant: &Variant| variant.codecs.split('.').next().map(str::to_owned);
    let everywhere = variants.first().and_then(codec);
    let playable = variants.iter().enumerate().filter(|(_, variant)| codec(variant) == everywhere);
    let by_rate = |variant: &Variant| match variant.average_bit_rate {
        carried if carried <= bit_rate => (true, carried),
        over => (false, u64::MAX - over),
    };
    playable.max_by_key(|(_, variant)| by_rate(variant)).map_or(0, |(index, _)| index)
}

const INFALLIBLE: &str = "writing to a String cannot fail";

/// Returns whether a text is safe in a quoted attribute. A probe only yields such texts, but a plan could hold others.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}
