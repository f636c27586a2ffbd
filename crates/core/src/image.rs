//! Images: what may come in, what is made of it, and what is said about it.

use serde::{Deserialize, Serialize};

/// What was measured on an image source; it goes into the manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFacts {
    /// Width in pixels as displayed, EXIF orientation applied.
    pub width: u32,
    /// Height in pixels as displayed, EXIF orientation applied.
    pub height: u32,
}
