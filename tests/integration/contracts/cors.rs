//! CORS rules of a bucket, as browsers see them ("Testing CORS", Amazon S3 User Guide).

use std::time::Duration;

use aws_sdk_s3::Client as Objects;
use aws_sdk_s3::presigning::PresigningConfig;
use reqwest::header::{HeaderMap, ORIGIN};
use reqwest::{Client, Method, StatusCode};

use super::cloud::{Contracts, contracts};

const ALLOWED: &str = "https://allowed.example";
const FOREIGN: &str = "https://foreign.example";

fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

async fn upload_url(contracts: &Contracts) -> String {
    let objects = Objects::new(&contracts.cloud.address().sdk_config().await);
    let put = objects.put_object().bucket(contracts.output("BucketName")).key("uploads/from a page");
    let expires = PresigningConfig::expires_in(Duration::from_mins(1)).expect("a minute");
    put.presigned(expires).await.expect("presigns").uri().to_owned()
}

/// The CORS headers of a response.
fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    let about_cors = headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    let mut told: Vec<_> =
        about_cors.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect();
    told.sort();
    told
}

async fn preflight(url: &str, origin: &str, method: &str, header: &str) -> (StatusCode, Vec<(String, String)>) {
    let request = client().request(Method::OPTIONS, url).header(ORIGIN, origin);
    let request = request.header("access-control-request-method", method);
    let answer = request.header("access-control-request-headers", header).send().await.expect("answers");
    (answer.status(), told(answer.headers()))
}

#[tokio::test]
async fn a_preflight_follows_the_buckets_rules() {
    let contracts = contracts().await;
    let url = upload_url(&contracts).await;
    let (status, told) = preflight(&url, ALLOWED, "PUT", "content-type").await;
    assert_eq!(status, StatusCode::OK);
    assert!(told.contains(&("access-control-allow-origin".to_owned(), ALLOWED.to_owned())), "{told:?}");
    assert!(told.contains(&("access-control-expose-headers".to_owned(), "ETag".to_owned())), "{told:?}");
    for (origin, method, header) in [
        (FOREIGN, "PUT", "content-type"),
        (ALLOWED, "DELETE", "content-type"),
        (ALLOWED, "PUT", "x-amz-meta-other"),
        ("null", "PUT", "content-type"),
    ] {
        let (status, told) = preflight(&url, origin, method, header).await;
        assert_eq!((status, told), (StatusCode::FORBIDDEN, vec![]), "{origin} {method} {header}");
    }
}

#[tokio::test]
async fn only_an_allowed_origin_can_read_the_response_of_an_upload() {
    let contracts = contracts().await;
    let url = upload_url(&contracts).await;
    let put = async |origin: &str| {
        let answer = client().put(&url).header(ORIGIN, origin).body("x").send().await.expect("answers");
        (answer.status(), told(answer.headers()))
    };
    let (status, told) = put(ALLOWED).await;
    assert_eq!(status, StatusCode::OK);
    assert!(told.contains(&("access-control-allow-origin".to_owned(), ALLOWED.to_owned())), "{told:?}");
    assert!(told.contains(&("access-control-expose-headers".to_owned(), "ETag".to_owned())), "{told:?}");
    // S3 answers a foreign page too, but its browser hides the answer.
    assert_eq!(put(FOREIGN).await, (StatusCode::OK, vec![]));
}
