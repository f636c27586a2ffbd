//! Makes playlists from track files.

use crate::{
    av::boxes::{self, TrackFile},
    error::Transient,
};
use smmu_core::av::{
    SEGMENT_SECONDS,
    hls::{ByteRange, MediaPlaylist, PlaylistSegment},
};
use std::{fmt::Write as _, num::NonZeroU64};

/// Makes the playlist of a track file from its measured segments.
pub(crate) fn of_track(uri: String, track: &TrackFile) -> Result<MediaPlaylist, Transient> {
    let scale = u64::from(track.timescale);
    let segment = |segment: &boxes::TrackSegment| {
        let us = (u128::from(segment.duration) * 1_000_000).div_ceil(u128::from(scale));
        let duration_us = u64::try_from(us).ok().and_then(NonZeroU64::new);
        let duration_us = duration_us.ok_or_else(|| Transient::Output("a segment has no duration".to_owned()))?;
        Ok(PlaylistSegment { duration_us, range: ByteRange { offset: segment.offset, length: segment.bytes } })
    };
    let segments: Vec<PlaylistSegment> = track.segments.iter().map(segment).collect::<Result<_, Transient>>()?;
    let longest_us = segments.iter().map(|segment| segment.duration_us.get()).max();
    let longest_us = longest_us.ok_or_else(|| Transient::Output("a track has no segments".to_owned()))?;
    Ok(MediaPlaylist {
        uri,
        // No segment's duration, rounded, may exceed this (RFC 8216, 4.3.3.1).
        target_duration_s: u32::try_from((longest_us + 500_000) / 1_000_000).unwrap_or(u32::MAX).max(1),
        init: ByteRange { offset: 0, length: track.header_bytes },
        segments,
    })
}

/// Joins the fragments of an audio track into segments that end as close as possible to where the picture's segments
/// end: each fragment belongs to the segment that contains its middle. Past the picture's end, segments last
/// [`SEGMENT_SECONDS`].
pub(crate) fn in_step(sound: &TrackFile, picture: &TrackFile) -> Vec<boxes::TrackSegment> {
    let mut ends = ends(picture, sound.timescale);
    let (mut segments, mut at, mut end) = (Vec::<boxes::TrackSegment>::new(), 0, 0);
    for fragment in &sound.segments {
        let middle = at + fragment.duration / 2;
        at += fragment.duration;
        match segments.last_mut() {
            Some(last) if middle < end => {
                last.bytes = fragment.offset + fragment.bytes - last.offset;
                last.duration += fragment.duration;
            }
            _ => {
                segments.push(*fragment);
                end = ends.find(|&end| end > middle).unwrap_or(u64::MAX);
            }
        }
    }
    segments
}

/// End times of a track's segments, in units of `timescale`; past its end, one every [`SEGMENT_SECONDS`].
fn ends(track: &TrackFile, timescale: u32) -> impl Iterator<Item = u64> {
    let scaled = move |units: u64| {
        let units = u128::from(units) * u128::from(timescale) / u128::from(track.timescale);
        u64::try_from(units).unwrap_or(u64::MAX)
    };
    let own = track.segments.iter().scan(0, |end, segment| {
        *end += segment.duration;
        Some(*end)
    });
    let whole = u64::from(SEGMENT_SECONDS) * u64::from(timescale);
    let total = scaled(track.segments.iter().map(|segment| segment.duration).sum());
    own.map(scaled).chain((1..).map(move |index| total.saturating_add(whole.saturating_mul(index))))
}

/// The keyframe playlist of a rung. Each range is the fragment header, which locates the sample, up to the end of the
/// segment's first sample.
pub(crate) fn keyframes(playlist: &MediaPlaylist, track: &TrackFile) -> MediaPlaylist {
    let keyframe = |(segment, measured): (&PlaylistSegment, &boxes::TrackSegment)| PlaylistSegment {
        range: ByteRange { length: measured.first_bytes, ..segment.range },
        ..*segment
    };
    MediaPlaylist {
        segments: playlist.segments.iter().zip(&track.segments).map(keyframe).collect(),
        ..playlist.clone()
    }
}

