//! Configuration of token verification. Read and validated once, at start.

use super::{
    claims::{ClaimPolicy, TokenUse},
    fetch::Location,
    jws::{Algorithm, VerifyingKey},
    loopback::is_loopback,
};
use reqwest::Url;
use smmu_cloud::InvalidEnvironment;
use std::ops::RangeInclusive;

const ALGORITHM: &str = "SMMU_AUTH_ALGORITHM";
const ISSUER: &str = "SMMU_AUTH_ISSUER";
const AUDIENCE: &str = "SMMU_AUTH_AUDIENCE";
const JWKS_URL: &str = "SMMU_AUTH_JWKS_URL";
const TOKEN_USE: &str = "SMMU_AUTH_TOKEN_USE";
const SECRET: &str = "SMMU_AUTH_SECRET";
const LEEWAY: &str = "SMMU_AUTH_LEEWAY_SECONDS";

/// Variables in which AWS SDKs look for a Cognito endpoint, the most specific first.
const COGNITO_ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "AWS_ENDPOINT_URL"];

/// RFC 7518, section 3.2: the key must be at least as long as the hash.
const MIN_SECRET_BYTES: usize = 32;

/// Leeway extends the life of every token, so it stays small. Clocks synchronised by NTP differ by far less.
const LEEWAY_S: RangeInclusive<i64> = 0..=300;
const DEFAULT_LEEWAY_S: i64 = 60;

/// Rules for accepted tokens, from the environment.
///
/// | variable | meaning |
/// |---|---|
/// | `SMMU_AUTH_ALGORITHM` | `RS256`, `ES256` or `HS256` |
/// | `SMMU_AUTH_ISSUER` | the `iss` of tokens, an `https` URL; with HS256 optional, and any text |
/// | `SMMU_AUTH_AUDIENCE` | accepted audiences or client ids, comma-separated; with HS256 optional |
/// | `SMMU_AUTH_JWKS_URL` | URL of the issuer's keys; discovered if not set |
/// | `SMMU_AUTH_TOKEN_USE` | with a Cognito issuer: `access` (default) or `id` |
/// | `SMMU_AUTH_SECRET` | with HS256: at least 32 bytes, used unencoded |
/// | `SMMU_AUTH_LEEWAY_SECONDS` | allowed clock difference: 0 to 300, default 60 |
///
/// An empty variable counts as not set.
#[derive(Debug)]
pub struct AuthConfig {
    pub(super) trust: Trust,
    pub(super) policy: ClaimPolicy,
}

/// The source of trust in a token. `Debug` does not show the secret.
#[derive(Debug)]
pub(super) enum Trust {
    /// A shared secret.
    Secret(VerifyingKey),
    /// An issuer's published keys.
    Issuer { algorithm: Algorithm, location: Location },
}

impl AuthConfig {
    /// Reads the variables above through `lookup`.
    ///
    /// # Errors
    /// If a variable is missing or invalid, or set although the algorithm does not use it: a secret together with RS256
    /// is a mistake that is better found at start.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidEnvironment> {
        let variables = Variables(lookup);
        match variables.require(ALGORITHM)?.as_str() {
            "RS256" => Self::by_issuer(Algorithm::Rs256, &variables),
            "ES256" => Self::by_issuer(Algorithm::Es256, &variables),
            "HS256" => Self::by_secret(&variables),
            _ => Err(unusable(ALGORITHM, "must be RS256, ES256 or HS256")),
        }
    }

    fn by_issuer(
        algorithm: Algorithm,
        variables: &Variables<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, InvalidEnvironment> {
        variables.refuse(SECRET)?;
        let issuer = variables.require(ISSUER)?;
        let pool = cognito_pool(&issuer_url(&issuer)?)?;
        let audiences = audiences(&variables.require(AUDIENCE)?)?;
        let token_use = match (&pool, variables.get(TOKEN_USE)) {
            (Some(_), Some(text)) => Some(token_use(&text)?),
            (Some(_), None) => Some(TokenUse::Access),
            (None, _) => variables.refuse(TOKEN_USE).map(|()| None)?,
        };
        let location = match (variables.get(JWKS_URL), pool) {
            (Some(text), _) => Location::Keys(secure_url(JWKS_URL, &text)?),
            (None, Some(pool)) => Location::Keys(cognito_keys(&issuer, &pool, variables)?),
            (None, None) => Location::Discovery { issuer: issuer.clone() },
        };
        let policy = ClaimPolicy { issuer: Some(issuer), audiences, token_use, leeway_s: variables.leeway_s()? };
        Ok(Self { trust: Trust::Issuer { algorithm, location }, policy })
    }

    /// With a shared secret, issuer and audience are optional, because the secret belongs to one issuer and one API. If
    /// configured, they are required in tokens.
    fn by_secret(variables: &Variables<impl Fn(&str) -> Option<String>>) -> Result<Self, InvalidEnvironment> {
        variables.refuse(JWKS_URL)?;
        variables.refuse(TOKEN_USE)?;
        let key = secret(&variables.require(SECRET)?)?;
        let audiences = variables.get(AUDIENCE).map_or(Ok(Vec::new()), |text| audiences(&text))?;
        let issuer = variables.get(ISSUER);
        let policy = ClaimPolicy { issuer, audiences, token_use: None, leeway_s: variables.leeway_s()? };
        Ok(Self { trust: Trust::Secret(key), policy })
    }
}

