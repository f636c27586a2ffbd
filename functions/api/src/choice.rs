//! The profile and the spoken language of a request.

use serde::Serialize;
use serde_json::{Map, Value};
use smmu_core::{Choice, Problem, ProblemCode, Profiles, speech::Language};

/// The chosen profile and language, as the owner sees them.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ChoiceView<'a> {
    /// Name of the chosen profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    /// Tag of the spoken language, as chosen.
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

/// The profile and language in a request.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct ChoiceBody {
    /// Name of one of the operator's profiles, such as `default`. Unknown names are refused.
    profile: Option<String>,
    /// Tag of the spoken language, such as `en` or `pt-BR`. Languages that are not recognised are refused.
    language: Option<String>,
}

/// Removes both from the fields of a request. An omitted field keeps its `earlier` value; null resets it.
pub(crate) fn chosen(fields: &mut Map<String, Value>, earlier: Choice, profiles: &Profiles) -> Result<Choice, Problem> {
    const LANGUAGE: &str = "must be the tag of a language that is recognised, such as en, de or pt-BR";
    let profile = match fields.remove("profile") {
        None => earlier.profile,
        Some(Value::Null) => None,
        Some(Value::String(name)) => profiles.choose(&name).map_err(|error| invalid("profile", &error.to_string()))?,
        Some(_) => return Err(invalid("profile", "must be a string")),
    };
    let language = match fields.remove("language") {
        None => earlier.language,
        Some(Value::Null) => None,
        Some(Value::String(tag)) => Some(Language::of_tag(&tag).ok_or_else(|| invalid("language", LANGUAGE))?),
        Some(_) => return Err(invalid("language", "must be a string")),
    };
    Ok(Choice { profile, language })
}

fn invalid(field: &str, detail: &str) -> Problem {
    Problem::with_field(ProblemCode::InvalidRequest, field, detail)
}

#[cfg(test)]
mod tests {
    use super::{ChoiceView, chosen};
    use serde_json::{Value, json};
    use smmu_core::{Choice, Problem, Profiles};

    fn choose(request: &Value, earlier: &Choice) -> Result<Choice, Problem> {
        let profiles: Profiles = r#"{"small": {"image": {"avif": {}}}}"#.parse().unwrap();
        chosen(&mut request.as_object().unwrap().clone(), earlier.clone(), &profiles)
    }

    #[test]
    fn a_choice_is_kept_if_omitted_and_reset_by_null() {
        let usual = Choice::default();
        assert_eq!(choose(&json!({}), &usual), Ok(usual.clone()));
        let made = choose(&json!({"profile": "small", "language": "pt-BR"}), &usual).unwrap();
        assert_eq!(json!(ChoiceView::from(&made)), json!({"profile": "small", "language": "pt"}));
        assert_eq!(choose(&json!({}), &made), Ok(made.clone()));
        for undone in [json!({"profile": null, "language": null}), json!({"profile": "default", "language": null})] {
            assert_eq!(choose(&undone, &made), Ok(usual.clone()));
        }
    }

    #[test]
    fn a_refusal_names_its_field_and_the_accepted_values() {
        for (wrong, pointer, words) in [
            (json!({"profile": "large"}), "/profile", "must be one of: default, small"),
            (json!({"profile": {}}), "/profile", "a string"),
            (json!({"language": "tlh"}), "/language", "such as en"),
            (json!({"language": ""}), "/language", "such as en"),
            (json!({"language": 7}), "/language", "a string"),
        ] {
            let refused = choose(&wrong, &Choice::default()).unwrap_err();
            assert_eq!(refused.pointer.as_deref(), Some(pointer));
            assert!(refused.detail.unwrap().contains(words), "{wrong}");
        }
    }
}
