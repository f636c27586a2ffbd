//! Parses JSON request bodies field by field, so that every refusal names its field.

use crate::respond::MAX_BODY_BYTES;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use lambda_http::Body;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value};
use smmu_core::{Problem, ProblemCode, Sha256};
use std::fmt;

/// The fields of a JSON object body.
pub(crate) fn object(body: &Body) -> Result<Map<String, Value>, Problem> {
    let bytes: &[u8] = body.as_ref();
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Problem::new(ProblemCode::PayloadTooLarge));
    }
    // RFC 8259, section 8.1: a parser may ignore a byte order mark, and some clients write one.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match serde_json::from_slice(bytes) {
        Ok(Fields { fields, repeated: None }) => Ok(fields),
        Ok(Fields { repeated: Some(name), .. }) => Err(invalid(&short(&name), "is given twice")),
        Err(error) if error.is_data() => {
            Err(Problem::because(ProblemCode::InvalidRequest, "the body must be a JSON object"))
        }
        Err(error) => Err(Problem::because(
            ProblemCode::InvalidRequest,
            format!("the body is not JSON: line {}, column {}", error.line(), error.column()),
        )),
    }
}

/// The members of an object, and the first repeated name; most parsers silently keep one of the values.
struct Fields {
    fields: Map<String, Value>,
    repeated: Option<String>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields, A::Error> {
                let (mut fields, mut repeated) = (Map::new(), None);
                while let Some((name, value)) = entries.next_entry::<String, Value>()? {
                    if fields.contains_key(&name) {
                        repeated.get_or_insert_with(|| name.clone());
                    }
                    fields.insert(name, value);
                }
                Ok(Fields { fields, repeated })
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Shortens a name that the client sent, for an error that only has to identify it.
pub(crate) fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

/// Takes a required text out of the fields.
pub(crate) fn text(fields: &mut Map<String, Value>, name: &str) -> Result<String, Problem> {
    match fields.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(invalid(name, "must be a string")),
        None => Err(invalid(name, "is required")),
    }
}

/// Refuses unknown fields: a misspelt field is better refused than ignored.
pub(crate) fn nothing_else(fields: &Map<String, Value>) -> Result<(), Problem> {
    match fields.keys().next() {
        Some(name) => Err(invalid(&short(name), "is not a field of this request")),
        None => Ok(()),
    }
}

/// A non-negative whole number.
pub(crate) fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| whole(value))
}

/// A whole number written with a fraction (`67.0`), as in languages with one number type.
fn whole(value: &Value) -> Option<u64> {
    /// Up to here `f64` represents every whole number exactly (IEEE 754, 53 bits).
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=EXACT).contains(number))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, positive and exact: see above")]
    Some(number as u64)
}

/// Matches exactly the accepted digests (ECMA-262). In Base64, the last character of 32 bytes encodes only four bits.
#[cfg(feature = "schema")]
pub(crate) const SHA256_PATTERN: &str = "^([0-9A-Fa-f]{64}|[0-9A-Za-z+/]{42}[048AEIMQUYcgkosw]=)$";

/// Message for a text that is not a digest.
pub(crate) const NO_DIGEST: &str = "must be a SHA-256 digest in hexadecimal or Base64";

/// A digest in hexadecimal, or in Base64 as S3's own header has it.
pub(crate) fn sha256(text: &str) -> Option<Sha256> {
    let hexadecimal = text.to_ascii_lowercase().parse().ok();
    hexadecimal.or_else(|| Some(Sha256::from_bytes(BASE64.decode(text).ok()?.try_into().ok()?)))
}

/// A problem with a field of the body.
pub(crate) fn invalid(field: &str, detail: &str) -> Problem {
    Problem::with_field(ProblemCode::InvalidRequest, field, detail)
}
