//! Commands on existing jobs and media.

use crate::{
    FIRST_JOB, command, desk,
    fake::{Behaviour, SIGNATURE, Server},
    good, run, shown,
};
use serde_json::Value;
use std::fs;

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
async fn a_media_and_a_job_are_shown_and_control_characters_in_names_are_replaced() {
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
async fn jobs_are_cancelled_and_an_ended_job_is_reported() {
    let server = Server::start(Behaviour::default()).await;
    let (desk, ended) = (desk(), "job_01j00000000000000000000009");
    let (code, stdout, stderr) = run(&server, &desk, &["cancel", FIRST_JOB]).await;
    assert_eq!((code, stdout), (0, format!("{FIRST_JOB} CANCELLED\n")), "{stderr}");
    let (code, stdout, stderr) = run(&server, &desk, &["cancel", ended, FIRST_JOB, "--json"]).await;
    assert_eq!((code, stdout.lines().count()), (3, 1), "the others are still cancelled");
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["status"], "CANCELLED");
    assert!(stderr.contains(&format!("{ended}: refused: job_ended (HTTP 409): the job is COMPLETED")), "{stderr}");
}

#[tokio::test]
async fn media_are_deleted_by_media_id_or_job_id() {
    let server = Server::start(Behaviour { listed: 2, ..Behaviour::default() }).await;
    let (desk, second) = (desk(), "med_01j00000000000000000000001");
    let (code, stdout, stderr) = run(&server, &desk, &["delete", FIRST_JOB, second]).await;
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stdout, format!("{} deleted\n{second} deleted\n", FIRST_JOB.replace("job_", "med_")));
    assert_eq!(server.count("DELETE /media"), 2);
    let (code, stdout, stderr) =
        run(&server, &desk, &["delete", "med_01j00000000000000000000009", second, "--json"]).await;
    assert_eq!((code, stdout), (3, format!("{{\"mediaId\":\"{second}\"}}\n")), "the others are still deleted");
    assert!(stderr.contains("med_01j00000000000000000000009: refused: not_found (HTTP 404)"), "{stderr}");
}

#[tokio::test]
async fn a_media_is_rerun_by_media_id_or_job_id_and_followed_like_an_upload() {
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
    let requests = server.requests();
    assert_eq!(requests[0], serde_json::json!({"profile": "small", "language": "de", "steps": ["transcribe"]}));
    assert_eq!(requests[1], serde_json::json!({}));
    assert_eq!(run(&server, &desk, &["rerun", FIRST_JOB, "--step", "detect"]).await.0, 2);
}

