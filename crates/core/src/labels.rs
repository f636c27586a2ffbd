//! Labels that a client attaches to an upload for its own use. They are returned with the media and its jobs, in lists
//! and webhooks, and never become part of a key or a log line.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A client's id for an upload, and other data to find it by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Labels {
    /// Id of the upload in the client's own records. It need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_EXTERNAL_ID), regex(pattern = WITHOUT_CONTROLS)))]
    pub external_id: Option<String>,
    /// Names and values chosen by the client.
    #[cfg_attr(feature = "schema", schemars(transform = bound_pairs))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// Matches text without control characters, as an ECMA-262 regular expression.
pub const WITHOUT_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// Maximum length of an external id, in characters.
pub const MAX_EXTERNAL_ID: usize = 255;
/// Maximum number of pairs.
pub const MAX_PAIRS: usize = 16;
/// Maximum length of a pair's name, in characters.
pub const MAX_NAME: usize = 40;
/// Maximum length of a pair's value, in characters.
pub const MAX_VALUE: usize = 500;

/// A field exceeds its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {bound}")]
pub struct InvalidLabels {
    /// Name of the field in a request.
    pub field: &'static str,
    /// The violated limit.
    pub bound: String,
}

impl Labels {
    /// Creates labels within the limits.
    ///
    /// # Errors
    ///
    /// The first limit that is exceeded.
    pub fn new(external_id: Option<String>, metadata: BTreeMap<String, String>) -> Result<Self, InvalidLabels> {
        let invalid = |field, bound: String| Err(InvalidLabels { field, bound });
        let fits = |text: &str, most: usize| !text.is_empty() && text.chars().count() <= most && !has_controls(text);
        if external_id.as_deref().is_some_and(|id| !fits(id, MAX_EXTERNAL_ID)) {
            return invalid(
                "externalId",
                format!("must have 1 to {MAX_EXTERNAL_ID} characters and no control characters"),
            );
        }
        if metadata.len() > MAX_PAIRS {
            return invalid("metadata", format!("must have at most {MAX_PAIRS} pairs"));
        }
        if !metadata.keys().all(|name| fits(name, MAX_NAME)) {
            return invalid(
                "metadata",
                format!("must have names of 1 to {MAX_NAME} characters without control characters"),
            );
        }
        if metadata.values().any(|value| value.chars().count() > MAX_VALUE) {
            return invalid("metadata", format!("must have values of at most {MAX_VALUE} characters"));
        }
        Ok(Self { external_id, metadata })
    }
}

/// Adds the limits of [`Labels::metadata`] to its schema.
#[cfg(feature = "schema")]
pub fn bound_pairs(schema: &mut schemars::Schema) {
    let name = serde_json::json!({ "minLength": 1, "maxLength": MAX_NAME, "pattern": WITHOUT_CONTROLS });
    schema.insert("maxProperties".into(), MAX_PAIRS.into());
    schema.insert("propertyNames".into(), name);
    schema.insert("additionalProperties".into(), serde_json::json!({ "type": "string", "maxLength": MAX_VALUE }));
}

fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field_of(external_id: Option<&str>, pairs: &[(&str, &str)]) -> Option<&'static str> {
        let metadata = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Labels::new(external_id.map(str::to_owned), metadata).err().map(|invalid| invalid.field)
    }

    #[test]
    fn a_bound_is_the_last_value_that_passes() {
        let text = |length| "ä".repeat(length);
        assert_eq!(field_of(Some(&text(MAX_EXTERNAL_ID)), &[(&text(MAX_NAME), &text(MAX_VALUE)), ("empty", "")]), None);
        assert_eq!(field_of(Some(&text(MAX_EXTERNAL_ID + 1)), &[]), Some("externalId"));
        for pair in [("", "x"), (&*text(MAX_NAME + 1), "x"), ("x", &*text(MAX_VALUE + 1)), ("a\nb", "x")] {
            assert_eq!(field_of(None, &[pair]), Some("metadata"));
        }
        for id in ["", "a\u{7}"] {
            assert_eq!(field_of(Some(id), &[]), Some("externalId"));
        }
        let names: Vec<String> = (0..=MAX_PAIRS).map(|number| number.to_string()).collect();
        let pairs: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
        assert_eq!(field_of(None, &pairs[..MAX_PAIRS]), None);
        assert_eq!(field_of(None, &pairs), Some("metadata"));
    }
}
