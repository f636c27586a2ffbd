//! Text outputs that the API serves to players, and their paths (`playback`).

use smmu_core::{JobId, Output, Role};

/// A text output that contains URLs.
pub(crate) enum Played {
    /// An HLS playlist.
    Playlist,
    /// A storyboard of `WebVTT` cues.
    Storyboard,
}

/// How outputs of this role are rewritten for players; `None` if they are not.
pub(crate) fn played(role: Role) -> Option<Played> {
    match role {
        Role::MasterPlaylist | Role::MediaPlaylist => Some(Played::Playlist),
        Role::Storyboard => Some(Played::Storyboard),
        Role::Rendition
        | Role::Poster
        | Role::Preview
        | Role::Sprite
        | Role::Segments
        | Role::Waveform
        | Role::Cover
        | Role::Transcript
        | Role::Captions
        | Role::Manifest => None,
    }
}

/// Returns whether the playback route serves outputs of this role.
pub(crate) fn is_played(role: Role) -> bool {
    played(role).is_some()
}

/// URL lifetime in seconds: download expiry plus the longest duration, so playback can finish.
pub(crate) fn seconds(outputs: &[Output], download_seconds: u32) -> u32 {
    let longest_ms = outputs.iter().filter_map(|output| output.artifact.duration_ms).max().unwrap_or_default();
    let longest = u32::try_from(longest_ms.div_ceil(1000)).unwrap_or(u32::MAX);
    download_seconds.saturating_add(longest)
}

/// The path at which the playback route serves an output.
pub(crate) fn path(job: &JobId, name: &str) -> String {
    format!("/jobs/{job}/playback/{name}")
}
