//! Objects and records.

use std::time::Duration;

use aws_sdk_dynamodb::Client as Tables;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::Client as Objects;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::types::ChecksumAlgorithm;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Client, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::cloud::{Contracts, contracts};

const BYTES: &[u8] = b"the granted bytes";

/// A presigned upload of `BYTES` to `key`, with the same signed headers as in the product.
async fn presigned(contracts: &Contracts, key: &str) -> PresignedRequest {
    let objects = Objects::new(&contracts.cloud.address().sdk_config().await);
    objects
        .put_object()
        .bucket(contracts.output("BucketName"))
        .key(key)
        .content_length(i64::try_from(BYTES.len()).expect("small"))
        .content_type("image/png")
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .checksum_sha256(BASE64_STANDARD.encode(Sha256::digest(BYTES)))
        .if_none_match("*")
        .presigned(PresigningConfig::expires_in(Duration::from_mins(1)).expect("a minute"))
        .await
        .expect("presigns")
}

/// Sends `bytes` as granted, with one header changed or omitted.
async fn put(request: &PresignedRequest, bytes: &'static [u8], changed: Option<(&str, Option<&str>)>) -> Response {
    let client = Client::builder().no_proxy().build().expect("a client");
    let mut put = client.put(request.uri()).body(bytes);
    for (name, value) in request.headers().filter(|(name, _)| *name != "content-length") {
        match changed {
            Some((other, value)) if other == name => {
                put = value.iter().fold(put, |put, value| put.header(name, *value));
            }
            _ => put = put.header(name, value),
        }
    }
    put.send().await.expect("answers")
}

