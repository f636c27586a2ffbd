//! Signed tokens in compact form (RFC 7515, section 7.1) and the keys that verify them.
//!
//! Only the signature check of `jsonwebtoken` is used, because it takes the algorithm as an argument. Its `decode`
//! reads the header leniently, keeps one of two equal names, uses the wall clock and does not support `crit`.

use super::{error::TokenFlaw, json::Object};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, crypto};
use serde_json::Value;

/// Signature algorithms (RFC 7518, section 3.1). A deployment accepts exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// HMAC with SHA-256.
    Hs256,
}

impl Algorithm {
    /// The value of `alg`, which is case-sensitive.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
        }
    }

    const fn implementation(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

/// A key with the only algorithm it can be used with. `Debug` shows no key material.
#[derive(Debug, Clone)]
pub(super) struct VerifyingKey {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl VerifyingKey {
    /// The shared secret of HS256.
    pub(super) fn hmac(secret: &[u8]) -> Self {
        Self { algorithm: Algorithm::Hs256, key: DecodingKey::from_secret(secret) }
    }

    /// An RSA public key: modulus and exponent, big-endian.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        Self { algorithm: Algorithm::Rs256, key: DecodingKey::from_rsa_raw_components(modulus, exponent) }
    }

    /// A P-256 public key: the affine coordinates, big-endian.
    pub(super) fn p256(x: &[u8; 32], y: &[u8; 32]) -> Self {
        // SEC 1, section 2.3.3: 4 marks an uncompressed point. Despite its name, the function takes no DER.
        let point = [&[4][..], x, y].concat();
        Self { algorithm: Algorithm::Es256, key: DecodingKey::from_ec_der(&point) }
    }
}

/// A parsed token whose signature is not yet checked.
pub(super) struct Jws<'a> {
    /// The signed text: the first two segments with their dot.
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
    algorithm: String,
    key_id: Option<String>,
}

impl<'a> Jws<'a> {
    /// Splits the three segments and reads the header.
    ///
    /// Ignores `jku`, `jwk`, `x5u` and `x5c`: a token must not supply its own keys (RFC 8725, section 3.10). Refuses
    /// five segments, an encrypted token (RFC 7516).
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenFlaw> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenFlaw::TokenMalformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenFlaw::TokenMalformed)?;
        if payload.contains('.') {
            return Err(TokenFlaw::TokenMalformed);
        }
        let header = Object::parse(&decode(header)?).ok_or(TokenFlaw::TokenMalformed)?;
        if header.get("crit").is_some() {
            return Err(TokenFlaw::CriticalHeader);
        }
        if header.get("typ").is_some_and(|typ| !is_token_type(typ)) {
            return Err(TokenFlaw::TokenType);
        }
        let algorithm = text(&header, "alg")?.ok_or(TokenFlaw::TokenMalformed)?;
        Ok(Self { signed, payload, signature, algorithm, key_id: text(&header, "kid")? })
    }

    /// The `alg` of the token. Only ever compared with the configured algorithm.
    pub(super) fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The `kid` of the token.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The payload, if the signature is valid.
    pub(super) fn verify(&self, VerifyingKey { algorithm, key }: &VerifyingKey) -> Result<Vec<u8>, TokenFlaw> {
        decode(self.signature)?;
        match crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm.implementation()) {
            Ok(true) => decode(self.payload),
            Ok(false) | Err(_) => Err(TokenFlaw::Signature),
        }
    }
}

/// RFC 7515, section 2: the URL-safe alphabet, no padding and no white space. Trailing bits must be zero, so each value
/// has exactly one spelling.
pub(super) fn decode(segment: &str) -> Result<Vec<u8>, TokenFlaw> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| TokenFlaw::TokenMalformed)
}

fn text(header: &Object, name: &str) -> Result<Option<String>, TokenFlaw> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenFlaw::TokenMalformed),
    }
}

/// `JWT` (RFC 7519, section 5.1) or `at+jwt` (RFC 9068, section 2.1). These are media types: case-insensitive, with or
/// without `application/` (RFC 7515, section 4.1.9).
fn is_token_type(typ: &Value) -> bool {
    let Some(typ) = typ.as_str().map(str::to_ascii_lowercase) else { return false };
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Result<(String, Option<String>), TokenFlaw> {
        let token = format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header));
        Jws::parse(&token).map(|jws| (jws.algorithm.clone(), jws.key_id.clone()))
    }

    #[test]
    fn the_header_gives_algorithm_and_key_id() {
        assert_eq!(parse(r#"{"alg":"RS256","kid":"k"}"#), Ok(("RS256".to_owned(), Some("k".to_owned()))));
        assert_eq!(parse(r#"{"alg":"RS256"}"#), Ok(("RS256".to_owned(), None)));
    }

    #[test]
    fn a_token_has_three_segments() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        for rest in ["", ".e30", ".e30.AA.AA", ".e30.AA.AA.AA", ".e30..AA"] {
            assert_eq!(Jws::parse(&format!("{header}{rest}")).err(), Some(TokenFlaw::TokenMalformed), "{rest}");
        }
        assert!(Jws::parse(&format!("{header}.e30.AA")).is_ok());
    }

    #[test]
    fn base64_has_exactly_one_spelling() {
        assert_eq!(decode("AQ"), Ok(vec![1]));
        for odd in ["AQ==", "AQ=", "AR", "A", "A Q", "AQ\n", " AQ", "A+Q", "A/Q", "AQ.", "\u{c4}Q"] {
            assert_eq!(decode(odd), Err(TokenFlaw::TokenMalformed), "{odd:?}");
        }
    }

    #[test]
    fn types_other_than_jwt_and_at_jwt_are_refused() {
        for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
            assert!(parse(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#)).is_ok(), "{typ}");
        }
        for typ in [r#""JWE""#, r#""dpop+jwt""#, r#""logout+jwt""#, r#""""#, "null", "1", r#"["JWT"]"#] {
            assert_eq!(parse(&format!(r#"{{"alg":"RS256","typ":{typ}}}"#)), Err(TokenFlaw::TokenType), "{typ}");
        }
    }

    #[test]
    fn all_critical_extensions_are_refused() {
        for crit in [r#"["b64"]"#, "[]", "null"] {
            let header = format!(r#"{{"alg":"RS256","crit":{crit},"b64":false}}"#);
            assert_eq!(parse(&header), Err(TokenFlaw::CriticalHeader), "{crit}");
        }
    }

    #[test]
    fn a_header_of_the_wrong_shape_is_refused() {
        let odd = [
            "",
            "[]",
            "{}",
            r#"{"alg":null}"#,
            r#"{"alg":1}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":"RS256","kid":7}"#,
            r#"{"alg":"RS256","kid":null}"#,
            r#"{"alg":"none","alg":"RS256"}"#,
            r#"{"alg":"RS256","x":1,"x":2}"#,
        ];
        for header in odd {
            assert_eq!(parse(header), Err(TokenFlaw::TokenMalformed), "{header}");
        }
    }
}
