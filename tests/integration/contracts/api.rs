//! The deployed HTTP API: its paths and its authorizer.

use reqwest::header::{AUTHORIZATION, HOST};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::cloud::contracts;

fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

#[tokio::test]
async fn health_belongs_to_the_deployed_api_in_every_form_of_its_address() {
    let contracts = contracts().await;
    let address = contracts.cloud.address();
    let endpoint = address.endpoint();
    let by_host =
        format!("{}.execute-api.localhost:{}", contracts.output("ApiId"), endpoint.rsplit(':').next().expect("port"));
    let requests = [
        client().get(format!("{}/health", address.api_url().expect("an API"))),
        client().get(format!("{endpoint}/health")).header(HOST, by_host),
    ];
    for request in requests {
        let answer = request.send().await.expect("answers");
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["path"], "/health");
    }
}

#[tokio::test]
async fn a_closed_route_wants_a_token_of_the_pool() {
    let contracts = contracts().await;
    let address = contracts.cloud.address();
    let url = format!("{}/closed/7", address.api_url().expect("an API"));
    let status = async |token: Option<&str>| {
        let request = client().get(&url);
        let request =
            token.iter().fold(request, |request, token| request.header(AUTHORIZATION, format!("Bearer {token}")));
        request.send().await.expect("answers").status()
    };
    let token = address.token("ada").await.expect("a token");
    let (signed, signature) = token.rsplit_once('.').expect("a JWT");
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(status(None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(Some(&forged)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(Some(&token)).await, StatusCode::OK);
}

#[tokio::test]
async fn a_user_keeps_their_sub_and_path_parameters_arrive() {
    let contracts = contracts().await;
    let address = contracts.cloud.address();
    let url = format!("{}/closed/7", address.api_url().expect("an API"));
    let ask = async |user: &str| -> Value {
        let token = address.token(user).await.expect("a token");
        client().get(&url).bearer_auth(token).send().await.expect("answers").json().await.expect("JSON")
    };
    let (first, again, other) = (ask("grace").await, ask("grace").await, ask("edsger").await);
    assert_eq!(first["parameters"]["id"], "7");
    assert!(first["sub"].is_string());
    assert_eq!(first["sub"], again["sub"]);
    assert_ne!(first["sub"], other["sub"]);
}
