//! From track files to playlists.

use crate::{av::boxes::TrackFile, error::Fault};
use smmu_core::av::hls::{ByteRange, MediaPlaylist, Segment};
use std::{fmt::Write as _, num::NonZeroU64};

/// The playlist of a track file, from what is measured in it.
pub(crate) fn of_track(uri: String, track: &TrackFile) -> Result<MediaPlaylist, Fault> {
    let scale = u64::from(track.timescale);
    let segment = |segment: &crate::av::boxes::Segment| {
        let us = (u128::from(segment.duration) * 1_000_000).div_ceil(u128::from(scale));
        let duration_us = u64::try_from(us).ok().and_then(NonZeroU64::new);
        let duration_us = duration_us.ok_or_else(|| Fault::Output("a segment does not last".to_owned()))?;
        Ok(Segment { duration_us, range: ByteRange { offset: segment.offset, length: segment.bytes } })
    };
    let segments: Vec<Segment> = track.segments.iter().map(segment).collect::<Result<_, Fault>>()?;
    let longest_us = segments.iter().map(|segment| segment.duration_us.get()).max();
    let longest_us = longest_us.ok_or_else(|| Fault::Output("a track has no segments".to_owned()))?;
    Ok(MediaPlaylist {
        uri,
        // Rounded, every duration is at most this (RFC 8216, 4.3.3.1).
        target_duration_s: u32::try_from((longest_us + 500_000) / 1_000_000).unwrap_or(u32::MAX).max(1),
        init: ByteRange { offset: 0, length: track.header_bytes },
        segments,
    })
}

/// The text of a playlist (RFC 8216, 4.3).
pub(crate) fn text(playlist: &MediaPlaylist) -> String {
    let MediaPlaylist { uri, target_duration_s, init, segments } = playlist;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target_duration_s}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"{uri}\",BYTERANGE=\"{}@{}\"\n",
        init.length, init.offset
    );
    for Segment { duration_us, range } in segments {
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

    #[test]
    fn a_playlist_says_what_was_measured_and_reads_back_the_same() {
        let at = |offset, bytes, duration| crate::av::boxes::Segment { offset, bytes, duration };
        let track = TrackFile {
            header_bytes: 765,
            codec: "avc1.64001F".to_owned(),
            segments: vec![at(765, 1000, 180_180), at(1765, 20, 1001)],
            timescale: 30_000,
        };
        let playlist = of_track("video-360p.mp4".to_owned(), &track).expect("a playlist");
        let written = text(&playlist);
        insta::assert_snapshot!(written);
        assert_eq!(MediaPlaylist::read(&written).expect("it reads"), playlist);
    }
}
