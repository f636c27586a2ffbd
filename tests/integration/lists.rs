//! Lists contain exactly the user's own jobs and media, newest first, in pages.

use aws_sdk_dynamodb::Client as DynamoDb;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use smmu_tests::{Answer, Caller, by_request, caller::hex_sha256, samples};

async fn get(user: &Caller, path: &str) -> Answer {
    let answer = user.call(Method::GET, path, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer
}

/// The ids of a page of jobs or media.
async fn ids(user: &Caller, path: &str) -> Vec<String> {
    let (list, key) = if path.starts_with("/jobs") { ("jobs", "jobId") } else { ("media", "mediaId") };
    let page = get(user, path).await.json();
    let id = |entry: &Value| entry[key].as_str().unwrap().to_owned();
    page[list].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn labels_are_returned_with_media_and_jobs_and_deleted_with_them() {
    let stack = by_request();
    let user = Caller::user(stack, "labels").await;
    let file = samples::png(33, 21);
    let (external_id, metadata) = (json!("order-7"), json!({"album": "summer"}));
    let request_body = json!({
        "filename": "a.png", "contentType": "image/png", "size": file.len(), "sha256": hex_sha256(&file),
        "externalId": external_id, "metadata": metadata,
    });
    let upload = user.granted(request_body).await;
    assert_eq!(user.put(&upload, &file, &[]).await.status, StatusCode::OK);
    let job = user.complete(&upload.media_id).await.text_at("/jobId");
    user.ended(&job).await;

    for path in [format!("/media/{}", upload.media_id), format!("/jobs/{job}")] {
        let found = get(&user, &path).await.json();
        assert_eq!((&found["externalId"], &found["metadata"]), (&external_id, &metadata), "{path}");
    }
    for list in ["jobs", "media"] {
        let page = get(&user, &format!("/{list}")).await.json();
        assert_eq!(page[list][0]["externalId"], external_id, "{page}");
    }
    let deleted = user.call(Method::DELETE, &format!("/media/{}", upload.media_id), None).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    for table in ["MediaTableName", "JobsTableName"] {
        let left = DynamoDb::new(&stack.sdk).scan().table_name(stack.output(table)).send().await.unwrap();
        assert!(!format!("{left:?}").contains("order-7"), "a record of {table} keeps the labels");
    }
}

#[tokio::test]
async fn jobs_and_media_are_listed_newest_first_with_filters_and_pages() {
    let stack = by_request();
    let user = Caller::user(stack, "lists").await;
    assert_eq!(get(&user, "/jobs").await.text, r#"{"jobs":[]}"#);
    assert_eq!(get(&user, "/media").await.text, r#"{"media":[]}"#);

    let first = user.submit(&samples::png(31, 20), "image/png").await;
    let broken = user.submit(b"\x89PNG\r\n\x1a\nand nothing else", "image/png").await;
    let third = user.submit(&samples::png(32, 20), "image/png").await;
    let granted = user.init(b"never sent", "image/png").await.media_id;
    for id in [&first, &broken, &third] {
        user.ended(id).await;
    }
    let media_of = |job: &String| job.replace("job_", "med_");

    assert_eq!(ids(&user, "/jobs").await, [&third, &broken, &first].map(String::clone));
    assert_eq!(ids(&user, "/jobs?status=COMPLETED").await, [&third, &first].map(String::clone));
    assert_eq!(ids(&user, "/jobs?status=COMPLETED&kind=image&limit=1").await, std::slice::from_ref(&third));
    assert_eq!(ids(&user, "/jobs?kind=video").await, [""; 0]);
    assert_eq!(ids(&user, "/media").await, [granted.clone(), media_of(&third), media_of(&broken), media_of(&first)]);
    assert_eq!(ids(&user, "/media?status=AWAITING_UPLOAD").await, std::slice::from_ref(&granted));
    assert_eq!(ids(&user, "/media?kind=image&status=SUBMITTED").await, [media_of(&third), media_of(&first)]);

    // Every entry appears once, for any page size and filter.
    for (list, filter, expected) in [("jobs", "", 3), ("jobs", "&status=COMPLETED", 2), ("media", "", 4)] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/{list}?limit=1{filter}{after}");
            seen.extend(ids(&user, &path).await);
            match get(&user, &path).await.text_at("/next").as_str() {
                "" => break,
                next => after = format!("&after={next}"),
            }
        }
        assert_eq!(seen, ids(&user, &format!("/{list}?limit=100{filter}")).await);
        assert_eq!(seen.len(), expected, "{list}{filter}");
    }

    let failed = get(&user, "/jobs?status=FAILED").await.json()["jobs"][0].clone();
    assert_eq!((&failed["error"]["code"], &failed["mediaId"]), (&"corrupt_media".into(), &media_of(&broken).into()));
    let entry = get(&user, "/media?limit=1").await.json()["media"][0].clone();
    assert_eq!((&entry["filename"], &entry["size"]), (&"sample".into(), &10.into()));

    for path in ["/jobs?status=DONE", "/jobs?limit=101", "/media?after=x", "/media?status=RUNNING"] {
        let refused = user.call(Method::GET, path, None).await;
        assert_eq!((refused.status.as_u16(), refused.text_at("/code").as_str()), (400, "invalid_request"), "{path}");
    }
}

#[tokio::test]
async fn a_media_shows_declared_and_measured_facts() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let file = samples::png(50, 40);
    let id = user.submit(&file, "image/png").await;
    user.ended(&id).await;
    let media = get(&user, &format!("/media/{}", id.replace("job_", "med_"))).await.json();
    assert_eq!((&media["status"], &media["jobId"]), (&"SUBMITTED".into(), &id.into()));
    assert_eq!((&media["kind"], &media["size"]), (&"image".into(), &file.len().into()));
    assert_eq!((&media["facts"]["image"]["width"], &media["facts"]["image"]["height"]), (&50.into(), &40.into()));
    assert!(media.get("userId").is_none() && media.get("inputVersionId").is_none(), "{media}");
    let thumbhash = &media["facts"]["image"]["thumbhash"];
    let entry = get(&user, "/media?kind=image&limit=1").await.json()["media"][0].clone();
    assert!(thumbhash.is_string() && &entry["thumbhash"] == thumbhash, "{entry}");
}

#[tokio::test]
async fn progress_does_not_change_the_index_by_user() {
    let stack = by_request();
    let tables = DynamoDb::new(&stack.sdk);
    for table in ["JobsTableName", "MediaTableName"] {
        let described = tables.describe_table().table_name(stack.output(table)).send().await.unwrap();
        let table = described.table.unwrap();
        let index =
            table.global_secondary_indexes().iter().find(|index| index.index_name() == Some("by-user")).unwrap();
        let held = index.projection().unwrap().non_key_attributes();
        for changing in ["progress", "stage", "updatedAt", "revision", "shares", "outputs", "facts"] {
            assert!(!held.iter().any(|name| name == changing), "{changing} is in {held:?}");
        }
    }
}
