//! `smmu login` and `smmu logout`.
//!
//! The API names the issuer of its tokens. With a Cognito user pool, the program asks for a password, which never
//! leaves this machine ([`cognito`]). With any other issuer, the user signs in in a browser on any device ([`device`]).

use crate::{
    api::Api,
    args::{Cli, LoginArgs},
    error::{Error, Exit},
    http::{secure, sender},
    issuer::{Answers, Issuer, Tokens, cognito, device},
    session::{Access, Store},
    show::{Show, print, printable},
};
use reqwest::Url;
use std::io::Write;

/// Signs in and stores the session.
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

/// Deletes the stored session and revokes it at the issuer.
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
            show.note(&format!("signed out here, but the issuer did not revoke the tokens: {error}"));
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

/// The issuer of the API's tokens and the OAuth client id, from the command line or from the API.
async fn issuer(base: &Url, args: &LoginArgs, show: &Show) -> Result<(Url, String), Error> {
    let (mut issuer, mut client_id) = (args.issuer.clone(), args.client_id.clone());
    if issuer.is_none() || client_id.is_none() {
        let hint = Api::new(sender(base, show)?, base.clone(), Access::Open).sign_in_hint().await?;
        let hint = hint.ok_or_else(|| Error::usage("the API names no issuer of tokens: give --issuer and --client-id"));
        let hint = hint?;
        let own = hint.authorization_servers.into_iter().next();
        let name = |issuer: &Option<String>| issuer.as_deref().map(|issuer| issuer.trim_end_matches('/').to_owned());
        // A client id is only valid with its own issuer.
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
        Error::usage(format!("no client to sign in with: give --client-id, as registered with {issuer}"))
    })?;
    Ok((secure(&issuer, "the issuer")?, client_id))
}