/// Contents of a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    Segments,
    Keyframes,
}

/// Writes a playlist (RFC 8216, 4.3).
pub(crate) fn text(playlist: &MediaPlaylist, listed: Listed) -> String {
    let MediaPlaylist { uri, target_duration_s, init, segments } = playlist;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target_duration_s}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n{}\n#EXT-X-MAP:URI=\"{uri}\",BYTERANGE=\"{}@{}\"\n",
        match listed {
            Listed::Segments => "#EXT-X-INDEPENDENT-SEGMENTS",
            Listed::Keyframes => "#EXT-X-I-FRAMES-ONLY",
        },
        init.length,
        init.offset
    );
    for PlaylistSegment { duration_us, range } in segments {
        let us = duration_us.get();
        let (seconds, fraction) = (us / 1_000_000, us % 1_000_000);
        let ByteRange { offset, length } = range;
        writeln!(text, "#EXTINF:{seconds}.{fraction:06},\n#EXT-X-BYTERANGE:{length}@{offset}\n{uri}")
            .expect("a String takes everything");
    }
    text + "#EXT-X-ENDLIST\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(segments: Vec<boxes::TrackSegment>, timescale: u32) -> TrackFile {
        TrackFile { header_bytes: 765, codec: "avc1.64001F".to_owned(), segments, timescale }
    }

    #[test]
    fn a_playlist_has_the_measured_values_and_round_trips() {
        let at = |offset, bytes, duration| boxes::TrackSegment { offset, bytes, first_bytes: bytes / 10, duration };
        let track = track(vec![at(765, 1000, 180_180), at(1765, 20, 1001)], 30_000);
        let playlist = of_track("video-360p.mp4".to_owned(), &track).expect("a playlist");
        let written = text(&playlist, Listed::Segments);
        insta::assert_snapshot!(written);
        assert_eq!(MediaPlaylist::read(&written).expect("it reads"), playlist);
        let keyframes = keyframes(&playlist, &track);
        let written = text(&keyframes, Listed::Keyframes);
        insta::assert_snapshot!("keyframes", written);
        assert_eq!(MediaPlaylist::read(&written).expect("it reads"), keyframes);
    }

    #[test]
    fn audio_segments_end_with_those_of_the_picture() {
        let of = |durations: &[u64]| {
            let mut offset = 100;
            let segments = durations.iter().map(|&duration| {
                offset += 10;
                boxes::TrackSegment { offset: offset - 10, bytes: 10, first_bytes: 5, duration }
            });
            segments.collect::<Vec<_>>()
        };
        let joined = |sound: &[u64], picture: &[u64]| {
            // The timescales differ: milliseconds and hundredths of a second.
            let segments = in_step(&track(of(sound), 1000), &track(of(picture), 100));
            let mut end = 100;
            for segment in &segments {
                assert_eq!(segment.offset, end, "nothing is left out");
                end += segment.bytes;
            }
            assert_eq!(end, 100 + 10 * sound.len() as u64);
            segments.into_iter().map(|segment| segment.duration).collect::<Vec<_>>()
        };
        assert_eq!(joined(&[500; 20], &[200, 200, 200, 400]), [2000, 2000, 2000, 4000]);
        assert_eq!(joined(&[600; 10], &[200, 200, 200]), [1800, 2400, 1800], "to half a fragment");
        assert_eq!(joined(&[500; 30], &[200]), [2000, 6000, 6000, 1000], "longer than the picture");
        assert_eq!(joined(&[500; 2], &[200, 200]), [1000], "shorter than the picture");
        assert_eq!(joined(&[5000, 5000], &[100, 100, 100, 100, 600]), [5000, 5000], "longer than its segments");
        assert_eq!(joined(&[], &[200]), [0_u64; 0]);
    }
}
