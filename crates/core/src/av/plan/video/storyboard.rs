//! Lays out storyboards.

use super::within;
use crate::{
    av::{StoryboardPlan, StoryboardProfile},
    image::Size,
};

/// Tiles along each edge of a sheet. 10 × 10 tiles of 160 × 90 pixels stay below what a browser decodes at once.
const SHEET_EDGE: u32 = 10;

/// Round intervals in seconds; the shortest that needs at most the wanted number of tiles is used.
const INTERVALS_S: [u64; 10] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300];

impl StoryboardPlan {
    /// Plans the stills of a video.
    pub(in crate::av) fn of(duration_ms: u64, size: Size, profile: StoryboardProfile) -> Self {
        let max_tiles = u64::from(profile.max_tiles.get());
        let tiles_at = |interval_ms: u64| duration_ms.div_ceil(interval_ms).max(1);
        let interval_ms = INTERVALS_S
            .map(|seconds| seconds * 1000)
            .into_iter()
            .find(|&interval_ms| tiles_at(interval_ms) <= max_tiles)
            .unwrap_or_else(|| duration_ms.div_ceil(max_tiles));
        // At most `max_tiles`, which is a u32.
        let tiles = u32::try_from(tiles_at(interval_ms)).unwrap_or(u32::MAX);
        let columns = tiles.min(SHEET_EDGE);
        Self {
            interval_ms,
            tiles,
            columns,
            rows: tiles.div_ceil(columns).min(SHEET_EDGE),
            tile: within(size, profile.tile_long_edge.get()),
            quality: profile.quality.get(),
        }
    }
}
