//! Decides which uploads are granted.

use crate::{
    formats::{self, Declared, FormatEntry},
    kind::MediaKind,
    problem::{Problem, ProblemCode},
    profile::Profiles,
};

/// Limits on uploads, their duration, and the profiles that clients can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPolicy {
    /// Largest image, in bytes.
    pub max_image_bytes: u64,
    /// Largest video, in bytes.
    pub max_video_bytes: u64,
    /// Largest audio file, in bytes.
    pub max_audio_bytes: u64,
    /// Accepted media types, lower case, by any of their names. An empty list accepts every type that can be processed.
    pub allowed_types: Vec<String>,
    /// Lifetime of a presigned upload, in seconds.
    pub grant_seconds: u32,
    /// Profiles that clients can choose.
    pub profiles: Profiles,
    /// Longest time for an upload in parts, from its grant to its last part, in seconds.
    pub parts_seconds: u32,
}

const MIB: u64 = 1024 * 1024;

impl Default for UploadPolicy {
    fn default() -> Self {
        Self {
            max_image_bytes: 100 * MIB,
            max_video_bytes: 5 * 1024 * MIB,
            max_audio_bytes: 1024 * MIB,
            allowed_types: Vec::new(),
            grant_seconds: 15 * 60,
            profiles: Profiles::default(),
            parts_seconds: 7 * 24 * 60 * 60,
        }
    }
}

/// Media type of an upload whose format is not known yet (RFC 2046, section 4.5.1).
pub const UNKNOWN_TYPE: &str = "application/octet-stream";

impl UploadPolicy {
    /// Checks a declared content type, a file name and a size, and returns the content type for the upload.
    ///
    /// Type and name are only hints: the content decides after the upload. If they are ambiguous, the largest of the
    /// possible limits applies.
    pub fn admit(&self, content_type: &str, file_name: &str, bytes: u64) -> Result<&'static str, Problem> {
        let refused =
            |detail: String| Err(Problem::with_field(ProblemCode::UnsupportedMediaType, "contentType", detail));
        let (by_type, by_extension) = match formats::declared(content_type, file_name) {
            Declared::Media { by_type, by_extension } => (by_type, by_extension),
            Declared::Unknown => (None, None),
            Declared::NotMedia(what) => {
                return refused(format!("{what} cannot be processed; upload an image, a video or an audio file"));
            }
        };
        let claims = [by_type, by_extension].into_iter().flatten();
        // A claim is certain if nothing contradicts it.
        if let Some(certain) = by_type.filter(|claim| by_extension.is_none_or(|name| name.format == claim.format))
            && !self.allows_format(certain.format)
        {
            return refused(format!("{} files are not accepted by this service", certain.format.name));
        }
        if bytes == 0 {
            return Err(Problem::with_field(ProblemCode::InvalidRequest, "size", "must be at least 1 byte"));
        }
        let largest = self.max_image_bytes.max(self.max_video_bytes).max(self.max_audio_bytes);
        let limit = claims.clone().map(|claim| self.max_bytes(claim.kind)).max().unwrap_or(largest);
        if bytes > limit {
            let detail = format!("at most {limit} bytes are accepted for this kind of media");
            return Err(Problem::with_field(ProblemCode::MediaTooLarge, "size", detail));
        }
        Ok(claims.map(|claim| claim.media_type).next().unwrap_or(UNKNOWN_TYPE))
    }

    /// Returns whether the operator accepts content of this type and kind. `content_type` is from
    /// [`detect`](crate::detect()), `kind` is what the container actually holds.
    #[must_use]
    pub fn allows(&self, content_type: &str, kind: MediaKind) -> bool {
        let found = formats::of_media_type(content_type).map(|claim| claim.format);
        self.allowed_types.is_empty()
            || self.allowed_types.iter().any(|allowed| match formats::of_media_type(allowed) {
                Some(claim) => Some(claim.format) == found && claim.kind == kind,
                None => allowed == content_type,
            })
    }

    /// Returns whether the operator accepts any content of this format.
    fn allows_format(&self, format: &FormatEntry) -> bool {
        let names = |allowed: &String| formats::of_media_type(allowed).is_some_and(|claim| claim.format == format);
        self.allowed_types.is_empty() || self.allowed_types.iter().any(names)
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

#[cfg(test)]
mod tests {
    use super::{MIB, UNKNOWN_TYPE, UploadPolicy};
    use crate::{kind::MediaKind, problem::ProblemCode};

    fn admit(content_type: &str, name: &str, bytes: u64) -> Result<&'static str, ProblemCode> {
        UploadPolicy::default().admit(content_type, name, bytes).map_err(|problem| problem.code)
    }

    #[test]
    fn a_grant_has_a_plain_media_type() {
        assert_eq!(admit("video/webm;codecs=vp8,opus", "blob", 1), Ok("video/webm"));
        assert_eq!(admit("image/jpeg", "a.jpg", 1), Ok("image/jpeg"));
        assert_eq!(admit("", "IMG_0001.HEIC", 1), Ok("image/heic"));
        assert_eq!(admit("application/octet-stream", "a", 1), Ok(UNKNOWN_TYPE));
        assert_eq!(admit("text/html", "a", 1), Err(ProblemCode::UnsupportedMediaType));
    }

    #[test]
    fn an_ambiguous_claim_has_the_larger_limit() {
        assert_eq!(admit("image/jpeg", "a.jpg", 200 * MIB), Err(ProblemCode::MediaTooLarge));
        assert_eq!(admit("image/jpeg", "a.mp4", 200 * MIB), Ok("image/jpeg"));
        assert_eq!(admit("", "a", 5 * 1024 * MIB), Ok(UNKNOWN_TYPE));
        assert_eq!(admit("", "a", 5 * 1024 * MIB + 1), Err(ProblemCode::MediaTooLarge));
    }

    #[test]
    fn the_operators_list_applies_to_certain_claims_and_to_content() {
        let allowed_types = ["image/jpg", "audio/x-wav", "audio/mp4"].map(str::to_owned).to_vec();
        let policy = UploadPolicy { allowed_types, ..UploadPolicy::default() };
        let admitted = |content_type, name| policy.admit(content_type, name, 1).is_ok();
        assert!(admitted("image/jpeg", "a.jpg") && admitted("audio/wav", "a") && admitted("", "a"));
        assert!(!admitted("image/png", "a.png"));
        assert!(admitted("image/png", "a.jpg"), "only the content can tell");
        assert!(policy.allows("image/jpeg", MediaKind::Image) && policy.allows("audio/x-wav", MediaKind::Audio));
        assert!(policy.allows("video/mp4", MediaKind::Audio), "sound in MP4 is audio/mp4");
        assert!(!policy.allows("video/mp4", MediaKind::Video) && !policy.allows("image/png", MediaKind::Image));
    }
}
