//! The real program against a fake API and store: requests, files, output and exit codes.
#![expect(clippy::unwrap_used, reason = "a helper that cannot provide what a test needs fails the test")]

mod commands;
mod fake;
mod login;
mod outputs;
mod parts;
mod uploads;
mod usage;

use fake::{Output, SIGNATURE, Server, TOKEN};
use std::{
    fs,
    path::Path,
    process::{Output as Ended, Stdio},
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
    command.env("XDG_STATE_HOME", desk.path().join("state")).env("XDG_CONFIG_HOME", desk.path().join("config"));
    command.env("SMMU_API", server.api()).env("SMMU_TOKEN", TOKEN).env_remove("http_proxy").env_remove("HTTP_PROXY");
    command
}

/// Runs the program to its end, and checks that it prints no secret.
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
