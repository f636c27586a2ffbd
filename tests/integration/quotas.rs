//! Daily quotas of a user, and their headers.

use aws_sdk_dynamodb::{Client as DynamoDb, types::AttributeValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lambda_http::{Body, Request, Response, http};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use smmu_cloud::{Eraser, MediaTable, clock};
use smmu_core::{Granted, MediaId, UserId, quota::Day};
use smmu_tests::{
    Caller, Stack, Upload, by_request,
    caller::{hex_sha256, init_request},
    samples, until,
};

const SECRET: &str = "a secret of thirty-two bytes or more";

/// A user of an api function with a daily quota of three uploads and a hundred bytes.
struct Limited {
    stack: &'static Stack,
    user: &'static str,
}

impl Limited {
    async fn ask(&self, request_body: &Value, key: Option<&str>) -> Response<Body> {
        let changed = [("SMMU_UPLOADS_PER_DAY", "3"), ("SMMU_BYTES_PER_DAY", "100")];
        self.call("/media/upload/init", request_body, key, &changed).await
    }

    async fn call(&self, path: &str, body: &Value, key: Option<&str>, given: &[(&str, &str)]) -> Response<Body> {
        let claims = json!({"sub": self.user, "exp": 4_000_000_000_u64});
        let signed = EncodingKey::from_secret(SECRET.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &signed).unwrap();
        let request = http::Request::builder().method("POST").uri(format!("https://api.example{path}"));
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        let changed = [
            ("SMMU_AUTH_ALGORITHM", "HS256"),
            ("SMMU_AUTH_SECRET", SECRET),
            ("SMMU_AUTH_ISSUER", ""),
            ("SMMU_AUTH_AUDIENCE", ""),
        ];
        let changed = [&changed[..], given].concat();
        let body = if body.is_null() { Body::Empty } else { Body::from(body.to_string()) };
        let request = Request::from(request.body(body).unwrap());
        let Ok(response) = self.stack.call::<smmu_api::Context>("api", request, &changed).await;
        response
    }

    async fn of_size(&self, bytes: u64, key: Option<&str>) -> Response<Body> {
        let mut request_body = init_request(b"x");
        request_body["size"] = bytes.into();
        self.ask(&request_body, key).await
    }

    fn id(&self) -> UserId {
        UserId::try_from(self.user.to_owned()).unwrap()
    }

    /// Key of the record with the counts.
    fn record(&self) -> AttributeValue {
        AttributeValue::S(format!("day_{}", hex_sha256(self.user.as_bytes())))
    }
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// Remaining uploads and bytes.
fn left(response: &Response<Body>) -> (u64, u64) {
    let numbers: Vec<_> = header(response, "ratelimit")
        .split(", ")
        .map(|item| item.split(';').find_map(|one| one.strip_prefix("r=")).unwrap().parse().unwrap())
        .collect();
    (numbers[0], numbers[1])
}

fn problem(response: &Response<Body>) -> (u16, String) {
    let body: Value = serde_json::from_slice(response.body().as_ref()).unwrap();
    (response.status().as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn grants_count_once_and_an_exhausted_quota_gets_429_with_retry_after() {
    let limited = Limited { stack: by_request(), user: "counted" };
    let first = limited.of_size(40, Some("one")).await;
    assert_eq!((first.status().as_u16(), left(&first)), (201, (2, 60)));
    assert_eq!(
        header(&first, "ratelimit-policy"),
        r#""uploads";q=3;w=86400, "bytes";q=100;qu="content-bytes";w=86400"#
    );
    let again = limited.of_size(40, Some("one")).await;
    assert_eq!((again.status().as_u16(), left(&again)), (201, (2, 60)), "the same request");
    assert_eq!(problem(&limited.of_size(41, Some("one")).await), (422, "idempotency_mismatch".into()));
    let mut text = init_request(b"x");
    text["contentType"] = "text/html".into();
    assert_eq!(problem(&limited.ask(&text, None).await), (415, "unsupported_media_type".into()));

    let too_many_bytes = limited.of_size(61, None).await;
    assert_eq!(problem(&too_many_bytes), (429, "quota_exceeded".into()));
    assert_eq!(left(&too_many_bytes), (2, 60), "a refused upload does not count");
    assert_eq!(
        problem(&limited.of_size(101, None).await),
        (422, "media_too_large".into()),
        "larger than the daily quota"
    );
    assert_eq!(left(&limited.of_size(60, None).await), (1, 0));
    let mut other = Limited { stack: limited.stack, user: "counted apart" };
    assert_eq!(left(&other.of_size(1, None).await), (2, 99));
    other.user = limited.user;
    let refused = other.of_size(1, None).await;
    assert_eq!(problem(&refused), (429, "quota_exceeded".into()));
    let wait_s: i64 = header(&refused, "retry-after").parse().unwrap();
    let end = Day::of(clock::now()).end();
    assert!((0..=5).contains(&(clock::now().plus_seconds(wait_s).unix_s() - end.unix_s() + 2)), "{wait_s}");
    assert!(String::from_utf8_lossy(refused.body().as_ref()).contains(&end.to_string()));
}

#[tokio::test]
async fn concurrent_requests_stay_within_the_quota_and_it_resets_daily() {
    let limited = Limited { stack: by_request(), user: "hurried" };
    let ask = || limited.of_size(1, None);
    let (first, second, third, fourth, fifth) = tokio::join!(ask(), ask(), ask(), ask(), ask());
    let answers = [first, second, third, fourth, fifth];
    let granted = answers.iter().filter(|answer| answer.status().as_u16() == 201).count();
    assert_eq!(granted, 3);
    assert!(answers.iter().filter(|answer| answer.status().as_u16() != 201).all(|one| problem(one).0 == 429));

    // As if all uploads were from yesterday.
    let table = limited.stack.output("MediaTableName");
    let yesterday = AttributeValue::N((Day::of(clock::now()).number() - 1).to_string());
    let aged = DynamoDb::new(&limited.stack.sdk).update_item().table_name(table).key("mediaId", limited.record());
    let aged = aged.update_expression("SET #day = :day").expression_attribute_names("#day", "day");
    aged.expression_attribute_values(":day", yesterday).send().await.unwrap();
    assert_eq!(left(&limited.of_size(1, None).await), (2, 99));
}

#[tokio::test]
async fn deleting_an_account_does_not_reset_the_quota() {
    let limited = Limited { stack: by_request(), user: "gone" };
    let environment = limited.stack.environment(&[]);
    let table = MediaTable::new(&limited.stack.sdk, &environment).unwrap();
    let answer: Value = serde_json::from_slice(limited.of_size(1, None).await.body().as_ref()).unwrap();
    let media: MediaId = answer["mediaId"].as_str().unwrap().parse().unwrap();
    let eraser = Eraser::new(&limited.stack.sdk, &environment).unwrap();
    eraser.delete_account(&limited.id()).await.unwrap();
    let deleted = async || table.get(&media).await.unwrap().is_none_or(|media| media.state.deleted_at().is_some());
    until("the media is deleted", deleted).await;
    assert_eq!(table.granted_today(&limited.id()).await.unwrap(), Granted { uploads: 1, bytes: 1 });
}

#[tokio::test]
async fn the_deployed_api_returns_its_quotas() {
    let user = Caller::user(by_request(), "ada").await;
    let answer = user.call(Method::POST, "/media/upload/init", Some(init_request(b"quota"))).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let daily = r#""uploads";q=10000;w=86400, "bytes";q=214748364800;qu="content-bytes";w=86400"#;
    let policy = format!(r#"{daily}, "active-jobs";q=2000;qu="concurrent-requests""#);
    assert_eq!(answer.header("ratelimit-policy"), policy);
    assert!(answer.header("ratelimit").starts_with("\"uploads\";r=99"), "{}", answer.header("ratelimit"));
}

#[tokio::test]
async fn too_many_active_jobs_get_429_but_uploaded_files_still_become_jobs() {
    let stack = by_request();
    let limited = Limited { stack, user: "busy" };
    // A job that does not end, because its message is not sent.
    let missing = format!("{}-missing", stack.output("JobsQueueUrl"));
    let changed = [("SMMU_JOBS_QUEUE_URL", missing.as_str()), ("SMMU_ACTIVE_JOBS_PER_USER", "1")];
    let file = samples::png(33, 55);
    let mut request_body = init_request(&file);
    request_body["contentType"] = "image/png".into();
    let mut uploads = Vec::new();
    for _ in 0..2 {
        let granted = limited.call("/media/upload/init", &request_body, None, &changed).await;
        assert_eq!(header(&granted, "ratelimit"), r#""active-jobs";r=1"#, "{granted:?}");
        let body: Value = serde_json::from_slice(granted.body().as_ref()).unwrap();
        let upload = Upload { media_id: body["mediaId"].as_str().unwrap().to_owned(), request: body["upload"].clone() };
        let anybody = Caller::with_token(stack, None);
        assert_eq!(anybody.put(&upload, &file, &[]).await.status, StatusCode::OK);
        uploads.push(json!({"mediaId": upload.media_id}));
    }
    for upload in &uploads {
        let completed = limited.call("/media/upload/complete", upload, None, &changed).await;
        assert_eq!(completed.status().as_u16(), 202, "an upload is never lost");
    }
    let refused = limited.call("/media/upload/init", &request_body, None, &changed).await;
    assert_eq!(problem(&refused), (429, "too_many_jobs".into()));
    assert_eq!((header(&refused, "retry-after"), header(&refused, "ratelimit")), ("30", r#""active-jobs";r=0"#));
    let media = uploads[0]["mediaId"].as_str().unwrap();
    let cancel = format!("/jobs/{}/cancel", media.replace("med_", "job_"));
    assert_eq!(limited.call(&cancel, &Value::Null, None, &changed).await.status().as_u16(), 200);
    let again = format!("/media/{media}/jobs");
    assert_eq!(problem(&limited.call(&again, &json!({}), None, &changed).await), (429, "too_many_jobs".into()));
    let other = uploads[1]["mediaId"].as_str().unwrap().replace("med_", "job_");
    let cancel = format!("/jobs/{other}/cancel");
    assert_eq!(limited.call(&cancel, &Value::Null, None, &changed).await.status().as_u16(), 200);
    let run = limited.call(&again, &json!({}), Some("once"), &changed).await;
    assert_eq!(run.status().as_u16(), 202, "{run:?}");
    let repeated = limited.call(&again, &json!({}), Some("once"), &changed).await;
    assert_eq!(repeated.status().as_u16(), 202, "the same request returns its job");
}
