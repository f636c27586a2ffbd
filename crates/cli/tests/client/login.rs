//! Signing in: through the device flow of an issuer (RFC 8628), and through the challenges of a Cognito user pool. The
//! proof of the password is tested against the emulator's pool in tests/integration/login.rs.

use crate::{
    command, desk,
    fake::{Behaviour, Server, TOKEN},
    files_in, run, shown,
};
use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

type Fields = BTreeMap<String, String>;

/// A fake issuer and the requests that it received.
#[derive(Default)]
struct Issuer {
    address: String,
    /// The error that ends the sign-in, instead of tokens.
    fails: Option<&'static str>,
    /// Disables the device flow.
    no_devices: bool,
    asked: Mutex<Vec<(&'static str, Fields)>>,
}

impl Issuer {
    async fn start(issuer: Self) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Arc::new(Self { address, ..issuer });
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/device", post(device))
            .route("/token", post(token))
            .route("/revoke", post(revoke))
            .with_state(Arc::clone(&issuer));
        tokio::spawn(async { axum::serve(listener, app).await });
        issuer
    }

    /// The fields of all requests of a kind.
    fn asked(&self, what: &str) -> Vec<Fields> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(kind, _)| *kind == what).map(|(_, fields)| fields.clone()).collect()
    }

    fn note(&self, what: &'static str, fields: Fields) -> usize {
        let mut asked = self.asked.lock().unwrap();
        asked.push((what, fields));
        asked.iter().filter(|(kind, _)| *kind == what).count()
    }
}

async fn metadata(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", issuer.address);
    let mut metadata = json!({
        "issuer": issuer.address, "token_endpoint": at("/token"), "revocation_endpoint": at("/revoke"),
        "device_authorization_endpoint": at("/device"),
    });
    if issuer.no_devices {
        metadata.as_object_mut().unwrap().remove("device_authorization_endpoint");
    }
    Json(metadata)
}

async fn device(State(issuer): State<Arc<Issuer>>, Form(fields): Form<Fields>) -> Json<Value> {
    issuer.note("device", fields);
    Json(json!({
        "device_code": "s3cr3t-device", "user_code": "WDJB-MJHT", "verification_uri": format!("{}/go", issuer.address),
        "expires_in": 60, "interval": 1,
    }))
}

/// The first poll is too early. The first access token expires too soon to be used, and each refresh token works once.
async fn token(State(issuer): State<Arc<Issuer>>, Form(fields): Form<Fields>) -> (StatusCode, Json<Value>) {
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error })));
    if fields["grant_type"] == "refresh_token" {
        let (given, count) = (fields["refresh_token"].clone(), issuer.note("refresh", fields));
        if given != format!("s3cr3t-{}", count - 1) {
            return refused("invalid_grant");
        }
        let tokens = json!({
            "access_token": TOKEN, "refresh_token": format!("s3cr3t-{count}"), "token_type": "Bearer", "expires_in": 3600,
        });
        return (StatusCode::OK, Json(tokens));
    }
    assert_eq!(fields["device_code"], "s3cr3t-device");
    match (issuer.note("poll", fields), issuer.fails) {
        (1, _) => refused("authorization_pending"),
        (_, Some(error)) => refused(error),
        (_, None) => {
            let tokens = json!({
                "access_token": "s3cr3t-old", "refresh_token": "s3cr3t-0", "token_type": "Bearer", "expires_in": 30,
            });
            (StatusCode::OK, Json(tokens))
        }
    }
}

async fn revoke(State(issuer): State<Arc<Issuer>>, Form(fields): Form<Fields>) {
    issuer.note("revoke", fields);
}

/// An API that accepts tokens of the issuer.
async fn api_of(issuer: &Issuer) -> Server {
    let sign_in = Some(json!({ "authorization_servers": [issuer.address] }));
    Server::start(Behaviour { sign_in, listed: 1, ..Behaviour::default() }).await
}

/// Runs the program without a token in the environment.
async fn without_token(server: &Server, desk: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    shown(&command(server, desk, arguments).env_remove("SMMU_TOKEN").output().await.unwrap())
}

