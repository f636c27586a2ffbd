//! The command line: usage errors, help and exit codes.

use crate::{
    command, desk,
    fake::{Behaviour, Server},
    run, shown,
};
use std::{process::Stdio, time::Duration};
use tokio::process::Command;

#[tokio::test]
async fn a_usage_error_sends_no_request() {
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
async fn profiles_are_checked_without_an_api() {
    let (server, desk) = (Server::start(Behaviour::default()).await, desk());
    let check = async |profile: &str, profiles: &str| {
        run(&server, &desk, &["check-profiles", "--profile", profile, "--profiles", profiles]).await
    };
    let (code, stdout, _) =
        check(r#"{"av": {"av1": {}}}"#, r#"{"small": {"image": {"ladder": [64]}}, "web": {}}"#).await;
    assert_eq!((code, stdout.as_str()), (0, "clients can choose: default, small, web\n"));
    for (profile, profiles, told) in [
        (r#"{"video": {}}"#, "{}", "parameter Profile: the profile is not valid: unknown field `video`"),
        ("{}", r#"{"small": {"image": {"ladder": [0]}}}"#, "parameter Profiles: the profile `small`"),
        ("{}", r#"{"Small": {}}"#, "parameter Profiles: `Small` cannot be the name"),
        ("{}", "[]", "parameter Profiles: the profiles are not an object"),
    ] {
        let (code, _, stderr) = check(profile, profiles).await;
        assert!(code == 2 && stderr.contains(told), "{told}: {stderr}");
    }
    assert_eq!(server.count(""), 0);
}

#[tokio::test]
async fn without_ca_certificates_a_local_api_can_be_reached() {
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
        &["login", "-h"],
        &["logout", "-h"],
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
async fn ctrl_c_exits_with_130() {
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
    assert!(stderr.contains("submitted jobs continue"), "{stderr}");
}
