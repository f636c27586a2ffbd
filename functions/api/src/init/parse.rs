//! Parses the body of an init request.

use crate::{
    body::{NO_DIGEST, invalid, nothing_else, object, sha256, text, whole_number},
    choice,
};
use lambda_http::Body;
use serde_json::{Map, Value};
#[cfg(feature = "schema")]
use smmu_core::labels;
use smmu_core::{Choice, Labels, Problem, ProblemCode, Profiles, Sha256, UploadPolicy, parts::MAX_SINGLE_PUT_BYTES};
use std::collections::BTreeMap;

/// An upload request that passed the upload policy.
pub(super) struct UploadRequest {
    pub(super) file_name: String,
    pub(super) labels: Labels,
    pub(super) choice: Choice,
    /// Set if an earlier upload of the same content is acceptable.
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
    /// File name, used only as a label: the last segment of a path, shortened to 255 characters before its extension.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = schema::FILE_NAME)))]
    filename: String,
    /// Media type, only a hint. If missing, the file name's extension is used.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    content_type: String,
    /// Exact size in bytes. A file over the operator's limit for its kind is refused with 422.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = schema::MAX_BYTES)))]
    size: u64,
    /// SHA-256 digest of the file, and whether it is sent in parts.
    #[cfg_attr(feature = "schema", schemars(flatten, with = "schema::Sending"))]
    sending: RequestedSending,
    /// Id of the upload in the client's own records. It need not be unique.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = labels::MAX_EXTERNAL_ID)))]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = labels::WITHOUT_CONTROLS)))]
    external_id: Option<String>,
    /// Names and values chosen by the client.
    #[cfg_attr(feature = "schema", schemars(with = "Option<BTreeMap<String, String>>", transform = labels::bound_pairs))]
    metadata: BTreeMap<String, String>,
    /// Profile and spoken language.
    #[cfg_attr(feature = "schema", schemars(flatten, with = "choice::ChoiceBody"))]
    choice: Choice,
    /// If true, an earlier upload of the same content by the same user is used instead.
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

/// Value of the `Idempotency-Key` header.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub(super) struct KeyHeader(
    #[cfg_attr(feature = "schema", schemars(regex(pattern = smmu_core::idempotency::PATTERN)))]
    #[expect(dead_code, reason = "only its schema is used")]
    String,
);

/// Schemas of texts. Each pattern (ECMA-262) matches exactly the accepted texts.
#[cfg(feature = "schema")]
mod schema {
    use crate::body::SHA256_PATTERN;

    /// The last non-empty path segment contains more than dots and spaces.
    pub(super) const FILE_NAME: &str = concat!(
        r"[^./\\\s\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff][^/\\]*",
        r"([/\\][\s\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]*)*$"
    );
    /// How the file is sent. The digest of the whole file is optional for an upload in parts.
    #[derive(schemars::JsonSchema)]
    #[schemars(transform = whole_or_parts)]
    #[expect(dead_code, reason = "only its schema is used")]
    pub(super) struct Sending {
        /// Send the file in parts. Required above 5 GiB.
        parts: Option<bool>,
        /// SHA-256 digest of the file, in hexadecimal or Base64. Optional with `parts`.
        #[schemars(regex(pattern = SHA256_PATTERN))]
        sha256: Option<String>,
    }

    /// Not `anyOf`: code generators lose the field types.
    fn whole_or_parts(schema: &mut schemars::Schema) {
        let in_parts = serde_json::json!({"required": ["parts"], "properties": {"parts": {"const": true}}});
        schema.insert("if".to_owned(), in_parts);
        let whole = serde_json::json!({"required": ["sha256"], "properties": {"sha256": {"type": "string"}}});
        schema.insert("else".to_owned(), whole);
    }

    /// Size of the largest object that S3 stores.
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

/// The digest is optional for an upload in parts, because each part has its own.
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

/// The declared content type, a hint: Windows and Chromium send none for many formats.
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

/// Cleans a file name: the last path segment, without invisible characters, shortened before its extension.
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

/// Characters that change the display order and can make `gpj.exe` look like `exe.jpg`. Phones and messengers also put
/// them around names.
const fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
