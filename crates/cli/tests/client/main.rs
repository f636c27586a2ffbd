//! The real program against a fake API and store: what it sends, writes, prints and how it ends.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails the test, also outside its own function"
)]

mod fake;
mod parts;

use axum::http::StatusCode;
use fake::{Behaviour, Output, SIGNATURE, Server, TOKEN};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Output as Ended, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::process::Command;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
const FIRST_JOB: &str = "job_01j00000000000000000000000";

/// A folder with `photo.jpg` in it.
fn desk() -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    fs::write(desk.path().join("photo.jpg"), JPEG).unwrap();
    desk
}

fn good(name: &'static str, content: &[u8]) -> Output {
    Output { name, said: content.to_vec(), stored: content.to_vec() }
}

fn command(server: &Server, desk: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smmu"));
    command.args(arguments).current_dir(desk.path()).stdin(Stdio::null()).kill_on_drop(true);
    command.env("XDG_STATE_HOME", desk.path().join("state"));
    command.env("SMMU_API", server.api()).env("SMMU_TOKEN", TOKEN).env_remove("http_proxy").env_remove("HTTP_PROXY");
    command
}

/// Runs the program to its end. Whatever happens, it shows no secret.
async fn run(server: &Server, desk: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    shown(&command(server, desk, arguments).output().await.unwrap())
}

