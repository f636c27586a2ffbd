//! The deployed HTTP API: paths, authorizer, preflights and permissions.

use reqwest::header::{AUTHORIZATION, HOST, ORIGIN};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use super::cloud::contracts;

fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

#[tokio::test]
async fn health_belongs_to_the_deployed_api_in_every_form_of_its_url() {
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
async fn a_trailing_slash_makes_a_different_path() {
    let contracts = contracts().await;
    let url = contracts.cloud.address().api_url().expect("an API");
    for (path, status) in [("/health", StatusCode::OK), ("/health/", StatusCode::NOT_FOUND)] {
        let answer = client().get(format!("{url}{path}")).send().await.expect("answers");
        assert_eq!(answer.status(), status, "{path}");
    }
}

#[tokio::test]
async fn a_closed_route_requires_a_token_of_the_pool() {
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
async fn only_a_page_of_an_allowed_origin_can_read_that_its_token_was_refused() {
    let contracts = contracts().await;
    let address = contracts.cloud.address();
    let url = format!("{}/closed/7", address.api_url().expect("an API"));
    let token = address.token("ada").await.expect("a token");
    let (signed, signature) = token.rsplit_once('.').expect("a JWT");
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    for (origin, told) in
        [("https://allowed.example", Some("https://allowed.example")), ("https://foreign.example", None)]
    {
        for token in [None, Some(&forged)] {
            let request = client().get(&url).header(ORIGIN, origin);
            let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
            let answer = request.send().await.expect("answers");
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
            let allowed = answer.headers().get("access-control-allow-origin");
            assert_eq!(allowed.map(|value| value.to_str().expect("text")), told, "{origin} {token:?}");
            let answer: Value = answer.json().await.expect("JSON");
            assert_eq!(answer["message"], "Unauthorized");
        }
    }
}

#[tokio::test]
async fn sub_and_path_parameters_reach_the_function() {
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

/// Status and allowed origin of a preflight from `origin` to the greedy API or to the one with explicit routes.
async fn preflight(api: &'static str, path: &str, origin: &str) -> (StatusCode, Option<String>) {
    let contracts = contracts().await;
    let url = format!("{}/_aws/execute-api/{}{path}", contracts.cloud.address().endpoint(), contracts.output(api));
    let request = client().request(Method::OPTIONS, url).header(ORIGIN, origin);
    let answer = request.header("access-control-request-method", "GET").send().await.expect("answers");
    let allowed = answer.headers().get("access-control-allow-origin");
    (answer.status(), allowed.map(|value| value.to_str().expect("text").to_owned()))
}

#[tokio::test]
async fn api_gateway_answers_preflights_to_explicit_routes_for_configured_origins() {
    let origin = "https://allowed.example";
    let (status, allowed) = preflight("ApiId", "/closed/7", origin).await;
    assert_eq!((status, allowed.as_deref()), (StatusCode::NO_CONTENT, Some(origin)));
    let (_, allowed) = preflight("ApiId", "/closed/7", "https://foreign.example").await;
    assert_eq!(allowed, None);
}

#[tokio::test]
async fn a_route_for_any_method_receives_preflights() {
    // The function answers everything with 200.
    let (status, _) = preflight("GreedyApiId", "/any", "https://allowed.example").await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = preflight("GreedyApiId", "/other", "https://allowed.example").await;
    assert_eq!(
        status,
        StatusCode::INTERNAL_SERVER_ERROR,
        "$default matches, but lacks permission to call the function"
    );
}

#[tokio::test]
async fn a_permission_with_three_stars_covers_every_route_except_the_default() {
    let contracts = contracts().await;
    let greedy =
        format!("{}/_aws/execute-api/{}", contracts.cloud.address().endpoint(), contracts.output("GreedyApiId"));
    let answer = client().get(format!("{greedy}/any")).send().await.expect("answers");
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = client().get(format!("{greedy}/other")).send().await.expect("answers");
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.text().await.expect("text"), r#"{"message":"Internal Server Error"}"#);
}
