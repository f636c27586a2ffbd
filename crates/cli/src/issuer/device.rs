//! Signs in with any OpenID Connect issuer through the device authorization grant (RFC 8628): the user opens a URL in a
//! browser on any device and enters a code.

use super::{Issuer, Tokens};
use crate::{
    args::{LoginArgs, Token},
    clock::{in_seconds, now},
    error::{Error, Refused},
    http::{Http, describe, secure},
    show::{Show, printable},
};
use oauth2::{
    AuthType, ClientId, DeviceAuthorizationUrl, ErrorResponseType, HttpRequest, HttpResponse, RefreshToken,
    RequestTokenError, Scope, StandardDeviceAuthorizationResponse, StandardErrorResponse, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicTokenResponse},
    url::form_urlencoded::Serializer,
};
use reqwest::{Request, Url, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};

/// Assumed lifetime of a token if the issuer sends none, in seconds.
const USUAL_LIFE_S: u64 = 300;

const FORM: &str = "application/x-www-form-urlencoded";

/// An OAuth client of an issuer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// URL of the token endpoint.
    pub token_endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revocation_endpoint: Option<String>,
    id: String,
}

/// Metadata of an issuer (OpenID Connect Discovery 1.0, section 3; RFC 8628, section 4).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
}

/// Prints the URL and the code, and waits until the user has signed in.
pub async fn sign_in(
    http: &Http,
    issuer: &Url,
    client_id: &str,
    args: &LoginArgs,
    show: &Show,
) -> Result<Tokens, Error> {
    let metadata = discover(http, issuer).await?;
    let Some(device_endpoint) = metadata.device_authorization_endpoint else {
        return Err(Error::usage(format!(
            "{issuer} does not support the device flow: set SMMU_TOKEN to one of its tokens"
        )));
    };
    let device_endpoint = secure(&device_endpoint, "the device authorization")?;
    let (token_endpoint, revocation_endpoint) = (metadata.token_endpoint, metadata.revocation_endpoint);
    let client = Client { token_endpoint, revocation_endpoint, id: client_id.to_owned() };
    let oauth = client.oauth()?.set_device_authorization_url(DeviceAuthorizationUrl::from_url(device_endpoint));
    let send = |request| send(http, request);

    let scopes = args.scope.split_whitespace().map(|scope| Scope::new(scope.to_owned()));
    let mut request = oauth.exchange_device_code().add_scopes(scopes);
    if let Some(audience) = &args.audience {
        request = request.add_extra_param("audience", audience);
    }
    let details: StandardDeviceAuthorizationResponse = request.request_async(&send).await.map_err(told)?;
    let address = details
        .verification_uri_complete()
        .map_or_else(|| details.verification_uri().to_string(), |uri| uri.secret().clone());
    let address = secure(&address, "the sign-in page")?;
    let code = printable(details.user_code().secret(), 40);
    show.note(&format!("open {} and enter the code {code}", printable(address.as_str(), 400)));
    let answer = oauth.exchange_device_access_token(&details).request_async(&send, tokio::time::sleep, None).await;
    Ok(client.tokens(&answer.map_err(told)?, None))
}

async fn discover(http: &Http, issuer: &Url) -> Result<Metadata, Error> {
    let place = format!("{}/.well-known/openid-configuration", issuer.as_str().trim_end_matches('/'));
    let metadata: Metadata = http.exchange(|| http.client().get(&place)).await?.json()?;
    // OpenID Connect Discovery 1.0, section 4.3: the issuer must be the one that was asked.
    if metadata.issuer.trim_end_matches('/') == issuer.as_str().trim_end_matches('/') {
        return Ok(metadata);
    }
    let other = printable(&metadata.issuer, 200);
    Err(Error::usage(format!("{issuer} identifies itself as {other}: use that as --issuer")))
}

