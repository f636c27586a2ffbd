//! Output profiles for uploads. The operator sets a default and named ones that clients can choose; every field has a
//! default.

use crate::{av::AvProfile, image::ImageProfile, speech::SpeechProfile};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

mod named;

pub use named::{Choice, NamedProfile, Profiles, UnknownProfile, UnusableProfiles};

/// Settings for images, for video and audio, and for speech.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Profile {
    /// Settings for images.
    pub image: ImageProfile,
    /// Settings for video and audio.
    pub av: AvProfile,
    /// Settings for speech.
    pub speech: SpeechProfile,
}

/// The profile is not JSON, or has an unknown field or a value out of range.
#[derive(Debug, thiserror::Error)]
#[error("the profile is not valid")]
pub struct UnusableProfile(#[from] serde_json::Error);

impl Profile {
    /// Settings for video and audio; without a background of its own it uses that of images.
    #[must_use]
    pub fn av(&self) -> AvProfile {
        AvProfile { background: self.av.background.or(Some(self.image.background)), ..self.av.clone() }
    }
}

impl FromStr for Profile {
    type Err = UnusableProfile;

    /// Parses JSON, in which every field is optional.
    fn from_str(text: &str) -> Result<Self, UnusableProfile> {
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{AvProfile, Profile};
    use crate::image::Colour;

    #[test]
    fn omitted_fields_have_their_defaults() {
        assert_eq!("{}".parse::<Profile>().expect("a profile"), Profile::default());
        let profile: Profile = r#"{"av": {"av1": {}}}"#.parse().expect("a profile");
        assert!(profile.av.av1.is_some());
        assert_eq!(Profile { av: AvProfile::default(), ..profile }, Profile::default());
    }

    #[test]
    fn a_video_uses_the_background_of_images_unless_it_has_its_own() {
        let background = |json: &str| json.parse::<Profile>().expect("a profile").av().background;
        assert_eq!(background("{}"), Some(Colour::WHITE));
        assert_eq!(background(r##"{"image": {"background": "#102030"}}"##), Some(Colour([0x10, 0x20, 0x30])));
        let own = r##"{"image": {"background": "#102030"}, "av": {"background": "#000000"}}"##;
        assert_eq!(background(own), Some(Colour([0; 3])));
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = r#"{"video": {}}"#.parse::<Profile>().expect_err("an unknown field");
        let error = crate::with_causes(&error);
        assert!(error.contains("unknown field `video`"), "{error}");
    }
}
