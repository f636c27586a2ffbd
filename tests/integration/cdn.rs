//! `CloudFront`, set up by the template, serves a job's playable files to holders of its URL, and nothing else.

use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::Value;
use smmu_tests::{Caller, Stack, by_request, caller::hex_sha256, samples, until, with_transcription};

const PAGE: (&str, &str) = ("origin", "http://localhost:3000");
const FOREIGN_PAGE: (&str, &str) = ("origin", "https://elsewhere.example");

/// Requests a file from `CloudFront` as a viewer does, over TLS unless a header says otherwise.
async fn view(stack: &Stack, method: Method, url: &str, headers: &[(&str, &str)]) -> Response {
    let (domain, path) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client.request(method, format!("{}/{path}", stack.cloud.address().endpoint()));
    let request = request.header(header::HOST, domain).header(header::ACCEPT_ENCODING, "identity");
    let secure = headers.iter().all(|(name, _)| *name != "x-forwarded-proto").then_some(("x-forwarded-proto", "https"));
    let request =
        headers.iter().copied().chain(secure).fold(request, |request, (name, value)| request.header(name, value));
    request.send().await.unwrap()
}

async fn status(stack: &Stack, url: &str) -> u16 {
    view(stack, Method::GET, url, &[]).await.status().as_u16()
}

/// A completed job of a short video, and the `CloudFront` folder of its playlist.
async fn played(stack: &Stack, user: &Caller) -> (Value, String) {
    let id = user.submit(&samples::silent_clip(), "video/mp4").await;
    let job = user.ended(&id).await;
    let outputs = job["outputs"].as_array().unwrap();
    let master = outputs.iter().find(|output| output["name"] == "master.m3u8").unwrap();
    let url = master["playbackUrl"].as_str().unwrap_or_else(|| panic!("no address: {master}"));
    assert!(master["playbackUrlExpiresAt"].as_str() > master["urlExpiresAt"].as_str(), "it is played to its end");
    assert_eq!(status(stack, url).await, 200, "{url}");
    let folder = url.strip_suffix("/master.m3u8").unwrap().to_owned();
    (job, folder)
}

#[tokio::test]
async fn a_cloudfront_url_serves_only_the_playable_files_of_a_job() {
    let stack = with_transcription();
    let (job, folder) = played(stack, &Caller::user(stack, "cdn-viewer").await).await;
    for output in job["outputs"].as_array().unwrap() {
        let name = output["name"].as_str().unwrap();
        let answer = view(stack, Method::GET, &format!("{folder}/{name}"), &[]).await;
        if ["transcript", "manifest"].contains(&output["role"].as_str().unwrap()) {
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}");
            continue;
        }
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], output["contentType"].as_str().unwrap(), "{name}");
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(hex_sha256(&bytes), output["sha256"].as_str().unwrap(), "{name}");
    }
    let master = format!("{folder}/master.m3u8");
    assert_eq!(status(stack, &format!("{master}?a=b")).await, 200);
    let part = view(stack, Method::GET, &master, &[("range", "bytes=0-6")]).await;
    assert_eq!((part.status().as_u16(), part.text().await.unwrap().as_str()), (206, "#EXTM3U"));
}

#[tokio::test]
async fn unsigned_urls_are_refused() {
    let stack = with_transcription();
    let (_, folder) = played(stack, &Caller::user(stack, "cdn-forger").await).await;
    let (_, other) = played(stack, &Caller::user(stack, "cdn-victim").await).await;
    let (origin, signed) = folder.split_once("/t/").unwrap();
    let (token, scope) = signed.split_once('/').unwrap();
    let (_, other_scope) = other.split_once("/t/").unwrap().1.split_once('/').unwrap();
    let (expiry, mac) = token.split_once('.').unwrap();
    let later: u64 = expiry.parse::<u64>().unwrap() + 1;
    let key = format!("jobs/{}/master.m3u8", scope.split('/').next().unwrap().replace('.', "/"));
    for url in [
        format!("{origin}/t/{later}.{mac}/{scope}/master.m3u8"),
        format!("{origin}/t/{expiry}.{}/{scope}/master.m3u8", "0".repeat(64)),
        format!("{origin}/t/{token}/{other_scope}/master.m3u8"),
        format!("{origin}/{key}"),
        format!("{origin}/"),
    ] {
        let refused = view(stack, Method::GET, &url, &[]).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{url}");
        assert_eq!(refused.headers()[header::CACHE_CONTROL], "no-store", "{url}");
        assert!(refused.text().await.unwrap().contains("Read the job again"), "{url}");
    }
    let master = format!("{folder}/master.m3u8");
    let plain = view(stack, Method::GET, &master, &[("x-forwarded-proto", "http")]).await;
    assert_eq!(plain.status(), StatusCode::FORBIDDEN, "viewers come by TLS");
    let put = view(stack, Method::PUT, &master, &[]).await;
    assert_eq!(put.status(), StatusCode::FORBIDDEN);
    let bucket = format!("{}/{}/{key}", stack.cloud.address().endpoint(), stack.output("ProcessedBucketName"));
    let direct = Client::builder().no_proxy().build().unwrap().get(bucket).send().await.unwrap();
    assert_eq!(direct.status(), StatusCode::FORBIDDEN, "the bucket knows CloudFront, not its viewers");
}

#[tokio::test]
async fn pages_of_allowed_origins_can_read_from_cloudfront() {
    let stack = with_transcription();
    let (_, folder) = played(stack, &Caller::user(stack, "cdn-page").await).await;
    let master = format!("{folder}/master.m3u8");
    let allowed = async |method: Method, headers: &[(&str, &str)]| {
        let answer = view(stack, method, &master, headers).await;
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|origin| origin.to_str().unwrap().to_owned())
    };
    let asks = [("access-control-request-method", "GET"), ("access-control-request-headers", "range")];
    assert_eq!(allowed(Method::GET, &[PAGE]).await.as_deref(), Some(PAGE.1));
    assert_eq!(allowed(Method::OPTIONS, &[PAGE, asks[0], asks[1]]).await.as_deref(), Some(PAGE.1));
    assert_eq!(allowed(Method::GET, &[FOREIGN_PAGE]).await, None);
}

#[tokio::test]
async fn deleted_media_is_gone_from_the_origin_of_cloudfront() {
    let stack = with_transcription();
    // Unique content, so that no other test shares the job.
    let user = Caller::user(stack, "cdn-deleter").await;
    let (job, folder) = played(stack, &user).await;
    let deleted = user.call(Method::DELETE, &format!("/media/{}", job["mediaId"].as_str().unwrap()), None).await;
    assert_eq!(deleted.status, 202, "{}", deleted.text);
    let master = format!("{folder}/master.m3u8");
    until("the playlist is gone", async || status(stack, &master).await == 403).await;
}

#[tokio::test]
async fn without_keys_playback_is_presigned_and_cloudfront_is_off() {
    let stack = by_request();
    let user = Caller::user(stack, "no-cdn").await;
    let id = user.submit(&samples::silent_clip(), "video/mp4").await;
    let job = user.ended(&id).await;
    let outputs = job["outputs"].as_array().unwrap();
    assert!(outputs.iter().any(|output| output["playbackPath"].is_string()), "{job}");
    for output in outputs {
        assert!(output["url"].is_string() && output.get("playbackUrl").is_none(), "{output}");
    }
    assert!(!stack.cloud.address().outputs().contains_key("CdnDomainName"));
}
