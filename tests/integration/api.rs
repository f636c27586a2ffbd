//! General properties of the API, independent of uploads.

use reqwest::{Method, StatusCode};
use smmu_tests::{Caller, by_itself, by_request, caller::init_request, samples};

#[tokio::test]
async fn health_needs_no_token_and_returns_version_and_stage() {
    let nobody = Caller::with_token(by_itself(), None);
    let answer = nobody.call(Method::GET, "/health", None).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text_at("/status"), "ok");
    assert_eq!(answer.text_at("/version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(answer.text_at("/stage"), "dev");
}

#[tokio::test]
async fn the_document_needs_no_token_and_is_cached_by_etag() {
    let nobody = Caller::with_token(by_itself(), None);
    let answer = nobody.call(Method::GET, "/openapi.json", None).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(answer.text, include_str!("../../docs/openapi.json"));
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
    let tag = answer.header("etag");
    let again = nobody.call_with(Method::GET, "/openapi.json", None, &[("if-none-match", tag)]).await;
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (StatusCode::NOT_MODIFIED, "", tag));
    let other = nobody.call_with(Method::GET, "/openapi.json", None, &[("if-none-match", "\"0\"")]).await;
    assert_eq!(other.status, StatusCode::OK);
}

const METADATA: &str = "/.well-known/oauth-protected-resource";

