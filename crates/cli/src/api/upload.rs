//! Upload requests and grants.

use super::{job::Job, signed::SignedUrl};
use crate::{
    args::ChoiceArgs,
    error::Error,
    estimate::Estimate,
    http::{Http, outside_contract},
};
use reqwest::{
    RequestBuilder,
    header::{CONTENT_LENGTH, HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};
use smmu_core::{Labels, MediaId, Sha256};
use std::collections::BTreeMap;

/// Request body of `POST /media/upload/init`.
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
    /// Digest of the content. Not required for an upload in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Requests an upload in parts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub parts: bool,
    /// External id and metadata.
    #[serde(flatten)]
    pub labels: &'a Labels,
    /// Profile and options of the job.
    #[serde(flatten)]
    pub choice: &'a ChoiceArgs,
    /// Accepts an earlier upload of the same content.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dedup: bool,
}

/// Response of `POST /media/upload/init`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum InitAnswer {
    /// The client must send the file.
    Granted(Grant),
    /// The same content was uploaded before.
    Duplicate {
        /// The job of the earlier upload.
        job: Box<Job>,
    },
}

/// An upload granted by `POST /media/upload/init`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    pub media_id: MediaId,
    /// Expected cost and time of the job, if the API can tell.
    #[serde(default)]
    pub estimate: Option<Estimate>,
    /// Destination and method of the upload.
    #[serde(flatten)]
    pub how: How,
}

/// The method of a granted upload.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// One request.
    Upload(SignedUpload),
    /// Several parts.
    Parts(PartsGrant),
}

/// Part size of an upload in parts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartsGrant {
    /// Size of every part but the last, in bytes.
    pub part_bytes: u64,
}

/// A part to sign.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PartToSign {
    /// Counts from 1.
    pub number: u32,
    /// Digest of its content.
    pub sha256: Sha256,
}

/// Response of `POST /media/{mediaId}/parts`.
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

/// A signed request. Must be sent with exactly these headers.
#[derive(Debug, Deserialize)]
pub struct SignedUpload {
    /// HTTP method.
    pub method: String,
    pub url: SignedUrl,
    /// The signed header fields.
    pub headers: BTreeMap<String, String>,
}

impl SignedUpload {
    /// The request without its body, with exactly the signed headers. Sets the length to `bytes`: it is signed too, and
    /// a streamed body has no known length.
    pub fn request(&self, http: &Http, bytes: u64) -> Result<RequestBuilder, Error> {
        let unreadable = |what| outside_contract(&format!("an upload with an invalid {what}"));
        let method = self.method.parse().map_err(|_| unreadable("method"))?;
        let mut request = http.client().request(method, self.url.parse()?).header(CONTENT_LENGTH, bytes);
        // An older API also lists the length.
        let headers = self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str()));
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|_| unreadable("headers"))?;
            let value: HeaderValue = value.parse().map_err(|_| unreadable("headers"))?;
            request = request.header(name, value);
        }
        Ok(request)
    }
}
