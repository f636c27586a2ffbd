//! Authentication errors and their responses.

use smmu_core::{Problem, ProblemCode};

/// The realm in challenges. A macro, because `concat!` needs a literal.
macro_rules! realm {
    () => {
        "Bearer realm=\"smmu\""
    };
}

macro_rules! token_flaws {
    ($($(#[$doc:meta])* $variant:ident => $code:literal, $description:literal;)*) => {
        /// A reason to refuse a token. Each has a code and a sentence, and neither repeats anything that the sender
        /// wrote.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum TokenFlaw { $($(#[$doc])* $variant,)* }

        impl TokenFlaw {
            /// Every reason, for tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The reason in logs. Codes are added, never renamed.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The reason in the response.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }

            const fn challenge(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!(
                        realm!(), ", error=\"invalid_token\", error_description=\"", $description, "\""
                    ),)*
                }
            }
        }
    };
}

token_flaws! {
    /// The `Authorization` header is not one scheme, one space and one token.
    HeaderMalformed => "header_malformed", "The Authorization header must be the word Bearer, one space and one token";
    /// There are several `Authorization` headers.
    HeaderRepeated => "header_repeated", "There must be one Authorization header";
    /// The token is over 8 KiB.
    TokenTooLarge => "token_too_large", "The token is longer than 8 KiB";
    /// Not three segments of strict base64url, or the header is not an object with the required members.
    TokenMalformed => "token_malformed", "The token is not a signed JWT in compact form";
    /// The header has `crit` (RFC 7515, section 4.1.11); no extensions are supported.
    CriticalHeader => "critical_header", "The token requires an extension that is not supported";
    /// The header's `typ` is not that of an access token.
    TokenType => "token_type", "The token is of another type";
    /// The header's `alg` is not the configured one.
    Algorithm => "algorithm", "The token is not signed with the algorithm of this API";
    /// The issuer has no signing key with that ID.
    KeyUnknown => "key_unknown", "The token is not signed with a current key of the issuer";
    /// The issuer has several keys and the token does not name one.
    KeyNotNamed => "key_not_named", "The token does not name one of the issuer's keys";
    /// The signature does not match the key and the signed bytes.
    Signature => "signature", "The token's signature is not valid";
    /// The payload is not a JSON object with unique names, or a claim has the wrong type or range.
    ClaimsMalformed => "claims_malformed", "The token's claims are not well-formed";
    /// `exp` is missing.
    ExpiryMissing => "expiry_missing", "The token has no expiry time";
    /// `exp` has passed.
    Expired => "expired", "The token has expired";
    /// `nbf` is in the future.
    NotYetValid => "not_yet_valid", "The token is not valid yet";
    /// `iss` is not the configured issuer.
    Issuer => "issuer", "The token is from another issuer";
    /// `aud`, or `client_id` if there is no `aud`, names none of the configured audiences.
    Audience => "audience", "The token is for another audience";
    /// Cognito's `token_use` is not the configured one.
    TokenUse => "token_use", "The token is for another use";
    /// `sub` is missing or not a valid user ID.
    Subject => "subject", "The token names no user";
}

/// A failed authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is no bearer token.
    #[error("no bearer token")]
    Missing,
    /// The token was refused.
    #[error("{}", .0.description())]
    Unauthorized(TokenFlaw),
    /// The token cannot be verified, because the issuer's keys are unavailable.
    #[error("the keys of the token issuer cannot be fetched")]
    KeysUnavailable,
}

impl AuthError {
    /// The value of `WWW-Authenticate` (RFC 6750, section 3), if the status is 401.
    ///
    /// A request without a token gets only the scheme and the realm (section 3.1).
    #[must_use]
    pub const fn www_authenticate(self) -> Option<&'static str> {
        match self {
            Self::Missing => Some(realm!()),
            Self::Unauthorized(flaw) => Some(flaw.challenge()),
            Self::KeysUnavailable => None,
        }
    }

    /// The response body.
    #[must_use]
    pub fn problem(self) -> Problem {
        match self {
            Self::Missing => Problem::new(ProblemCode::Unauthorized),
            Self::Unauthorized(flaw) => Problem::because(ProblemCode::Unauthorized, flaw.description()),
            Self::KeysUnavailable => {
                Problem::because(ProblemCode::Unavailable, "The token issuer's keys cannot be fetched at present")
            }
        }
    }
}

impl From<TokenFlaw> for AuthError {
    fn from(flaw: TokenFlaw) -> Self {
        Self::Unauthorized(flaw)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        error.problem()
    }
}

/// An HTTPS client cannot be created, for example for lack of root certificates.
#[derive(Debug, thiserror::Error)]
#[error("cannot create an HTTPS client to fetch the issuer's keys")]
pub struct NoHttpClient(#[from] reqwest::Error);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_missing_token_is_challenged_without_an_error_code() {
        assert_eq!(AuthError::Missing.www_authenticate(), Some(r#"Bearer realm="smmu""#));
        assert_eq!(AuthError::Missing.problem().code.status(), 401);
    }

    #[test]
    fn a_refused_token_is_challenged_with_invalid_token_and_a_reason() {
        let challenge = AuthError::from(TokenFlaw::Expired).www_authenticate();
        let expected = r#"Bearer realm="smmu", error="invalid_token", error_description="The token has expired""#;
        assert_eq!(challenge, Some(expected));
        assert_eq!(AuthError::from(TokenFlaw::Expired).problem().code.status(), 401);
    }

    #[test]
    fn unavailable_keys_are_a_server_error() {
        assert_eq!(AuthError::KeysUnavailable.www_authenticate(), None);
        assert_eq!(AuthError::KeysUnavailable.problem().code, ProblemCode::Unavailable);
    }

    #[test]
    fn descriptions_only_contain_characters_allowed_in_a_challenge() {
        // RFC 6750, section 3: %x20-21 / %x23-5B / %x5D-7E.
        for refusal in TokenFlaw::ALL {
            let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(refusal.description().bytes().all(allowed), "{refusal:?}");
        }
    }

    #[test]
    fn codes_are_unique() {
        let codes: HashSet<_> = TokenFlaw::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), TokenFlaw::ALL.len());
    }
}
