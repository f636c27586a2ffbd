//! The token in the `Authorization` header (RFC 9110, section 11.6.2; RFC 6750, section 2.1).

use super::error::{AuthError, TokenFlaw};
use lambda_http::http::{HeaderMap, header::AUTHORIZATION};

/// Longest accepted token, in bytes. API Gateway passes at most 10 KiB of headers in total.
pub(super) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The text after `Bearer `, not yet known to be a JWT.
///
/// Another scheme counts as no token, because its sender does not know that one is needed (RFC 6750, section 3.1). Two
/// headers, or two that API Gateway joined with a comma, are refused: an earlier check may have used the other one.
pub(super) fn token(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthError::Missing)?;
    if values.next().is_some() {
        return Err(TokenFlaw::HeaderRepeated.into());
    }
    let credentials = value.to_str().map_err(|_| TokenFlaw::HeaderMalformed)?;
    let (scheme, token) = credentials.split_once(' ').unwrap_or((credentials, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(AuthError::Missing);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenFlaw::TokenTooLarge.into());
    }
    if is_token68(token) { Ok(token) } else { Err(TokenFlaw::HeaderMalformed.into()) }
}

/// RFC 9110, section 11.2: letters, digits, `-._~+/`, then any number of `=`.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::http::HeaderValue;

    fn headers(values: &[&str]) -> HeaderMap {
        let parse = |text: &&str| (AUTHORIZATION, HeaderValue::from_bytes(text.as_bytes()).unwrap());
        values.iter().map(parse).collect()
    }

    fn token_of(values: &[&str]) -> Result<String, AuthError> {
        token(&headers(values)).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
            assert_eq!(token_of(&[&format!("{scheme} a.b.c")]).as_deref(), Ok("a.b.c"));
        }
    }

    #[test]
    fn no_header_and_another_scheme_are_a_missing_token() {
        for values in [&[][..], &["Basic dXNlcjpwYXNz"], &[""], &["Bearerer a.b.c"], &["a.b.c"]] {
            assert_eq!(token_of(values), Err(AuthError::Missing), "{values:?}");
        }
    }

    #[test]
    fn two_headers_are_refused_even_when_they_agree() {
        for values in [["Bearer a.b.c", "Bearer a.b.c"], ["Basic dXNlcg==", "Bearer a.b.c"], ["Bearer a.b.c", ""]] {
            assert_eq!(token_of(&values), Err(TokenFlaw::HeaderRepeated.into()), "{values:?}");
        }
    }

    #[test]
    fn two_headers_joined_by_a_gateway_are_refused() {
        for joined in ["Bearer a.b.c,Bearer d.e.f", "Bearer a.b.c, Bearer d.e.f", "Bearer a.b.c,"] {
            assert_eq!(token_of(&[joined]), Err(TokenFlaw::HeaderMalformed.into()), "{joined}");
        }
    }

    #[test]
    fn anything_but_one_token_after_one_space_is_refused() {
        let odd =
            ["Bearer", "Bearer ", "Bearer  a.b.c", "Bearer a.b.c ", "Bearer a.b.c d", "Bearer\u{e9} a", "Bearer =="];
        for text in odd {
            assert!(token_of(&[text]).is_err(), "{text}");
        }
        assert_eq!(token_of(&["Bearer a.b.c\u{e9}"]), Err(TokenFlaw::HeaderMalformed.into()));
    }

    #[test]
    fn a_token_of_8_kib_is_read_and_one_byte_more_is_not() {
        let longest = "a".repeat(MAX_TOKEN_BYTES);
        assert!(token_of(&[&format!("Bearer {longest}")]).is_ok());
        assert_eq!(token_of(&[&format!("Bearer {longest}a")]), Err(TokenFlaw::TokenTooLarge.into()));
    }
}