#[tokio::test]
async fn a_browser_sign_in_gives_a_session_that_renews_until_sign_out() {
    let issuer = Issuer::start(Issuer::default()).await;
    let (server, desk) = (api_of(&issuer).await, desk());
    let login = ["login", "--client-id", "cli", "--audience", "media"];
    let (code, stdout, stderr) = without_token(&server, &desk, &login).await;
    assert_eq!((code, stdout), (0, format!("signed in to {}\n", server.api())), "{stderr}");
    assert!(stderr.contains(&format!("open {}/go and enter the code WDJB-MJHT", issuer.address)), "{stderr}");
    let asked = &issuer.asked("device")[0];
    assert_eq!((asked["client_id"].as_str(), asked["audience"].as_str()), ("cli", "media"));
    assert_eq!(asked["scope"], "openid offline_access");
    assert_eq!(issuer.asked("poll").len(), 2);

    let sessions = desk.path().join("config/smmu/sessions");
    let files = files_in(&sessions);
    let [file, lock] = &files[..] else { panic!("not a session and its lock: {files:?}") };
    assert_eq!(*lock, file.replace(".json", ".lock"));
    #[cfg(unix)]
    for (path, mode) in [(&sessions, 0o700), (&sessions.join(file), 0o600)] {
        let permissions = path.metadata().unwrap().permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777, mode, "{}", path.display());
    }

    for _ in 0..2 {
        let (code, stdout, stderr) = without_token(&server, &desk, &["list", "--json"]).await;
        assert_eq!((code, stdout.lines().count()), (0, 1), "{stderr}");
    }
    assert_eq!(issuer.asked("refresh").len(), 1, "a token with an hour left is not renewed");
    let (code, _, stderr) = run(&server, &desk, &["--token", "another", "list"]).await;
    assert!(code == 3 && stderr.contains("unauthorized"), "a token that was handed in comes first: {stderr}");

    let (code, stdout, _) = without_token(&server, &desk, &["logout", "--json"]).await;
    assert_eq!((code, serde_json::from_str::<Value>(&stdout).unwrap()["signedOut"].clone()), (0, true.into()));
    assert_eq!(issuer.asked("revoke")[0]["token"], "s3cr3t-1");
    assert_eq!(files_in(&sessions), [lock.as_str()]);
    let (code, _, stderr) = without_token(&server, &desk, &["list"]).await;
    assert!(code == 2 && stderr.contains("run `smmu login`"), "{stderr}");
    let (code, stdout, _) = without_token(&server, &desk, &["logout"]).await;
    assert!(code == 0 && stdout.starts_with("not signed in"), "{stdout}");
}

#[tokio::test]
async fn a_sign_in_that_fails_says_what_to_do() {
    for (error, remedy) in [("access_denied", "declined in the browser"), ("expired_token", "in time")] {
        let issuer = Issuer::start(Issuer { fails: Some(error), ..Issuer::default() }).await;
        let (server, desk) = (api_of(&issuer).await, desk());
        let (code, stdout, stderr) = without_token(&server, &desk, &["login", "--client-id", "cli"]).await;
        assert_eq!((code, stdout.as_str()), (3, ""), "{stderr}");
        assert!(stderr.contains(error) && stderr.contains(remedy), "{stderr}");
        assert!(!desk.path().join("config").exists());
    }
}

#[tokio::test]
async fn if_sign_in_is_impossible_the_error_says_what_to_do() {
    let issuer = Issuer::start(Issuer { no_devices: true, ..Issuer::default() }).await;
    let shared_secret = Some(json!({ "bearer_methods_supported": ["header"] }));
    let shared_secret = Server::start(Behaviour { sign_in: shared_secret, ..Behaviour::default() }).await;
    let (desk, old) = (desk(), Server::start(Behaviour::default()).await);
    for (server, arguments, told) in [
        (&api_of(&issuer).await, &["login", "--client-id", "cli"][..], "SMMU_TOKEN"),
        (&api_of(&issuer).await, &["login"], "--client-id"),
        (&shared_secret, &["login"], "shared secret"),
        (&old, &["login"], "--issuer"),
        (&old, &["login", "--issuer", "http://id.example", "--client-id", "cli"], "https"),
    ] {
        let (code, _, stderr) = without_token(server, &desk, arguments).await;
        assert!(code == 2 && stderr.contains(told), "{told}: {stderr}");
    }
}