/// The environment. An empty variable counts as not set.
struct Variables<F>(F);

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn require(&self, name: &'static str) -> Result<String, InvalidEnvironment> {
        self.get(name).ok_or(InvalidEnvironment::Missing(name))
    }

    fn refuse(&self, name: &'static str) -> Result<(), InvalidEnvironment> {
        match self.get(name) {
            Some(_) => Err(unusable(name, "is of no use with this issuer and algorithm")),
            None => Ok(()),
        }
    }

    fn leeway_s(&self) -> Result<i64, InvalidEnvironment> {
        let Some(text) = self.get(LEEWAY) else { return Ok(DEFAULT_LEEWAY_S) };
        let seconds = text.parse().ok().filter(|seconds| LEEWAY_S.contains(seconds));
        seconds.ok_or_else(|| unusable(LEEWAY, "must be a whole number of seconds from 0 to 300"))
    }
}

fn unusable(name: &'static str, reason: &str) -> InvalidEnvironment {
    InvalidEnvironment::Unusable { name, reason: reason.to_owned() }
}

fn audiences(text: &str) -> Result<Vec<String>, InvalidEnvironment> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) { Err(unusable(AUDIENCE, "has an empty entry")) } else { Ok(names) }
}

fn token_use(text: &str) -> Result<TokenUse, InvalidEnvironment> {
    match text {
        "access" => Ok(TokenUse::Access),
        "id" => Ok(TokenUse::Id),
        _ => Err(unusable(TOKEN_USE, "must be access or id")),
    }
}

fn secret(text: &str) -> Result<VerifyingKey, InvalidEnvironment> {
    if text.len() < MIN_SECRET_BYTES {
        return Err(unusable(SECRET, "must have at least 32 bytes"));
    }
    Ok(VerifyingKey::hmac(text.as_bytes()))
}

/// OIDC Discovery 1.0, section 3: an issuer has no query and no fragment.
fn issuer_url(text: &str) -> Result<Url, InvalidEnvironment> {
    let url = secure_url(ISSUER, text)?;
    let plain = url.query().is_none() && url.fragment().is_none();
    if plain { Ok(url) } else { Err(unusable(ISSUER, "must have no query and no fragment")) }
}