impl Client {
    /// Renews the tokens of a session.
    pub async fn renew(&self, http: &Http, refresh: &Token) -> Result<Tokens, Error> {
        let send = |request| send(http, request);
        let token = RefreshToken::new(refresh.secret().to_owned());
        let answer = self.oauth()?.exchange_refresh_token(&token).request_async(&send).await;
        Ok(self.tokens(&answer.map_err(told)?, Some(refresh)))
    }

    /// Revokes a session (RFC 7009), if the issuer supports it.
    pub async fn revoke(&self, http: &Http, refresh: &Token) -> Result<(), Error> {
        let Some(endpoint) = &self.revocation_endpoint else { return Ok(()) };
        let endpoint = secure(endpoint, "the revocation")?;
        let mut form = Serializer::new(String::new());
        form.append_pair("token", refresh.secret()).append_pair("client_id", &self.id);
        let form = form.finish();
        let request = || http.client().post(endpoint.clone()).header(CONTENT_TYPE, FORM).body(form.clone());
        http.exchange(request).await.map(drop)
    }

    fn oauth(&self) -> Result<WithTokens, Error> {
        let token_endpoint = TokenUrl::from_url(secure(&self.token_endpoint, "the token endpoint")?);
        let client = BasicClient::new(ClientId::new(self.id.clone()));
        Ok(client.set_auth_type(AuthType::RequestBody).set_token_uri(token_endpoint))
    }

    /// Keeps the old refresh token if the issuer returns no new one.
    fn tokens(&self, answer: &BasicTokenResponse, refresh: Option<&Token>) -> Tokens {
        let given = answer.refresh_token().map(|token| Token::from(token.secret().clone()));
        Tokens {
            access: answer.access_token().secret().clone().into(),
            refresh: given.or(refresh.cloned()),
            expires_at: in_seconds(answer.expires_in().map_or(USUAL_LIFE_S, |life| life.as_secs())),
            issuer: Issuer::OAuth(self.clone()),
            signed_in_at: now(),
        }
    }
}

/// A client with only the token endpoint set.
type WithTokens = BasicClient<
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointSet,
>;

/// Sends a request of the `oauth2` crate with our own client.
async fn send(http: &Http, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let mut request = Request::try_from(request)?;
    *request.timeout_mut() = Some(http.patience().answer);
    let response = http.client().execute(request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = HttpResponse::new(response.bytes().await?.to_vec());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

fn told<T>(error: RequestTokenError<reqwest::Error, StandardErrorResponse<T>>) -> Error
where
    T: ErrorResponseType + AsRef<str> + std::fmt::Display + 'static,
{
    match error {
        RequestTokenError::ServerResponse(answer) => {
            let code = printable(answer.error().as_ref(), 64);
            let detail = answer.error_description().map_or("the issuer refused", String::as_str);
            let remedy = remedy(&code).map(str::to_owned);
            Error::Refused(Refused { status: 400, code, detail: printable(detail, 400), pointer: None, remedy })
        }
        RequestTokenError::Request(error) => Error::Trouble(describe(error)),
        // The error text can quote the answer, including tokens.
        RequestTokenError::Parse(..) => Error::Trouble("the issuer's answer cannot be read".to_owned()),
        RequestTokenError::Other(what) => Error::Trouble(printable(&what, 200)),
    }
}

/// Remedies for the errors of RFC 8628, section 3.5, and RFC 6749, section 5.2, that a user can fix.
fn remedy(code: &str) -> Option<&'static str> {
    match code {
        "access_denied" => Some("The sign-in was declined in the browser; run `smmu login` again to allow it."),
        "expired_token" => Some("Run `smmu login` again and enter the code in time."),
        "invalid_client" | "unauthorized_client" => {
            Some("Check --client-id: it must be a public client that may use the device flow.")
        }
        "invalid_scope" => Some("Request other scopes with --scope."),
        "invalid_grant" => Some("Run `smmu login` again."),
        _ => None,
    }
}
