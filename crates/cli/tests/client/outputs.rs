//! Downloaded outputs and their paths.

use crate::{
    desk,
    fake::{Behaviour, Output, Server},
    files_in, good, run,
};
use axum::http::StatusCode;
use serde_json::Value;
use std::fs;

#[tokio::test]
async fn a_transcript_is_printed_after_the_table_without_control_characters() {
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
async fn an_output_with_wrong_content_is_not_kept() {
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
