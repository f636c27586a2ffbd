//! The secret that signs the messages to an endpoint.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A signing secret, written as `whsec_` and base 64 (Standard Webhooks 1.0.0, "Signature scheme"). Neither `Debug` nor
/// any error shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret(Vec<u8>);

/// The text is not a signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signing secret: `whsec_` and 24 to 64 bytes in base 64")]
pub struct InvalidSecret;

const PREFIX: &str = "whsec_";

impl Secret {
    /// A new secret from 32 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(bytes.to_vec())
    }

    /// The key of the HMAC.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.0
    }

    /// The text form, for the owner of the endpoint only.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(&self.0))
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let bytes = BASE64_STANDARD.decode(text.strip_prefix(PREFIX).ok_or(InvalidSecret)?);
        let bytes = bytes.map_err(|_| InvalidSecret)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }
}

impl TryFrom<String> for Secret {
    type Error = InvalidSecret;

    fn try_from(text: String) -> Result<Self, InvalidSecret> {
        text.parse()
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> String {
        secret.reveal()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_round_trips_and_debug_output_hides_it() {
        let secret = Secret::from_bytes(&[7; 32]);
        assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn short_or_invalid_base64_secrets_are_refused() {
        let of = |bytes: usize| format!("whsec_{}", "A".repeat(bytes * 4 / 3));
        assert!(of(24).parse::<Secret>().is_ok());
        for bad in ["", "whsec_", &of(24)[6..], &of(21), &of(66), "whsec_!", &format!(" {}", of(24))] {
            assert!(bad.parse::<Secret>().is_err(), "{bad}");
        }
    }
}
