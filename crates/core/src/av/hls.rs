//! HLS playlists (RFC 8216): the media playlist of a rung is read, the master playlist is written, captions
//! get their place in it, and all are served with addresses of their own.

mod addresses;
mod master;
mod media;
mod subtitles;

pub use addresses::with_addresses;
pub use master::{AudioRendition, Keyframes, Variant, master_playlist, start_of};
pub use media::{ByteRange, InvalidPlaylist, MediaPlaylist, PlaylistSegment};
pub use subtitles::{SubtitleRendition, master_with_subtitles, subtitle_playlist};

/// Media type of a playlist (RFC 8216, 10).
pub const CONTENT_TYPE: &str = "application/vnd.apple.mpegurl";

/// H.264 as `CODECS` names it: `avc1.` and the three bytes after the version of the `avcC` box, which
/// are `profile_idc`, the constraint flags and `level_idc` (RFC 6381, 3.3; ISO/IEC 14496-15, 5.3.3.1).
#[must_use]
pub fn avc1(profile: u8, constraints: u8, level: u8) -> String {
    format!("avc1.{profile:02X}{constraints:02X}{level:02X}")
}

/// AV1 as `CODECS` names it, from `seq_profile`, `seq_level_idx_0`, `seq_tier_0` and the bit depth
/// (AV1 Codec ISO Media File Format Binding, 5).
#[must_use]
pub fn av01(profile: u8, level_idx: u8, high_tier: bool, bit_depth: u8) -> String {
    let tier = if high_tier { 'H' } else { 'M' };
    format!("av01.{profile}.{level_idx:02}{tier}.{bit_depth:02}")
}

#[cfg(test)]
mod tests;
