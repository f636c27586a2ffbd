//! Claims of a token with a valid signature (RFC 7519, section 4.1).

use super::{error::TokenFlaw, json::Object};
use serde_json::Value;
use smmu_core::{Timestamp, UserId};

/// The claims of an accepted token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The user, from `sub`.
    pub user: UserId,
}

/// Rules for tokens that this API accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClaimPolicy {
    /// The only accepted `iss`. `None` accepts any.
    pub(super) issuer: Option<String>,
    /// The accepted audiences. If empty, only tokens without an audience are accepted.
    pub(super) audiences: Vec<String>,
    /// The required `token_use` of Cognito. `None` accepts any.
    pub(super) token_use: Option<TokenUse>,
    /// Allowed clock difference to the issuer, in seconds.
    pub(super) leeway_s: i64,
}

/// Purpose of a Cognito token. An access token has `client_id` and no `aud`, an ID token the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenUse {
    /// For calling APIs.
    Access,
    /// For telling a client which user signed in.
    Id,
}

impl TokenUse {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Id => "id",
        }
    }
}

impl ClaimPolicy {
    /// Validates the payload of a token with a valid signature.
    pub(super) fn accept(&self, payload: &[u8], now: Timestamp) -> Result<Claims, TokenFlaw> {
        let claims = Object::parse(payload).ok_or(TokenFlaw::ClaimsMalformed)?;
        self.check_times(&claims, now)?;
        if let Some(issuer) = &self.issuer
            && claims.get("iss") != Some(&Value::from(issuer.as_str()))
        {
            return Err(TokenFlaw::Issuer);
        }
        if !self.is_audience_of(&claims)? {
            return Err(TokenFlaw::Audience);
        }
        if let Some(token_use) = self.token_use
            && claims.get("token_use") != Some(&Value::from(token_use.name()))
        {
            return Err(TokenFlaw::TokenUse);
        }
        let subject = claims.get("sub").and_then(Value::as_str).ok_or(TokenFlaw::Subject)?;
        let user = UserId::try_from(subject.to_owned()).map_err(|_| TokenFlaw::Subject)?;
        Ok(Claims { user })
    }

    /// RFC 7519, sections 4.1.4 and 4.1.5: a token is invalid on or after `exp` and before `nbf`. `iat` does not affect
    /// validity and is not read.
    fn check_times(&self, claims: &Object, now: Timestamp) -> Result<(), TokenFlaw> {
        let expiry = time(claims, "exp")?.ok_or(TokenFlaw::ExpiryMissing)?;
        if now >= expiry.plus_seconds(self.leeway_s) {
            return Err(TokenFlaw::Expired);
        }
        match time(claims, "nbf")? {
            Some(start) if now.plus_seconds(self.leeway_s) < start => Err(TokenFlaw::NotYetValid),
            Some(_) | None => Ok(()),
        }
    }

    /// RFC 7519, section 4.1.3: if `aud` is present, one of its values must be ours. `client_id`, which Cognito's
    /// access tokens have instead, counts only without `aud`, as in API Gateway: the requester of a token chooses its
    /// client, but the issuer chooses its audience.
    fn is_audience_of(&self, claims: &Object) -> Result<bool, TokenFlaw> {
        let ours = |name: &str| self.audiences.iter().any(|audience| audience == name);
        match claims.get("aud") {
            Some(Value::String(audience)) => Ok(ours(audience)),
            Some(Value::Array(audiences)) => {
                let names: Option<Vec<&str>> = audiences.iter().map(Value::as_str).collect();
                Ok(names.ok_or(TokenFlaw::ClaimsMalformed)?.into_iter().any(ours))
            }
            Some(_) => Err(TokenFlaw::ClaimsMalformed),
            None if self.audiences.is_empty() => Ok(true),
            None => Ok(claims.get("client_id").and_then(Value::as_str).is_some_and(ours)),
        }
    }
}