#[tokio::test]
async fn the_token_issuer_is_public() {
    let stack = by_itself();
    let answer = Caller::with_token(stack, None).call(Method::GET, METADATA, None).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    let address: reqwest::Url = stack.cloud.address().api_url().unwrap().parse().unwrap();
    let pool = format!("https://cognito-idp.us-east-1.amazonaws.com/{}", stack.output("UserPoolId"));
    let expected = serde_json::json!({
        // API Gateway is only reachable over https.
        "resource": format!("https://{}", address.authority()),
        "authorization_servers": [pool],
        "bearer_methods_supported": ["header"],
        "smmu_client_id": stack.output("UserPoolClientId"),
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn head_returns_the_headers_of_get_without_content() {
    let user = Caller::user(by_itself(), "ada").await;
    let id = user.submit(&samples::png(20, 21), "image/png").await;
    user.ended(&id).await;
    let media = format!("/media/{}", id.replace("job_", "med_"));
    for path in [
        "/health",
        "/openapi.json",
        METADATA,
        "/jobs?limit=1",
        &format!("/jobs/{id}"),
        "/media?limit=1",
        &media,
        "/jobs/job_x",
    ] {
        let (get, head) = (user.call(Method::GET, path, None).await, user.call(Method::HEAD, path, None).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        for name in ["content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
    // Uptime monitors have no token.
    let nobody = Caller::with_token(by_itself(), None);
    assert_eq!(nobody.call(Method::HEAD, "/health", None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_estimate_contains_the_cost_and_needs_a_known_type() {
    let user = Caller::user(by_request(), "ada").await;
    let file = samples::png(640, 480);
    let upload = user.init(&file, "image/png").await;
    let wish = |name: &str, content_type: &str| {
        let mut wish = init_request(&file);
        (wish["filename"], wish["contentType"]) = (name.into(), content_type.into());
        wish
    };
    let answer = async |wish| user.call(Method::POST, "/media/upload/init", Some(wish)).await.json();
    let estimate = answer(wish("a.png", "image/png")).await["estimate"].clone();
    assert!(answer(wish("a", "application/octet-stream")).await.get("estimate").is_none());
    assert_eq!(user.put(&upload, &file, &[]).await.status, 200);
    user.complete(&upload.media_id).await;
    let job = user.ended(&upload.media_id.replace("med_", "job_")).await;
    let (cost, range) = (job["cost"]["totalMicroDollars"].as_u64().unwrap(), &estimate["microDollars"]);
    // On this stack a worker renders it, and its container is billed for a minute, however small the image.
    let (low, high) = (range["low"].as_u64().unwrap(), range["high"].as_u64().unwrap());
    assert!(low * 9 / 10 <= cost && cost <= high, "{cost} is not in {range}");
}

#[tokio::test]
async fn a_repeated_field_is_refused() {
    let user = Caller::user(by_itself(), "ada").await;
    let twice = r#"{"mediaId": "med_01j0000000000000000000000x", "mediaId": "med_01j0000000000000000000000y"}"#;
    let answer = user.call_raw(Method::POST, "/media/upload/complete", twice).await;
    assert_eq!((answer.status.as_u16(), answer.text_at("/pointer").as_str()), (400, "/mediaId"));
}

#[tokio::test]
async fn an_unchanged_job_is_answered_with_304() {
    let user = Caller::user(by_itself(), "ada").await;
    let id = user.submit(&samples::png(20, 20), "image/png").await;
    user.ended(&id).await;
    let job = user.job(&id).await;
    let tag = job.header("etag");
    assert!(tag.starts_with("W/\""), "{tag}");
    assert!(job.header("retry-after").is_empty(), "an ended job needs no further request");
    let again = user.call_with(Method::GET, &format!("/jobs/{id}"), None, &[("if-none-match", tag)]).await;
    assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(again.header("etag"), tag);
}

/// Also the contract of `patch_template_cors` in local/python/emulator.py.
#[tokio::test]
async fn only_configured_origins_are_allowed() {
    let user = Caller::user(by_itself(), "ada").await;
    let preflight = |origin: &'static str| {
        let user = user.clone();
        async move {
            let headers = [("origin", origin), ("access-control-request-method", "GET")];
            user.call_with(Method::OPTIONS, "/jobs/x", None, &headers).await
        }
    };
    let allowed = preflight("http://localhost:3000").await;
    assert_eq!(allowed.header("access-control-allow-origin"), "http://localhost:3000");
    let refused = preflight("https://evil.example").await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    let answer = user.call_with(Method::GET, "/health", None, &[("origin", "http://localhost:3000")]).await;
    assert!(answer.header("access-control-expose-headers").to_ascii_lowercase().contains("etag"));
}

#[tokio::test]
async fn an_unknown_route_is_answered_by_api_gateway() {
    let user = Caller::user(by_itself(), "ada").await;
    for (method, path) in [
        (Method::GET, "/nope"),
        (Method::GET, "/media/upload/init"),
        (Method::DELETE, "/jobs/job_01j0000000000000000000000x"),
        (Method::GET, "/jobs/job_01j0000000000000000000000x/nope"),
    ] {
        let answer = user.call(method, path, None).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (404, r#"{"message":"Not Found"}"#), "{path}");
    }
}

#[tokio::test]
async fn an_extra_slash_makes_a_different_path() {
    let user = Caller::user(by_itself(), "ada").await;
    let id = user.submit(&samples::png(22, 20), "image/png").await;
    let media = id.replace("job_", "med_");
    for path in ["/health", "/jobs", &format!("/jobs/{id}"), "/media", &format!("/media/{media}")] {
        assert_eq!(user.call(Method::GET, path, None).await.status, StatusCode::OK, "{path}");
        for odd in [format!("{path}/"), format!("{path}//")] {
            assert_eq!(user.call(Method::GET, &odd, None).await.status, StatusCode::NOT_FOUND, "{odd}");
        }
    }
    assert_eq!(user.call(Method::GET, &format!("/jobs//{id}"), None).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_job_records_its_request_without_the_user() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::png(24, 24), "image/png").await;
    let jobs = smmu_cloud::Jobs::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let job = jobs.get(&id.parse().unwrap()).await.unwrap().expect("it was submitted");
    let trail = job.trail.expect("API Gateway names its requests");
    assert!(!trail.origin.correlation_id.as_str().is_empty());
    assert_ne!(trail.user_hash.as_str(), job.user_id.as_str());
    assert!(user.job(&id).await.json().get("trail").is_none(), "the trail is only for the operator");
}
