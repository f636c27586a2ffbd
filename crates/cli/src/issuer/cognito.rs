//! Signs in to a Cognito user pool through its own API with the Secure Remote Password protocol: the password itself is
//! never sent ("Authentication with user pools" in the Amazon Cognito developer guide).

use super::{Answers, Issuer, Tokens};
use crate::{
    args::{LoginArgs, Token},
    clock::{in_seconds, now},
    error::{Error, Refused},
    http::{Http, secure},
};
use aws_cognito_srp::{SrpClient, User};
use reqwest::{Url, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Limit on challenges in a row; no pool has as many.
const MOST_CHALLENGES: usize = 8;

/// A user pool and the client id for signing in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// Address of the Cognito API.
    pub endpoint: String,
    id: String,
    client_id: String,
}

/// Response of `InitiateAuth` and `RespondToAuthChallenge`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Step {
    authentication_result: Option<AuthenticationResult>,
    challenge_name: Option<String>,
    #[serde(default)]
    challenge_parameters: BTreeMap<String, String>,
    session: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AuthenticationResult {
    access_token: String,
    refresh_token: Option<String>,
    /// Seconds.
    expires_in: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    client_id: &'a str,
    challenge_name: &'a str,
    challenge_responses: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

impl Pool {
    /// The user pool of an issuer of the form `https://cognito-idp.<region>.amazonaws.com/<pool>`; `None` for any
    /// other.
    pub fn of(issuer: &Url, client_id: &str, args: &LoginArgs) -> Result<Option<Self>, Error> {
        let host = issuer.host_str().unwrap_or_default();
        let is_cognito = host.starts_with("cognito-idp.")
            && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
        if !is_cognito {
            return Ok(None);
        }
        let endpoint = match args.cognito_endpoint.as_ref().or(args.aws_endpoint.as_ref()) {
            Some(other) => secure(other, "Cognito")?.to_string(),
            None => issuer.origin().ascii_serialization(),
        };
        let id = issuer.path().trim_start_matches('/').to_owned();
        Ok(Some(Self { endpoint, id, client_id: client_id.to_owned() }))
    }

    /// Signs a user in and answers the challenges of the pool.
    pub async fn sign_in(&self, http: &Http, user: &str, answers: &mut Answers) -> Result<Tokens, Error> {
        let password = answers.secret("Password").await?;
        let srp = SrpClient::new(User::new(&self.id, user, &password), &self.client_id, None);
        let parameters = json!({ "USERNAME": user, "SRP_A": srp.get_auth_parameters().a });
        let mut step: Step = self.initiate(http, "USER_SRP_AUTH", &parameters).await?;
        let mut user_id = user.to_owned();
        for _ in 0..MOST_CHALLENGES {
            let Some(challenge) = step.challenge_name else {
                let result = step.authentication_result.ok_or_else(|| unexpected("neither tokens nor a challenge"))?;
                return Ok(self.tokens(result, None));
            };
            if let Some(id) = step.challenge_parameters.get("USER_ID_FOR_SRP") {
                user_id.clone_from(id);
            }
            let mut responses = responses(&challenge, &step.challenge_parameters, &srp, answers).await?;
            responses["USERNAME"] = user_id.as_str().into();
            let (client_id, session) = (self.client_id.as_str(), step.session);
            let answer = Response { client_id, challenge_name: &challenge, challenge_responses: responses, session };
            step = self.call(http, "RespondToAuthChallenge", &answer).await?;
        }
        Err(unexpected("too many challenges"))
    }

    /// Renews the tokens of a session.
    pub async fn renew(&self, http: &Http, refresh: &Token) -> Result<Tokens, Error> {
        let parameters = json!({ "REFRESH_TOKEN": refresh.secret() });
        let step: Step = self.initiate(http, "REFRESH_TOKEN_AUTH", &parameters).await?;
        let result = step.authentication_result.ok_or_else(|| unexpected("a challenge instead of tokens"))?;
        Ok(self.tokens(result, Some(refresh)))
    }

    /// Revokes a session, including its access tokens.
    pub async fn revoke(&self, http: &Http, refresh: &Token) -> Result<(), Error> {
        let request = json!({ "ClientId": self.client_id, "Token": refresh.secret() });
        self.send(http, "RevokeToken", &request).await.map(drop)
    }

    async fn initiate(&self, http: &Http, flow: &str, parameters: &Value) -> Result<Step, Error> {
        let request = json!({ "AuthFlow": flow, "ClientId": self.client_id, "AuthParameters": parameters });
        self.call(http, "InitiateAuth", &request).await
    }

    async fn call<T: DeserializeOwned>(&self, http: &Http, name: &str, body: &impl Serialize) -> Result<T, Error> {
        self.send(http, name, body).await?.json()
    }

    /// Calls the Cognito API. Requests are JSON, name the operation in a header and need no signature.
    async fn send(&self, http: &Http, name: &str, body: &impl Serialize) -> Result<crate::http::Answer, Error> {
        let request = || {
            let target = format!("AWSCognitoIdentityProviderService.{name}");
            let request = http.client().post(&self.endpoint).header("x-amz-target", target);
            // Set before the body, which would otherwise set its own content type.
            request.header(CONTENT_TYPE, "application/x-amz-json-1.1").json(body)
        };
        http.exchange(request).await.map_err(|error| error.map_refused(with_remedy))
    }

    /// A renewal returns no refresh token, so the old one is kept.
    fn tokens(&self, result: AuthenticationResult, refresh: Option<&Token>) -> Tokens {
        Tokens {
            access: result.access_token.into(),
            refresh: result.refresh_token.map(Token::from).or(refresh.cloned()),
            expires_at: in_seconds(result.expires_in),
            issuer: Issuer::Cognito(self.clone()),
            signed_in_at: now(),
        }
    }
}

/// The responses to a challenge (`RespondToAuthChallenge` in the Amazon Cognito user pools API reference).
async fn responses(
    challenge: &str,
    parameters: &BTreeMap<String, String>,
    srp: &SrpClient<User>,
    answers: &mut Answers,
) -> Result<Value, Error> {
    match challenge {
        "PASSWORD_VERIFIER" => proof(parameters, srp),
        "NEW_PASSWORD_REQUIRED" => {
            let wanted = parameters.get("requiredAttributes").map_or("[]", String::as_str);
            if !matches!(wanted, "" | "[]") {
                return Err(refused(challenge, &format!("the pool also requires these attributes: {wanted}")));
            }
            Ok(json!({ "NEW_PASSWORD": answers.new_password().await? }))
        }
        "SOFTWARE_TOKEN_MFA" => code("SOFTWARE_TOKEN_MFA_CODE", "Code of your authenticator app", answers).await,
        "SMS_MFA" => code("SMS_MFA_CODE", "Code of the text message", answers).await,
        "EMAIL_OTP" => code("EMAIL_OTP_CODE", "Code of the e-mail", answers).await,
        other => Err(refused(other, "the pool requires a step that this client does not support")),
    }
}

async fn code(name: &str, question: &str, answers: &mut Answers) -> Result<Value, Error> {
    Ok(json!({ name: answers.secret(question).await? }))
}

/// Proves knowledge of the password.
fn proof(parameters: &BTreeMap<String, String>, srp: &SrpClient<User>) -> Result<Value, Error> {
    let parameter = |name: &str| parameters.get(name).ok_or_else(|| unexpected(&format!("no {name}")));
    let (block, user_id) = (parameter("SECRET_BLOCK")?, parameter("USER_ID_FOR_SRP")?);
    let proof = srp.verify(block, user_id, parameter("SALT")?, parameter("SRP_B")?);
    let proof = proof.map_err(|error| unexpected(&error.to_string()))?;
    Ok(json!({
        "PASSWORD_CLAIM_SECRET_BLOCK": proof.password_claim_secret_block,
        "PASSWORD_CLAIM_SIGNATURE": proof.password_claim_signature,
        "TIMESTAMP": proof.timestamp,
    }))
}

fn unexpected(what: &str) -> Error {
    Error::Trouble(format!("Cognito answered with {what}"))
}

fn refused(challenge: &str, detail: &str) -> Error {
    let remedy = "Sign in with your app first, or set SMMU_TOKEN to a token from it.".to_owned();
    let (code, detail) = (challenge.to_ascii_lowercase(), detail.to_owned());
    Error::Refused(Refused { status: 400, code, detail, pointer: None, remedy: Some(remedy) })
}

fn with_remedy(refused: Refused) -> Refused {
    let remedy = match refused.code.as_str() {
        "NotAuthorizedException" | "UserNotFoundException" => {
            "Check the user name, the password and this machine's clock, then run `smmu login` again."
        }
        "PasswordResetRequiredException" => "Reset the password with your app, then run `smmu login` again.",
        "UserNotConfirmedException" => "Confirm the account with the code that was sent to you, then sign in.",
        "InvalidPasswordException" => "Run `smmu login` again and choose a password that the detail allows.",
        "CodeMismatchException" | "ExpiredCodeException" => "Run `smmu login` again with the newest code.",
        "ResourceNotFoundException" => "Check --client-id, or leave it out to ask the API for it.",
        _ => return refused,
    };
    Refused { remedy: Some(remedy.to_owned()), ..refused }
}
