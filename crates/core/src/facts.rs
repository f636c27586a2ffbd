//! Measurements of a media's content.

use crate::{av::AvFacts, image::ImageFacts, kind::MediaKind};
use serde::{Deserialize, Serialize};

/// Measurements of the content. They are stored next to a [`Media`](crate::Media) in the media table, written by the
/// program that measured them after the media was submitted; nothing replaces the record after that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(description = "Measurements of the content."))]
#[serde(rename_all = "camelCase")]
pub struct MediaFacts {
    /// Kind of media, from the content.
    pub kind: MediaKind,
    /// Set for an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageFacts>,
    /// Set for video or audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub av: Option<AvFacts>,
}
