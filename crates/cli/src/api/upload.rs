//! What uploads are asked for with, and what is granted.

use super::{job::Job, outside_contract};
use crate::{args::ChoiceArgs, error::Error, http::Http};
use reqwest::{
    RequestBuilder, Url,
    header::{CONTENT_LENGTH, HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};
use smmu_core::{Labels, MediaId, Sha256};
use std::{collections::BTreeMap, fmt};

/// What `POST /media/upload/init` is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitRequest<'a> {
    /// Name of the file, without folders.
    #[serde(rename = "filename")]
    pub file_name: &'a str,
    /// Media type.
    pub content_type: &'a str,
    /// Size in bytes.
    pub size: u64,
    /// Digest of the content, which an upload in parts needs not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Whether to send the file in parts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub parts: bool,
    /// What to note on it.
    #[serde(flatten)]
    pub labels: &'a Labels,
    /// What to make of it.
    #[serde(flatten)]
    pub choice: &'a ChoiceArgs,
    /// Whether an earlier upload of the same content will do.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dedup: bool,
}

/// What `POST /media/upload/init` answers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum InitAnswer {
    /// The file is to be sent.
    Granted(Grant),
    /// It was sent before.
    Duplicate {
        /// What is or was made of it.
        job: Box<Job>,
    },
}

/// What `POST /media/upload/init` grants.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The upload.
    pub media_id: MediaId,
    /// Where to put the bytes.
    #[serde(flatten)]
    pub how: How,
}

/// How a granted upload is made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// With one request.
    Upload(SignedUpload),
    /// In parts.
    Parts(PartsGrant),
}

/// How a file is cut.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartsGrant {
    /// Size of every part but the last, in bytes.
    pub part_bytes: u64,
}

/// A part that is to be signed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PartToSign {
    /// From 1.
    pub number: u32,
    /// Digest of its content.
    pub sha256: Sha256,
}

/// What `POST /media/{mediaId}/parts` answers.
#[derive(Deserialize)]
pub(super) struct SignedParts {
    pub(super) parts: Vec<SignedUpload>,
}

/// A page of `GET /media/{mediaId}/parts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartPage {
    pub(super) size: u64,
    pub(super) part_bytes: u64,
    pub(super) parts: Vec<ArrivedPart>,
    #[serde(default)]
    pub(super) next: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct ArrivedPart {
    pub(super) number: u32,
    #[serde(default)]
    pub(super) sha256: Option<Sha256>,
}

/// A request that may be made once, with exactly these headers.
#[derive(Debug, Deserialize)]
pub struct SignedUpload {
    /// HTTP method.
    pub method: String,
    /// Where.
    pub url: SignedUrl,
    /// What is signed with it.
    pub headers: BTreeMap<String, String>,
}

/// A URL that is itself the permission. Never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct SignedUrl(String);

impl SignedUrl {
    /// The URL, for the request alone. One that cannot be parsed is an answer outside the contract.
    pub fn parse(&self) -> Result<Url, Error> {
        self.0.parse().map_err(|_| Error::Trouble("the API gave a URL that cannot be read".to_owned()))
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedUrl(…)")
    }
}

impl SignedUpload {
    /// The request for so many bytes, without them, with exactly the signed headers. The length is signed as well; a body that
    /// is read while it is sent does not tell it.
    pub fn request(&self, http: &Http, bytes: u64) -> Result<RequestBuilder, Error> {
        let unreadable = |what| outside_contract(&format!("an upload whose {what} cannot be read"));
        let method = self.method.parse().map_err(|_| unreadable("method"))?;
        let mut request = http.client().request(method, self.url.parse()?).header(CONTENT_LENGTH, bytes);
        // An older API names the length too.
        let headers = self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str()));
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|_| unreadable("headers"))?;
            let value: HeaderValue = value.parse().map_err(|_| unreadable("headers"))?;
            request = request.header(name, value);
        }
        Ok(request)
    }
}
