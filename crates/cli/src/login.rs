//! `smmu login` and `smmu logout`.
//!
//! The API says who signs its tokens. With a Cognito user pool the user is asked for a password, which never leaves this
//! machine (`cognito`); with any other issuer the user signs in in a browser, on whichever device (`device`).

mod answers;
mod cognito;
mod device;

use crate::{
    api::Api,
    args::{Cli, LoginArgs, Token},
    error::{Error, Exit},
    http::{Http, Timeouts, is_this_machine},
    journey::print,
    session::{Access, Store, Tokens},
    show::{Show, printable},
};
use answers::Answers;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// Who gave tokens, and gives the next ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Issuer {
    /// A Cognito user pool, by its own API.
    Cognito(cognito::Pool),
    /// Any other, by OAuth 2.0.
    OAuth(device::Client),
}

impl Issuer {
    /// Where it is asked.
    pub fn endpoint(&self) -> Result<Url, Error> {
        let endpoint = match self {
            Self::Cognito(pool) => &pool.endpoint,
            Self::OAuth(client) => &client.token_endpoint,
        };
        endpoint.parse().map_err(|_| Error::usage("the session cannot be read: run `smmu login` again"))
    }

    /// The next tokens.
    pub async fn renew(&self, http: &Http, refresh: &Token) -> Result<Tokens, Error> {
        match self {
            Self::Cognito(pool) => pool.renew(http, refresh).await,
            Self::OAuth(client) => client.renew(http, refresh).await,
        }
    }

    /// Has the issuer forget a session.
    async fn revoke(&self, http: &Http, refresh: &Token) -> Result<(), Error> {
        match self {
            Self::Cognito(pool) => pool.revoke(http, refresh).await,
            Self::OAuth(client) => client.revoke(http, refresh).await,
        }
    }
}

/// Begins a session.
pub async fn login(cli: &Cli, args: &LoginArgs, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let base = secure(cli.api()?.as_str(), "the API")?;
    let (issuer, client_id) = issuer(&base, args, show).await?;
    let tokens = match cognito::Pool::of(&issuer, &client_id, args)? {
        Some(pool) => {
            let mut answers = Answers::new(args.password_stdin);
            let user = answers.user(args.user.as_deref()).await?;
            let http = sender(&Issuer::Cognito(pool.clone()).endpoint()?, show)?;
            pool.sign_in(&http, &user, &mut answers).await?
        }
        None => device::sign_in(&sender(&issuer, show)?, &issuer, &client_id, args, show).await?,
    };
    let store = Store::of(&base)?;
    let alone = store.lock().await?;
    store.save(&tokens)?;
    drop(alone);
    let text = if args.json {
        let expires_at = tokens.expires_at;
        serde_json::json!({ "api": base.as_str(), "issuer": issuer.as_str(), "expiresAt": expires_at }).to_string()
    } else {
        format!("signed in to {base}")
    };
    print(stdout, &format!("{text}\n"))?;
    Ok(Exit::Done)
}

/// Ends the session, here and with the issuer.
pub async fn logout(cli: &Cli, json: bool, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let base = cli.api()?;
    let store = Store::of(&base)?;
    let alone = store.lock().await?;
    let tokens = store.load();
    store.forget()?;
    drop(alone);
    if let Some(tokens) = &tokens {
        let Tokens { issuer, refresh, .. } = tokens;
        let revoked = match refresh {
            Some(refresh) => issuer.revoke(&sender(&issuer.endpoint()?, show)?, refresh).await,
            None => Ok(()),
        };
        if let Err(error) = revoked {
            let error = printable(&error.to_string(), 400);
            show.note(&format!("the tokens are removed from this machine, but the issuer still takes them: {error}"));
        }
    }
    let text = match (json, tokens.is_some()) {
        (true, was) => serde_json::json!({ "api": base.as_str(), "signedOut": was }).to_string(),
        (false, true) => format!("signed out of {base}"),
        (false, false) => format!("not signed in to {base}"),
    };
    print(stdout, &format!("{text}\n"))?;
    Ok(Exit::Done)
}

/// Who signs the API's tokens, and the client by which its users sign in: from the command line, or from the API itself.
async fn issuer(base: &Url, args: &LoginArgs, show: &Show) -> Result<(Url, String), Error> {
    let (mut issuer, mut client_id) = (args.issuer.clone(), args.client_id.clone());
    if issuer.is_none() || client_id.is_none() {
        let hint = Api::new(sender(base, show)?, base.clone(), Access::Open).sign_in_hint().await?;
        let hint = hint
            .ok_or_else(|| Error::usage("the API does not say who signs its tokens: give --issuer and --client-id"));
        let hint = hint?;
        let own = hint.authorization_servers.into_iter().next();
        let name = |issuer: &Option<String>| issuer.as_deref().map(|issuer| issuer.trim_end_matches('/').to_owned());
        // Another issuer's client is none of this one's.
        if issuer.is_none() || name(&issuer) == name(&own) {
            client_id = client_id.or(hint.smmu_client_id);
        }
        issuer = issuer.or(own);
    }
    let issuer = issuer.ok_or_else(|| {
        Error::usage("the API's tokens are signed with a shared secret: get one from its operator and set SMMU_TOKEN")
    })?;
    let client_id = client_id.ok_or_else(|| {
        let issuer = printable(&issuer, 200);
        Error::usage(format!("the client to sign in by is not known: give --client-id, as registered with {issuer}"))
    })?;
    Ok((secure(&issuer, "the issuer")?, client_id))
}

/// An address that tokens may travel to: nobody on the way can read them.
pub(crate) fn secure(text: &str, what: &str) -> Result<Url, Error> {
    let url: Option<Url> = text.parse().ok();
    let safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(url));
    url.filter(safe)
        .ok_or_else(|| Error::usage(format!("the address of {what} must be https: {}", printable(text, 200))))
}

/// A sender for one service, which tells what it sends again.
pub(crate) fn sender(service: &Url, show: &Show) -> Result<Http, Error> {
    let show = show.clone();
    Http::new(service, Timeouts::default(), move |text| show.note(text))
}

#[cfg(test)]
mod tests {
    use super::secure;

    #[test]
    fn tokens_travel_encrypted_or_not_at_all() {
        for good in ["https://id.example/realms/a", "http://127.0.0.1:4566/", "http://id.localhost:1"] {
            assert!(secure(good, "x").is_ok(), "{good}");
        }
        for bad in ["http://id.example", "ftp://127.0.0.1", "id.example", ""] {
            assert!(secure(bad, "x").is_err(), "{bad}");
        }
    }
}
