//! Issuers of tokens: how each signs in, renews and revokes.

mod answers;
pub mod cognito;
pub mod device;

use crate::{args::Token, clock::now, error::Error, http::Http};
pub use answers::Answers;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use smmu_core::Timestamp;

/// A token that expires sooner than this is renewed. It has to outlast a request and some clock skew.
const RENEWED_BEFORE_S: i64 = 60;

/// The issuer of a session's tokens, which also renews them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Issuer {
    /// A Cognito user pool, by its own API.
    Cognito(cognito::Pool),
    /// Any other, by OAuth 2.0.
    OAuth(device::Client),
}

impl Issuer {
    /// The address that tokens are requested from.
    pub fn endpoint(&self) -> Result<Url, Error> {
        let endpoint = match self {
            Self::Cognito(pool) => &pool.endpoint,
            Self::OAuth(client) => &client.token_endpoint,
        };
        endpoint.parse().map_err(|_| Error::usage("the session cannot be read: run `smmu login` again"))
    }

    /// Renews the tokens.
    pub async fn renew(&self, http: &Http, refresh: &Token) -> Result<Tokens, Error> {
        match self {
            Self::Cognito(pool) => pool.renew(http, refresh).await,
            Self::OAuth(client) => client.renew(http, refresh).await,
        }
    }

    /// Revokes the session at the issuer.
    pub async fn revoke(&self, http: &Http, refresh: &Token) -> Result<(), Error> {
        match self {
            Self::Cognito(pool) => pool.revoke(http, refresh).await,
            Self::OAuth(client) => client.revoke(http, refresh).await,
        }
    }
}

/// The tokens of a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// Access token for the API.
    pub access: Token,
    /// Refresh token. Some issuers give none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Token>,
    /// Expiry of the access token, by this machine's clock.
    pub expires_at: Timestamp,
    pub issuer: Issuer,
    /// Time of the sign-in. The same for all tokens of a session, so it identifies the session.
    pub signed_in_at: Timestamp,
}

impl Tokens {
    /// True if the access token need not be renewed yet.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        now().plus_seconds(RENEWED_BEFORE_S) < self.expires_at
    }
}
