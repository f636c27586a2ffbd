//! What a request chooses of the operator's profiles, and the language that it says is spoken.

use serde::Serialize;
use serde_json::{Map, Value};
use smmu_core::{Choice, NamedProfile, Problem, ProblemCode, Profiles, speech::Language};

/// The parts of a choice that a request names; what it leaves out stays as it was, and null undoes it.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) profile: Option<Option<NamedProfile>>,
    pub(crate) language: Option<Option<Language>>,
}

/// A choice as its owner sees it: what was chosen, by name.
#[derive(Debug, Serialize)]
pub(crate) struct ChoiceView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
}

impl<'a> From<&'a Choice> for ChoiceView<'a> {
    fn from(choice: &'a Choice) -> Self {
        Self {
            profile: choice.profile.as_ref().map(|profile| profile.name.as_str()),
            language: choice.language.map(Language::tag),
        }
    }
}

/// Takes both out of the fields of a request.
pub(crate) fn chosen(fields: &mut Map<String, Value>, profiles: &Profiles) -> Result<Chosen, Problem> {
    Ok(Chosen { profile: profile(fields, profiles)?, language: language(fields)? })
}

fn profile(fields: &mut Map<String, Value>, profiles: &Profiles) -> Result<Option<Option<NamedProfile>>, Problem> {
    match fields.remove("profile") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(name)) => profiles.choose(&name).map(Some).ok_or_else(|| {
            let names: Vec<_> = profiles.names().collect();
            invalid("profile", format!("must be one of: {}", names.join(", ")))
        }),
        Some(_) => Err(invalid("profile", "must be a string".to_owned())),
    }
}

fn language(fields: &mut Map<String, Value>) -> Result<Option<Option<Language>>, Problem> {
    match fields.remove("language") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(tag)) => Language::of_tag(&tag).map(|language| Some(Some(language))).ok_or_else(|| {
            invalid("language", "must be the tag of a language that is recognised, such as en, de or pt-BR".to_owned())
        }),
        Some(_) => Err(invalid("language", "must be a string".to_owned())),
    }
}

fn invalid(field: &str, detail: String) -> Problem {
    Problem::with_field(ProblemCode::InvalidRequest, field, detail)
}

#[cfg(test)]
mod tests {
    use super::{language, profile};
    use serde_json::{Map, Value, json};
    use smmu_core::Profiles;

    fn fields(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_profile_is_chosen_by_a_name_that_there_is() {
        let profiles: Profiles = r#"{"small": {"image": {"avif": {}}}}"#.parse().unwrap();
        let name = |value: Value| {
            let chosen = profile(&mut fields(&value), &profiles);
            chosen.map(|chosen| chosen.map(|profile| profile.map(|profile| profile.name)))
        };
        assert_eq!(name(json!({})), Ok(None));
        assert_eq!(name(json!({"profile": "small"})), Ok(Some(Some("small".to_owned()))));
        for usual in [json!("default"), json!(null)] {
            assert_eq!(name(json!({"profile": usual})), Ok(Some(None)));
        }
        let refused = name(json!({"profile": "large"})).unwrap_err();
        assert_eq!(refused.detail.as_deref(), Some("must be one of: default, small"));
        assert_eq!(refused.pointer.as_deref(), Some("/profile"));
        assert!(name(json!({"profile": {}})).is_err());
    }

    #[test]
    fn a_language_is_one_that_is_recognised() {
        let code = |value: Value| {
            language(&mut fields(&value)).map(|named| named.map(|language| language.map(|known| known.to_string())))
        };
        assert_eq!((code(json!({})), code(json!({"language": null}))), (Ok(None), Ok(Some(None))));
        assert_eq!(code(json!({"language": "pt-BR"})), Ok(Some(Some("pt".to_owned()))));
        for wrong in [json!("tlh"), json!(""), json!(7)] {
            let refused = code(json!({"language": wrong})).unwrap_err();
            assert_eq!(refused.pointer.as_deref(), Some("/language"));
        }
    }
}