#[tokio::test]
async fn an_account_is_exported_to_a_private_file_and_deleted_only_with_confirmation() {
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
    assert_eq!(run(&server, &desk, &["account", "export", "all.json"]).await.0, 5, "an existing file is kept");

    let (code, _, stderr) = run(&server, &desk, &["account", "delete"]).await;
    assert!(code == 2 && stderr.contains("--yes"), "{stderr}");
    assert_eq!(server.count("DELETE /account"), 0);
    assert_eq!(run(&server, &desk, &["account", "delete", "--yes"]).await.0, 0);
    assert_eq!(server.count("DELETE /account"), 1);

    let (code, stdout, _) = run(&server, &desk, &["account", "export", "more.json", "--json"]).await;
    assert_eq!((code, stdout.as_str()), (0, "{\"file\":\"more.json\",\"jobs\":5,\"media\":5}\n"));
    let (code, stdout, _) = run(&server, &desk, &["account", "delete", "--yes", "--json"]).await;
    assert_eq!((code, stdout.as_str()), (0, "{\"deletedBefore\":\"2026-01-01T00:00:00.000Z\"}\n"));
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

/// The completions that bash offers for these words.
async fn offered_by_bash(script: &str, words: &[&str]) -> Vec<String> {
    let ask = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _smmu smmu {} {}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len() - 1,
        words[words.len() - 1],
        words[words.len() - 2],
    );
    let ended = tokio::process::Command::new("bash").args(["--norc", "-c", &ask]).output().await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn bash_completes_commands_options_and_values() {
    let server = Server::start(Behaviour::default()).await;
    let (code, script, stderr) = run(&server, &desk(), &["completions", "bash"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(offered_by_bash(&script, &["smmu", "del"]).await, ["delete"]);
    assert_eq!(offered_by_bash(&script, &["smmu", "rerun", "--st"]).await, ["--step"]);
    assert_eq!(offered_by_bash(&script, &["smmu", "rerun", "--step", "t"]).await, ["transcribe"]);
    for shell in ["elvish", "fish", "powershell", "zsh"] {
        let (code, script, _) = run(&server, &desk(), &["completions", shell]).await;
        assert!(code == 0 && script.contains("rerun"), "{shell}");
    }
    assert_eq!(run(&server, &desk(), &["completions", "sh"]).await.0, 2);
}

#[tokio::test]
async fn every_command_can_answer_in_json() {
    let server = Server::start(Behaviour::default()).await;
    let desk = desk();
    let (_, help, _) = run(&server, &desk, &["--help"]).await;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands =
        commands.lines().take_while(|line| !line.is_empty()).map(|line| line.split_whitespace().next().unwrap());
    let mut all: Vec<_> = commands
        .filter(|name| !matches!(*name, "help" | "account" | "completions" | "webhooks"))
        .map(|one| vec![one])
        .collect();
    all.extend([vec!["account", "export"], vec!["account", "delete"]]);
    all.extend(["add", "list", "delete", "rotate", "replay"].map(|one| vec!["webhooks", one]));
    assert!(all.len() >= 17, "{all:?}");
    for command in all {
        let (_, help, _) = run(&server, &desk, &[&command[..], &["--help"]].concat()).await;
        assert!(help.contains("--json"), "{command:?}");
    }
}

#[tokio::test]
async fn webhooks_are_added_listed_rotated_replayed_and_deleted() {
    let server = Server::start(Behaviour::default()).await;
    let desk = desk();
    let (code, stdout, stderr) = run(&server, &desk, &["webhooks", "add", "https://hooks.example.com/a"]).await;
    assert_eq!(code, 0, "{stderr}");
    insta::assert_snapshot!(stdout, @r"
    webhook  whk_00000000000000000000000004
    url      https://hooks.example.com/a
    secret   whsec_new
    ");
    assert!(stderr.contains("not shown again"), "{stderr}");
    let (code, stdout, stderr) = run(&server, &desk, &["webhooks", "list"]).await;
    assert_eq!(code, 0, "{stderr}");
    insta::assert_snapshot!(stdout, @r"
    WEBHOOK                         URL                          CREATED                   LAST FAILURE
    whk_00000000000000000000000001  https://hooks.example.com/1  2026-01-01T00:00:00.000Z  none
    whk_00000000000000000000000002  https://hooks.example.com/2  2026-01-01T00:00:00.000Z  2026-01-02T00:00:00.000Z: status 503
    whk_00000000000000000000000003  https://hooks.example.com/3  2026-01-01T00:00:00.000Z  disabled: it answered 410
    ");
    let (_, stdout, _) = run(&server, &desk, &["webhooks", "list", "--json"]).await;
    assert_eq!(stdout.lines().count(), 3, "{stdout}");
    let id = "whk_00000000000000000000000001";
    let (_, stdout, stderr) = run(&server, &desk, &["webhooks", "rotate", id]).await;
    assert!(stdout.contains("whsec_newer") && stderr.contains("until 2026-01-02"), "{stdout}{stderr}");
    let (code, stdout, _) = run(&server, &desk, &["webhooks", "replay", id, FIRST_JOB]).await;
    assert_eq!((code, stdout), (0, format!("{}_completed is on its way\n", FIRST_JOB.replace("job_", "evt_"))));
    let (code, stdout, _) = run(&server, &desk, &["webhooks", "delete", id, "--json"]).await;
    assert_eq!((code, stdout), (0, format!("{{\"webhookId\":\"{id}\"}}\n")));
    let (code, _, stderr) = run(&server, &desk, &["webhooks", "delete", "job_1"]).await;
    assert_eq!(code, 2, "{stderr}");
}
