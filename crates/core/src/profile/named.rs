//! Named profiles of the operator, and the choice of a client.

use super::{Profile, UnusableProfile};
use crate::speech::Language;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, str::FromStr};

/// Reserved name of the stack's own profile.
const USUAL: &str = "default";
/// Longest name, in bytes.
const MAX_NAME: usize = 40;
/// Largest profile, in bytes of JSON without spaces. It is passed to workers in the overrides of an ECS task, which
/// have at most 8192 characters (`RunTask` in the API reference of Amazon ECS).
const MAX_BYTES: usize = 2048;

/// The profiles that clients can choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profiles(BTreeMap<String, Value>);

/// A copy of a profile, taken when it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedProfile {
    /// Its name in the operator's settings.
    pub name: String,
    /// Its fields; all others have their defaults.
    definition: Value,
}

/// A client's choices for one upload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The chosen profile; `None` for the stack's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<NamedProfile>,
    /// The spoken language, if the client knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// No profile has this name; the message lists the existing ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {0}")]
pub struct UnknownProfile(String);

/// The profiles cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum UnusableProfiles {
    /// Not a JSON object.
    #[error("the profiles are not an object of names and profiles")]
    Json(#[from] serde_json::Error),
    /// An invalid name.
    #[error("`{0}` cannot be the name of a profile: 1 to 40 lower-case letters, digits and hyphens, not `default`")]
    Name(String),
    /// A profile too large to be passed to a worker.
    #[error("the profile `{0}` has more than {MAX_BYTES} bytes")]
    TooLarge(String),
    /// An invalid profile.
    #[error("the profile `{name}`")]
    Profile {
        /// Its name.
        name: String,
        /// Reason.
        #[source]
        error: UnusableProfile,
    },
}

impl Profiles {
    /// The profile with a name; `None` for `default`, the stack's own.
    ///
    /// # Errors
    ///
    /// If no profile has this name.
    pub fn choose(&self, name: &str) -> Result<Option<NamedProfile>, UnknownProfile> {
        if name == USUAL {
            return Ok(None);
        }
        let Some((name, definition)) = self.0.get_key_value(name) else {
            return Err(UnknownProfile(self.names().collect::<Vec<_>>().join(", ")));
        };
        Ok(Some(NamedProfile { name: name.clone(), definition: definition.clone() }))
    }

    /// All names that can be chosen, `default` first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [USUAL].into_iter().chain(self.0.keys().map(String::as_str))
    }
}

impl FromStr for Profiles {
    type Err = UnusableProfiles;

    /// Parses a JSON object that maps names to profiles.
    fn from_str(text: &str) -> Result<Self, UnusableProfiles> {
        let profiles: BTreeMap<String, Value> = serde_json::from_str(text)?;
        for (name, definition) in &profiles {
            if !is_name(name) {
                return Err(UnusableProfiles::Name(name.clone()));
            }
            if definition.to_string().len() > MAX_BYTES {
                return Err(UnusableProfiles::TooLarge(name.clone()));
            }
            read(definition).map_err(|error| UnusableProfiles::Profile { name: name.clone(), error })?;
        }
        Ok(Self(profiles))
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(allowed) && text != USUAL
}

fn read(definition: &Value) -> Result<Profile, UnusableProfile> {
    Ok(serde_json::from_value(definition.clone())?)
}

impl Choice {
    /// Returns whether no choice was made.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The resulting profile: the chosen one, or else the stack's, with the chosen language.
    ///
    /// # Errors
    ///
    /// If the chosen profile was accepted by another version that this one cannot read.
    pub fn over(&self, stack: &Profile) -> Result<Profile, UnusableProfile> {
        let mut profile = match &self.profile {
            Some(chosen) => read(&chosen.definition)?,
            None => stack.clone(),
        };
        profile.speech.language = self.language.or(profile.speech.language);
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::with_causes;
    use serde_json::json;

    fn profiles(value: &Value) -> Result<Profiles, String> {
        value.to_string().parse().map_err(|error: UnusableProfiles| with_causes(&error))
    }

    #[test]
    fn named_profiles_are_checked_like_the_stacks_own() {
        let two = profiles(&json!({"small": {"image": {"avif": {}}}, "web-2": {}})).unwrap();
        assert_eq!(two.choose("Small").unwrap_err().to_string(), "must be one of: default, small, web-2");
        assert_eq!(two.choose("default"), Ok(None));
        assert_eq!(two.choose("small").unwrap().map(|chosen| chosen.name), Some("small".to_owned()));
        for (wrong, words) in [
            (json!([]), "not an object"),
            (json!({"default": {}}), "`default` cannot be"),
            (json!({"": {}}), "`` cannot be"),
            (json!({"Big": {}}), "`Big` cannot be"),
            (json!({"a".repeat(41): {}}), "cannot be the name"),
            (json!({"a": {"video": {}}}), "the profile `a`: the profile is not valid: unknown field `video`"),
            (json!({"a": {"speech": {"prompt": vec!["ab"; 500]}}}), "more than 2048 bytes"),
        ] {
            let refused = profiles(&wrong).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn a_choice_keeps_the_profile_as_it_was_when_chosen() {
        let mut choice = Choice {
            profile: profiles(&json!({"german": {"speech": {"language": "de", "beamSize": 5}}}))
                .unwrap()
                .choose("german")
                .unwrap(),
            language: None,
        };
        let stored: Choice = serde_json::from_value(serde_json::to_value(&choice).unwrap()).unwrap();
        assert_eq!(stored, choice);
        let stack: Profile = r#"{"speech": {"language": "en"}}"#.parse().unwrap();
        let language = |choice: &Choice| choice.over(&stack).unwrap().speech.language.unwrap().to_string();
        assert_eq!((language(&choice), language(&Choice::default())), ("de".to_owned(), "en".to_owned()));
        choice.language = Language::of_tag("fr-CA");
        assert_eq!(language(&choice), "fr");
        assert_ne!(choice.over(&stack).unwrap().speech.beam_size, stack.speech.beam_size);
        assert!(!choice.is_usual() && Choice::default().is_usual());
    }
}
