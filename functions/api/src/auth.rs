//! Authentication: bearer tokens (RFC 6750) that are signed JWTs (RFC 7519), verified on every route except the open
//! ones.
//!
//! Nothing here relies on API Gateway's authorizer, which may have checked the token before. A token has almost no say
//! in its own verification: the algorithm, the keys and their origin are configuration. Only `kid` of the token's
//! header is used, as the name of one of the issuer's keys (RFC 8725, sections 3.1 and 3.5).
//!
//! A token passes these steps, and each can refuse it: `bearer` extracts it from the request, `jws` parses it and
//! checks its signature with a key from `cache`, `claims` validates its claims.

mod bearer;
mod cache;
mod claims;
mod config;
mod error;
mod fetch;
mod json;
mod jwk;
mod jws;
mod loopback;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod testing;

pub use claims::Claims;
pub use config::AuthConfig;
pub use error::{AuthError, NoHttpClient, TokenFlaw};

use self::{
    cache::KeyCache,
    claims::ClaimPolicy,
    config::Trust,
    fetch::IssuerKeys,
    jws::{Algorithm, Jws, VerifyingKey},
};
use lambda_http::http::HeaderMap;
use smmu_core::Timestamp;
use std::sync::Arc;

/// Returns the current time. Injected, so tests can set it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Verifies tokens. Created once at start, since it caches the issuer's keys between requests.
pub struct Verifier {
    algorithm: Algorithm,
    keys: Keys,
    policy: ClaimPolicy,
    clock: Clock,
}

enum Keys {
    Shared(VerifyingKey),
    Issued(KeyCache),
}

impl Verifier {
    /// A verifier for one configuration. Fetches nothing yet, see [`Self::prepare`].
    ///
    /// # Errors
    /// If no TLS client can be created to fetch the issuer's keys.
    pub fn new(config: AuthConfig, clock: Clock) -> Result<Self, NoHttpClient> {
        let AuthConfig { trust, policy } = config;
        let (algorithm, keys) = match trust {
            Trust::Secret(key) => (Algorithm::Hs256, Keys::Shared(key)),
            Trust::Issuer { algorithm, location } => {
                let source = IssuerKeys::new(algorithm, location)?;
                (algorithm, Keys::Issued(KeyCache::new(Box::new(source), clock.clone())))
            }
        };
        Ok(Self { algorithm, keys, policy, clock })
    }

    /// The issuer that users sign in with. `None` with a shared secret: its `iss` is only a name.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match self.keys {
            Keys::Issued(_) => self.policy.issuer.as_deref(),
            Keys::Shared(_) => None,
        }
    }

    /// The OAuth client ID for signing in, if known: Cognito's tokens name a client as their audience.
    #[must_use]
    pub fn sign_in_client(&self) -> Option<&str> {
        self.policy.token_use.and(self.policy.audiences.first()).map(String::as_str)
    }

    /// Fetches the issuer's keys, if there is an issuer, so the first request does not wait for them.
    pub async fn prepare(&self) {
        if let Keys::Issued(cache) = &self.keys {
            cache.prepare().await;
        }
    }

    /// The claims of the one token in these request headers.
    ///
    /// Logs why a token was refused, as [`TokenFlaw::code`], but no part of the token.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Claims, AuthError> {
        let outcome = self.check(headers).await;
        match outcome {
            Ok(_) => {}
            Err(AuthError::Missing) => tracing::info!("no bearer token"),
            Err(AuthError::Unauthorized(flaw)) => tracing::info!(reason = flaw.code(), "bearer token refused"),
            Err(AuthError::KeysUnavailable) => tracing::warn!("bearer token not verified: no keys from its issuer"),
        }
        outcome
    }

    async fn check(&self, headers: &HeaderMap) -> Result<Claims, AuthError> {
        let token = Jws::parse(bearer::token(headers)?)?;
        if token.algorithm() != self.algorithm.name() {
            return Err(TokenFlaw::Algorithm.into());
        }
        let payload = match &self.keys {
            Keys::Shared(key) => token.verify(key)?,
            Keys::Issued(cache) => token.verify(&cache.key(token.key_id()).await?)?,
        };
        Ok(self.policy.accept(&payload, (self.clock)())?)
    }
}
