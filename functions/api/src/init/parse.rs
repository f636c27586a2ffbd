//! The body of an init request, field by field, so that every refusal names its field.

use crate::{choice, respond::MAX_BODY_BYTES};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use lambda_http::Body;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value};
#[cfg(feature = "schema")]
use smmu_core::labels;
use smmu_core::{Choice, Labels, Problem, ProblemCode, Profiles, Sha256, UploadPolicy, parts::MAX_SINGLE_PUT_BYTES};
use std::{collections::BTreeMap, fmt};

/// What a client asks to upload, once policy has admitted it.
pub(super) struct UploadRequest {
    pub(super) file_name: String,
    pub(super) labels: Labels,
    pub(super) choice: Choice,
    /// Whether an earlier upload of the same content will do.
    pub(super) dedup: bool,
    pub(super) content_type: String,
    pub(super) bytes: u64,
    pub(super) sending: RequestedSending,
}

/// How the client wants to send the file, with the digest that it declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestedSending {
    Whole(Sha256),
    Parts(Option<Sha256>),
}

/// The body of the request.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "UploadRequest", rename_all = "camelCase", deny_unknown_fields))]
pub(super) struct UploadBody {
    /// A label: the last part of a path, shortened to 255 characters before its extension.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::FILE_NAME)))]
    filename: String,
    /// A hint, since content decides; without it the name's extension is one.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    content_type: String,
    /// Exact size in bytes. A file over the operator's limit for its kind is refused by 422.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = schema::MAX_BYTES)))]
    size: u64,
    /// SHA-256 digest of the file, in hexadecimal or Base64, and whether it is sent in parts.
    #[cfg_attr(feature = "schema", schemars(flatten, with = "schema::Sending"))]
    sending: RequestedSending,
    /// The upload's name in the client's own records. Nobody checks that it is the only one.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = labels::MAX_EXTERNAL_ID)))]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = labels::WITHOUT_CONTROLS)))]
    external_id: Option<String>,
    /// What the client wants to find again: pairs of names and values.
    #[cfg_attr(feature = "schema", schemars(with = "Option<BTreeMap<String, String>>", transform = labels::bound_pairs))]
    metadata: BTreeMap<String, String>,
    /// What is made of the file.
    #[cfg_attr(feature = "schema", schemars(flatten, with = "choice::ChoiceBody"))]
    choice: Choice,
    /// Whether an earlier upload of the same content by the same user will do.
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    dedup: bool,
}

impl UploadBody {
    fn read(body: &Body, profiles: &Profiles) -> Result<Self, Problem> {
        let mut fields = object(body)?;
        let read = Self {
            filename: file_name(&text(&mut fields, "filename")?)?,
            content_type: content_type(&mut fields)?,
            size: size(&mut fields)?,
            sending: sending(&mut fields)?,
            external_id: external_id(&mut fields)?,
            metadata: metadata(&mut fields)?,
            choice: choice::chosen(&mut fields, Choice::default(), profiles)?,
            dedup: match fields.remove("dedup") {
                None | Some(Value::Null) => false,
                Some(Value::Bool(dedup)) => dedup,
                Some(_) => return Err(invalid("dedup", "must be true or false")),
            },
        };
        nothing_else(&fields)?;
        Ok(read)
    }
}

/// The header `Idempotency-Key`.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub(super) struct KeyHeader(
    #[cfg_attr(feature = "schema", schemars(regex(pattern = smmu_core::idempotency::PATTERN)))]
    #[expect(dead_code, reason = "it is there for its schema")]
    String,
);

/// What the schema says of texts. Each pattern holds for exactly what is accepted (ECMA-262).
#[cfg(feature = "schema")]
pub(super) mod schema {
    /// The last part of the path that is not empty has something else than dots and spaces.
    pub(super) const FILE_NAME: &str = concat!(
        r"[^./\\\s\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff][^/\\]*",
        r"([/\\][\s\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]*)*$"
    );
    /// How the file is sent: with a digest of the whole, which may be left out where it is sent in parts.
    #[derive(schemars::JsonSchema)]
    #[schemars(transform = whole_or_parts)]
    #[expect(dead_code, reason = "it is there for its schema")]
    pub(super) struct Sending {
        /// Whether to send the file in parts; needed over 5 GiB.
        parts: Option<bool>,
        /// SHA-256 digest of the file, in hexadecimal or Base64. May be left out with `parts`.
        #[schemars(regex(pattern = SHA256))]
        sha256: Option<String>,
    }

    /// Not `anyOf`, of which generated types would know nothing but that it is a choice.
    fn whole_or_parts(schema: &mut schemars::Schema) {
        let in_parts = serde_json::json!({"required": ["parts"], "properties": {"parts": {"const": true}}});
        schema.insert("if".to_owned(), in_parts);
        let whole = serde_json::json!({"required": ["sha256"], "properties": {"sha256": {"type": "string"}}});
        schema.insert("else".to_owned(), whole);
    }

    /// The last character of 32 bytes in Base64 stands for four bits.
    pub(crate) const SHA256: &str = "^([0-9A-Fa-f]{64}|[0-9A-Za-z+/]{42}[048AEIMQUYcgkosw]=)$";
    /// The largest object of S3.
    pub(super) const MAX_BYTES: u64 = 5 << 40;
}

/// Longest file name, in characters; file systems end at 255 bytes.
const MAX_FILE_NAME: usize = 255;

/// Longest extension that shortening a name keeps, in characters.
const MAX_EXTENSION: usize = 16;

