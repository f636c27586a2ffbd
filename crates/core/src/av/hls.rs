//! HLS playlists (RFC 8216): reads the media playlist of a rung, writes the master playlist, adds captions to it, and
//! replaces the URIs of each when it is served.

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

/// The `CODECS` string of H.264: `avc1.` and the three bytes after the version in the `avcC` box, which are
/// `profile_idc`, the constraint flags and `level_idc` (RFC 6381, 3.3; ISO/IEC 14496-15, 5.3.3.1).
#[must_use]
pub fn avc1(profile: u8, constraints: u8, level: u8) -> String {
    format!("avc1.{profile:02X}{constraints:02X}{level:02X}")
}

/// The `CODECS` string of AV1, from `seq_profile`, `seq_level_idx_0`, `seq_tier_0` and the bit depth (AV1 Codec ISO
/// Media File Format Binding, 5).
#[must_use]
pub fn av01(profile: u8, level_idx: u8, high_tier: bool, bit_depth: u8) -> String {
    let tier = if high_tier { 'H' } else { 'M' };
    format!("av01.{profile}.{level_idx:02}{tier}.{bit_depth:02}")
}

#[cfg(test)]
mod tests;