#[tokio::test]
async fn a_presigned_upload_accepts_the_granted_bytes_once_and_returns_their_version() {
    let contracts = contracts().await;
    let request = presigned(&contracts, "uploads/once").await;
    let signed: Vec<_> = request.headers().map(|(name, _)| name).collect();
    for name in ["content-length", "content-type", "if-none-match", "x-amz-checksum-sha256"] {
        assert!(signed.contains(&name), "{name} must be signed: {signed:?}");
    }
    let first = put(&request, BYTES, None).await;
    assert_eq!(first.status(), StatusCode::OK);
    assert!(first.headers().contains_key("x-amz-version-id"));
    assert_eq!(put(&request, BYTES, None).await.status(), StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn a_presigned_upload_accepts_only_what_was_granted() {
    let contracts = contracts().await;
    let request = presigned(&contracts, "uploads/other").await;
    let same_length: &[u8] = b"not the bytes at!";
    assert_eq!(same_length.len(), BYTES.len());
    assert_eq!(put(&request, same_length, None).await.status(), StatusCode::BAD_REQUEST, "other bytes");
    assert_eq!(put(&request, b"longer than was granted", None).await.status(), StatusCode::FORBIDDEN, "other length");
    for header in ["content-type", "x-amz-checksum-sha256", "if-none-match"] {
        let left_out = put(&request, BYTES, Some((header, None))).await;
        assert_eq!(left_out.status(), StatusCode::FORBIDDEN, "without {header}");
    }
    let other_type = put(&request, BYTES, Some(("content-type", Some("text/html")))).await;
    assert_eq!(other_type.status(), StatusCode::FORBIDDEN, "other type");
}

#[tokio::test]
async fn a_range_request_returns_only_that_range_of_the_version() {
    let contracts = contracts().await;
    let (objects, bucket) =
        (Objects::new(&contracts.cloud.address().sdk_config().await), contracts.output("BucketName"));
    let put = objects.put_object().bucket(bucket).key("uploads/ranges").body(BYTES.to_vec().into()).send().await;
    let version = put.expect("stores").version_id.expect("the bucket is versioned");
    let get = objects.get_object().bucket(bucket).key("uploads/ranges").version_id(version);

    let part = get.clone().range("bytes=4-10").send().await.expect("reads");
    assert_eq!(part.content_range(), Some(format!("bytes 4-10/{}", BYTES.len()).as_str()));
    assert_eq!(part.body.collect().await.expect("arrives").into_bytes(), &BYTES[4..=10]);

    let beyond = get.range("bytes=1000-1001").send().await.expect_err("there is nothing");
    assert_eq!(beyond.raw_response().map(|response| response.status().as_u16()), Some(416));
}

async fn tables(contracts: &Contracts) -> Tables {
    Tables::new(&contracts.cloud.address().sdk_config().await)
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

#[tokio::test]
async fn a_failed_condition_changes_nothing() {
    let contracts = contracts().await;
    let (tables, table) = (tables(&contracts).await, contracts.output("TableName"));
    let write = async |status: &str, condition: &str| {
        let put = tables.put_item().table_name(table).item("id", text("conditional")).item("status", text(status));
        let put = put.item("updatedAt", text("2026-01-01")).condition_expression(condition);
        let put = if condition.contains("#s") {
            put.expression_attribute_names("#s", "status").expression_attribute_values(":expected", text("QUEUED"))
        } else {
            put
        };
        put.send().await
    };
    write("QUEUED", "attribute_not_exists(id)").await.expect("is new");
    let refused = write("QUEUED", "attribute_not_exists(id)").await.expect_err("is there");
    assert!(refused.as_service_error().expect("an answer").is_conditional_check_failed_exception());
    write("RUNNING", "#s = :expected").await.expect("is QUEUED");
    let refused = write("QUEUED", "#s = :expected").await.expect_err("is RUNNING");
    assert!(refused.as_service_error().expect("an answer").is_conditional_check_failed_exception());
    let found = tables.get_item().table_name(table).key("id", text("conditional")).consistent_read(true).send().await;
    assert_eq!(found.expect("reads").item.expect("is there")["status"], text("RUNNING"));
}

#[tokio::test]
async fn an_index_returns_records_by_status_up_to_a_time_oldest_first() {
    let contracts = contracts().await;
    let (tables, table) = (tables(&contracts).await, contracts.output("TableName"));
    for (id, status, at) in [
        ("c", "STUCK", "2026-03-01"),
        ("a", "STUCK", "2026-01-01"),
        ("b", "STUCK", "2026-02-01"),
        ("d", "DONE", "2026-01-01"),
    ] {
        let put = tables.put_item().table_name(table).item("id", text(id)).item("status", text(status));
        put.item("updatedAt", text(at)).item("payload", text("large")).send().await.expect("writes");
    }
    let query = tables
        .query()
        .table_name(table)
        .index_name("by-status")
        .key_condition_expression("#s = :status AND updatedAt < :before")
        .expression_attribute_names("#s", "status")
        .expression_attribute_values(":status", text("STUCK"))
        .expression_attribute_values(":before", text("2026-03-01"));
    let items = query.send().await.expect("queries").items.unwrap_or_default();
    let ids: Vec<_> = items.iter().map(|item| item["id"].as_s().expect("text").as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert!(items.iter().all(|item| !item.contains_key("payload")), "the index has keys only");
}

#[tokio::test]
async fn an_index_returns_records_by_owner_newest_first_and_counts_filtered_ones() {
    let contracts = contracts().await;
    let (tables, table) = (tables(&contracts).await, contracts.output("TableName"));
    for (id, owner, status) in [
        ("o1", "ada", "GOOD"),
        ("o2", "ada", "BAD"),
        ("o3", "eve", "GOOD"),
        ("o4", "ada", "BAD"),
        ("o5", "ada", "GOOD"),
    ] {
        let put = tables.put_item().table_name(table).item("id", text(id)).item("owner", text(owner));
        let put = put.item("status", text(status)).item("updatedAt", text("2026-01-01")).item("payload", text("large"));
        put.send().await.expect("writes");
    }
    let query = tables
        .query()
        .table_name(table)
        .index_name("by-owner")
        .scan_index_forward(false)
        .limit(2)
        .key_condition_expression("#owner = :owner AND id < :after")
        .filter_expression("#s = :status")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_names("#s", "status")
        .expression_attribute_values(":owner", text("ada"))
        .expression_attribute_values(":status", text("GOOD"));
    let ask = async |after: &str| query.clone().expression_attribute_values(":after", text(after)).send().await;
    // Two records are examined, o5 and o4, and one of them passes.
    let page = ask("o9").await.expect("queries");
    assert_eq!((page.scanned_count, page.count), (2, 1));
    let [item] = page.items() else { panic!("one passes") };
    assert_eq!((&item["id"], &item["status"]), (&text("o5"), &text("GOOD")));
    assert!(!item.contains_key("payload"), "the index has only projected attributes");
    let last = page.last_evaluated_key.expect("there are more");
    assert_eq!(last["id"], text("o4"));
    // A page shorter than the limit is the last one and has no key.
    let page = ask("o2").await.expect("queries");
    assert_eq!((page.scanned_count, page.count, page.last_evaluated_key), (1, 1, None));
}
