//! Responses of the HTTP API itself: throttling, and errors for a function that does not answer.

use std::time::{Duration, Instant};

use reqwest::{Client, Response, StatusCode};

use super::cloud::{Contracts, contracts, eventually};

async fn get(contracts: &Contracts, api: &'static str, path: &str) -> Response {
    let url = format!("{}/_aws/execute-api/{}{path}", contracts.cloud.address().endpoint(), contracts.output(api));
    let client = Client::builder().no_proxy().build().expect("a client");
    client.get(url).send().await.expect("answers")
}

async fn answer(contracts: &Contracts, api: &'static str, path: &str) -> (StatusCode, String) {
    let answer = get(contracts, api, path).await;
    (answer.status(), answer.text().await.expect("text"))
}

#[tokio::test]
async fn requests_over_the_limits_of_a_stage_are_throttled_route_by_route() {
    let contracts = contracts().await;
    let begun = Instant::now();
    let mut accepted = 0;
    let throttled = loop {
        let answer = get(&contracts, "LimitedApiId", "/one").await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        accepted += 1;
        // A burst of two, and one every four seconds.
        let most = 2 + begun.elapsed().as_secs() / 4;
        assert!(accepted <= most, "{accepted} requests in {:?}", begun.elapsed());
    };
    assert!(accepted >= 2, "the first two are within the limits");
    assert_eq!(throttled.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(throttled.headers().get("retry-after"), None);
    assert_eq!(throttled.text().await.expect("text"), r#"{"message":"Too Many Requests"}"#);

    for _ in 0..2 {
        assert_eq!(
            answer(&contracts, "LimitedApiId", "/other").await.0,
            StatusCode::OK,
            "another route has its own limit"
        );
    }
    for _ in 0..10 {
        assert_eq!(
            answer(&contracts, "LimitedApiId", "/generous").await.0,
            StatusCode::OK,
            "the route's own settings apply"
        );
        assert_eq!(answer(&contracts, "ApiId", "/health").await.0, StatusCode::OK, "another API has none");
    }
    eventually("requests are accepted again", Duration::from_secs(20), async || {
        (answer(&contracts, "LimitedApiId", "/one").await.0 == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn api_gateway_answers_for_an_integration_that_does_not() {
    let contracts = contracts().await;
    let begun = Instant::now();
    let unavailable = (StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#.to_owned());
    let error = (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message":"Internal Server Error"}"#.to_owned());
    assert_eq!(answer(&contracts, "ApiId", "/slow").await, unavailable, "TimeoutInMillis is 1000");
    assert!(begun.elapsed() >= Duration::from_secs(1), "it waited {:?}", begun.elapsed());
    assert_eq!(answer(&contracts, "ApiId", "/failing").await, error);
}

#[tokio::test]
async fn a_throttled_function_is_unavailable_and_not_the_callers_fault() {
    let contracts = contracts().await;
    assert_eq!(answer(&contracts, "ApiId", "/throttled").await.0, StatusCode::OK);
    // CloudFormation's property is not emulated.
    let endpoint = contracts.cloud.address().endpoint();
    let url = format!("{endpoint}/2017-10-31/functions/contracts-ThrottledFunction/concurrency");
    let root = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request";
    let set = Client::builder().no_proxy().build().expect("a client").put(url).header("authorization", root);
    let set = set.body(r#"{"ReservedConcurrentExecutions": 0}"#).send().await.expect("answers");
    assert_eq!(set.status(), StatusCode::OK);
    let throttled = get(&contracts, "ApiId", "/throttled").await;
    assert_eq!(throttled.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(throttled.headers().get("retry-after"), None);
    assert_eq!(throttled.text().await.expect("text"), r#"{"message":"Service Unavailable"}"#);
}
