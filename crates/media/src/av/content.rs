//! The media type of a video or audio file, from its first bytes or from those after its tags.

use crate::error::{MediaError, Transient};
use smmu_core::{MediaKind, detect, formats};
use std::{fs::File, os::unix::fs::FileExt as _};

/// Most ID3 tags in a row that are skipped.
const MOST_TAGS: usize = 8;

/// ffmpeg's demuxers by media type, for audio that tools tag like MP3.
const DEMUXERS: &[(&str, &str)] = &[
    ("audio/aac", "aac"),
    ("audio/ac3", "ac3"),
    ("audio/eac3", "eac3"),
    ("audio/vnd.dts", "dts"),
    ("audio/x-flac", "flac"),
    ("audio/x-wav", "wav"),
    ("audio/x-w64", "w64"),
    ("audio/x-aiff", "aiff"),
    ("audio/x-tta", "tta"),
    ("audio/x-wavpack", "wv"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "ogg"),
];

/// What a file contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) media_type: &'static str,
    /// ffmpeg's demuxer, if the file must be opened with it: ffmpeg takes everything after a tag of half a megabyte for
    /// MP3.
    pub(crate) demuxer: Option<&'static str>,
}

impl Content {
    /// Detects the content; refuses everything except video and audio.
    pub(crate) fn detect(file: &File) -> Result<Self, MediaError> {
        let head = head(file, 0)?;
        let (mut behind, mut at) = (head.clone(), 0_u64);
        for _ in 0..MOST_TAGS {
            let Some(bytes) = formats::tag_bytes(&behind) else { break };
            at += bytes;
            behind = self::head(file, at)?;
        }
        let is_other = |found: detect::Format| found.kind == MediaKind::Audio && found.content_type != MPEG_AUDIO;
        let is_tagged = at > 0 && detect::detect(&behind).is_some_and(is_other);
        let decisive = if is_tagged { &behind } else { &head };
        let media_type = detect::known_as(decisive, &[MediaKind::Video, MediaKind::Audio])?.content_type;
        let demuxer = DEMUXERS.iter().find(|(of, _)| is_tagged && *of == media_type).map(|(_, demuxer)| *demuxer);
        Ok(Self { media_type, demuxer })
    }
}

/// The media type that a tag suggests.
const MPEG_AUDIO: &str = "audio/mpeg";

/// The bytes at an offset, as many as [`detect()`] needs.
fn head(file: &File, at: u64) -> Result<Vec<u8>, Transient> {
    let mut head = vec![0; detect::HEAD_BYTES];
    let mut read = 0;
    while read < head.len() {
        match file.read_at(&mut head[read..], at + read as u64).map_err(Transient::Read)? {
            0 => break,
            more => read += more,
        }
    }
    head.truncate(read);
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// A tag with this many bytes of content.
    fn tag(bytes: u32) -> Vec<u8> {
        let size = [21, 14, 7, 0].map(|shift| (bytes >> shift & 0x7f) as u8);
        [&b"ID3\x03\0\0"[..], &size, &vec![0; bytes as usize]].concat()
    }

    fn content(parts: &[&[u8]]) -> Result<(&'static str, Option<&'static str>), String> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&parts.concat()).expect("written");
        let found = Content::detect(&file).map_err(|error| error.to_string())?;
        Ok((found.media_type, found.demuxer))
    }

    #[test]
    fn audio_after_tags_of_any_size_is_detected_and_opened_with_its_demuxer() {
        for bytes in [0, 300, 3_000_000] {
            let tag = tag(bytes);
            assert_eq!(content(&[&tag, b"fLaC\0\0\0\x22"]), Ok(("audio/x-flac", Some("flac"))), "{bytes}");
            assert_eq!(content(&[&tag, &tag, b"\xff\xf1\x50\x80\0\0"]), Ok(("audio/aac", Some("aac"))), "{bytes}");
            assert_eq!(content(&[&tag, b"\xff\xfb\x90\x64"]), Ok(("audio/mpeg", None)), "{bytes}");
            assert_eq!(content(&[&tag, b"\0\0\0 nothing"]), Ok(("audio/mpeg", None)), "{bytes}");
        }
        assert_eq!(content(&[b"fLaC\0\0\0\x22"]), Ok(("audio/x-flac", None)));
    }

    #[test]
    fn audio_without_a_decoder_is_named_after_a_tag_too() {
        let refused = content(&[&tag(700), b"MAC \x96\x0f"]).expect_err("no decoder");
        assert!(refused.ends_with("unsupported format: Monkey's Audio"), "{refused}");
    }
}
