//! Which uploads are granted.

use crate::{
    detect::MediaKind,
    problem::{Problem, ProblemCode},
};

/// Limits on what may be uploaded, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPolicy {
    /// Largest image, in bytes.
    pub max_image_bytes: u64,
    /// Largest video, in bytes.
    pub max_video_bytes: u64,
    /// Largest audio file, in bytes.
    pub max_audio_bytes: u64,
    /// Content types accepted, lower case. An empty list accepts every one that can be processed.
    pub allowed_types: Vec<String>,
    /// How long a presigned upload works, in seconds.
    pub grant_seconds: u32,
}

const MIB: u64 = 1024 * 1024;

impl Default for UploadPolicy {
    fn default() -> Self {
        Self {
            max_image_bytes: 100 * MIB,
            // A single presigned PUT carries at most 5 GiB (Amazon S3 quotas).
            max_video_bytes: 5 * 1024 * MIB,
            max_audio_bytes: 1024 * MIB,
            allowed_types: Vec::new(),
            grant_seconds: 15 * 60,
        }
    }
}

/// Content types that clients may declare, with the kind that each claims.
const DECLARABLE: &[(&str, MediaKind)] = &[
    ("image/jpeg", MediaKind::Image),
    ("image/png", MediaKind::Image),
    ("image/webp", MediaKind::Image),
    ("image/gif", MediaKind::Image),
    ("image/tiff", MediaKind::Image),
    ("image/bmp", MediaKind::Image),
    ("image/avif", MediaKind::Image),
    ("image/heic", MediaKind::Image),
    ("image/heif", MediaKind::Image),
    ("video/mp4", MediaKind::Video),
    ("video/quicktime", MediaKind::Video),
    ("video/webm", MediaKind::Video),
    ("video/x-matroska", MediaKind::Video),
    ("video/x-msvideo", MediaKind::Video),
    ("video/mpeg", MediaKind::Video),
    ("video/3gpp", MediaKind::Video),
    ("video/3gpp2", MediaKind::Video),
    ("video/mp2t", MediaKind::Video),
    ("video/ogg", MediaKind::Video),
    ("video/x-flv", MediaKind::Video),
    ("video/x-ms-wmv", MediaKind::Video),
    ("audio/mpeg", MediaKind::Audio),
    ("audio/mp4", MediaKind::Audio),
    ("audio/aac", MediaKind::Audio),
    ("audio/wav", MediaKind::Audio),
    ("audio/x-wav", MediaKind::Audio),
    ("audio/flac", MediaKind::Audio),
    ("audio/ogg", MediaKind::Audio),
    ("audio/opus", MediaKind::Audio),
    ("audio/webm", MediaKind::Audio),
    ("audio/amr", MediaKind::Audio),
    ("audio/amr-wb", MediaKind::Audio),
    ("audio/aiff", MediaKind::Audio),
    ("audio/x-caf", MediaKind::Audio),
    // Other names for some of the above, by which `detect` and file systems know them.
    ("video/x-m4v", MediaKind::Video),
    ("audio/m4a", MediaKind::Audio),
    ("audio/x-m4a", MediaKind::Audio),
    ("audio/x-flac", MediaKind::Audio),
    ("audio/x-aiff", MediaKind::Audio),
];

impl UploadPolicy {
    /// Decides on a declared content type and size; the kind is only the claim that the limit follows from.
    pub fn admit(&self, content_type: &str, bytes: u64) -> Result<MediaKind, Problem> {
        let declared = DECLARABLE.iter().find(|(name, _)| *name == content_type);
        let allowed = self.allowed_types.is_empty() || self.allowed_types.iter().any(|name| name == content_type);
        let (Some(&(_, kind)), true) = (declared, allowed) else {
            return Err(Problem::with_field(
                ProblemCode::UnsupportedMediaType,
                "contentType",
                "this content type is not accepted here",
            ));
        };
        if bytes == 0 {
            return Err(Problem::with_field(ProblemCode::InvalidRequest, "size", "must be at least 1 byte"));
        }
        let limit = self.max_bytes(kind);
        if bytes > limit {
            let detail = format!("at most {limit} bytes are accepted for this kind of media");
            return Err(Problem::with_field(ProblemCode::MediaTooLarge, "size", detail));
        }
        Ok(kind)
    }

    /// Largest upload of a kind, in bytes.
    #[must_use]
    pub const fn max_bytes(&self, kind: MediaKind) -> u64 {
        match kind {
            MediaKind::Image => self.max_image_bytes,
            MediaKind::Video => self.max_video_bytes,
            MediaKind::Audio => self.max_audio_bytes,
        }
    }
}
