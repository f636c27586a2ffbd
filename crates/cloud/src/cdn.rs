//! Signs URLs on the stack's content delivery network (CDN), if it has one.

use crate::config::{Environment, InvalidEnvironment};
use aws_lc_rs::hmac;
use smmu_core::{CdnScope, Output, Timestamp};
use std::fmt::Write;

/// Length of a key in characters: 43 of Base64 or 64 of hexadecimal are 256 bits. The `CloudFront` function has keys
/// between quotation marks.
const KEY_CHARACTERS: std::ops::RangeInclusive<usize> = 43..=64;

/// The stack's CDN.
pub struct Cdn {
    origin: String,
    key: String,
}

impl Cdn {
    /// The CDN at `SMMU_CDN_ORIGIN`, with the first key of `SMMU_CDN_KEYS`. `None` if the stack has no CDN. During a
    /// key rotation there is a second key, which the CDN accepts but nothing signs with.
    pub fn new(environment: &Environment) -> Result<Option<Self>, InvalidEnvironment> {
        const KEYS: &str = "SMMU_CDN_KEYS";
        let Some(origin) = environment.get("SMMU_CDN_ORIGIN") else { return Ok(None) };
        let keys: Vec<_> = environment.require(KEYS)?.split(' ').collect();
        if keys.len() > 2 || !keys.iter().all(|key| is_key(key)) {
            let reason = "not one or two keys of 43 to 64 letters, digits, hyphens and underscores".to_owned();
            return Err(InvalidEnvironment::Unusable { name: KEYS, reason });
        }
        Ok(Some(Self { origin: origin.to_owned(), key: keys[0].to_owned() }))
    }

    /// Changes with the origin and the key, and reveals neither.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.mac(&self.origin)[..8].to_owned()
    }

    fn mac(&self, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.as_bytes());
        hmac::sign(&key, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
            hex
        })
    }

    /// The folder of a job's outputs, signed until `expires`. `None` if no output can be played.
    #[must_use]
    pub fn folder(&self, outputs: &[Output], expires: Timestamp) -> Option<CdnFolder> {
        let scope = CdnScope::of(outputs)?;
        let signed = scope.signed_text(expires);
        let mac = self.mac(&signed);
        let base = format!("{}/t/{:010}.{mac}/{scope}", self.origin, expires.unix_s());
        Some(CdnFolder { base, scope })
    }
}

fn is_key(text: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || ['-', '_'].contains(&character);
    KEY_CHARACTERS.contains(&text.len()) && text.chars().all(plain)
}

/// Outputs of a playable job on the CDN, all under one signed path.
pub struct CdnFolder {
    base: String,
    scope: CdnScope,
}

impl CdnFolder {
    /// The URL of an output if this folder has it. A secret until it expires.
    #[must_use]
    pub fn address(&self, output: &Output) -> Option<String> {
        self.scope.opens(output).then(|| format!("{}/{}", self.base, output.artifact.name))
    }
}

#[cfg(test)]
mod tests;
