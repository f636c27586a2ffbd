//! An issuer's published keys (RFC 7517). Keeps only those that can verify our tokens.

use super::jws::{Algorithm, VerifyingKey, decode};
use serde::Deserialize;
use serde_json::Value;

/// Limit on the number of keys; more than any issuer publishes.
pub(super) const MAX_KEYS: usize = 32;

/// RFC 7518, section 3.3: at least 2048 bits. The upper bound is that of the library.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// An invalid key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidKeySet {
    #[error("the document is not a JSON object with a list of keys")]
    Malformed,
    #[error("the document has more than {MAX_KEYS} keys")]
    TooManyKeys,
}

/// A token cannot be matched with one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// No key has this ID.
    Unknown,
    /// Several keys match: the token names none, or the issuer reused an ID.
    Ambiguous,
}

/// The keys of an issuer that can verify tokens of the configured algorithm.
#[derive(Debug, Clone, Default)]
pub(super) struct KeySet(Vec<(Option<String>, VerifyingKey)>);

impl KeySet {
    /// Parses a JWK Set (RFC 7517, section 5). Skips unsuitable keys, as the RFC asks, because issuers publish keys for
    /// other purposes in the same set.
    pub(super) fn parse(document: &[u8], algorithm: Algorithm) -> Result<Self, InvalidKeySet> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }

        let Document { keys } = serde_json::from_slice(document).map_err(|_| InvalidKeySet::Malformed)?;
        if keys.len() > MAX_KEYS {
            return Err(InvalidKeySet::TooManyKeys);
        }
        Ok(Self(keys.into_iter().filter_map(|key| Jwk::deserialize(key).ok()?.into_key(algorithm)).collect()))
    }

    /// The key for a token. Without `kid`, the set must have exactly one key.
    pub(super) fn select(&self, key_id: Option<&str>) -> Result<&VerifyingKey, NoKey> {
        let mut fitting = self.0.iter().filter(|(name, _)| key_id.is_none() || name.as_deref() == key_id);
        match (fitting.next(), fitting.next()) {
            (None, _) => Err(NoKey::Unknown),
            (Some((_, key)), None) => Ok(key),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
        }
    }

    /// True if no key can verify a token.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The members used here (RFC 7517, section 4; RFC 7518, sections 6.2.1 and 6.3.1).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    public_key_use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    /// The key with its ID, if it can verify signatures of this algorithm.
    fn into_key(self, algorithm: Algorithm) -> Option<(Option<String>, VerifyingKey)> {
        let for_signatures = self.public_key_use.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"))
            && self.alg.as_deref().is_none_or(|name| name == algorithm.name());
        if !for_signatures {
            return None;
        }
        let key = match (algorithm, self.kty.as_str()) {
            (Algorithm::Rs256, "RSA") => rsa(&self.n?, &self.e?)?,
            (Algorithm::Es256, "EC") if self.crv.as_deref() == Some("P-256") => p256(&self.x?, &self.y?)?,
            // A secret is never published, so `oct` keys are never accepted.
            (Algorithm::Rs256 | Algorithm::Es256 | Algorithm::Hs256, _) => return None,
        };
        Some((self.kid, key))
    }
}

fn rsa(modulus: &str, exponent: &str) -> Option<VerifyingKey> {
    let (n, e) = (decode(modulus).ok()?, decode(exponent).ok()?);
    // Some libraries write a leading zero, against RFC 7518, section 6.3.1.1.
    let n = &n[n.iter().position(|&byte| byte != 0)?..];
    let bits = n.len() * 8 - n[0].leading_zeros() as usize;
    // With an exponent of 1, a signature is the padded message itself, so anyone can forge it.
    let is_exponent = e.last().is_some_and(|last| last % 2 == 1) && e != [1];
    (RSA_BITS.contains(&bits) && is_exponent).then(|| VerifyingKey::rsa(n, &e))
}