/// A `NumericDate` (RFC 7519, section 2): seconds since 1970, possibly with a fraction. Values beyond the year 9999 are
/// mistakes, such as milliseconds, and would make a token valid forever.
fn time(claims: &Object, name: &str) -> Result<Option<Timestamp>, TokenFlaw> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let unix_ms = value.as_f64().ok_or(TokenFlaw::ClaimsMalformed)? * 1000.0;
    // Saturates at the limits of i64, which are both out of range.
    #[expect(clippy::cast_possible_truncation, reason = "fractions of a millisecond do not matter")]
    Timestamp::from_unix_ms(unix_ms.floor() as i64).map(Some).map_err(|_| TokenFlaw::ClaimsMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW_S: i64 = 1_800_000_000;
    const ACCEPTED: Result<(), TokenFlaw> = Ok(());

    fn policy() -> ClaimPolicy {
        ClaimPolicy {
            issuer: Some("https://issuer.example".to_owned()),
            audiences: vec!["web".to_owned(), "mobile".to_owned()],
            token_use: None,
            leeway_s: 60,
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_unix_ms(NOW_S * 1000).unwrap()
    }

    /// Validates a good payload with some members replaced, or removed if null.
    fn with(policy: &ClaimPolicy, changes: Value) -> Result<(), TokenFlaw> {
        let mut claims = json!({"iss": "https://issuer.example", "aud": "web", "sub": "user-1", "exp": NOW_S + 300});
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        let members = claims.as_object_mut().unwrap();
        members.extend(changes);
        members.retain(|_, value| !value.is_null());
        read(policy, &claims.to_string())
    }

    fn read(policy: &ClaimPolicy, payload: &str) -> Result<(), TokenFlaw> {
        policy.accept(payload.as_bytes(), now()).map(|_| ())
    }

    #[test]
    fn the_user_is_the_subject() {
        let claims = policy().accept(payload_with_exp("1800000300").as_bytes(), now()).unwrap();
        assert_eq!(claims.user.as_str(), "user-1");
    }

    #[test]
    fn a_token_without_expiry_is_refused() {
        assert_eq!(with(&policy(), json!({"exp": null})), Err(TokenFlaw::ExpiryMissing));
    }

    #[test]
    fn expiry_is_exact_to_the_second_including_leeway() {
        assert_eq!(with(&policy(), json!({"exp": NOW_S - 59})), ACCEPTED);
        assert_eq!(with(&policy(), json!({"exp": NOW_S - 60})), Err(TokenFlaw::Expired));
        let strict = ClaimPolicy { leeway_s: 0, ..policy() };
        assert_eq!(with(&strict, json!({"exp": NOW_S + 1})), ACCEPTED);
        assert_eq!(with(&strict, json!({"exp": NOW_S})), Err(TokenFlaw::Expired));
    }

    #[test]
    fn not_before_is_exact_to_the_second_including_leeway() {
        assert_eq!(with(&policy(), json!({"nbf": NOW_S + 60})), ACCEPTED);
        assert_eq!(with(&policy(), json!({"nbf": NOW_S + 61})), Err(TokenFlaw::NotYetValid));
        let strict = ClaimPolicy { leeway_s: 0, ..policy() };
        assert_eq!(with(&strict, json!({"nbf": NOW_S})), ACCEPTED);
        assert_eq!(with(&strict, json!({"nbf": NOW_S + 1})), Err(TokenFlaw::NotYetValid));
    }

    #[test]
    fn times_may_have_a_fraction() {
        let strict = ClaimPolicy { leeway_s: 0, ..policy() };
        assert_eq!(read(&strict, &payload_with_exp("1800000000.5")), ACCEPTED);
        assert_eq!(read(&strict, &payload_with_exp("1.8000000005e9")), ACCEPTED);
        assert_eq!(read(&strict, &payload_with_exp("1799999999.5")), Err(TokenFlaw::Expired));
    }

    #[test]
    fn times_that_are_not_numbers_or_out_of_range_are_refused() {
        let odd = [
            "\"1800000300\"",
            "true",
            "[1800000300]",
            "{}",
            "-1",
            "-1e300",
            "1e300",
            "1e400",
            "1800000300000",
            "18446744073709551615",
            "99999999999999999999999",
            "253402300800",
        ];
        for exp in odd {
            assert_eq!(read(&policy(), &payload_with_exp(exp)), Err(TokenFlaw::ClaimsMalformed), "exp {exp}");
        }
        assert_eq!(read(&policy(), &payload_with_exp("null")), Err(TokenFlaw::ClaimsMalformed));
        assert_eq!(read(&policy(), &payload_with_exp("0")), Err(TokenFlaw::Expired));
        assert_eq!(read(&policy(), &payload_with_exp("-0.0")), Err(TokenFlaw::Expired));
        for nbf in [json!("1"), json!(-1), json!(1e300), json!([])] {
            assert_eq!(with(&policy(), json!({"nbf": nbf})), Err(TokenFlaw::ClaimsMalformed), "nbf {nbf}");
        }
    }

    fn payload_with_exp(exp: &str) -> String {
        format!(r#"{{"iss":"https://issuer.example","aud":"web","sub":"user-1","exp":{exp}}}"#)
    }

    #[test]
    fn the_issuer_is_compared_byte_for_byte() {
        let odd = [
            json!(null),
            json!("https://issuer.example/"),
            json!("https://ISSUER.example"),
            json!(""),
            json!(1),
            json!(["https://issuer.example"]),
        ];
        for iss in odd {
            assert_eq!(with(&policy(), json!({"iss": iss})), Err(TokenFlaw::Issuer), "{iss}");
        }
    }

    #[test]
    fn one_of_several_audiences_suffices() {
        for aud in [json!("mobile"), json!(["web"]), json!(["other", "mobile"])] {
            assert_eq!(with(&policy(), json!({"aud": aud})), ACCEPTED, "{aud}");
        }
        for aud in [json!("other"), json!(""), json!("web,mobile"), json!("WEB"), json!([]), json!(["other"])] {
            assert_eq!(with(&policy(), json!({"aud": aud})), Err(TokenFlaw::Audience), "{aud}");
        }
        for aud in [json!(1), json!({"web": true}), json!(["web", 1]), json!([["web"]])] {
            assert_eq!(with(&policy(), json!({"aud": aud})), Err(TokenFlaw::ClaimsMalformed), "{aud}");
        }
    }

    #[test]
    fn a_token_without_any_audience_is_refused() {
        assert_eq!(with(&policy(), json!({"aud": null})), Err(TokenFlaw::Audience));
    }

    #[test]
    fn the_client_counts_only_without_an_audience() {
        assert_eq!(with(&policy(), json!({"aud": null, "client_id": "web"})), ACCEPTED);
        for client_id in [json!("other"), json!(["web"]), json!("")] {
            assert_eq!(with(&policy(), json!({"aud": null, "client_id": client_id})), Err(TokenFlaw::Audience));
        }
        for aud in [json!("other"), json!([])] {
            assert_eq!(with(&policy(), json!({"aud": aud, "client_id": "web"})), Err(TokenFlaw::Audience));
        }
        let null_aud = r#"{"iss":"https://issuer.example","aud":null,"client_id":"web","sub":"u","exp":1800000300}"#;
        assert_eq!(read(&policy(), null_aud), Err(TokenFlaw::ClaimsMalformed));
    }

    #[test]
    fn without_configured_audiences_only_tokens_without_audience_pass() {
        let open = ClaimPolicy { issuer: None, audiences: vec![], ..policy() };
        assert_eq!(with(&open, json!({"aud": null, "iss": null})), ACCEPTED);
        assert_eq!(with(&open, json!({"aud": "web"})), Err(TokenFlaw::Audience));
        assert_eq!(with(&open, json!({"aud": ""})), Err(TokenFlaw::Audience));
    }

    #[test]
    fn cognito_id_and_access_tokens_are_not_interchangeable() {
        let access = ClaimPolicy { token_use: Some(TokenUse::Access), ..policy() };
        let id = ClaimPolicy { token_use: Some(TokenUse::Id), ..policy() };
        assert_eq!(with(&access, json!({"token_use": "access"})), ACCEPTED);
        assert_eq!(with(&id, json!({"token_use": "id"})), ACCEPTED);
        assert_eq!(with(&access, json!({"token_use": "id"})), Err(TokenFlaw::TokenUse));
        assert_eq!(with(&id, json!({"token_use": "access"})), Err(TokenFlaw::TokenUse));
        assert_eq!(with(&access, json!({})), Err(TokenFlaw::TokenUse));
        assert_eq!(with(&policy(), json!({"token_use": "id"})), ACCEPTED);
    }

    #[test]
    fn a_subject_is_a_string_of_1_to_255_bytes() {
        assert_eq!(with(&policy(), json!({"sub": "x".repeat(255)})), ACCEPTED);
        let odd = [
            json!(null),
            json!(""),
            json!("x".repeat(256)),
            json!("\u{e9}".repeat(128)),
            json!("a\u{0}b"),
            json!(1),
            json!(["user-1"]),
            json!({"id": "user-1"}),
            json!(true),
        ];
        for sub in odd {
            assert_eq!(with(&policy(), json!({"sub": sub})), Err(TokenFlaw::Subject), "{sub}");
        }
    }

    #[test]
    fn a_repeated_claim_is_refused_even_when_both_are_equal() {
        let expiring_twice = r#"{"iss":"https://issuer.example","aud":"web","sub":"u","exp":1,"exp":1800000300}"#;
        let two_users = r#"{"iss":"https://issuer.example","aud":"web","sub":"u","sub":"u","exp":1800000300}"#;
        for payload in [expiring_twice, two_users, "[]", "", "\"sub\"", "{"] {
            assert_eq!(read(&policy(), payload), Err(TokenFlaw::ClaimsMalformed), "{payload}");
        }
    }
}
