//! Resources of other users get byte for byte the same answers as missing ones.

use smmu_tests::{Answer, Caller, by_request, caller::init_request, samples};

/// Everything in an answer that could reveal something. Dates and request IDs are excluded, because they always differ.
fn visible(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let differs = ["date", "apigw-requestid", "x-amzn-requestid", "x-amz-request-id", "x-amzn-trace-id"];
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .filter(|(name, _)| !differs.contains(&name.as_str()))
        .collect();
    headers.sort();
    (answer.status.as_u16(), headers, answer.text.clone())
}

#[tokio::test]
async fn a_foreign_resource_looks_missing_on_every_route() {
    let (ada, eve) = (Caller::user(by_request(), "ada").await, Caller::user(by_request(), "eve").await);
    // A user with one job, older than Ada's.
    let mallory = Caller::user(by_request(), "mallory").await;
    let earlier = mallory.submit(&samples::png(30, 21), "image/png").await;
    mallory.ended(&earlier).await;
    let file = samples::png(30, 20);
    let upload = ada.init(&file, "image/png").await;
    let missing = "01j0000000000000000000000x";

    // As a grant, as an upload, and with a job.
    let absent = visible(&eve.complete(&format!("med_{missing}")).await);
    assert_eq!(absent.0, 404);
    assert_eq!(visible(&eve.complete(&upload.media_id).await), absent);
    assert_eq!(ada.put(&upload, &file, &[]).await.status, 200);
    assert_eq!(visible(&eve.complete(&upload.media_id).await), absent);
    let id = ada.complete(&upload.media_id).await.text_at("/jobId");
    assert_eq!(visible(&eve.complete(&upload.media_id).await), absent);

    let absent = visible(&eve.job(&format!("job_{missing}")).await);
    assert_eq!(absent.0, 404);
    assert_eq!(visible(&eve.job(&id).await), absent);
    ada.ended(&id).await;
    assert_eq!(visible(&eve.job(&id).await), absent);
    // The same applies to playlists below a job.
    let path = |id: &str| format!("/jobs/{id}/playback/master.m3u8");
    let eve_plays = async |id: &str| visible(&eve.call(reqwest::Method::GET, &path(id), None).await);
    assert_eq!(eve_plays(&format!("job_{missing}")).await, absent);
    assert_eq!(eve_plays(&id).await, absent);
    let eve_cancels =
        async |id: &str| visible(&eve.call(reqwest::Method::POST, &format!("/jobs/{id}/cancel"), None).await);
    assert_eq!(eve_cancels(&format!("job_{missing}")).await, absent);
    assert_eq!(eve_cancels(&id).await, absent);
    assert_eq!(ada.job(&id).await.text_at("/status"), "COMPLETED");
    let eve_deletes = async |id: &str| visible(&eve.call(reqwest::Method::DELETE, &format!("/media/{id}"), None).await);
    assert_eq!(eve_deletes(&format!("med_{missing}")).await, absent);
    assert_eq!(eve_deletes(&upload.media_id).await, absent);
    assert_eq!(ada.job(&id).await.status, 200);
    let rerun = |id: &str| format!("/media/{id}/jobs");
    let eve_reruns = async |id: &str| visible(&eve.call(reqwest::Method::POST, &rerun(id), None).await);
    assert_eq!(eve_reruns(&format!("med_{missing}")).await, absent);
    assert_eq!(eve_reruns(&upload.media_id).await, absent);
    let eve_sees = async |path: &str| visible(&eve.call(reqwest::Method::GET, path, None).await);
    assert_eq!(eve_sees(&format!("/media/med_{missing}")).await, absent);
    assert_eq!(eve_sees(&format!("/media/{}", upload.media_id)).await, absent);
    // Parts of an upload, before and after it is complete.
    let in_parts = ada.init_parts(&file, "image/png", None).await;
    let request_body = serde_json::json!({"parts": [{"number": 1, "sha256": "0".repeat(64)}]});
    let parts_path = |id: &str| format!("/media/{id}/parts");
    let eve_signs =
        async |id: &str| visible(&eve.call(reqwest::Method::POST, &parts_path(id), Some(request_body.clone())).await);
    for id in [&format!("med_{missing}"), &in_parts.media_id, &upload.media_id] {
        assert_eq!(eve_signs(id).await, absent);
        assert_eq!(eve_sees(&parts_path(id)).await, absent);
    }
    ada.send_part(&in_parts, &file, 1).await;
    assert_eq!(eve_sees(&parts_path(&in_parts.media_id)).await, absent);
    assert_eq!(visible(&eve.complete(&in_parts.media_id).await), absent);
    assert_eq!(ada.complete(&in_parts.media_id).await.status, 202);
    assert_eq!(eve_signs(&in_parts.media_id).await, absent);
    // A foreign ID as cursor only selects a position in the user's own list.
    for (list, foreign) in [("jobs", &id), ("media", &upload.media_id)] {
        let page = visible(&mallory.call(reqwest::Method::GET, &format!("/{list}"), None).await);
        assert!(page.2.contains("med_") && !page.2.contains(foreign.as_str()), "{}", page.2);
        let (head, last) = foreign.split_at(foreign.len() - 1);
        let nobodys = format!("{head}{}", if last == "0" { "1" } else { "0" });
        for after in [foreign, &nobodys] {
            let after = mallory.call(reqwest::Method::GET, &format!("/{list}?after={after}"), None).await;
            assert_eq!(visible(&after), page);
        }
    }
    // An export has no foreign media, and deduplication does not reveal them.
    let export = eve.call(reqwest::Method::GET, "/account?limit=100", None).await;
    assert!(export.status == 200 && !export.text.contains(&upload.media_id), "{}", export.text);
    let mut request_body = init_request(&file);
    request_body["dedup"] = true.into();
    let granted = eve.call(reqwest::Method::POST, "/media/upload/init", Some(request_body.clone())).await;
    assert_eq!(granted.status, 201, "{}", granted.text);
    let known = ada.call(reqwest::Method::POST, "/media/upload/init", Some(request_body)).await;
    assert_eq!((known.status.as_u16(), known.text_at("/mediaId")), (200, upload.media_id.clone()));
    // Invalid IDs get the same answer too.
    for odd in ["job_", "x", "med_01j0000000000000000000000x", "%00"] {
        assert_eq!(visible(&eve.job(odd).await).2, absent.2, "{odd}");
    }
    assert_eq!(ada.job(&id).await.status, 200);

    // Deleted media are missing to their owner too, on every route.
    let deleted = ada.call(reqwest::Method::DELETE, &format!("/media/{}", upload.media_id), None).await;
    assert_eq!(deleted.status, 202);
    let ada_sees = async |method: reqwest::Method, path: &str| visible(&ada.call(method, path, None).await);
    for (method, path) in [
        (reqwest::Method::GET, format!("/jobs/{id}")),
        (reqwest::Method::GET, path(&id)),
        (reqwest::Method::POST, format!("/jobs/{id}/cancel")),
        (reqwest::Method::GET, format!("/media/{}", upload.media_id)),
        (reqwest::Method::DELETE, format!("/media/{}", upload.media_id)),
        (reqwest::Method::POST, rerun(&upload.media_id)),
        (reqwest::Method::GET, parts_path(&upload.media_id)),
        (reqwest::Method::POST, parts_path(&upload.media_id)),
    ] {
        assert_eq!(ada_sees(method, &path).await, absent, "{path}");
    }
    assert_eq!(visible(&ada.complete(&upload.media_id).await), absent);
}