/// RFC 7518, section 6.2.1.2: each coordinate has the full 32 bytes. The library checks with every signature that the
/// point is on the curve.
fn p256(x: &str, y: &str) -> Option<VerifyingKey> {
    let coordinate = |text: &str| <[u8; 32]>::try_from(decode(text).ok()?).ok();
    Some(VerifyingKey::p256(&coordinate(x)?, &coordinate(y)?))
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{Signer, b64},
        *,
    };
    use serde_json::json;

    fn parse(algorithm: Algorithm, keys: &[Value]) -> Result<KeySet, InvalidKeySet> {
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes(), algorithm)
    }

    fn is_kept(algorithm: Algorithm, key: Value) -> bool {
        !parse(algorithm, &[key]).unwrap().is_empty()
    }

    /// The key with some members replaced, or removed if null.
    fn with(mut jwk: Value, changes: Value) -> Value {
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        let members = jwk.as_object_mut().unwrap();
        members.extend(changes);
        members.retain(|_, value| !value.is_null());
        jwk
    }

    #[test]
    fn a_key_is_kept_for_its_own_algorithm_only() {
        let (rsa, ec) = (Signer::rsa("a").jwk(), Signer::p256("b").jwk());
        assert!(is_kept(Algorithm::Rs256, rsa.clone()));
        assert!(is_kept(Algorithm::Es256, ec.clone()));
        for unmarked in [json!({}), json!({"alg": null, "use": null})] {
            assert!(!is_kept(Algorithm::Es256, with(rsa.clone(), unmarked.clone())));
            assert!(!is_kept(Algorithm::Rs256, with(ec.clone(), unmarked.clone())));
            assert!(!is_kept(Algorithm::Hs256, with(rsa.clone(), unmarked)));
        }
    }

    #[test]
    fn symmetric_keys_are_ignored() {
        let oct = json!({"kty": "oct", "k": b64([7; 32]), "kid": "a"});
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Hs256] {
            assert!(!is_kept(algorithm, oct.clone()));
        }
    }

    #[test]
    fn a_key_is_kept_unless_marked_for_another_use() {
        let keep = [json!({"use": null, "alg": null}), json!({"kid": null}), json!({"key_ops": ["verify"]})];
        for changes in keep {
            assert!(is_kept(Algorithm::Rs256, with(Signer::rsa("a").jwk(), changes.clone())), "{changes}");
        }
        let drop = [
            json!({"use": "enc"}),
            json!({"use": "SIG"}),
            json!({"use": 1}),
            json!({"key_ops": ["encrypt"]}),
            json!({"key_ops": []}),
            json!({"alg": "RS512"}),
            json!({"alg": "PS256"}),
            json!({"alg": "RSA-OAEP"}),
            json!({"kty": "rsa"}),
            json!({"kty": null}),
            json!({"kid": 7}),
        ];
        for changes in drop {
            assert!(!is_kept(Algorithm::Rs256, with(Signer::rsa("a").jwk(), changes.clone())), "{changes}");
        }
    }

    #[test]
    fn rsa_keys_have_2048_to_8192_bits() {
        let modulus = |bits: usize| {
            let mut bytes = vec![0xff; bits.div_ceil(8)];
            if !bits.is_multiple_of(8) {
                bytes[0] = (1 << (bits % 8)) - 1;
            }
            json!({"n": b64(bytes)})
        };
        for (bits, kept) in [(512, false), (1024, false), (2047, false), (2048, true), (8192, true), (8193, false)] {
            assert_eq!(is_kept(Algorithm::Rs256, with(Signer::rsa("a").jwk(), modulus(bits))), kept, "{bits} bits");
        }
    }

    #[test]
    fn leading_zeros_of_a_modulus_do_not_count() {
        let padded = |zeros: usize, bytes: usize| json!({"n": b64([vec![0; zeros], vec![0xff; bytes]].concat())});
        assert!(is_kept(Algorithm::Rs256, with(Signer::rsa("a").jwk(), padded(1, 256))));
        assert!(!is_kept(Algorithm::Rs256, with(Signer::rsa("a").jwk(), padded(128, 128))));
        assert!(!is_kept(Algorithm::Rs256, with(Signer::rsa("a").jwk(), padded(256, 0))));
    }

    #[test]
    fn an_exponent_that_makes_signatures_forgeable_is_refused() {
        for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0]] {
            assert!(
                !is_kept(Algorithm::Rs256, with(Signer::rsa("a").jwk(), json!({"e": b64(exponent)}))),
                "{exponent:?}"
            );
        }
        assert!(is_kept(Algorithm::Rs256, with(Signer::rsa("a").jwk(), json!({"e": "Aw"}))));
    }

    #[test]
    fn es256_requires_p256_with_full_coordinates() {
        let odd = [
            json!({"crv": "P-384"}),
            json!({"crv": "secp256k1"}),
            json!({"crv": null}),
            json!({"x": b64([1; 31])}),
            json!({"x": b64([0; 33])}),
            json!({"y": ""}),
            json!({"y": null}),
            json!({"y": format!("{}=", b64([1; 32]))}),
        ];
        for changes in odd {
            assert!(!is_kept(Algorithm::Es256, with(Signer::p256("a").jwk(), changes.clone())), "{changes}");
        }
    }

    #[test]
    fn unknown_keys_are_skipped() {
        let strange = [json!({}), json!(1), json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}), json!({"kty": "RSA"})];
        let keys = parse(Algorithm::Rs256, &[&strange[..], &[Signer::rsa("a").jwk()]].concat()).unwrap();
        assert!(keys.select(Some("a")).is_ok());
        assert!(keys.select(None).is_ok());
    }

    #[test]
    fn a_document_that_is_not_a_key_set_is_refused() {
        for document in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html>"] {
            assert_eq!(KeySet::parse(document.as_bytes(), Algorithm::Rs256).err(), Some(InvalidKeySet::Malformed));
        }
        let many = vec![json!({}); MAX_KEYS + 1];
        assert!(parse(Algorithm::Rs256, &many[1..]).unwrap().is_empty());
        assert_eq!(parse(Algorithm::Rs256, &many).err(), Some(InvalidKeySet::TooManyKeys));
    }

    #[test]
    fn without_kid_only_a_single_key_is_selected() {
        let (a, b) = (Signer::rsa("a").jwk(), Signer::other_rsa("b").jwk());
        let both = parse(Algorithm::Rs256, &[a.clone(), b.clone()]).unwrap();
        assert_eq!(both.select(None).err(), Some(NoKey::Ambiguous));
        assert!(both.select(Some("a")).is_ok() && both.select(Some("b")).is_ok());
        assert_eq!(both.select(Some("A")).err(), Some(NoKey::Unknown));
        let twice = parse(Algorithm::Rs256, &[a.clone(), with(b, json!({"kid": "a"}))]).unwrap();
        assert_eq!(twice.select(Some("a")).err(), Some(NoKey::Ambiguous));
        let nameless = parse(Algorithm::Rs256, &[with(a, json!({"kid": null}))]).unwrap();
        assert!(nameless.select(None).is_ok());
        assert_eq!(nameless.select(Some("a")).err(), Some(NoKey::Unknown));
        assert_eq!(KeySet::default().select(None).err(), Some(NoKey::Unknown));
    }
}