/// Keys fetched over plain HTTP can be forged, except from this machine.
fn secure_url(name: &'static str, text: &str) -> Result<Url, InvalidEnvironment> {
    let url = Url::parse(text).map_err(|_| unusable(name, "is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(unusable(name, "must not hold a user name or password"));
    }
    let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if secure { Ok(url) } else { Err(unusable(name, "must be https, or http on this machine")) }
}

/// The pool id, if the issuer is a Cognito user pool: `https://cognito-idp.<region>.amazonaws.com/<pool>`.
fn cognito_pool(issuer: &Url) -> Result<Option<String>, InvalidEnvironment> {
    let host = issuer.host_str().unwrap_or_default();
    let region = host
        .strip_prefix("cognito-idp.")
        .and_then(|rest| rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn")));
    if region.is_none() {
        return Ok(None);
    }
    let pool = issuer.path().trim_start_matches('/');
    let is_id = pool.contains('_') && pool.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if is_id { Ok(Some(pool.to_owned())) } else { Err(unusable(ISSUER, "names Cognito, but no user pool")) }
}

/// Cognito's keys have a fixed path under the issuer, so no discovery is needed. With a local emulator of Cognito the
/// issuer stays the same, and only the address of the keys changes.
fn cognito_keys(
    issuer: &str,
    pool: &str,
    variables: &Variables<impl Fn(&str) -> Option<String>>,
) -> Result<Url, InvalidEnvironment> {
    let endpoint = COGNITO_ENDPOINTS.into_iter().find_map(|name| Some((name, variables.get(name)?)));
    let (name, base) = match endpoint {
        Some((name, endpoint)) => (name, format!("{}/{pool}", endpoint.trim_end_matches('/'))),
        None => (ISSUER, issuer.to_owned()),
    };
    secure_url(name, &format!("{base}/.well-known/jwks.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123";
    const SECRET_32: &str = "0123456789abcdef0123456789abcdef";

    fn read(variables: &[(&str, &str)]) -> Result<AuthConfig, InvalidEnvironment> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        AuthConfig::from_lookup(find)
    }

    /// RS256 with this issuer and some more variables.
    fn issued_by(issuer: &str, more: &[(&str, &str)]) -> Result<AuthConfig, InvalidEnvironment> {
        read(&[&[(ALGORITHM, "RS256"), (ISSUER, issuer), (AUDIENCE, "web")], more].concat())
    }

    fn location(config: Result<AuthConfig, InvalidEnvironment>) -> Location {
        match config.unwrap().trust {
            Trust::Issuer { location, .. } => location,
            Trust::Secret(_) => panic!("not an issuer"),
        }
    }

    fn keys_at(url: &str) -> Location {
        Location::Keys(Url::parse(url).unwrap())
    }

    /// The name of the rejected variable.
    fn fault<T: std::fmt::Debug>(outcome: Result<T, InvalidEnvironment>) -> &'static str {
        match outcome.unwrap_err() {
            InvalidEnvironment::Missing(name) | InvalidEnvironment::Unusable { name, .. } => name,
        }
    }

    #[test]
    fn a_cognito_issuer_has_its_keys_at_a_fixed_place() {
        assert_eq!(location(issued_by(POOL, &[])), keys_at(&format!("{POOL}/.well-known/jwks.json")));
        assert_eq!(issued_by(POOL, &[]).unwrap().policy.token_use, Some(TokenUse::Access));
        assert_eq!(issued_by(POOL, &[(TOKEN_USE, "id")]).unwrap().policy.token_use, Some(TokenUse::Id));
    }

    #[test]
    fn the_sdks_endpoint_variables_move_cognitos_keys() {
        let local = ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");
        let moved = location(issued_by(POOL, &[local]));
        assert_eq!(moved, keys_at("http://127.0.0.1:4566/eu-west-1_AbC123/.well-known/jwks.json"));
        let specific = ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "http://localhost:9229/");
        let moved = location(issued_by(POOL, &[local, specific]));
        assert_eq!(moved, keys_at("http://localhost:9229/eu-west-1_AbC123/.well-known/jwks.json"));
        assert_eq!(issued_by(POOL, &[local]).unwrap().policy.issuer.as_deref(), Some(POOL));
    }

    #[test]
    fn another_issuers_keys_are_discovered() {
        let issuer = "https://issuer.example/tenant/";
        let config = issued_by(issuer, &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]);
        assert_eq!(location(config), Location::Discovery { issuer: issuer.to_owned() });
        assert_eq!(issued_by(issuer, &[]).unwrap().policy.token_use, None);
    }

    #[test]
    fn a_given_key_url_takes_precedence() {
        let keys = "https://keys.example/jwks";
        assert_eq!(location(issued_by(POOL, &[(JWKS_URL, keys)])), keys_at(keys));
        assert_eq!(location(issued_by("https://issuer.example", &[(JWKS_URL, keys)])), keys_at(keys));
    }

    #[test]
    fn keys_over_plain_http_are_taken_from_this_machine_only() {
        for url in ["http://127.0.0.1:8080", "http://localhost", "http://idp.localhost:1", "http://[::1]:8080"] {
            assert!(issued_by(url, &[]).is_ok(), "{url}");
        }
        let odd = [
            "http://issuer.example",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "ftp://127.0.0.1",
            "http://127.0.0.1@issuer.example",
            "issuer.example",
            "https://",
            "https://u:p@issuer.example",
        ];
        for url in odd {
            assert_eq!(fault(issued_by(url, &[])), ISSUER, "{url}");
            assert_eq!(fault(issued_by("https://issuer.example", &[(JWKS_URL, url)])), JWKS_URL, "{url}");
        }
        let remote = ("AWS_ENDPOINT_URL", "http://emulator.example:4566");
        assert_eq!(fault(issued_by(POOL, &[remote])), "AWS_ENDPOINT_URL");
    }

    #[test]
    fn an_issuer_with_query_fragment_or_no_pool_is_refused() {
        let cognito = "https://cognito-idp.eu-west-1.amazonaws.com";
        for url in ["https://i.example?a", "https://i.example#a", cognito, &format!("{cognito}/a_b/c")] {
            assert_eq!(fault(issued_by(url, &[])), ISSUER, "{url}");
        }
    }

    #[test]
    fn a_host_that_resembles_cognito_is_not_cognito() {
        for url in
            ["https://cognito-idp.eu-west-1.amazonaws.com.example/p_1", "https://x.cognito-idp.a.amazonaws.com/p_1"]
        {
            assert!(matches!(location(issued_by(url, &[])), Location::Discovery { .. }), "{url}");
        }
    }

    #[test]
    fn audiences_are_a_list_without_empty_entries() {
        let listed = |text: &str| read(&[(ALGORITHM, "ES256"), (ISSUER, POOL), (AUDIENCE, text)]);
        assert_eq!(listed("web, mobile").unwrap().policy.audiences, ["web", "mobile"]);
        for text in ["", ",", "web,", " ", "web,,mobile"] {
            assert_eq!(fault(listed(text)), AUDIENCE, "{text:?}");
        }
    }

    #[test]
    fn a_shared_secret_has_at_least_32_bytes() {
        let secret = |text: &str| read(&[(ALGORITHM, "HS256"), (SECRET, text)]);
        assert!(secret(SECRET_32).is_ok());
        assert_eq!(fault(secret(&SECRET_32[1..])), SECRET);
        assert_eq!(fault(secret("")), SECRET);
    }

    #[test]
    fn with_a_shared_secret_issuer_and_audience_are_optional() {
        let bare = read(&[(ALGORITHM, "HS256"), (SECRET, SECRET_32), (ISSUER, ""), (AUDIENCE, "")]).unwrap().policy;
        assert_eq!((bare.issuer, bare.audiences.len(), bare.leeway_s), (None, 0, 60));
        let full =
            read(&[(ALGORITHM, "HS256"), (SECRET, SECRET_32), (ISSUER, "us"), (AUDIENCE, "web")]).unwrap().policy;
        assert_eq!((full.issuer.as_deref(), full.audiences.len()), (Some("us"), 1));
    }

    #[test]
    fn variables_that_the_algorithm_does_not_use_are_refused() {
        assert_eq!(fault(issued_by(POOL, &[(SECRET, SECRET_32)])), SECRET);
        assert_eq!(fault(issued_by("https://issuer.example", &[(TOKEN_USE, "id")])), TOKEN_USE);
        let shared = [(ALGORITHM, "HS256"), (SECRET, SECRET_32)];
        assert_eq!(fault(read(&[&shared[..], &[(JWKS_URL, "https://keys.example")]].concat())), JWKS_URL);
        assert_eq!(fault(read(&[&shared[..], &[(TOKEN_USE, "access")]].concat())), TOKEN_USE);
    }

    #[test]
    fn a_missing_or_unknown_value_is_named() {
        assert_eq!(fault(read(&[])), ALGORITHM);
        for algorithm in ["none", "rs256", "RS512", "PS256", "RS256,HS256", " RS256"] {
            assert_eq!(
                fault(read(&[(ALGORITHM, algorithm), (ISSUER, POOL), (AUDIENCE, "web")])),
                ALGORITHM,
                "{algorithm}"
            );
        }
        assert_eq!(fault(read(&[(ALGORITHM, "RS256"), (AUDIENCE, "web")])), ISSUER);
        assert_eq!(fault(read(&[(ALGORITHM, "HS256")])), SECRET);
        assert_eq!(fault(issued_by(POOL, &[(TOKEN_USE, "refresh")])), TOKEN_USE);
        for leeway in ["-1", "301", "1.5", "a minute"] {
            assert_eq!(fault(issued_by(POOL, &[(LEEWAY, leeway)])), LEEWAY, "{leeway}");
        }
        assert_eq!(issued_by(POOL, &[(LEEWAY, "0")]).unwrap().policy.leeway_s, 0);
    }

    #[test]
    fn the_secret_is_never_shown() {
        let config = read(&[(ALGORITHM, "HS256"), (SECRET, SECRET_32)]).unwrap();
        let bytes = format!("{:?}", SECRET_32.as_bytes());
        let shown = format!("{config:?}");
        assert!(!shown.contains(SECRET_32) && !shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
        let error = read(&[(ALGORITHM, "HS256"), (SECRET, "short-secret")]).unwrap_err();
        assert!(!error.to_string().contains("short-secret"));
    }
}
