//! JSON objects with unique names.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::Value;
use std::{collections::HashMap, fmt};

/// The members of a JSON object. A repeated name is an error: most parsers silently keep one of the two, so two readers
/// of one token could disagree (RFC 7515, section 4; RFC 7519, section 4).
pub(super) struct Object(HashMap<String, Value>);

impl Object {
    /// Parses exactly one object. `None` for anything else.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with unique names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object, A::Error> {
                let mut members = HashMap::new();
                while let Some((name, value)) = entries.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name is repeated"));
                    }
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_name() {
        let object = Object::parse(br#" {"a": 1, "b": [true]} "#).unwrap();
        assert_eq!(object.get("a"), Some(&Value::from(1)));
        assert_eq!(object.get("c"), None);
    }

    #[test]
    fn repeated_names_are_refused_in_any_spelling() {
        assert!(Object::parse(br#"{"a":1,"a":1}"#).is_none());
        assert!(Object::parse(br#"{"a":1,"\u0061":2}"#).is_none());
    }

    #[test]
    fn anything_but_one_whole_object_is_refused() {
        for text in ["", "[]", "null", "\"a\"", "{", "{}{}", "{} x", "{\"a\":1,}", "\u{feff}{}", "{'a':1}"] {
            assert!(Object::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Object::parse(b"{\"a\":\"\xff\"}").is_none());
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
        assert!(Object::parse(deep.as_bytes()).is_none());
    }
}
