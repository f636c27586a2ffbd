//! Token verification in the deployed API and in its function. Every attack has a unit test in functions/api; this
//! tests the deployed configuration.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lambda_http::{Body, Request, http};
use serde_json::{Value, json};
use smmu_api::Context;
use smmu_cloud::Function;
use smmu_tests::{Caller, Stack, by_request};

const MISSING_JOB: &str = "/jobs/job_01j0000000000000000000000x";

fn parts(token: &str) -> [String; 3] {
    token.split('.').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Forged tokens, made from a valid token of this stack's pool.
async fn forgeries(stack: &Stack) -> Vec<(&'static str, String)> {
    let [header, payload, signature] = parts(&stack.token("ada").await);
    let with_claim = |name: &str, value: Value| {
        let mut claims = decode(&payload);
        claims[name] = value;
        encode(&claims)
    };
    let with_header = |name: &str, value: Value| {
        let mut fields = decode(&header);
        fields[name] = value;
        encode(&fields)
    };
    let flipped = if signature.starts_with('A') { "B" } else { "A" }.to_owned() + &signature[1..];
    vec![
        ("another user's name", format!("{header}.{}.{signature}", with_claim("sub", json!("eve")))),
        ("a later expiry", format!("{header}.{}.{signature}", with_claim("exp", json!(4_000_000_000_u64)))),
        ("no algorithm", format!("{}.{payload}.", with_header("alg", json!("none")))),
        ("a shared secret", format!("{}.{payload}.{signature}", with_header("alg", json!("HS256")))),
        ("an unknown key", format!("{}.{payload}.{signature}", with_header("kid", json!("mine")))),
        ("a flipped bit", format!("{header}.{payload}.{flipped}")),
        ("no signature", format!("{header}.{payload}.")),
        ("not a token", "letmein".to_owned()),
    ]
}

#[tokio::test]
async fn the_deployed_api_refuses_forged_tokens() {
    let stack = by_request();
    for (attack, token) in forgeries(stack).await {
        let answer = Caller::with_token(stack, Some(token)).call(reqwest::Method::GET, MISSING_JOB, None).await;
        assert_eq!(answer.status, 401, "{attack}: {}", answer.text);
    }
    let answer = Caller::with_token(stack, None).call(reqwest::Method::GET, MISSING_JOB, None).await;
    assert_eq!(answer.status, 401);
}

/// Calls the function directly, without API Gateway.
async fn ask(context: &Context, authorization: Option<&str>) -> http::Response<Body> {
    let mut request = http::Request::get(MISSING_JOB);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let Ok(answer) = context.handle(Request::from(request.body(Body::Empty).unwrap())).await;
    answer
}

#[tokio::test]
async fn the_function_verifies_tokens_without_the_gateway() {
    let stack = by_request();
    let context = Context::new(&stack.sdk_as("api").await, &stack.environment(&[])).unwrap();
    let good = format!("Bearer {}", stack.token("ada").await);
    assert_eq!(ask(&context, Some(&good)).await.status(), 404, "a valid token reaches the missing job");
    for (attack, token) in forgeries(stack).await {
        let answer = ask(&context, Some(&format!("Bearer {token}"))).await;
        assert_eq!(answer.status(), 401, "{attack}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("invalid_token"), "{attack}: {challenge}");
    }
    let answer = ask(&context, None).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["www-authenticate"]),
        (401, &"Bearer realm=\"smmu\"".parse().unwrap())
    );
}
