//! What is wanted of uploads. Set by the operator, once for all and under names that clients choose from; each part has a
//! default for everything.

use crate::{av::AvProfile, image::ImageProfile, speech::SpeechProfile};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

mod named;

pub use named::{Choice, NamedProfile, Profiles, UnknownProfile, UnusableProfiles};

/// What is wanted of images, of video and audio, and of the speech in them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Profile {
    /// Of images.
    pub image: ImageProfile,
    /// Of video and audio.
    pub av: AvProfile,
    /// Of speech.
    pub speech: SpeechProfile,
}

/// A profile that cannot be read: no JSON, an unknown field, or a value out of its range.
#[derive(Debug, thiserror::Error)]
#[error("the profile is not usable")]
pub struct UnusableProfile(#[from] serde_json::Error);

impl Profile {
    /// What is wanted of video and audio, with the background of images where it names none of its own.
    #[must_use]
    pub fn av(&self) -> AvProfile {
        AvProfile { background: self.av.background.or(Some(self.image.background)), ..self.av.clone() }
    }
}

impl FromStr for Profile {
    type Err = UnusableProfile;

    /// From JSON, in which everything may be left out.
    fn from_str(text: &str) -> Result<Self, UnusableProfile> {
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{AvProfile, Profile};
    use crate::image::Colour;

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!("{}".parse::<Profile>().expect("a profile"), Profile::default());
        let profile: Profile = r#"{"av": {"av1": {}}}"#.parse().expect("a profile");
        assert!(profile.av.av1.is_some());
        assert_eq!(Profile { av: AvProfile::default(), ..profile }, Profile::default());
    }

    #[test]
    fn a_video_has_the_background_of_images_unless_it_has_its_own() {
        let background = |json: &str| json.parse::<Profile>().expect("a profile").av().background;
        assert_eq!(background("{}"), Some(Colour::WHITE));
        assert_eq!(background(r##"{"image": {"background": "#102030"}}"##), Some(Colour([0x10, 0x20, 0x30])));
        let own = r##"{"image": {"background": "#102030"}, "av": {"background": "#000000"}}"##;
        assert_eq!(background(own), Some(Colour([0; 3])));
    }

    #[test]
    fn what_is_misspelt_is_named() {
        let error = r#"{"video": {}}"#.parse::<Profile>().expect_err("an unknown field");
        let error = crate::with_causes(&error);
        assert!(error.contains("unknown field `video`"), "{error}");
    }
}