fn shown(ended: &Ended) -> (i32, String, String) {
    let (stdout, stderr) =
        (String::from_utf8(ended.stdout.clone()).unwrap(), String::from_utf8(ended.stderr.clone()).unwrap());
    for text in [&stdout, &stderr] {
        assert!(!text.contains(SIGNATURE) && !text.contains("s3cr3t") && !text.contains(TOKEN), "{text}");
    }
    (ended.status.code().unwrap(), stdout, stderr)
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

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
    FILE       KIND   STATUS     OUTPUTS               SIZE  SECONDS  JOB
    photo.jpg  image  COMPLETED        2  11 B → 292.97 KiB      2.5  job_01j00000000000000000000000

    1 of 1 completed
    ");
    insta::assert_snapshot!(stderr, @"
    smmu: photo.jpg: hashing
    smmu: photo.jpg: uploading
    smmu: photo.jpg: QUEUED queue
    smmu: photo.jpg: RUNNING render
    smmu: photo.jpg: COMPLETED finish
    smmu: photo.jpg: downloading
    ");
}

#[tokio::test]
async fn what_was_said_is_printed_after_the_table_and_steers_no_terminal() {
    let said = b"Good morning.\n\nIs \x1b[2J anybody there?\n";
    let server = Server::start(Behaviour { outputs: vec![good("transcript.txt", said)], ..Behaviour::default() }).await;
    let (code, stdout, _) = run(&server, &desk(), &["upload", "photo.jpg", "--out", "out"]).await;
    assert_eq!(code, 0);
    assert!(
        stdout.ends_with("1 of 1 completed\n\nphoto.jpg: Good morning. Is \u{fffd}[2J anybody there?\n"),
        "{stdout}"
    );
}

#[tokio::test]
async fn a_json_document_is_the_job_without_its_signatures() {
    let server = Server::start(Behaviour { outputs: vec![good("160w.jpg", b"small")], ..Behaviour::default() }).await;
    let (code, stdout, _) = run(&server, &desk(), &["upload", "photo.jpg", "--out", "out", "--json"]).await;
    assert_eq!((code, stdout.lines().count()), (0, 1), "{stdout}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    insta::assert_json_snapshot!(document, @r#"
    {
      "createdAt": "2026-01-01T00:00:00.000Z",
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
async fn what_is_noted_on_an_upload_is_sent_within_its_bounds() {
    let server = Server::start(Behaviour::default()).await;
    let desk = desk();
    let noted = ["upload", "photo.jpg", "--external-id", "order-7", "--metadata", "album=a=b", "--metadata", "note="];
    let (code, _, stderr) = run(&server, &desk, &noted).await;
    assert_eq!(code, 0, "{stderr}");
    let [wish] = &server.wishes()[..] else { panic!("one upload") };
    assert_eq!(wish["externalId"], "order-7");
    assert_eq!(wish["metadata"], serde_json::json!({"album": "a=b", "note": ""}));
    for wrong in [
        &["upload", "photo.jpg", "photo.jpg", "--external-id", "order-7"][..],
        &["upload", "photo.jpg", "--metadata", "album"],
        &["upload", "photo.jpg", "--metadata", "a=1", "--metadata", "a=2"],
        &["upload", "photo.jpg", "--external-id", ""],
    ] {
        let (code, _, stderr) = run(&server, &desk, wrong).await;
        assert_eq!(code, 2, "{wrong:?}: {stderr}");
    }
    assert_eq!(server.wishes().len(), 1, "nothing more was sent");
}

#[tokio::test]
async fn without_wait_a_job_is_submitted_and_found_again_by_its_id() {
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
async fn an_upload_whose_answer_was_lost_is_there_and_counts() {
    let server = Server::start(Behaviour { loses_answer: true, ..Behaviour::default() }).await;
    let desk = desk();
    // Larger than any buffer on the way.
    fs::write(desk.path().join("big.jpg"), [JPEG, &vec![1; 8_000_000]].concat()).unwrap();
    let (code, _, stderr) = run(&server, &desk, &["upload", "big.jpg", "--wait"]).await;
    assert_eq!((code, server.count("PUT /raw")), (0, 2), "{stderr}");
    assert_eq!(server.object_sizes(), [8_000_000 + JPEG.len()]);
}

#[tokio::test]
async fn busy_services_are_asked_again_when_they_say() {
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
async fn what_api_gateway_answers_by_itself_is_asked_again_later_and_later_though_it_says_not_when() {
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
    // A quarter of a second, half a second and a second, and no less than half of each; shown with one decimal.
    assert!((0.1..=0.3).contains(&first) && (0.2..=0.5).contains(&second) && (0.5..=1.0).contains(&third), "{stderr}");
}

#[tokio::test]
async fn an_address_that_is_no_api_is_trouble_and_its_answer_is_not_shown() {
    let page = ("GET /health", StatusCode::OK, vec![], format!("<html>{SIGNATURE}"));
    let server = Server::start(Behaviour { instead: vec![page], ..Behaviour::default() }).await;
    let (code, stdout, stderr) = run(&server, &desk(), &["health"]).await;
    assert_eq!((code, stdout.as_str()), (4, ""), "{stderr}");
    assert!(stderr.contains("is this its address"), "{stderr}");
}

#[tokio::test]
async fn an_upload_that_the_store_refuses_is_told_and_not_repeated() {
    let denied = ("PUT /raw", StatusCode::FORBIDDEN, vec![], "<Error><Code>AccessDenied</Code></Error>".to_owned());
    let server = Server::start(Behaviour { instead: vec![denied], ..Behaviour::default() }).await;
    let desk = desk();
    let (code, _, stderr) = run(&server, &desk, &["upload", "photo.jpg"]).await;
    assert_eq!((code, server.count("PUT /raw")), (3, 1), "{stderr}");
    assert!(stderr.contains("AccessDenied (HTTP 403)"), "{stderr}");
}

#[tokio::test]
async fn a_refusal_is_shown_with_its_code_and_not_repeated() {
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
async fn a_token_of_another_api_is_refused_in_words_that_help() {
    let server = Server::start(Behaviour::default()).await;
    let (code, _, stderr) = run(&server, &desk(), &["--token", "another", "upload", "photo.jpg"]).await;
    assert_eq!(code, 3);
    assert!(stderr.contains("unauthorized") && stderr.contains("the token is missing, expired or"), "{stderr}");
}

#[tokio::test]
async fn one_failed_job_among_good_ones_is_told() {
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
async fn an_output_with_other_bytes_is_not_kept() {
    for stored in [&b"sma11"[..], b"smal", b"small and more", b""] {
        let broken = Output { name: "160w.jpg", said: b"small".to_vec(), stored: stored.to_vec() };
        let server = Server::start(Behaviour { outputs: vec![broken], ..Behaviour::default() }).await;
        let desk = desk();
        let (code, stdout, stderr) = run(&server, &desk, &["upload", "photo.jpg", "--out", "out", "--json"]).await;
        assert_eq!(code, 5, "{stderr}");
        assert_eq!(files_in(&desk.path().join("out")), [""; 0]);
        let document: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(
            (&document["status"], &document["problem"]["code"]),
            (&"COMPLETED".into(), &"output_unverified".into())
        );
        assert!(document["outputs"][0]["path"].is_null());
    }
}

#[tokio::test]
async fn an_output_cannot_leave_its_folder() {
    for name in ["../x", "/tmp/x", "a/../../../x", "..\\x", ".profile"] {
        let server = Server::start(Behaviour { outputs: vec![good(name, b"x")], ..Behaviour::default() }).await;
        let desk = desk();
        let (code, _, stderr) = run(&server, &desk, &["upload", "photo.jpg", "--out", "out"]).await;
        assert_eq!((code, server.count("GET /processed")), (5, 0), "{stderr}");
        assert_eq!(files_in(desk.path()), ["out", "photo.jpg"]);
        assert_eq!(files_in(&desk.path().join("out")), [""; 0]);
    }
}

#[tokio::test]
async fn an_expired_download_gets_a_new_signature() {
    let expired =
        ("GET /processed", StatusCode::FORBIDDEN, vec![], "<Error><Code>AccessDenied</Code></Error>".to_owned());
    let outputs = vec![good("160w.jpg", b"small"), good("320w.jpg", b"medium")];
    let server = Server::start(Behaviour { instead: vec![expired], outputs, ..Behaviour::default() }).await;
    let desk = desk();
    let (code, _, stderr) = run(&server, &desk, &["upload", "photo.jpg", "--out", "out"]).await;
    assert_eq!((code, server.count("GET /processed")), (0, 3), "{stderr}");
    assert_eq!(files_in(&desk.path().join("out/photo")), ["160w.jpg", "320w.jpg"]);
}

#[tokio::test]
async fn runs_do_not_mix_their_outputs() {
    let server = Server::start(Behaviour { outputs: vec![good("160w.jpg", b"small")], ..Behaviour::default() }).await;
    let desk = desk();
    fs::write(desk.path().join("photo.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let arguments = ["upload", "photo.jpg", "photo.png", "--out", "out"];
    for _ in 0..2 {
        assert_eq!(run(&server, &desk, &arguments).await.0, 0);
    }
    assert_eq!(files_in(&desk.path().join("out")).len(), 4);
}

#[tokio::test]
async fn jobs_are_listed_and_filtered() {
    let server = Server::start(Behaviour { listed: 4, ..Behaviour::default() }).await;
    let desk = desk();
    let (code, stdout, stderr) = run(&server, &desk, &["list", "--limit", "2"]).await;
    assert_eq!(code, 0, "{stderr}");
    insta::assert_snapshot!(stdout, @r"
    JOB                             KIND   STATUS     CREATED                   ERROR
    job_01j00000000000000000000003  image  FAILED     2026-01-01T00:00:00.000Z  corrupt_media
    job_01j00000000000000000000002  image  COMPLETED  2026-01-01T00:00:00.000Z

    more: --after job_01j00000000000000000000002
    ");
    let (_, stdout, _) = run(&server, &desk, &["list", "--after", "job_01j00000000000000000000002", "--json"]).await;
    let ids: Vec<Value> =
        stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["jobId"].clone()).collect();
    assert_eq!(ids, ["job_01j00000000000000000000001", "job_01j00000000000000000000000"]);
    let (_, stdout, _) = run(&server, &desk, &["list", "--status", "failed", "--json"]).await;
    assert_eq!(stdout.lines().count(), 2, "{stdout}");
    assert!(stdout.contains("corrupt_media"), "{stdout}");
}

#[tokio::test]
async fn a_long_list_is_fetched_page_by_page() {
    let server = Server::start(Behaviour { listed: 250, ..Behaviour::default() }).await;
    let desk = desk();
    for (arguments, lines, requests) in
        [(&["list", "media", "--all", "--json"][..], 250, 3), (&["list", "media", "--limit", "101", "--json"], 101, 2)]
    {
        let before = server.count("GET /media");
        let (code, stdout, stderr) = run(&server, &desk, arguments).await;
        assert_eq!((code, stdout.lines().count()), (0, lines), "{stderr}");
        assert_eq!(server.count("GET /media") - before, requests);
    }
}

#[tokio::test]
async fn a_media_and_a_job_are_shown_and_a_name_steers_no_terminal() {
    let server = Server::start(Behaviour { listed: 1, ..Behaviour::default() }).await;
    let desk = desk();
    let (code, stdout, stderr) = run(&server, &desk, &["show", "med_01j00000000000000000000000"]).await;
    assert_eq!(code, 0, "{stderr}");
    insta::assert_snapshot!(stdout, @r"
    media    med_01j00000000000000000000000
    file     photo�[2J.jpg
    status   SUBMITTED
    kind     image
    size     2.86 MiB
    created  2026-01-01T00:00:00.000Z
    job      job_01j00000000000000000000000
    ");
    let (_, stdout, _) = run(&server, &desk, &["show", "med_01j00000000000000000000000", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["size"], 3_000_000);
    let (code, stdout, _) = run(&server, &desk, &["show", FIRST_JOB, "--json"]).await;
    assert_eq!((code, &serde_json::from_str::<Value>(&stdout).unwrap()["jobId"]), (0, &FIRST_JOB.into()));
    let (code, stdout, stderr) = run(&server, &desk, &["show", "med_01j00000000000000000000009"]).await;
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert!(stderr.contains("not_found"), "{stderr}");
}

#[tokio::test]
async fn jobs_are_cancelled_and_one_that_has_ended_is_told() {
    let server = Server::start(Behaviour::default()).await;
    let (desk, ended) = (desk(), "job_01j00000000000000000000009");
    let (code, stdout, stderr) = run(&server, &desk, &["cancel", FIRST_JOB]).await;
    assert_eq!((code, stdout), (0, format!("{FIRST_JOB} CANCELLED\n")), "{stderr}");
    let (code, stdout, stderr) = run(&server, &desk, &["cancel", ended, FIRST_JOB, "--json"]).await;
    assert_eq!((code, stdout.lines().count()), (3, 1), "the others are cancelled all the same");
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["status"], "CANCELLED");
    assert!(stderr.contains(&format!("{ended}: refused: job_ended (HTTP 409): the job is COMPLETED")), "{stderr}");
}

#[tokio::test]
async fn media_are_deleted_by_their_own_id_or_their_job_s() {
    let server = Server::start(Behaviour { listed: 2, ..Behaviour::default() }).await;
    let (desk, second) = (desk(), "med_01j00000000000000000000001");
    let (code, stdout, stderr) = run(&server, &desk, &["delete", FIRST_JOB, second]).await;
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stdout, format!("{} deleted\n{second} deleted\n", FIRST_JOB.replace("job_", "med_")));
    assert_eq!(server.count("DELETE /media"), 2);
    let (code, stdout, stderr) =
        run(&server, &desk, &["delete", "med_01j00000000000000000000009", second, "--json"]).await;
    assert_eq!((code, stdout), (3, format!("{{\"mediaId\":\"{second}\"}}\n")), "the others are deleted all the same");
    assert!(stderr.contains("med_01j00000000000000000000009: refused: not_found (HTTP 404)"), "{stderr}");
}

#[tokio::test]
async fn a_media_is_run_again_by_its_id_or_its_job_s_and_followed_like_an_upload() {
    let server = Server::start(Behaviour { outputs: vec![good("a.jpg", b"a")], ..Behaviour::default() }).await;
    let desk = desk();
    let arguments =
        ["rerun", FIRST_JOB, "--profile", "small", "--language", "de", "--step", "transcribe", "--out", "out"];
    let (code, stdout, stderr) = run(&server, &desk, &arguments).await;
    assert_eq!(code, 0, "{stderr}");
    let made = FIRST_JOB.replace("job_01j0", "job_01j1");
    assert!(stdout.contains(&made) && stdout.contains("COMPLETED"), "{stdout}");
    assert_eq!(fs::read(desk.path().join("out").join(&made).join("a.jpg")).unwrap(), b"a");
    let (code, ..) = run(&server, &desk, &["rerun", &FIRST_JOB.replace("job_", "med_")]).await;
    assert_eq!((code, server.keys().len()), (0, 2), "each request has a key of its own");
    let wishes = server.wishes();
    assert_eq!(wishes[0], serde_json::json!({"profile": "small", "language": "de", "steps": ["transcribe"]}));
    assert_eq!(wishes[1], serde_json::json!({}));
    assert_eq!(run(&server, &desk, &["rerun", FIRST_JOB, "--step", "detect"]).await.0, 2);
}

#[tokio::test]
async fn a_file_that_was_sent_before_is_not_sent_again_where_that_is_asked_for() {
    let server = Server::start(Behaviour { outputs: vec![good("a.jpg", b"a")], ..Behaviour::default() }).await;
    let desk = desk();
    let (code, stdout, stderr) = run(&server, &desk, &["upload", "photo.jpg", "--dedup", "--wait"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains(FIRST_JOB) && stderr.contains("sent before"), "{stdout}{stderr}");
    assert_eq!((server.count("PUT /raw"), server.count("POST /media/upload/complete")), (0, 0));
}

#[tokio::test]
async fn an_account_is_written_to_a_new_file_for_its_owner_alone_and_deleted_only_when_asked() {
    let behaviour = Behaviour { listed: 5, outputs: vec![good("a.jpg", b"a")], ..Behaviour::default() };
    let server = Server::start(behaviour).await;
    let desk = desk();
    let (code, stdout, stderr) = run(&server, &desk, &["account", "export", "all.json"]).await;
    assert_eq!((code, stdout.as_str()), (0, "5 media with 5 jobs written to all.json\n"), "{stderr}");
    let file = desk.path().join("all.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((&all["userId"], all["media"].as_array().unwrap().len()), (&Value::from("user-1"), 5));
    assert!(all["media"][4]["jobs"][0]["outputs"][0]["url"].as_str().unwrap().contains(SIGNATURE));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
    assert_eq!(run(&server, &desk, &["account", "export", "all.json"]).await.0, 5, "a file that is there stays");

    let (code, _, stderr) = run(&server, &desk, &["account", "delete"]).await;
    assert!(code == 2 && stderr.contains("--yes"), "{stderr}");
    assert_eq!(server.count("DELETE /account"), 0);
    assert_eq!(run(&server, &desk, &["account", "delete", "--yes"]).await.0, 0);
    assert_eq!(server.count("DELETE /account"), 1);
}

#[tokio::test]
async fn health_needs_no_token() {
    let server = Server::start(Behaviour::default()).await;
    let desk = desk();
    let ended = command(&server, &desk, &["health"]).env_remove("SMMU_TOKEN").output().await.unwrap();
    assert_eq!(shown(&ended).1, "ok, version 1.2.3, stage test\n");
    let (code, stdout, _) = run(&server, &desk, &["health", "--json"]).await;
    assert_eq!((code, stdout.as_str()), (0, "{\"stage\":\"test\",\"status\":\"ok\",\"version\":\"1.2.3\"}\n"));
}

#[tokio::test]
async fn what_the_user_must_change_is_a_usage_error_before_anything_is_sent() {
    let server = Server::start(Behaviour::default()).await;
    let desk = desk();
    for arguments in
        [&["upload"][..], &["upload", "photo.jpg", "missing.jpg"], &["job", "7"], &["--api", "x", "health"]]
    {
        assert_eq!(run(&server, &desk, arguments).await.0, 2, "{arguments:?}");
    }
    for variable in ["SMMU_TOKEN", "SMMU_API"] {
        for unset in [None, Some("")] {
            let mut command = command(&server, &desk, &["upload", "photo.jpg"]);
            match unset {
                None => command.env_remove(variable),
                Some(empty) => command.env(variable, empty),
            };
            let (code, _, stderr) = shown(&command.output().await.unwrap());
            assert_eq!(code, 2, "{stderr}");
        }
    }
    assert_eq!(server.count(""), 0);
}

#[tokio::test]
async fn a_machine_without_certificates_reaches_the_cloud_that_runs_on_it() {
    let server = Server::start(Behaviour::default()).await;
    let desk = desk();
    let mut command = command(&server, &desk, &["health"]);
    command.env("SSL_CERT_FILE", desk.path().join("none")).env("SSL_CERT_DIR", desk.path().join("none"));
    assert_eq!(shown(&command.output().await.unwrap()).0, 0);
}

#[tokio::test]
async fn help_names_every_exit_code_and_no_token() {
    let server = Server::start(Behaviour::default()).await;
    for arguments in [
        &["--help"][..],
        &["upload", "--help"],
        &["job", "-h"],
        &["list", "-h"],
        &["show", "-h"],
        &["cancel", "-h"],
        &["delete", "-h"],
        &["rerun", "-h"],
        &["account", "-h"],
    ] {
        let (code, stdout, _) = run(&server, &desk(), arguments).await;
        assert_eq!(code, 0);
        assert!(stdout.contains("SMMU_TOKEN"), "{stdout}");
        for code in ["0", "1", "2", "3", "4", "5", "130"] {
            assert!(stdout.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "{code}: {stdout}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_with_130() {
    let server = Server::start(Behaviour { never_ends: true, ..Behaviour::default() }).await;
    let desk = desk();
    let running = command(&server, &desk, &["upload", "photo.jpg", "--out", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while server.count("GET /jobs") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let id = running.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let (code, stdout, stderr) = shown(&running.wait_with_output().await.unwrap());
    assert_eq!((code, stdout.as_str()), (130, ""));
    assert!(stderr.contains("jobs that were submitted go on"), "{stderr}");
}
