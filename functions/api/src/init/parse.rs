//! The body of an init request, field by field, so that every refusal names its field.

use crate::respond::MAX_BODY_BYTES;
use lambda_http::Body;
use serde_json::{Map, Value};
use smmu_core::{Grant, Problem, ProblemCode, Sha256, UploadPolicy};

/// What a client wishes to upload, once policy has admitted it.
pub(super) struct Wish {
    pub(super) file_name: String,
    pub(super) grant: Grant,
}

/// Longest file name, in characters; file systems end at 255 bytes.
const MAX_FILE_NAME: usize = 255;

pub(super) fn wish(body: &Body, policy: &UploadPolicy) -> Result<Wish, Problem> {
    let mut fields = object(body)?;
    let file_name = file_name(text(&mut fields, "filename")?)?;
    let content_type = text(&mut fields, "contentType")?.trim().to_ascii_lowercase();
    let bytes = size(&mut fields)?;
    let sha256 = sha256(&text(&mut fields, "sha256")?)?;
    nothing_else(&fields)?;
    policy.admit(&content_type, bytes)?;
    Ok(Wish { file_name, grant: Grant { content_type, bytes, sha256 } })
}

/// The fields of a JSON object body.
pub(crate) fn object(body: &Body) -> Result<Map<String, Value>, Problem> {
    let bytes: &[u8] = body.as_ref();
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Problem::new(ProblemCode::PayloadTooLarge));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Problem::because(ProblemCode::InvalidRequest, "the body must be a JSON object")),
        Err(error) => Err(Problem::because(
            ProblemCode::InvalidRequest,
            format!("the body is not JSON: line {}, column {}", error.line(), error.column()),
        )),
    }
}

/// Takes a required text out of the fields.
pub(crate) fn text(fields: &mut Map<String, Value>, name: &str) -> Result<String, Problem> {
    match fields.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(invalid(name, "must be a string")),
        None => Err(invalid(name, "is required")),
    }
}

/// Refuses what was not taken: a misspelt field is better refused than ignored.
pub(crate) fn nothing_else(fields: &Map<String, Value>) -> Result<(), Problem> {
    match fields.keys().next() {
        // The name is the sender's; the pointer needs only enough of it to be found.
        Some(name) => Err(invalid(&name.chars().take(64).collect::<String>(), "is not a field of this request")),
        None => Ok(()),
    }
}

fn size(fields: &mut Map<String, Value>) -> Result<u64, Problem> {
    let value = fields.remove("size").ok_or_else(|| invalid("size", "is required"))?;
    value.as_u64().ok_or_else(|| invalid("size", "must be a whole number of bytes"))
}

fn sha256(text: &str) -> Result<Sha256, Problem> {
    let parsed = text.to_ascii_lowercase().parse();
    parsed.map_err(|_| invalid("sha256", "must be a SHA-256 digest in 64 hexadecimal digits"))
}

fn file_name(name: String) -> Result<String, Problem> {
    let reason = if name.trim().is_empty() {
        "must not be empty"
    } else if name.chars().count() > MAX_FILE_NAME {
        "must have at most 255 characters"
    } else if name.chars().any(|c| c.is_control() || is_invisible_order(c)) {
        "must not contain control characters"
    } else if name.contains(['/', '\\']) || name == "." || name == ".." {
        "must be a name, not a path"
    } else {
        return Ok(name);
    };
    Err(invalid("filename", reason))
}

/// Characters that reorder what is shown, with which `gpj.exe` can be made to look like `exe.jpg`.
const fn is_invisible_order(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn invalid(field: &str, detail: &str) -> Problem {
    Problem::with_field(ProblemCode::InvalidRequest, field, detail)
}

#[cfg(test)]
mod tests {
    use super::wish;
    use lambda_http::Body;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use smmu_core::UploadPolicy;

    fn good() -> Value {
        json!({"filename": "a photo.jpg", "contentType": "image/jpeg", "size": 3, "sha256": "0".repeat(64)})
    }

    fn pointer_of(body: &Value) -> Option<String> {
        wish(&Body::Text(body.to_string()), &UploadPolicy::default()).err().map(|p| p.pointer.unwrap_or_default())
    }

    #[test]
    fn a_good_wish_is_granted() {
        assert_eq!(pointer_of(&good()), None);
    }

    #[test]
    fn a_refusal_names_its_field() {
        let bad = [
            ("filename", json!("")),
            ("filename", json!("  ")),
            ("filename", json!("..")),
            ("filename", json!("a/b.jpg")),
            ("filename", json!("a\\b.jpg")),
            ("filename", json!("a\u{0}b.jpg")),
            ("filename", json!("\u{202e}gpj.exe")),
            ("filename", json!("x".repeat(256))),
            ("filename", json!(7)),
            ("contentType", json!("text/html")),
            ("contentType", json!(null)),
            ("size", json!(0)),
            ("size", json!(-1)),
            ("size", json!(1.5)),
            ("size", json!("3")),
            ("size", json!(u64::MAX)),
            ("sha256", json!("0".repeat(63))),
            ("sha256", json!("g".repeat(64))),
            ("colour", json!("red")),
        ];
        for (field, value) in bad {
            let mut body = good();
            body[field] = value.clone();
            assert_eq!(pointer_of(&body), Some(format!("/{field}")), "{field} = {value}");
        }
    }

    #[test]
    fn a_missing_field_is_named() {
        for field in ["filename", "contentType", "size", "sha256"] {
            let mut body = good();
            body.as_object_mut().unwrap().remove(field);
            assert_eq!(pointer_of(&body), Some(format!("/{field}")));
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "null", "{", "\u{feff}{}"] {
            assert!(wish(&Body::Text(body.into()), &UploadPolicy::default()).is_err(), "{body:?}");
        }
        assert!(wish(&Body::Empty, &UploadPolicy::default()).is_err());
        assert!(wish(&Body::Binary(vec![0xff; 10]), &UploadPolicy::default()).is_err());
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in any::<Vec<u8>>()) {
            let _any_verdict = wish(&Body::Binary(body), &UploadPolicy::default());
        }
    }
}
