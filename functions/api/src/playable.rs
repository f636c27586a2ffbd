//! Which outputs are texts that the API serves to players, and where (`playback`).

use smmu_core::{JobId, Role};

/// Which texts have addresses inside.
pub(crate) enum Played {
    /// An HLS playlist.
    Playlist,
    /// A storyboard of `WebVTT` cues.
    Storyboard,
}

/// How an output of this role is played, if it is.
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

/// Whether an output of this role is served by the route for players.
pub(crate) fn is_played(role: Role) -> bool {
    played(role).is_some()
}

/// The path at which an output is served by the route for players.
pub(crate) fn path(job: &JobId, name: &str) -> String {
    format!("/jobs/{job}/playback/{name}")
}
