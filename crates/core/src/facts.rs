//! What was measured of a media's content.

use crate::{av::AvFacts, image::ImageFacts, kind::MediaKind};
use serde::{Deserialize, Serialize};

/// What was measured of the content. It stands beside a [`Media`](crate::Media) in the media table, written by whoever
/// measured it once the media is submitted: nobody replaces the record from then on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "What was measured of the content.")
)]
#[serde(rename_all = "camelCase")]
pub struct MediaFacts {
    /// What the content turned out to be.
    pub kind: MediaKind,
    /// Of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageFacts>,
    /// Of video or audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub av: Option<AvFacts>,
}
