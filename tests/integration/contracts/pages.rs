//! Pages that CloudFront serves from a bucket.

use aws_sdk_s3::Client as Objects;
use aws_sdk_s3::primitives::ByteStream;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION, ORIGIN};
use reqwest::{Client, Method, Response, StatusCode, redirect};

use super::cloud::{Contracts, contracts};

fn client() -> Client {
    Client::builder().no_proxy().redirect(redirect::Policy::none()).build().expect("a client")
}

/// Stores a page, and asks CloudFront for a path as a viewer on this machine does.
async fn view(contracts: &Contracts, path: &str, headers: &[(&str, &str)]) -> Response {
    let objects = Objects::new(&contracts.cloud.address().sdk_config().await);
    let put = objects.put_object().bucket(contracts.output("PagesBucketName")).key("index.html");
    let put = put.content_type("text/html").cache_control("no-cache").body(ByteStream::from_static(b"the page"));
    put.send().await.expect("stores the page");
    let request = client().get(format!("{}{path}", contracts.cloud.address().endpoint()));
    let request = request.header(HOST, contracts.output("PagesDomainName").replace(".net", ".localhost"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("answers")
}

#[tokio::test]
async fn a_page_is_its_default_root_object_with_the_headers_of_its_policy() {
    let contracts = contracts().await;
    let answer = view(&contracts, "/", &[]).await;
    assert_eq!(answer.status(), StatusCode::OK, "loopback counts as TLS");
    for (name, value) in [
        (CONTENT_TYPE.as_str(), "text/html"),
        (CACHE_CONTROL.as_str(), "no-cache"),
        ("content-security-policy", "default-src 'none'"),
        ("permissions-policy", "camera=(self)"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.headers().get(name).map(|value| value.to_str().expect("text")), Some(value), "{name}");
    }
    assert_eq!(answer.text().await.expect("a body"), "the page");
    assert_eq!(view(&contracts, "/missing", &[]).await.status(), StatusCode::FORBIDDEN, "it may not list the bucket");
}

#[tokio::test]
async fn a_viewer_whose_proxy_says_http_is_redirected() {
    let contracts = contracts().await;
    let answer = view(&contracts, "/a?b=c", &[("x-forwarded-proto", "http")]).await;
    assert_eq!(answer.status(), StatusCode::MOVED_PERMANENTLY);
    let location = answer.headers()[LOCATION].to_str().expect("text");
    assert!(location.starts_with("https://") && location.ends_with("/a?b=c"), "{location}");
}

#[tokio::test]
async fn a_page_of_this_machine_has_the_origin_of_its_distribution() {
    let contracts = contracts().await;
    let endpoint = contracts.cloud.address().endpoint();
    let url = format!("{endpoint}/{}/uploads/from-a-page", contracts.output("BucketName"));
    let port = endpoint.rsplit(':').next().expect("a port");
    let label = contracts.output("PagesDomainName").split('.').next().expect("a label");
    let allowed = async |origin: &str| {
        let request = client().request(Method::OPTIONS, &url).header(ORIGIN, origin);
        let request = request.header("access-control-request-method", "PUT");
        let answer = request.send().await.expect("answers");
        answer.headers().get("access-control-allow-origin").map(|origin| origin.to_str().expect("text").to_owned())
    };
    let page = format!("http://{label}.cloudfront.localhost:{port}");
    assert_eq!(allowed(&page).await.as_deref(), Some(page.as_str()), "the answer names the page as its browser does");
    assert_eq!(allowed(&format!("http://another.cloudfront.localhost:{port}")).await, None);
    assert_eq!(allowed(&format!("http://{label}.cloudfront.localhost.evil.example")).await, None);
}
