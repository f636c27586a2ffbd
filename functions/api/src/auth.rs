//! Who is asking: bearer tokens (RFC 6750) that are signed JWTs (RFC 7519), verified on every route but the open ones.
//!
//! API Gateway's authorizer may have looked at the token before; nothing here relies on it. What a
//! token may say about its own verification is next to nothing: the algorithm, the keys and where
//! they come from are configuration, and of the token's header only `kid` takes part, as the name of
//! one of the issuer's keys (RFC 8725, sections 3.1 and 3.5).
//!
//! The way of a token, each step refusing for good: `bearer` takes it out of the request, `jws`
//! takes it apart and checks its signature with a key from `cache`, `claims` reads what it says.

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

/// Tells the current time. Handed in, so that tests can stand at any second.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Verifies tokens. Made once at start, since it holds the issuer's keys between requests.
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
    /// If this machine cannot make a TLS client to fetch the issuer's keys with.
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

    /// Who signs the tokens, where it is an issuer. What tokens of a shared secret call their issuer is nobody to sign in with.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match self.keys {
            Keys::Issued(_) => self.policy.issuer.as_deref(),
            Keys::Shared(_) => None,
        }
    }

    /// The client by which users sign in, where it is known: what Cognito's tokens name as their audience is a client.
    #[must_use]
    pub fn sign_in_client(&self) -> Option<&str> {
        self.policy.token_use.and(self.policy.audiences.first()).map(String::as_str)
    }

    /// Fetches the issuer's keys, if it is an issuer that is trusted, so that the first request need not wait for them.
    pub async fn prepare(&self) {
        if let Keys::Issued(cache) = &self.keys {
            cache.prepare().await;
        }
    }

    /// The claims of the one token in these request headers.
    ///
    /// Logs why a token was refused, as [`TokenFlaw::code`], and nothing that came with it.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Claims, AuthError> {
        let outcome = self.check(headers).await;
        match outcome {
            Ok(_) => {}
            Err(AuthError::Missing) => tracing::info!("no bearer token"),
            Err(AuthError::Unauthorized(flaw)) => tracing::info!(reason = flaw.code(), "bearer token refused"),
            Err(AuthError::KeysUnavailable) => tracing::warn!("bearer token not verified: no keys of its issuer"),
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