#[tokio::test]
async fn a_foreign_webhook_looks_missing_on_every_route() {
    let (ada, eve) = (Caller::user(by_request(), "ada").await, Caller::user(by_request(), "eve").await);
    let missing = "01j0000000000000000000000x";
    let absent = visible(&eve.job(&format!("job_{missing}")).await);
    let eve_sees = async |path: &str| visible(&eve.call(reqwest::Method::GET, path, None).await);
    let made = ada
        .call(reqwest::Method::POST, "/webhooks", Some(serde_json::json!({"url": "https://hooks.example.com/"})))
        .await;
    let webhook = made.text_at("/webhookId");
    for id in [&format!("whk_{missing}"), &webhook] {
        assert_eq!(eve_sees(&format!("/webhooks/{id}")).await, absent);
        let path = format!("/webhooks/{id}/rotate");
        assert_eq!(visible(&eve.call(reqwest::Method::POST, &path, None).await), absent);
        let path = format!("/webhooks/{id}/deliveries");
        let body = Some(serde_json::json!({"jobId": format!("job_{missing}")}));
        assert_eq!(visible(&eve.call(reqwest::Method::POST, &path, body).await), absent);
        let path = format!("/webhooks/{id}");
        assert_eq!(visible(&eve.call(reqwest::Method::DELETE, &path, None).await), absent);
    }
    assert_eq!(ada.call(reqwest::Method::DELETE, &format!("/webhooks/{webhook}"), None).await.status, 204);
}
