//! Uploads and their jobs.

use crate::{
    FIRST_JOB, JPEG, desk,
    fake::{Behaviour, SIGNATURE, Server},
    files_in, good, run,
};
use axum::http::StatusCode;
use serde_json::Value;
use std::fs;

#[tokio::test]
async fn a_file_is_uploaded_followed_and_its_outputs_fetched() {
    let outputs = vec![good("160w.jpg", b"small"), good("hls/720p.m4s", &vec![7; 300_000])];
    let server = Server::start(Behaviour { outputs, ..Behaviour::default() }).await;
    let desk = desk();
    let (code, stdout, stderr) = run(&server, &desk, &["upload", "photo.jpg", "--out", "out"]).await;
    // Running, not modified, completed.
    assert_eq!((code, server.count("GET /jobs")), (0, 3), "{stderr}");
    assert_eq!(fs::read(desk.path().join("out/photo/160w.jpg")).unwrap(), b"small");
    assert_eq!(fs::read(desk.path().join("out/photo/hls/720p.m4s")).unwrap(), vec![7; 300_000]);
    assert_eq!(files_in(&desk.path().join("out/photo")), ["160w.jpg", "hls"]);
    insta::assert_snapshot!(stdout, @"
    FILE       KIND   STATUS     OUTPUTS               SIZE  SECONDS      COST        EXPECTED  JOB
    photo.jpg  image  COMPLETED        2  11 B → 292.97 KiB      2.5  $0.00031  12 s, $0.00044  job_01j00000000000000000000000

    1 of 1 completed
    ");
    insta::assert_snapshot!(stderr, @"
    smmu: photo.jpg: hashing
    smmu: photo.jpg: expected: 12 s (5 to 40) and $0.00044 ($0.00040 to $0.0012)
    smmu: photo.jpg: uploading
    smmu: photo.jpg: QUEUED queue
    smmu: photo.jpg: RUNNING render
    smmu: photo.jpg: COMPLETED finish
    smmu: photo.jpg: downloading
    ");
}

#[tokio::test]
async fn a_json_document_is_the_job_without_its_signatures() {
    let server = Server::start(Behaviour { outputs: vec![good("160w.jpg", b"small")], ..Behaviour::default() }).await;
    let (code, stdout, _) = run(&server, &desk(), &["upload", "photo.jpg", "--out", "out", "--json"]).await;
    assert_eq!((code, stdout.lines().count()), (0, 1), "{stdout}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    insta::assert_json_snapshot!(document, @r#"
    {
      "cost": {
        "pricesRegion": "us-east-1",
        "totalMicroDollars": 313
      },
      "createdAt": "2026-01-01T00:00:00.000Z",
      "estimate": {
        "microDollars": {
          "expected": 439,
          "high": 1210,
          "low": 396
        },
        "pricesRegion": "us-east-1",
        "seconds": {
          "expected": 12,
          "high": 40,
          "low": 5
        }
      },
      "file": "photo.jpg",
      "jobId": "job_01j00000000000000000000000",
      "kind": "image",
      "mediaId": "med_01j00000000000000000000000",
      "outputs": [
        {
          "bytes": 5,
          "contentType": "image/jpeg",
          "height": 1,
          "name": "160w.jpg",
          "path": "out/photo/160w.jpg",
          "role": "rendition",
          "sha256": "81db8ebbbbc69c6c6ad4a6aa92b76e0c08af547da236b9e2c9dbe1d8285a8130",
          "state": "ready",
          "width": 2
        }
      ],
      "progress": 100,
      "stage": "finish",
      "status": "COMPLETED",
      "updatedAt": "2026-01-01T00:00:02.540Z"
    }
    "#);
}

#[tokio::test]
async fn a_folder_gives_one_document_per_file_and_nothing_else() {
    let server = Server::start(Behaviour::default()).await;
    let desk = tempfile::tempdir().unwrap();
    fs::create_dir(desk.path().join("in")).unwrap();
    for n in 0..20 {
        fs::write(desk.path().join(format!("in/{n:02}.jpg")), [JPEG, &[n]].concat()).unwrap();
    }
    fs::write(desk.path().join("in/.hidden"), JPEG).unwrap();
    let (code, stdout, _) = run(&server, &desk, &["upload", "in", "--wait", "--json"]).await;
    assert_eq!(code, 0);
    let documents = stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut files: Vec<_> = documents.map(|d: Value| d["file"].as_str().unwrap().to_owned()).collect();
    files.sort();
    assert_eq!(files, (0..20).map(|n| format!("in/{n:02}.jpg")).collect::<Vec<_>>());
    let mut keys = server.keys();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 20, "each file has a key of its own");
}

#[tokio::test]
async fn labels_are_sent_and_checked() {
    let server = Server::start(Behaviour::default()).await;
    let desk = desk();
    let noted = ["upload", "photo.jpg", "--external-id", "order-7", "--metadata", "album=a=b", "--metadata", "note="];
    let (code, _, stderr) = run(&server, &desk, &noted).await;
    assert_eq!(code, 0, "{stderr}");
    let [request] = &server.requests()[..] else { panic!("one upload") };
    assert_eq!(request["externalId"], "order-7");
    assert_eq!(request["metadata"], serde_json::json!({"album": "a=b", "note": ""}));
    for wrong in [
        &["upload", "photo.jpg", "photo.jpg", "--external-id", "order-7"][..],
        &["upload", "photo.jpg", "--metadata", "album"],
        &["upload", "photo.jpg", "--metadata", "a=1", "--metadata", "a=2"],
        &["upload", "photo.jpg", "--external-id", ""],
    ] {
        let (code, _, stderr) = run(&server, &desk, wrong).await;
        assert_eq!(code, 2, "{wrong:?}: {stderr}");
    }
    assert_eq!(server.requests().len(), 1, "nothing more was sent");
}

#[tokio::test]
async fn without_wait_a_job_is_submitted_and_can_be_fetched_by_id() {
    let server = Server::start(Behaviour { outputs: vec![good("160w.jpg", b"small")], ..Behaviour::default() }).await;
    let desk = desk();
    let (code, stdout, _) = run(&server, &desk, &["upload", "photo.jpg"]).await;
    assert_eq!((code, server.count("GET /jobs")), (0, 0));
    assert!(stdout.contains("QUEUED") && stdout.contains(FIRST_JOB), "{stdout}");
    let (code, stdout, _) = run(&server, &desk, &["job", FIRST_JOB]).await;
    assert_eq!((code, server.count("GET /jobs")), (0, 1));
    assert!(stdout.contains("RUNNING"), "{stdout}");
    let (code, _, _) = run(&server, &desk, &["job", FIRST_JOB, "--out", "out"]).await;
    assert_eq!(code, 0);
    assert_eq!(fs::read(desk.path().join("out").join(FIRST_JOB).join("160w.jpg")).unwrap(), b"small");
}

#[tokio::test]
async fn an_upload_whose_answer_was_lost_counts_as_stored() {
    let server = Server::start(Behaviour { loses_answer: true, ..Behaviour::default() }).await;
    let desk = desk();
    // Larger than any buffer on the path.
    fs::write(desk.path().join("big.jpg"), [JPEG, &vec![1; 8_000_000]].concat()).unwrap();
    let (code, _, stderr) = run(&server, &desk, &["upload", "big.jpg", "--wait"]).await;
    assert_eq!((code, server.count("PUT /raw")), (0, 2), "{stderr}");
    assert_eq!(server.object_sizes(), [8_000_000 + JPEG.len()]);
}

#[tokio::test]
async fn busy_services_are_retried_after_the_pause_they_ask_for() {
    let busy = |what| (what, StatusCode::SERVICE_UNAVAILABLE, vec![("retry-after", "0")], String::new());
    let instead = vec![
        busy("POST /media/upload/init"),
        busy("PUT /raw"),
        ("PUT /raw", StatusCode::BAD_REQUEST, vec![], "<Error><Code>RequestTimeout</Code></Error>".to_owned()),
        busy("POST /media/upload/complete"),
        ("GET /jobs", StatusCode::TOO_MANY_REQUESTS, vec![("retry-after", "1")], String::new()),
        busy("GET /processed"),
    ];
    let outputs = vec![good("160w.jpg", b"small")];
    let server = Server::start(Behaviour { instead, outputs, ..Behaviour::default() }).await;
    let (code, _, stderr) = run(&server, &desk(), &["upload", "photo.jpg", "--out", "out"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert_eq!((server.count("POST /media/upload/init"), server.count("PUT /raw")), (2, 3));
    let [first, again] = &server.keys()[..] else { panic!("both requests have a key") };
    assert_eq!(first, again, "the same request sent again is granted the same upload");
    assert!(stderr.contains("http_429 (HTTP 429): Too Many Requests; trying again in 1.0 s"), "{stderr}");
}

#[tokio::test]
async fn an_exhausted_daily_quota_is_reported_without_waiting() {
    let problem = r#"{"status":429,"code":"quota_exceeded","detail":"the next day begins at noon","retryable":true,"remedy":"Again later."}"#;
    let used_up = |wait| {
        let headers = vec![("retry-after", wait)];
        ("POST /media/upload/init", StatusCode::TOO_MANY_REQUESTS, headers, problem.to_owned())
    };
    // A second before midnight, the client waits.
    let server =
        Server::start(Behaviour { instead: vec![used_up("1"), used_up("40000")], ..Behaviour::default() }).await;
    let (code, _, stderr) = run(&server, &desk(), &["upload", "photo.jpg"]).await;
    assert_eq!((code, server.count("POST /media/upload/init")), (3, 2), "{stderr}");
    assert!(stderr.contains("quota_exceeded (HTTP 429): the next day begins at noon. Again later."), "{stderr}");
}

#[tokio::test]
async fn api_gateways_own_errors_are_retried_with_backoff() {
    let says = |status, message: &str| ("GET /jobs", status, vec![], format!(r#"{{"message":"{message}"}}"#));
    let instead = vec![
        says(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
        says(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        says(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
    ];
    let server = Server::start(Behaviour { instead, ..Behaviour::default() }).await;
    let (code, _, stderr) = run(&server, &desk(), &["upload", "photo.jpg", "--wait"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("http_503 (HTTP 503): Service Unavailable; trying again in"), "{stderr}");
    let pauses = stderr.split("trying again in ").skip(1).map(|rest| rest.split(' ').next().unwrap().parse::<f64>());
    let pauses: Vec<_> = pauses.collect::<Result<_, _>>().unwrap();
    let [first, second, third] = pauses[..] else { panic!("{stderr}") };
    // A quarter of a second, half a second and a second, each at least half as long; shown with one decimal.
    assert!((0.1..=0.3).contains(&first) && (0.2..=0.5).contains(&second) && (0.5..=1.0).contains(&third), "{stderr}");
}

#[tokio::test]
async fn an_answer_that_is_not_the_api_s_is_trouble_and_is_not_shown() {
    let page = ("GET /health", StatusCode::OK, vec![], format!("<html>{SIGNATURE}"));
    let server = Server::start(Behaviour { instead: vec![page], ..Behaviour::default() }).await;
    let (code, stdout, stderr) = run(&server, &desk(), &["health"]).await;
    assert_eq!((code, stdout.as_str()), (4, ""), "{stderr}");
    assert!(stderr.contains("check its address"), "{stderr}");
}

#[tokio::test]
async fn an_upload_refused_by_the_store_is_reported_and_not_retried() {
    let denied = ("PUT /raw", StatusCode::FORBIDDEN, vec![], "<Error><Code>AccessDenied</Code></Error>".to_owned());
    let server = Server::start(Behaviour { instead: vec![denied], ..Behaviour::default() }).await;
    let desk = desk();
    let (code, _, stderr) = run(&server, &desk, &["upload", "photo.jpg"]).await;
    assert_eq!((code, server.count("PUT /raw")), (3, 1), "{stderr}");
    assert!(stderr.contains("AccessDenied (HTTP 403)"), "{stderr}");
}

#[tokio::test]
async fn a_refusal_is_shown_with_its_code_and_not_retried() {
    let problem = r#"{"type":"urn:smmu:problem:unsupported_media_type","title":"T","status":415,"code":"unsupported_media_type","detail":"not accepted here","pointer":"/contentType","retryable":false}"#;
    let refusal = ("POST /media/upload/init", StatusCode::UNSUPPORTED_MEDIA_TYPE, vec![], problem.to_owned());
    let server = Server::start(Behaviour { instead: vec![refusal], ..Behaviour::default() }).await;
    let desk = desk();
    fs::write(desk.path().join("notes.txt"), "no media").unwrap();
    let (code, stdout, stderr) = run(&server, &desk, &["upload", "notes.txt", "--json"]).await;
    assert_eq!((code, server.count("POST")), (3, 1));
    assert!(stderr.contains("unsupported_media_type (HTTP 415): not accepted here [/contentType]"), "{stderr}");
    insta::assert_json_snapshot!(serde_json::from_str::<Value>(&stdout).unwrap(), @r#"
    {
      "file": "notes.txt",
      "problem": {
        "code": "unsupported_media_type",
        "detail": "not accepted here",
        "pointer": "/contentType",
        "retryable": false
      }
    }
    "#);
}

#[tokio::test]
async fn a_token_of_another_api_gets_a_helpful_error() {
    let server = Server::start(Behaviour::default()).await;
    let (code, _, stderr) = run(&server, &desk(), &["--token", "another", "upload", "photo.jpg"]).await;
    assert_eq!(code, 3);
    assert!(stderr.contains("unauthorized") && stderr.contains("the token is missing, expired or"), "{stderr}");
}

#[tokio::test]
async fn a_failed_job_is_reported_with_its_remedy() {
    let server = Server::start(Behaviour { fails: true, ..Behaviour::default() }).await;
    let (code, stdout, stderr) = run(&server, &desk(), &["upload", "photo.jpg", "--out", "out"]).await;
    assert_eq!(code, 1);
    assert!(stdout.contains("FAILED"), "{stdout}");
    assert!(
        stderr.contains("photo.jpg: failed: corrupt_media at render: it ends too early. Export it again."),
        "{stderr}"
    );
}

#[tokio::test]
async fn with_dedup_a_known_file_is_not_sent_again() {
    let server = Server::start(Behaviour { outputs: vec![good("a.jpg", b"a")], ..Behaviour::default() }).await;
    let desk = desk();
    let (code, stdout, stderr) = run(&server, &desk, &["upload", "photo.jpg", "--dedup", "--wait"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains(FIRST_JOB) && stderr.contains("already uploaded"), "{stdout}{stderr}");
    assert_eq!((server.count("PUT /raw"), server.count("POST /media/upload/complete")), (0, 0));
}
