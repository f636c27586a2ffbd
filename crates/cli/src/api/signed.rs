//! URLs that grant access.

use crate::error::Error;
use reqwest::Url;
use serde::Deserialize;
use std::fmt;

/// A URL that grants access by itself. Never printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct SignedUrl(String);

impl SignedUrl {
    /// The URL, only for sending the request. Fails if the API sent an invalid URL.
    pub fn parse(&self) -> Result<Url, Error> {
        self.0.parse().map_err(|_| Error::Trouble("the API returned an invalid URL".to_owned()))
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedUrl(…)")
    }
}
