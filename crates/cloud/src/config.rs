//! The environment, read once at start and passed on as values.

use smmu_core::{Profile, UploadPolicy};
use std::{collections::HashMap, fmt::Display, str::FromStr};

/// The variables of this program.
#[derive(Clone)]
pub struct Environment(HashMap<String, String>);

/// A variable that is missing or cannot be used. Ends the program at start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnvironment {
    /// Not set.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// Set to something else than is expected.
    #[error("environment variable {name}: {reason}")]
    Unusable {
        /// Which one.
        name: &'static str,
        /// What is wrong; never the value, which may be a secret.
        reason: String,
    },
}

impl Environment {
    /// The variables that this program was started with; those that are not Unicode are left out.
    #[must_use]
    pub fn read() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(unicode).collect())
    }

    /// Variables from elsewhere.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// A variable, unless it is not set or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A variable that must be there.
    pub fn require(&self, name: &'static str) -> Result<&str, InvalidEnvironment> {
        self.get(name).ok_or(InvalidEnvironment::Missing(name))
    }

    /// A variable with a default.
    pub fn parse_or<T: FromStr<Err: Display>>(&self, name: &'static str, default: T) -> Result<T, InvalidEnvironment> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().map_err(|error: T::Err| InvalidEnvironment::Unusable { name, reason: error.to_string() })
    }

    /// What is wanted of every upload: `SMMU_PROFILE` in JSON, or the default.
    pub fn profile(&self) -> Result<Profile, InvalidEnvironment> {
        self.parse_or("SMMU_PROFILE", Profile::default())
    }

    /// Which uploads are granted: limits and types from the environment, or their defaults.
    pub fn upload_policy(&self) -> Result<UploadPolicy, InvalidEnvironment> {
        let default = UploadPolicy::default();
        let types = self.get("SMMU_ALLOWED_TYPES").unwrap_or_default().split(',').map(str::trim);
        Ok(UploadPolicy {
            max_image_bytes: self.parse_or("SMMU_MAX_IMAGE_BYTES", default.max_image_bytes)?,
            max_video_bytes: self.parse_or("SMMU_MAX_VIDEO_BYTES", default.max_video_bytes)?,
            max_audio_bytes: self.parse_or("SMMU_MAX_AUDIO_BYTES", default.max_audio_bytes)?,
            allowed_types: types.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect(),
            grant_seconds: self.parse_or("SMMU_UPLOAD_EXPIRY_SECONDS", default.grant_seconds)?,
        })
    }
}
