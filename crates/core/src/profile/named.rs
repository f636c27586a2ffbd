//! Profiles under names of the operator's, and what a client has chosen of them.

use super::{Profile, UnusableProfile};
use crate::speech::Language;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, str::FromStr};

/// The name of the profile that holds where none is chosen, which no other can have.
const USUAL: &str = "default";
/// Longest name, in bytes.
const MAX_NAME: usize = 40;
/// Largest profile, in bytes of JSON without spaces. It travels to workers in the overrides of an ECS task, which have at most
/// 8192 characters (`RunTask` in the API reference of Amazon ECS).
const MAX_BYTES: usize = 2048;

/// The profiles that clients choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profiles(BTreeMap<String, Value>);

/// A profile as it was when it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedProfile {
    /// As the operator calls it.
    pub name: String,
    /// What it says; everything else has its default.
    definition: Value,
}

/// What is wanted of one upload, where that is not what is wanted of every upload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The profile that the client chose, in the place of the stack's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<NamedProfile>,
    /// The language that is spoken, as far as the client knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// A name that no profile has, with those that there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {0}")]
pub struct UnknownProfile(String);

/// Profiles that cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum UnusableProfiles {
    /// No JSON object.
    #[error("the profiles are not an object of names and profiles")]
    Json(#[from] serde_json::Error),
    /// A name that cannot be one.
    #[error("`{0}` cannot be the name of a profile: 1 to 40 lower-case letters, digits and hyphens, not `default`")]
    Name(String),
    /// More than travels to a worker.
    #[error("the profile `{0}` has more than {MAX_BYTES} bytes")]
    TooLarge(String),
    /// What no stack could have as its own profile either.
    #[error("the profile `{name}`")]
    Profile {
        /// Which one.
        name: String,
        /// Why not.
        #[source]
        error: UnusableProfile,
    },
}

impl Profiles {
    /// What a name chooses: `default` the stack's own profile, which is no choice; any other name one of these.
    ///
    /// # Errors
    ///
    /// For a name that nothing has.
    pub fn choose(&self, name: &str) -> Result<Option<NamedProfile>, UnknownProfile> {
        if name == USUAL {
            return Ok(None);
        }
        let Some((name, definition)) = self.0.get_key_value(name) else {
            return Err(UnknownProfile(self.names().collect::<Vec<_>>().join(", ")));
        };
        Ok(Some(NamedProfile { name: name.clone(), definition: definition.clone() }))
    }

    /// Every name that can be chosen, `default` first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [USUAL].into_iter().chain(self.0.keys().map(String::as_str))
    }
}

impl FromStr for Profiles {
    type Err = UnusableProfiles;

    /// From JSON: an object of names and profiles.
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
    /// Whether nothing in particular is wanted.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The profile that holds: the chosen one, or else the stack's, with the language that is spoken.
    ///
    /// # Errors
    ///
    /// Where the chosen one was accepted by another version, and this one cannot read it.
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
    fn profiles_are_checked_as_the_stack_s_own_is_and_named() {
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
            (json!({"a": {"video": {}}}), "the profile `a`: the profile is not usable: unknown field `video`"),
            (json!({"a": {"speech": {"prompt": vec!["ab"; 500]}}}), "more than 2048 bytes"),
        ] {
            let refused = profiles(&wrong).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn a_choice_keeps_what_its_name_meant_when_it_was_made() {
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
