//! What belongs to somebody else is answered byte for byte as what does not exist.

use smmu_tests::{Answer, Caller, by_request, samples};

/// Everything of an answer that a stranger could learn from. Dates and request ids differ anyway.
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
async fn a_foreign_thing_equals_a_missing_one_on_every_route() {
    let (ada, eve) = (Caller::user(by_request(), "ada").await, Caller::user(by_request(), "eve").await);
    let file = samples::png(30, 20);
    let upload = ada.init(&file, "image/png").await;
    let missing = "01j0000000000000000000000x";

    // While it is only granted, when it is uploaded, and when it has a job.
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
    // Nor is there more to see below a job, whatever its owner finds there.
    let path = |id: &str| format!("/jobs/{id}/playback/master.m3u8");
    let eve_plays = async |id: &str| visible(&eve.call(reqwest::Method::GET, &path(id), None).await);
    assert_eq!(eve_plays(&format!("job_{missing}")).await, absent);
    assert_eq!(eve_plays(&id).await, absent);
    // Nor can an id be told from one that could not even be an id.
    for odd in ["job_", "x", "med_01j0000000000000000000000x", "%00"] {
        assert_eq!(visible(&eve.job(odd).await).2, absent.2, "{odd}");
    }
    assert_eq!(ada.job(&id).await.status, 200);
}
