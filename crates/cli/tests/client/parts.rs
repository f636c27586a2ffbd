//! Uploads in parts, forced with `--parts` and with parts of a thousand bytes.

use crate::{
    FIRST_JOB, JPEG, desk,
    fake::{Behaviour, Instead, Server},
    run,
};
use axum::http::StatusCode;
use std::{fs, path::Path};
use tempfile::TempDir;

/// A desk with a file of six parts.
fn desk_with_film(last: u8) -> TempDir {
    let desk = desk();
    fs::write(desk.path().join("film.mp4"), film(last)).unwrap();
    desk
}

fn film(last: u8) -> Vec<u8> {
    let mut film = [JPEG, &(0..5989_usize).map(|at| (at % 251).to_le_bytes()[0]).collect::<Vec<_>>()].concat();
    *film.last_mut().unwrap() = last;
    film
}

/// The third part is refused, once.
fn refuses_one_part() -> Behaviour {
    let refusal: Instead = (
        "PUT /parts/med_01j00000000000000000000000/3",
        StatusCode::BAD_REQUEST,
        vec![],
        "<Error><Code>BadDigest</Code></Error>".to_owned(),
    );
    Behaviour { instead: vec![refusal], ..Behaviour::default() }
}

fn states(desk: &TempDir) -> usize {
    fs::read_dir(Path::new(desk.path()).join("state/smmu/uploads")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_file_is_sent_in_parts_and_its_state_is_removed() {
    let server = Server::start(Behaviour::default()).await;
    let desk = desk_with_film(0);
    let (code, stdout, stderr) = run(&server, &desk, &["upload", "film.mp4", "--parts", "--wait"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("COMPLETED") && stdout.contains("5.86 KiB"), "{stdout}");
    assert_eq!((server.stored_parts(), server.object_sizes()), (vec![vec![1; 6]], vec![6000]));
    assert_eq!((server.count("PUT /raw"), states(&desk)), (0, 0));
    assert_eq!(stderr.matches("uploading").count(), 1, "one bar for all parts: {stderr}");
}

#[tokio::test]
async fn an_interrupted_upload_resumes_and_sends_no_part_twice() {
    let server = Server::start(refuses_one_part()).await;
    let desk = desk_with_film(0);
    let upload = ["upload", "film.mp4", "--parts"];
    let (code, _, stderr) = run(&server, &desk, &upload).await;
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("BadDigest"), "{stderr}");
    let before = server.stored_parts()[0].iter().sum::<usize>();
    assert!((before < 6) && states(&desk) == 1, "{before}");

    let (code, stdout, stderr) = run(&server, &desk, &upload).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains(&format!("film.mp4: resuming: {before} of 6 parts have arrived")), "{stderr}");
    assert!(stdout.contains(FIRST_JOB), "{stdout}");
    assert_eq!((server.stored_parts(), server.object_sizes()), (vec![vec![1; 6]], vec![6000]));
    assert_eq!((server.count("POST /media/upload/init"), states(&desk)), (1, 0));
}

#[tokio::test]
async fn a_changed_file_starts_a_new_upload() {
    let server = Server::start(refuses_one_part()).await;
    let desk = desk_with_film(0);
    let upload = ["upload", "film.mp4", "--parts"];
    assert_eq!(run(&server, &desk, &upload).await.0, 3);
    fs::write(desk.path().join("film.mp4"), [film(1), vec![7]].concat()).unwrap();
    let (code, _, stderr) = run(&server, &desk, &upload).await;
    assert_eq!((code, stderr.contains("resuming")), (0, false), "{stderr}");
    assert_eq!((server.count("POST /media/upload/init"), server.object_sizes()), (2, vec![6001]));
}

#[tokio::test]
async fn a_stored_part_with_different_content_is_sent_again() {
    let server = Server::start(refuses_one_part()).await;
    let desk = desk_with_film(0);
    let path = desk.path().join("film.mp4");
    let upload = ["upload", "film.mp4", "--parts"];
    assert_eq!(run(&server, &desk, &upload).await.0, 3);
    let before = server.stored_parts()[0].clone();
    // Some programs write in place and restore the modification time.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let film = film(0).iter().map(|byte| byte ^ 1).collect::<Vec<_>>();
    fs::write(&path, film).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let (code, _, stderr) = run(&server, &desk, &upload).await;
    assert_eq!(code, 0, "{stderr}");
    let after: Vec<_> = before.iter().map(|times| times + 1).collect();
    assert_eq!(server.stored_parts(), [after]);
}

#[tokio::test]
async fn an_upload_that_ended_meanwhile_is_completed_or_restarted() {
    for (code, inits) in [("parts_joined", 1), ("upload_expired", 2), ("not_found", 2)] {
        let server = Server::start(refuses_one_part()).await;
        let desk = desk_with_film(0);
        let upload = ["upload", "film.mp4", "--parts"];
        assert_eq!(run(&server, &desk, &upload).await.0, 3);
        let ended: Instead = (
            "GET /media/med_01j00000000000000000000000/parts",
            match code {
                "parts_joined" => StatusCode::CONFLICT,
                "upload_expired" => StatusCode::GONE,
                _ => StatusCode::NOT_FOUND,
            },
            vec![],
            format!("{{\"code\":\"{code}\"}}"),
        );
        server.behave(Behaviour { instead: vec![ended], ..Behaviour::default() });
        let (exit, _, stderr) = run(&server, &desk, &upload).await;
        assert_eq!(server.count("POST /media/upload/init"), inits, "{code}: {stderr}");
        // For the joined upload this store lacks some parts, and refuses it.
        let expected = if code == "parts_joined" { (3, true) } else { (0, false) };
        assert_eq!((exit, stderr.contains("parts_missing")), expected, "{code}: {stderr}");
    }
}

#[tokio::test]
async fn a_busy_store_or_expired_signature_repeats_only_one_part() {
    let instead: Vec<Instead> = vec![
        ("PUT /parts", StatusCode::SERVICE_UNAVAILABLE, vec![("retry-after", "0")], String::new()),
        ("PUT /parts", StatusCode::FORBIDDEN, vec![], "<Error><Code>AccessDenied</Code></Error>".to_owned()),
        ("GET /media", StatusCode::SERVICE_UNAVAILABLE, vec![("retry-after", "0")], String::new()),
    ];
    let server = Server::start(Behaviour { instead, ..Behaviour::default() }).await;
    let desk = desk_with_film(0);
    let (code, _, stderr) = run(&server, &desk, &["upload", "film.mp4", "--parts"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert_eq!((server.count("PUT /parts"), server.count("POST /media/med")), (8, 8), "{stderr}");
}

#[tokio::test]
async fn a_store_that_refuses_every_signature_is_reported() {
    let denied = |_| -> Instead {
        ("PUT /parts", StatusCode::FORBIDDEN, vec![], "<Error><Code>AccessDenied</Code></Error>".to_owned())
    };
    let server = Server::start(Behaviour { instead: (0..99).map(denied).collect(), ..Behaviour::default() }).await;
    let (code, _, stderr) = run(&server, &desk_with_film(0), &["upload", "film.mp4", "--parts"]).await;
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("AccessDenied (HTTP 403)"), "{stderr}");
}
