//! What a request chooses of the operator's profiles, and the language that it says is spoken.

use serde::Serialize;
use serde_json::{Map, Value};
use smmu_core::{Choice, Problem, ProblemCode, Profiles, speech::Language};

/// A choice as its owner sees it: what was chosen, by name.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ChoiceView<'a> {
    /// The name of the profile that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    /// The tag of the language that is said to be spoken.
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

/// What a request says of its choice.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "it is there for its schema")]
pub(crate) struct ChoiceBody {
    /// The name of one of the operator's profiles; `default` is the usual one. An unknown name is refused.
    profile: Option<String>,
    /// The tag of the language that is spoken, such as `en` or `pt-BR`; one that is not recognised is refused.
    language: Option<String>,
}

/// Takes both out of the fields of a request. What it leaves out stays as it was, and null undoes it.
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
    fn a_choice_is_made_by_names_stays_where_it_is_left_out_and_is_undone_by_null() {
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
    fn a_refusal_names_its_field_and_what_there_is() {
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
