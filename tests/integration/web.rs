//! The web page as `CloudFront` serves it, and what it may talk to.

use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::Value;
use smmu_tests::{Caller, Stack, by_itself, in_turns, samples};

/// Asks for a path of the page as a browser on this machine does.
async fn view(stack: &Stack, path: &str) -> Response {
    let url = stack.cloud.address().page_url().expect("the page is published");
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("{}{path}", stack.cloud.address().endpoint()));
    request.header(header::HOST, url.strip_prefix("http://").unwrap()).send().await.unwrap()
}

fn told<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn the_page_is_served_with_strict_headers() {
    let page = view(by_itself(), "/").await;
    assert_eq!(page.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(told(&page, name), value, "{name}");
    }
    assert!(told(&page, "permissions-policy").starts_with("camera=(self), "), "{:?}", page.headers());
    let policy = told(&page, "content-security-policy").to_owned();
    let directives: Vec<_> = policy.split(';').map(str::trim).collect();
    for directive in
        ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "form-action 'none'"]
    {
        assert!(directives.contains(&directive), "{directive}: {policy}");
    }
    assert!(directives.contains(&"frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.unwrap();
    let (head, _) = html.split_once("<script").unwrap();
    let endpoint = by_itself().cloud.address().endpoint();
    assert!(head.contains(&format!("content=\"connect-src 'self' blob: {endpoint} ws://")), "{html}");
}

#[tokio::test]
async fn files_named_by_their_content_are_cached_and_nobody_reads_the_bucket() {
    let stack = by_itself();
    let script = view(stack, "/assets/page-1a2b3c.js").await;
    assert_eq!(told(&script, "content-type"), "text/javascript; charset=utf-8");
    assert_eq!(told(&script, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(view(stack, "/missing").await.status(), StatusCode::FORBIDDEN);
    let bucket = format!("{}/{}/index.html", stack.cloud.address().endpoint(), stack.output("WebBucketName"));
    let direct = Client::builder().no_proxy().build().unwrap().get(bucket).send().await.unwrap();
    assert_eq!(direct.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_settings_of_the_page_lead_to_the_stack() {
    let stack = by_itself();
    let settings = view(stack, "/config.json").await;
    assert_eq!(told(&settings, "cache-control"), "no-cache");
    let settings: Value = settings.json().await.unwrap();
    let health = format!("{}/health", settings["api"].as_str().unwrap());
    let health = Client::builder().no_proxy().build().unwrap().get(health).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(settings["signIn"]["clientId"], stack.output("UserPoolClientId"));
    assert!(settings["sockets"].as_str().unwrap().starts_with("ws://"), "{settings}");
    // In an account the page gets the stack's own outputs, in the same form.
    let output: Value = serde_json::from_str(stack.output("WebPageConfig")).unwrap();
    assert_eq!(output["api"], stack.output("ApiUrl"));
    for field in ["/sockets", "/signIn/endpoint"] {
        assert!(output.pointer(field).unwrap().as_str().unwrap().contains(".amazonaws.com"), "{field}: {output}");
    }
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&output), names(&settings));
    assert_eq!(names(&output["signIn"]), names(&settings["signIn"]));
}

#[tokio::test]
async fn the_page_may_call_the_api_and_upload() {
    let stack = by_itself();
    let user = Caller::user(stack, "web-page").await;
    let upload = user.init(&samples::png(1, 1), "image/png").await;
    let page = stack.cloud.address().page_url().unwrap();
    let foreign = page.replace("http://", "http://x");
    let client = Client::builder().no_proxy().build().unwrap();
    let allowed = async |url: &str, method: &str, origin: &str| {
        let request = client.request(Method::OPTIONS, url).header(header::ORIGIN, origin);
        let request = request.header("access-control-request-method", method);
        let answer = request.header("access-control-request-headers", "content-type").send().await.unwrap();
        told(&answer, "access-control-allow-origin") == origin
    };
    let init = format!("{}/media/upload/init", stack.cloud.address().api_url().unwrap());
    for (url, method) in [(init.as_str(), "POST"), (upload.request["url"].as_str().unwrap(), "PUT")] {
        assert!(allowed(url, method, &page).await, "{method} {url}");
        assert!(!allowed(url, method, &foreign).await, "{method} {url}");
    }
}

#[tokio::test]
async fn without_the_page_there_is_no_distribution() {
    let stack = in_turns();
    let outputs = stack.cloud.address().outputs();
    for name in ["WebAddress", "WebDomainName", "WebPageConfig", "WebPageSources"] {
        assert!(!outputs.contains_key(name), "{name}");
    }
    assert_eq!(stack.cloud.address().page_url(), None);
    assert!(outputs.contains_key("WebBucketName"), "the bucket stays, so that the page can return");
}