#[tokio::test]
async fn a_session_ended_by_the_issuer_is_reported() {
    let issuer = Issuer::start(Issuer::default()).await;
    let (server, desk) = (api_of(&issuer).await, desk());
    assert_eq!(without_token(&server, &desk, &["login", "--client-id", "cli"]).await.0, 0);
    // The refresh token has been used elsewhere.
    issuer.note("refresh", Fields::new());
    let (code, _, stderr) = without_token(&server, &desk, &["list"]).await;
    assert!(code == 3 && stderr.contains("invalid_grant") && stderr.contains("Run `smmu login` again"), "{stderr}");
}

/// A fake Cognito that accepts any proof of a password and then sends the challenge.
async fn cognito(challenge: &'static str, answer: (&'static str, &'static str)) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let handle = move |headers: HeaderMap, body: Bytes| async move {
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert!(!body.to_string().contains("p4ssword"), "the password is not sent");
        let types: Vec<_> = headers.get_all("content-type").iter().collect();
        assert_eq!(types, ["application/x-amz-json-1.1"]);
        let target = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
        let told = match (target.as_str(), body["ChallengeName"].as_str()) {
            ("InitiateAuth", _) => json!({
                "ChallengeName": "PASSWORD_VERIFIER",
                "ChallengeParameters": { "SALT": "ab", "SRP_B": "cdef", "SECRET_BLOCK": "AAAA", "USER_ID_FOR_SRP": "u-1" },
            }),
            (_, Some("PASSWORD_VERIFIER")) => {
                json!({ "ChallengeName": challenge, "Session": "s-1", "ChallengeParameters": {} })
            }
            (_, Some(name)) if name == challenge => {
                let responses = &body["ChallengeResponses"];
                assert_eq!((&body["Session"], &responses["USERNAME"]), (&json!("s-1"), &json!("u-1")));
                if responses[answer.0] != answer.1 {
                    let error = json!({ "__type": "CodeMismatchException", "message": "Invalid code" });
                    return (StatusCode::BAD_REQUEST, Json(error));
                }
                json!({ "AuthenticationResult": { "AccessToken": TOKEN, "RefreshToken": "r", "ExpiresIn": 3600 } })
            }
            other => panic!("{other:?}: {body}"),
        };
        (StatusCode::OK, Json(told))
    };
    let app = Router::new().route("/", post(handle));
    tokio::spawn(async { axum::serve(listener, app).await });
    address
}

async fn sign_in_with_pool(cognito: &str, lines: &str) -> (i32, String, String) {
    let pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123";
    let sign_in = Some(json!({ "authorization_servers": [pool], "smmu_client_id": "client-1" }));
    let server = Server::start(Behaviour { sign_in, ..Behaviour::default() }).await;
    let desk = desk();
    let mut command = command(&server, &desk, &["login", "--user", "ada", "--password-stdin"]);
    command.env_remove("SMMU_TOKEN").env("AWS_ENDPOINT_URL", cognito);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    running.stdin.take().unwrap().write_all(lines.as_bytes()).await.unwrap();
    shown(&running.wait_with_output().await.unwrap())
}

#[tokio::test]
async fn a_second_factor_is_asked_for() {
    for (challenge, field) in [
        ("SOFTWARE_TOKEN_MFA", "SOFTWARE_TOKEN_MFA_CODE"),
        ("SMS_MFA", "SMS_MFA_CODE"),
        ("EMAIL_OTP", "EMAIL_OTP_CODE"),
        ("NEW_PASSWORD_REQUIRED", "NEW_PASSWORD"),
    ] {
        let cognito = cognito(challenge, (field, "123456")).await;
        let (code, _, stderr) = sign_in_with_pool(&cognito, "p4ssword\n123456\n").await;
        assert_eq!(code, 0, "{challenge}: {stderr}");
        let (code, _, stderr) = sign_in_with_pool(&cognito, "p4ssword\n654321\n").await;
        assert!(code == 3 && stderr.contains("CodeMismatchException") && stderr.contains("newest code"), "{stderr}");
        let (code, _, stderr) = sign_in_with_pool(&cognito, "p4ssword\n").await;
        assert!(code == 2 && stderr.contains("ended before"), "{stderr}");
    }
}

#[tokio::test]
async fn an_unknown_challenge_is_named() {
    let cognito = cognito("MFA_SETUP", ("", "")).await;
    let (code, _, stderr) = sign_in_with_pool(&cognito, "p4ssword\n").await;
    assert!(code == 3 && stderr.contains("mfa_setup") && stderr.contains("SMMU_TOKEN"), "{stderr}");
}