pub(super) fn upload_request(body: &Body, policy: &UploadPolicy) -> Result<UploadRequest, Problem> {
    let body = UploadBody::read(body, &policy.profiles)?;
    let UploadBody { filename: file_name, content_type: declared, size: bytes, external_id, metadata, .. } = body;
    let labels = Labels::new(external_id, metadata).map_err(|error| invalid(error.field, &error.bound))?;
    let (sending, choice, dedup) = (body.sending, body.choice, body.dedup);
    let content_type = policy.admit(&declared, &file_name, bytes)?.to_owned();
    if matches!(sending, RequestedSending::Whole(_)) && bytes > MAX_SINGLE_PUT_BYTES {
        let detail = format!("one request carries at most {MAX_SINGLE_PUT_BYTES} bytes");
        return Err(Problem::with_field(ProblemCode::PartsRequired, "parts", detail));
    }
    Ok(UploadRequest { file_name, labels, choice, dedup, content_type, bytes, sending })
}

/// With parts the digest may be left out: each part has its own.
fn sending(fields: &mut Map<String, Value>) -> Result<RequestedSending, Problem> {
    let in_parts = match fields.remove("parts") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(in_parts)) => in_parts,
        Some(_) => return Err(invalid("parts", "must be true or false")),
    };
    if in_parts && fields.get("sha256").is_none_or(Value::is_null) {
        fields.remove("sha256");
        return Ok(RequestedSending::Parts(None));
    }
    let digest = text(fields, "sha256")?;
    let digest = sha256(&digest).ok_or_else(|| invalid("sha256", NO_DIGEST))?;
    Ok(if in_parts { RequestedSending::Parts(Some(digest)) } else { RequestedSending::Whole(digest) })
}

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

/// The members of an object, and a name that is there twice, of which most parsers keep one without a word.
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

/// A name that a sender wrote: the pointer needs only enough of it to be found.
fn short(name: &str) -> String {
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

/// Refuses what was not taken: a misspelt field is better refused than ignored.
pub(crate) fn nothing_else(fields: &Map<String, Value>) -> Result<(), Problem> {
    match fields.keys().next() {
        Some(name) => Err(invalid(&short(name), "is not a field of this request")),
        None => Ok(()),
    }
}

/// The declared content type, a hint: Windows and Chromium give none for many formats.
fn content_type(fields: &mut Map<String, Value>) -> Result<String, Problem> {
    match fields.remove("contentType") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(invalid("contentType", "must be a string")),
    }
}

fn external_id(fields: &mut Map<String, Value>) -> Result<Option<String>, Problem> {
    match fields.remove("externalId") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id)),
        Some(_) => Err(invalid("externalId", "must be a string")),
    }
}

fn metadata(fields: &mut Map<String, Value>) -> Result<BTreeMap<String, String>, Problem> {
    let pairs = match fields.remove("metadata") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(pairs)) => pairs.into_iter(),
        Some(_) => return Err(invalid("metadata", "must be an object of strings")),
    };
    let text = |(name, value): (String, Value)| match value.as_str() {
        Some(value) => Ok((name, value.to_owned())),
        None => Err(invalid("metadata", "must have strings as values")),
    };
    pairs.map(text).collect()
}

fn size(fields: &mut Map<String, Value>) -> Result<u64, Problem> {
    let value = fields.remove("size").ok_or_else(|| invalid("size", "is required"))?;
    whole_number(&value).ok_or_else(|| invalid("size", "must be a whole number of bytes"))
}

/// A whole number that is not negative.
pub(crate) fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| whole(value))
}

/// A whole number that was written with a fraction (`67.0`), as languages with one number type do.
fn whole(value: &Value) -> Option<u64> {
    /// Up to here every whole number has a `f64` of its own (IEEE 754, 53 bits).
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=EXACT).contains(number))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, positive and exact: see above")]
    Some(number as u64)
}

/// What is said of a text that is no digest.
pub(crate) const NO_DIGEST: &str = "must be a SHA-256 digest in hexadecimal or Base64";

/// A digest in hexadecimal, or in Base64 as S3's own header has it.
pub(crate) fn sha256(text: &str) -> Option<Sha256> {
    let hexadecimal = text.to_ascii_lowercase().parse().ok();
    hexadecimal.or_else(|| Some(Sha256::from_bytes(BASE64.decode(text).ok()?.try_into().ok()?)))
}

/// A name is a label: the last part of a path, without marks that cannot be seen, shortened before its extension.
fn file_name(name: &str) -> Result<String, Problem> {
    let visible: String = name.chars().filter(|c| !c.is_control() && !reorders(*c)).collect();
    let last = visible.split(['/', '\\']).map(str::trim).rfind(|part| !part.is_empty()).unwrap_or_default();
    if last.chars().all(|c| c == '.' || c.is_whitespace()) {
        return Err(invalid("filename", "must contain a name"));
    }
    Ok(shortened(last))
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= MAX_FILE_NAME {
        return name.to_owned();
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    let extension = match extension.chars().count() {
        1..=MAX_EXTENSION => format!(".{extension}"),
        _ => String::new(),
    };
    name.chars().take(MAX_FILE_NAME - extension.chars().count()).chain(extension.chars()).collect()
}

/// Characters that reorder what is shown, with which `gpj.exe` can be made to look like `exe.jpg`, and which phones
/// and messengers put around names.
const fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn invalid(field: &str, detail: &str) -> Problem {
    Problem::with_field(ProblemCode::InvalidRequest, field, detail)
}

#[cfg(test)]
mod tests;
